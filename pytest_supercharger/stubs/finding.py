"""Which functions of a rootdir, or of one text, are stubs?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.stubs.definitions import find_mark, sole_raise
from pytest_supercharger.stubs.describing import describe
from pytest_supercharger.stubs.files import is_test_file, walk_python_files
from pytest_supercharger.stubs.hierarchy import Hierarchy
from pytest_supercharger.stubs.module import Module, is_generated, read_module
from pytest_supercharger.stubs.places import Place, find_places, is_declaration
from pytest_supercharger.stubs.source import decode
from pytest_supercharger.stubs.stub import Found, Stub, Unreadable

_MAYBE = re.compile(rb"raise[\s\\(]+NotImplementedError|todo_llm")


def find_stubs(rootdir: Path, *, norecurse: Sequence[str], python_files: Sequence[str]) -> Found:
    """Find the stubs of every Python file under ``rootdir``.

    ``norecurse`` and ``python_files`` are pytest's settings ``norecursedirs`` and
    ``python_files``: directories left out, and test files, where only marked functions count.
    Virtual environments are left out, and symbolic links are not followed: what they point to
    is found at its own place, or is not the project's.
    """
    stubs: list[Stub] = []
    unreadable: list[Unreadable] = []
    files = 0
    hierarchy = Hierarchy(rootdir)
    for file in walk_python_files(rootdir, norecurse):
        files += 1
        path = file.relative_to(rootdir).as_posix()
        try:
            only_marked = is_test_file(path, python_files)
            stubs += _find_in_file(file, path, hierarchy, only_marked=only_marked)
        except SourceError as exc:
            unreadable.append(Unreadable(path=path, reason=str(exc)))
    return Found(
        stubs=tuple(sorted(stubs, key=lambda stub: (stub.path, stub.line))),
        unreadable=tuple(sorted(unreadable, key=lambda each: each.path)),
        files=files,
    )


def find_stubs_in(
    source: str, path: str, digest: str = "", *, only_marked: bool = False
) -> list[Stub]:
    """Find the stubs of one decoded source text, by line; any line ends.

    ``path`` is posix and relative to the rootdir. With ``only_marked``, as in a file that
    carries a generated-code marker, only functions decorated with ``todo_llm`` count. Raises
    SourceError when the source does not parse.
    """
    module = read_module(source, path)
    return _find(module, digest, Hierarchy(None), only_marked=only_marked)


def _find_in_file(file: Path, path: str, hierarchy: Hierarchy, *, only_marked: bool) -> list[Stub]:
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise SourceError(f"cannot be read: {exc.strerror or exc}") from exc
    if not (b"todo_llm" in data if only_marked else _MAYBE.search(data)):
        return []
    source = decode(file, data)
    module = read_module(source.text, path)
    return _find(module, source.digest, hierarchy, only_marked=only_marked)


def _find(module: Module, digest: str, hierarchy: Hierarchy, *, only_marked: bool) -> list[Stub]:
    found = []
    only_marked = only_marked or is_generated(module)
    inside = 0  # last line of the stub around
    try:
        places = list(find_places(module))
    except RecursionError as exc:  # an "elif" is nested in the one before
        raise SourceError("cannot be searched: its statements are nested too deeply") from exc
    for place in places:
        if place.node.lineno > inside and _is_stub(module, place, only_marked=only_marked):
            inside = place.node.end_lineno or 0
            found.append(describe(module, place, digest, hierarchy))
    return found


def _is_stub(module: Module, place: Place, *, only_marked: bool) -> bool:
    if find_mark(module, place.node):
        return True
    if only_marked or not sole_raise(place.node):
        return False
    return not is_declaration(module, place.node, place.scope)
