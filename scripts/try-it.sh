#!/usr/bin/env bash
# Fill in the unimplemented functions of a copy of examples/gradebook with the bundled model,
# offline, and show what changed. Sets up .venv first, which compiles llama.cpp once: about 4
# minutes on 2 cores; filling takes seconds. Further pytest options may follow:
#
#     scripts/try-it.sh --supercharge-mode diff
#
# Exit code: that of pytest --supercharge, 0 when every function is filled.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repo=$PWD

scripts/set-up.sh llama,bubblewrap

scratch=$(mktemp -d)
cp -R examples/gradebook "$scratch/gradebook"
cd "$scratch/gradebook"

# Bubblewrap also where Docker is: to build an image takes a network.
status=0
"$repo/.venv/bin/python" -m pytest --supercharge --supercharge-model tiny \
    --supercharge-sandbox bubblewrap --supercharge-state-dir "$scratch/state" "$@" || status=$?

diff -u -r --exclude=__pycache__ "$repo/examples/gradebook" . || true
echo "The copy is $scratch/gradebook"
exit "$status"
