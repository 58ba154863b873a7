#!/usr/bin/env bash
# Set everything up on a fresh machine, Linux or macOS, and run all tests; arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -r requirements.txt -r tests/requirements.txt
.venv/bin/python -m tests.browser.chrome # finds a browser, or gets one

[ $# -gt 0 ] || bash tests/js/run.sh # the browser's modules, without a browser

# Three workers, since browser tests wait for the server. Each gets a few tests at a time, the
# browser's first, so that all end together; one thread each, since more would wait for one another.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec .venv/bin/python -m pytest -n 3 --dist load --maxschedchunk 4 "$@"
