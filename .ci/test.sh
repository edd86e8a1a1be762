#!/usr/bin/env bash
# Every check there is. Installs what is missing, reads the code, then runs all
# tests on both databases and in a browser.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

section "what this machine lacks"
bash .ci/install.sh

bash .ci/lint.sh

bash .ci/vulnerabilities.sh

section "tests"
CHROMIUM=$(find_chromium)
export CHROMIUM
exec bash .ci/with-postgres.sh bash .ci/gotest.sh
