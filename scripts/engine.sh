#!/usr/bin/env bash
# Puts OpenVINO's C++ parts into build/openvino, from the wheel that scripts/requirements.engine.txt names by its digest.
# Prints nothing when they are already there.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=$(sha256sum scripts/requirements.engine.txt | cut -d' ' -f1)
[ "$(cat build/openvino/.made-from 2>/dev/null)" = "$wanted" ] && exit 0
echo "Fetching OpenVINO into build/openvino …"
mkdir -p build
# Beside the final place, and moved there whole: an interrupted run leaves nothing that looks finished.
work=$(mktemp -d build/openvino-XXXXXX)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
  --python-version 3.11 --platform manylinux_2_28_x86_64 --target "$work/openvino" -r scripts/requirements.engine.txt
echo "$wanted" >"$work/openvino/.made-from"
rm -rf build/openvino
mv "$work/openvino" build/openvino
