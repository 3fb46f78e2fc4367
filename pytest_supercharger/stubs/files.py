"""Which Python files of a rootdir are looked at, and which of them are test files?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

_ALWAYS_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", ".git", ".hg", ".svn"})


def walk_python_files(top: Path, norecurse: Sequence[str]) -> Iterator[Path]:
    """Every ``.py`` file below ``top``, without following links."""
    pending = [os.fspath(top)]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:  # pytest cannot collect from an unreadable directory either
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not _is_skipped(entry, norecurse):
                    pending.append(entry.path)
            elif entry.name.endswith(".py") and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _is_skipped(directory: os.DirEntry[str], norecurse: Sequence[str]) -> bool:
    if directory.name in _ALWAYS_SKIPPED:
        return True
    if any(_matches(directory.path, pattern) for pattern in norecurse):
        return True
    environment = ("pyvenv.cfg", os.path.join("conda-meta", "history"))
    return any(os.path.exists(os.path.join(directory.path, name)) for name in environment)


def is_test_file(path: str, python_files: Sequence[str]) -> bool:
    name = PurePosixPath(path).name
    return name == "conftest.py" or any(_matches("/" + path, each) for each in python_files)


def _matches(path: str, pattern: str) -> bool:
    """pytest's rule: a pattern without a slash is for the last part of the path."""
    if "/" not in pattern:
        return fnmatch(os.path.basename(path), pattern)
    return fnmatch(path, pattern if pattern.startswith("/") else f"*/{pattern}")
