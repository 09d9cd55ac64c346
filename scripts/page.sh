#!/usr/bin/env bash
# Builds the page into build/web; does nothing when neither its sources nor its packages changed.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=build/web.made-from
wanted=$(git ls-files -co --exclude-standard web | LC_ALL=C sort | xargs -d '\n' sha256sum 2>/dev/null | sha256sum | cut -d' ' -f1)
[ -f build/web/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
cd web
lock=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.made-from 2>/dev/null)" != "$lock" ]; then
  echo "Installing the page's packages …"
  ../scripts/node.sh npm ci --no-audit --no-fund --loglevel=error
  echo "$lock" >node_modules/.made-from
fi
echo "Building the page …"
../scripts/node.sh npm run --silent build
cd ..
echo "$wanted" >"$stamp"
