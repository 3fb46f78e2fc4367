"""Which of the project's files does a file import, itself or through others?

Read from the sources: a file that cannot be imported here still tells what it would have.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

_TOPS = ("", "src", "lib")  # folders that are on the import path in most projects


class Imports:
    """The files of a project and what they import; each is read once. Paths are posix, relative."""

    def __init__(self, rootdir: Path, modules: Mapping[str, str]) -> None:
        """``modules``: path to the dotted name under which it is known to be imported."""
        self._rootdir = rootdir
        self._paths = {name: path for path, name in modules.items()}
        self._direct: dict[str, tuple[str, ...]] = {}

    def of_test(self, path: str) -> frozenset[str]:
        """Files that a test file and the conftest files that apply to it import."""
        folders = PurePosixPath(path).parents
        conftests = [str(folder / "conftest.py") for folder in folders]
        return self._all([path, *filter(self._exists, conftests)])

    def place_of(self, module: str) -> str:
        """The file of a module; "" where the project has none of that name."""
        return next(self._find(module, PurePosixPath("any.py")), "")

    def _all(self, paths: Iterable[str]) -> frozenset[str]:
        seen: set[str] = set()
        pending = list(paths)
        while pending:
            path = pending.pop()
            if path not in seen:
                seen.add(path)
                pending += self._imported_by(path)
        return frozenset(seen)

    def _imported_by(self, path: str) -> tuple[str, ...]:
        if path not in self._direct:
            self._direct[path] = tuple(self._read(path))
        return self._direct[path]

    def _read(self, path: str) -> Iterator[str]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escapes in the user's strings
                tree = ast.parse((self._rootdir / path).read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return
        here = PurePosixPath(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._find(alias.name, here)
            elif isinstance(node, ast.ImportFrom):
                for name in ["", *(alias.name for alias in node.names)]:
                    dotted = f"{node.module or ''}.{name}".strip(".")
                    yield from self._find(dotted, here, node.level)

    def _find(self, dotted: str, here: PurePosixPath, level: int = 0) -> Iterator[str]:
        """The file of a module, and those of the packages it lies in."""
        parts = dotted.split(".") if dotted else []
        for count in range(0 if level else 1, len(parts) + 1):
            found = self._paths.get(".".join(parts[:count])) if not level else None
            found = found or next(filter(self._exists, _places(parts[:count], here, level)), None)
            if found:
                yield found

    def _exists(self, path: str) -> bool:
        return (self._rootdir / path).is_file()


def _places(parts: list[str], here: PurePosixPath, level: int) -> Iterator[str]:
    if level:
        tops = [here.parents[level - 1]] if level <= len(here.parents) else []
    else:
        tops = [*here.parents, *map(PurePosixPath, _TOPS)]
    for top in tops:
        module = top.joinpath(*parts)
        yield str(module / "__init__.py")
        if parts:
            yield f"{module}.py"
