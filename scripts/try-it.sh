#!/usr/bin/env bash
# Fill in the unimplemented functions of a copy of examples/shop and show what changed. The model's
# answers come from examples/shop.recording.jsonl, which was written by hand. Sets up .venv first.
# Further pytest options may follow:
#
#     scripts/try-it.sh --supercharge-mode diff
#
# Exit code: that of pytest --supercharge.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repo=$PWD

scripts/set-up.sh bubblewrap

scratch=$(mktemp -d)
cp -R examples/shop "$scratch/shop"
cd "$scratch/shop"

status=0
"$repo/.venv/bin/python" -m pytest --supercharge \
    --supercharge-model "replay:$repo/examples/shop.recording.jsonl" \
    --supercharge-state-dir "$scratch/state" "$@" || status=$?

diff -u -r --exclude=__pycache__ "$repo/examples/shop" . || true
echo "The copy is $scratch/shop"
exit "$status"
