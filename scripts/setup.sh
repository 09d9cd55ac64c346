#!/usr/bin/env bash
# Installs the Debian packages that are missing. Nothing is printed, and no right is needed, when all are there.
#   scripts/setup.sh build     what building and running needs
#   scripts/setup.sh test      also the judges and peers of the tests
#   scripts/setup.sh bench     also the peers and instruments of the benches
#   scripts/setup.sh fuzz      also the compiler of the fuzz targets
set -euo pipefail
cd "$(dirname "$0")"
lists=(packages.apt.txt)
[ "${1:-build}" = test ] && lists+=(packages.test.apt.txt)
[ "${1:-build}" = bench ] && lists+=(packages.test.apt.txt packages.bench.apt.txt)
[ "${1:-build}" = fuzz ] && lists+=(packages.fuzz.apt.txt)

missing=()
for package in $(grep -hv '^#' "${lists[@]}"); do
  state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$state" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "These packages are missing and need root or sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages …"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "setup: the packages could not be installed; the whole log is $log" >&2
  exit 1
fi
rm -f "$log"
