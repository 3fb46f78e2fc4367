#!/usr/bin/env bash
# Run the tests of the package. Sets up .venv first. Further pytest options may follow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/set-up.sh dev,llama,server,bubblewrap
exec .venv/bin/python -m pytest "$@"
