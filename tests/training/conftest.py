"""Tests of the training itself need the packages of the extra ``train``, which are gigabytes.

``scripts/train-smoke.sh`` runs them; in an environment without these packages they are no part of
the suite.
"""

from __future__ import annotations

from importlib.util import find_spec

NEEDED = ("torch", "tokenizers")
collect_ignore = [] if all(map(find_spec, NEEDED)) else ["test_training_run.py"]
