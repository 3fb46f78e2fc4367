"""Import and touch once, before the first fork, what every child will need.

A module imported in a child costs its page faults in every child; imported here it costs none.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import tempfile

import pytest

_STANDARD = (
    "abc ast base64 bisect builtins calendar collections collections.abc contextlib copy csv "
    "dataclasses datetime decimal difflib enum fractions functools glob hashlib heapq html "
    "importlib.metadata inspect io itertools json logging math operator os pathlib pprint "
    "random re secrets shlex shutil statistics string struct tempfile textwrap time types "
    "typing unicodedata unittest unittest.mock urllib.parse uuid warnings zoneinfo"
).split()
_PYTEST = (
    "_pytest.assertion.rewrite _pytest.assertion.util _pytest.doctest _pytest.fixtures "
    "_pytest.main _pytest.python _pytest.runner _pytest.terminal _pytest._code.code"
).split()


# Failing comparisons, too: the introspection of a failure is code that children run.
_TEST = """
import pytest

@pytest.fixture
def one(tmp_path, monkeypatch):
    return 1

@pytest.mark.parametrize("value", [1, "a"])
def test_warm(one, value):
    assert [one] == [1]
    assert [one, value] == [1, {"a": 2}]
"""


def warm_up() -> None:
    """Load the modules above and every installed pytest plugin, then freeze the heap.

    A whole session over a file of ours, away from the project: nothing of the user's tree is
    read here. Plugins come in through pytest's own hook, as it wants them for its assertions.
    """
    for name in (*_STANDARD, *_PYTEST):
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "test_supercharge_warm.py")
        with open(path, "w") as file:
            file.write(_TEST)
        options = ["-q", "--noconftest", "-c", os.devnull, f"--rootdir={folder}"]
        blocked = ["-p", "no:cacheprovider", "-p", "no:supercharger", "-p", "no:randomly"]
        pytest.main([*options, *blocked, path])
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()
