#!/usr/bin/env bash
# Type check, lint and unit tests of the page. Its stories in a browser are told by tests/scenario.
set -euo pipefail
cd "$(dirname "$0")/../web"
../scripts/node.sh npm run --silent check
../scripts/node.sh npm test --silent
