"""What do the project's files say? Each is read once, as text and as tree."""

from __future__ import annotations

import ast
import io
import itertools
import os
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAX_FILE_BYTES = 400_000
_MAX_SEARCHED_FILES = 3_000
_NOT_OURS = {"node_modules", "site-packages", "__pycache__", "build", "dist", "venv"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A Python file as text and tree."""

    path: str  # posix, relative to the rootdir
    text: str  # line ends as \n
    tree: ast.Module

    def lines(self, first: int, last: int) -> str:
        """Source of these 1-based lines, both included."""
        return "\n".join(self.text.split("\n")[first - 1 : last])


class ProjectFiles:
    """The project's Python files, each read and parsed once. Nothing is imported or written."""

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._texts: dict[str, str | None] = {}
        self._parsed: dict[str, SourceFile | None] = {}
        self._paths: tuple[str, ...] | None = None

    def text(self, path: str) -> str | None:
        """The decoded text; None when it is missing, too big or in no known encoding."""
        if path not in self._texts:
            self._texts[path] = _decode(self._rootdir / path)
        return self._texts[path]

    def read(self, path: str) -> SourceFile | None:
        """The file with its tree; None when it cannot be read or parsed."""
        if path not in self._parsed:
            text = self.text(path)
            self._parsed[path] = None if text is None else parse_source(path, text)
        return self._parsed[path]

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self._rootdir / path).is_file()

    def paths(self) -> tuple[str, ...]:
        """Paths of the project's Python files, at most _MAX_SEARCHED_FILES of them."""
        if self._paths is None:
            found = itertools.islice(self._walk(), _MAX_SEARCHED_FILES)
            self._paths = tuple(found)
        return self._paths

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self._rootdir):
            if "pyvenv.cfg" in names:
                folders.clear()
                continue
            folders[:] = sorted(f for f in folders if f not in _NOT_OURS and f[0] != ".")
            relative = Path(folder).relative_to(self._rootdir)
            yield from ((relative / n).as_posix() for n in sorted(names) if n.endswith(".py"))


def parse_source(path: str, text: str) -> SourceFile | None:
    """Text with its tree; None when it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the user's strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return SourceFile(path=path, text=text, tree=tree)


def _decode(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
            return None
        data = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (OSError, SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")
