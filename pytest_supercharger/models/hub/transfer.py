"""One file over a line that may break: the rest is asked for, and the whole is checked.

huggingface_hub's own download throws a part away when the program ends, from its version 2 on;
a part of ours stays, so that the same command goes on where it was interrupted.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub.cache import gigabytes
from pytest_supercharger.models.hub.trouble import line_errors

RETRIES = 5  # in a row in which nothing came
_LONGEST_PAUSE = 20.0  # seconds
_CHUNK = 1 << 20  # bytes
_SHOWN = 40  # characters of a file's name beside its bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A file as the hub describes it."""

    name: str  # in the repository
    size: int  # bytes
    digest: str  # sha256 of a large file (64 digits), git's sha1 of a small one (40)
    url: str


class BreakWatcher(Protocol):
    """Is told when a line broke and is tried again."""

    def broken(self, remote: Remote, have: int, cause: str) -> None: ...


class _Refused(Exception):
    """The server cannot answer now, and may later."""


def transfer(
    remote: Remote,
    part: Path,
    headers: Mapping[str, str],
    *,
    watcher: BreakWatcher,
    timeout: float,
    pause: float = 0.5,
) -> None:
    """Make ``part`` as long as the file is; what it holds already is not asked for again.

    ``timeout`` is in seconds without a byte, ``pause`` in seconds before an attempt; it
    doubles while nothing comes.

    :raises ModelUnavailable: the server sends another size, or nothing comes any more.
    :raises Exception: what huggingface_hub raises for a refusal, or the disk (OSError).
    """
    idle = 0
    with _bar(remote, _size(part)) as bar:
        while (have := _size(part)) < remote.size:
            cause = _take(remote, part, headers, bar, timeout)
            idle = 0 if _size(part) > have else idle + 1
            if _size(part) >= remote.size:
                break
            if idle > RETRIES:
                raise ModelUnavailable(_gave_up(remote, have, cause))
            bar.clear()
            watcher.broken(remote, _size(part), cause)
            time.sleep(min(pause * 2**idle, _LONGEST_PAUSE))


def check(path: Path, remote: Remote) -> str:
    """What is wrong with a file; "": it is the one that the hub has."""
    size = _size(path)
    if size != remote.size:
        return f"{size} bytes instead of {remote.size}"
    kind, digest = _digest_for(remote)
    with path.open("rb") as file, _bar(remote, 0, "checking") as bar:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            bar.update(len(chunk))
    found = digest.hexdigest()
    return "" if found == remote.digest else f"{kind} {found} instead of {remote.digest}"


def _take(remote: Remote, part: Path, headers: Mapping[str, str], bar: Any, timeout: float) -> str:
    """Append what one connection brings; what ended it."""
    try:
        _receive(remote, part, headers, bar, timeout)
    except _Refused as exc:
        return str(exc)
    except line_errors() as exc:
        return f"{type(exc).__name__}: {exc}".strip(": ")
    return "the server closed the line"


def _receive(
    remote: Remote, part: Path, headers: Mapping[str, str], bar: Any, timeout: float
) -> None:
    from huggingface_hub import get_session

    have = _size(part)
    # identity: a compressed answer cannot be continued in the middle
    asked = {**headers, "Accept-Encoding": "identity"}
    if have:
        asked["Range"] = f"bytes={have}-"
    with get_session().stream("GET", remote.url, headers=asked, timeout=timeout) as response:
        _raise_for(response)
        whole = have == 0 or response.status_code != 206  # it sends all, whatever was asked for
        _check_announced(response.headers, remote)
        if whole:
            bar.update(-have)
        with part.open("wb" if whole else "ab") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                bar.update(len(chunk))
                if file.tell() > remote.size:
                    break
    if _size(part) > remote.size:
        part.unlink()
        raise ModelUnavailable(f"{_differs(remote)} sends more; what came is deleted")


def _raise_for(response: Any) -> None:
    from huggingface_hub.utils import hf_raise_for_status

    if response.status_code in (408, 429) or response.status_code >= 500:
        raise _Refused(f"the server answers {response.status_code}")
    if response.is_error:
        response.read()  # the reason is in the body
    hf_raise_for_status(response)


def _check_announced(headers: Mapping[str, str], remote: Remote) -> None:
    """The size is known before the first byte, where the server says it."""
    total = headers.get("content-range", "").rpartition("/")[2]
    if "content-range" not in headers:
        total = headers.get("content-length", "")
    if total.isdecimal() and int(total) != remote.size:
        raise ModelUnavailable(f"{_differs(remote)} sends {total}: nothing of it is kept")


def _differs(remote: Remote) -> str:
    return f"the hub lists {remote.name} with {remote.size} bytes and"


def _gave_up(remote: Remote, have: int, cause: str) -> str:
    return (
        f"{remote.name}: nothing has come in {RETRIES + 1} attempts ({cause}); "
        f"{gigabytes(have)} of {gigabytes(remote.size)} are kept: run the same command again later"
    )


def _digest_for(remote: Remote) -> tuple[str, Any]:
    if len(remote.digest) == 64:
        return "sha256", hashlib.sha256()
    # git names a small file by its header and content
    header = f"blob {remote.size}\0".encode()
    return "git sha1", hashlib.sha1(header, usedforsecurity=False)


@contextmanager
def _bar(remote: Remote, have: int, verb: str = "") -> Iterator[Any]:
    """Progress on a terminal, nothing elsewhere."""
    from huggingface_hub.utils import tqdm

    name = remote.name.rpartition("/")[2]
    short = name if len(name) <= _SHOWN else f"...{name[3 - _SHOWN :]}"
    with tqdm(
        desc=f"{verb} {short}".strip(),
        total=remote.size,
        initial=have,
        unit="B",
        unit_scale=True,
        disable=None,  # None: off where stderr is no terminal
        leave=not verb,
    ) as bar:
        yield bar


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
