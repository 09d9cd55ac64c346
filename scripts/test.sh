#!/usr/bin/env bash
# Runs every test: printed documentation, C++ tests and stories by ctest, Python's and the page's.
#   scripts/test.sh [preset] [jobs]
set -uo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release} jobs=${2:-$(nproc)} failed=()
export VEDETTE_SHARED=${VEDETTE_SHARED:-$(cd .. && pwd)/shared}

stage() { # NAME COMMAND…
  local name=$1 begun=$SECONDS
  shift
  echo "── $name"
  if "$@"; then echo "── $name: passed in $((SECONDS - begun)) s"; else failed+=("$name"); echo "── $name: FAILED after $((SECONDS - begun)) s"; fi
}

stage "printed documentation" scripts/printed.sh "build/$preset" check
stage "tables" build/venv/bin/python -m pytest -q tests/tables
stage "page" scripts/page-test.sh
stage "programs and stories" ctest --preset "$preset" -j "$jobs"

if [ ${#failed[@]} -gt 0 ]; then
  echo "FAILED: ${failed[*]}"
  exit 1
fi
echo "All passed in $SECONDS s."
