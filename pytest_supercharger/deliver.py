"""Hand over the chosen bodies: written into the files, or as one patch."""

from __future__ import annotations

import hashlib
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.exceptions import SourceChanged, SourceError
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.reporting.patch import unified_diff, write_patch
from pytest_supercharger.splice import write_source
from pytest_supercharger.tree import Tree

UNDO_PATCH = "undo patch"  # kind of the decision that keeps the way back as a diff


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that was not written; the bodies for it are kept as a patch."""

    path: str
    reason: str
    conflict: bool  # it changed after it was read


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C has no effect: all is delivered in a moment, and the report says what was."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def diffs_of(tree: Tree, taken: Mapping[str, CodeCandidate]) -> dict[str, str]:
    """Per path the unified diff from what was read to what would be written."""
    diffs = {}
    for path, text in tree.files(taken):
        source = tree.sources[path]
        diffs[path] = unified_diff(path, source.data, source.encode(text))
    return diffs


def save_patch(path: Path, diffs: Iterable[str]) -> None:
    """Write one patch; SourceError when that is not possible."""
    write_patch(path, diffs)


def write_all(
    tree: Tree, taken: Mapping[str, CodeCandidate], *, rootdir: Path, ledger: Ledger, run: int
) -> tuple[Refused, ...]:
    """Write every file that ``taken`` changes; those that cannot be are returned.

    What is replaced is in the ledger before the file is touched.
    """
    refused = []
    for path, text in tree.files(taken):
        try:
            _write_one(tree, path, text, rootdir=rootdir, ledger=ledger, run=run)
        except SourceError as error:
            reason = str(error).removeprefix(f"{rootdir / path}: ")
            conflict = isinstance(error, SourceChanged)
            refused.append(Refused(path=path, reason=reason, conflict=conflict))
    return tuple(refused)


def _write_one(
    tree: Tree, path: str, text: str, *, rootdir: Path, ledger: Ledger, run: int
) -> None:
    source = tree.sources[path]
    data = source.encode(text)
    file = rootdir / path
    try:
        mode = file.stat().st_mode & 0o7777
    except OSError as error:
        raise SourceChanged(f"{file}: it can no longer be read: {error.strerror}") from error
    ledger.record_write(run, path, source.data, hashlib.sha256(data).hexdigest(), mode)
    way_back = unified_diff(path, data, source.data)
    ledger.record_decision(
        run,
        path,
        UNDO_PATCH,
        {"patch": way_back.encode("utf-8", "surrogateescape").decode("latin-1")},
    )
    try:
        write_source(file, source.digest, data)
    except SourceError:
        ledger.drop_write(run, path)
        raise
    ledger.mark_written(run, path)
