#!/usr/bin/env bash
# Makes build/venv with the Python judges that the tests use. Prints nothing when it is already there.
#   scripts/venv.sh            judges (pydicom, pynetdicom, highdicom …)
set -euo pipefail
cd "$(dirname "$0")/.."
venv=build/venv
stamp=$venv/.made-from
wanted=$(sha256sum scripts/requirements.txt | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
echo "Making $venv (Python judges for the tests) …"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/requirements.txt
echo "$wanted" >"$stamp"
