#!/usr/bin/env bash
# Judges the operators by MONAI 1.3 on Debian's CPU build of torch, in build/venv-monai. Not part of `make test`: torch
# and what it brings take 650 MB and some minutes.
#   scripts/monai.sh build/release
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$1")
for package in python3-torch python3-venv; do
  [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)" = "install ok installed" ] && continue
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" >/dev/null
done
venv=build/venv-monai stamp=build/venv-monai/.made-from
wanted=$(sha256sum scripts/requirements.monai.txt | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  # Debian's own Python: python3-torch is built for it.
  /usr/bin/python3 -m venv --system-site-packages "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/requirements.monai.txt
  echo "$wanted" >"$stamp"
fi
VEDETTE_OPERATORS=$build/bin/vedette-operators PYTHONDONTWRITEBYTECODE=1 \
  "$venv/bin/python" -m pytest -q -p no:cacheprovider tests/interop/operators/test_monai.py
