#!/usr/bin/env bash
# Documentation that comes from the code: writes it into docs/, or checks that docs/ holds what the code prints.
#   scripts/printed.sh build/release check|write
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 what=${2:-check}
printed=$build/printed
mkdir -p "$printed"
"$build/bin/vedette" docs "$printed"
status=0
for file in "$printed"/*; do
  name=$(basename "$file")
  if [ "$what" = write ]; then
    cp "$file" "docs/$name"
  elif ! diff -u "docs/$name" "$file"; then
    echo "docs/$name is not what the code prints: run 'make docs'." >&2
    status=1
  fi
done
exit $status
