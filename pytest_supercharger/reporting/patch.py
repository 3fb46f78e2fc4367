"""What would change, as a unified diff that ``git apply`` and ``patch -p1`` take?"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_supercharger.exceptions import SourceError

_NO_NEWLINE = b"\\ No newline at end of file\n"


def unified_diff(path: str, before: bytes | str, after: bytes | str) -> str:
    """Diff two versions of one file; "" when they are the same.

    ``path`` is posix, relative to where the patch is applied. Bytes that are not UTF-8 come
    out as lone surrogates (``surrogateescape``), so that ``write_patch`` restores them.
    """
    old, new = _lines(before), _lines(after)
    body = difflib.diff_bytes(difflib.unified_diff, old, new)
    hunks = list(body)[2:]  # the two lines with the names are ours
    if not hunks:
        return ""
    names = (f"--- {_name('a', path)}\n", f"+++ {_name('b', path)}\n")
    text = b"".join(_ended(line) for line in hunks)
    return "".join(names) + text.decode("utf-8", "surrogateescape")


def write_patch(path: Path, diffs: Iterable[str]) -> None:
    """Write diffs into one patch, replaced as a whole; none make an empty file.

    Raises SourceError when it cannot be written; an older patch is then as it was.
    """
    data = "".join(diffs).encode("utf-8", "surrogateescape")
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.patch.tmp")
    try:
        _write_new(temporary, data)
        try:
            os.replace(temporary, target)
        except OSError:
            os.unlink(temporary)
            raise
    except OSError as exc:
        raise SourceError(
            f"{path}: the patch cannot be written: {exc.strerror or exc}:"
            f" name another place with --supercharge-patch"
        ) from exc


def _lines(content: bytes | str) -> list[bytes]:
    """Lines as git and patch see them: a lone carriage return ends none."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n" + _NO_NEWLINE


def _name(side: str, path: str) -> str:
    """A file name in a diff's head, written the way GNU diff and git do.

    A name with a space is followed by a tab, which ends it; quotes, backslashes and control
    characters make it a C string.
    """
    if any(_is_awkward(character) for character in path):
        return '"' + "".join(_escaped(f"{side}/{path}")) + '"'
    return f"{side}/{path}" + ("\t" if " " in path else "")


def _is_awkward(character: str) -> bool:
    return character in '"\\' or ord(character) < 32 or ord(character) == 127


def _escaped(name: str) -> Iterator[str]:
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    for character in name:
        octal = f"\\{ord(character):03o}" if _is_awkward(character) else character
        yield short.get(character, octal)


def _write_new(path: Path, data: bytes) -> None:
    """Create a file with the usual permissions; leave none behind when it cannot be filled."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.unlink(path)
        raise
