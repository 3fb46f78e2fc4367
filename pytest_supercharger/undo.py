"""Put back what the last writing run replaced, without a model and without git."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.deliver import UNDO_PATCH, save_patch
from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.ledger import Ledger, Write
from pytest_supercharger.splice import write_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of an undo."""

    restored: tuple[str, ...]  # paths
    refused: tuple[tuple[str, str], ...]  # path, reason
    patch: Path | None  # where the way back of the refused files was saved


def undo_last_run(ledger: Ledger, rootdir: Path, patch: Path) -> Undone:
    """Restore every file that is still as the run left it; the others get a patch instead."""
    restored, refused, ways_back = [], [], []
    for write in ledger.last_writes():
        reason = _restore(write, rootdir)
        if reason:
            refused.append((write.path, reason))
            ways_back.append(_way_back(ledger, write))
        else:
            restored.append(write.path)
            ledger.mark_undone(write.run, write.path)
    if ways_back:
        save_patch(patch, ways_back)
    return Undone(
        restored=tuple(restored), refused=tuple(refused), patch=patch if ways_back else None
    )


def _restore(write: Write, rootdir: Path) -> str:
    """Put one file back; the reason why not, or ""."""
    file = rootdir / write.path
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if digest == hashlib.sha256(write.before).hexdigest():
        return ""  # killed before the replacement, or put back by hand
    if digest != write.after_digest:
        return "it was changed since"
    try:
        write_source(file, digest, write.before)
    except SourceError as error:
        return str(error).removeprefix(f"{file}: ")
    return ""


def _way_back(ledger: Ledger, write: Write) -> str:
    found = [
        str(decision.data["patch"]).encode("latin-1").decode("utf-8", "surrogateescape")
        for decision in ledger.decisions(write.run)
        if decision.kind == UNDO_PATCH and decision.stub == write.path
    ]
    return found[-1] if found else ""
