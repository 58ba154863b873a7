#!/usr/bin/env bash
# Set everything up on a fresh machine and run all tests; arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -r requirements.txt -r tests/requirements.txt

# The browser tests drive the system's Chromium; Debian and Ubuntu have it as a package.
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null \
    && ! command -v google-chrome >/dev/null; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    if command -v apt-get >/dev/null; then
        $sudo apt-get update -qq
        $sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null
    else
        echo "The browser tests need Chromium: install it, then run this again." >&2
        exit 1
    fi
fi

# Four workers, since browser tests mostly wait; who is done takes over what others have left.
exec .venv/bin/python -m pytest -n 4 --dist worksteal "$@"
