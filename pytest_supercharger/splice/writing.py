"""How does a file change safely? The only code that changes a file of the user."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from pytest_supercharger.exceptions import SourceChanged, SourceError


def write_source(path: Path, expected: str, data: bytes) -> None:
    """Replace a file's content by ``data`` if it is still what was read.

    ``expected`` is the sha256 (hexadecimal) of the bytes as they were read. Killed at any
    instant, the file is the old or the new one. A symbolic link stays, and its target is
    written; mode, owner and extended attributes are kept as far as permitted.

    Raises SourceChanged when the file is another by now, SourceError when it cannot be
    written; the file is as it was, and no temporary file is left.
    """
    target = Path(os.path.realpath(path))
    try:
        _refuse_read_only(path, os.stat(target))
        _refuse_changed(path, target, expected)
        _write_and_replace(path, target, expected, data)
    except FileNotFoundError as exc:
        raise SourceChanged(f"{path}: it was removed after it was read; not written") from exc
    except OSError as exc:
        raise SourceError(
            f"{path}: cannot be written, it is as it was: {exc.strerror or exc}:"
            f" see to the free space and the permissions of {target.parent}"
        ) from exc


def _refuse_read_only(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path}: not a regular file; not written")
    # The mode bits are asked as well: to the superuser every file is writable, but a file
    # without any write bit is read-only on purpose.
    if not status.st_mode & 0o222:
        raise SourceError(f"{path}: the file is read-only: chmod u+w it, or write a patch instead")
    if not os.access(path, os.W_OK):
        raise SourceError(
            f"{path}: you may not write to it: it is another user's, or on a read-only file"
            f" system: see to that, or write a patch instead"
        )


def _refuse_changed(path: Path, target: Path, expected: str) -> None:
    found = hashlib.sha256(target.read_bytes()).hexdigest()
    if found != expected:
        raise SourceChanged(
            f"{path}: it was changed after it was read"
            f" (sha256 {found[:12]}, was {expected[:12]}); not written"
        )


def _write_and_replace(path: Path, target: Path, expected: str, data: bytes) -> None:
    # The new file takes the old one's name: other hard links keep the old content. Writing in
    # place would keep them together, but a kill could leave half a file under all names.
    descriptor, name = tempfile.mkstemp(prefix=".supercharge-", suffix=".tmp", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            _copy_status(target, file.fileno())
            os.fsync(file.fileno())
        _refuse_changed(path, target, expected)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)  # an interrupt may come just behind the replace
        raise
    _sync_directory(target.parent)


def _copy_status(source: Path, descriptor: int) -> None:
    """Give a file the owner, mode and extended attributes of another, as far as permitted."""
    status = os.stat(source)
    if sys.platform == "win32":
        return
    for owner in ((status.st_uid, status.st_gid), (-1, status.st_gid)):
        try:
            os.fchown(descriptor, *owner)
            break
        except PermissionError:  # only the superuser may give a file away
            continue
    if sys.platform == "linux":
        for name in _attributes(source):
            try:
                os.setxattr(descriptor, name, os.getxattr(source, name))
            except OSError:  # security labels are often not ours to set
                continue
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _attributes(source: Path) -> list[str]:
    try:
        return os.listxattr(source) if sys.platform == "linux" else []
    except OSError:  # a file system without them
        return []


def _sync_directory(directory: Path) -> None:
    """Make the new name last through a power cut; the file is in place already."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:  # Windows, and directories one may write to but not list
        return
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems
        pass
    finally:
        os.close(descriptor)
