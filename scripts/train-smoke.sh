#!/usr/bin/env bash
# Train the bundled model for a minute and a half, from nothing to a GGUF file, and let llama.cpp
# load it and answer. Shows that training/ works; the file knows next to nothing. Makes
# .venv-train with PyTorch (some gigabytes); needs .venv with llama.cpp (scripts/run-tests.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! [ -x .venv/bin/python ]; then
    echo "There is no .venv: run scripts/run-tests.sh first" >&2
    exit 4
fi
if ! [ -x .venv-train/bin/python ]; then
    "${PYTHON:-python3}" -m venv .venv-train
fi
.venv-train/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[train]"
.venv-train/bin/python -m pytest -q tests/training/test_training_run.py

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv-train/bin/python -m training --minutes 1.5 --shards 1 --examples 6000 --eager \
    --work "$work/training" --out "$work/smoke.gguf"
.venv/bin/python -m training.ask "$work/smoke.gguf" 'def add(a, b):' 'Return the sum of a and b.'
