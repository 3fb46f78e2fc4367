"""Who calls the stub?"""

from __future__ import annotations

import ast
import bisect
import re
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_supercharger.context.files import ProjectFiles, SourceFile
from pytest_supercharger.context.packing import Draft
from pytest_supercharger.context.parts import PartKind

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub

_SEARCH_SECONDS = 1.0
_MAX_CALLS, _MAX_CALLS_PER_FILE = 6, 2


def caller_drafts(
    stub: Stub, home: SourceFile, files: ProjectFiles, test_ids: Iterable[str]
) -> Iterator[Draft]:
    """A few lines around each call: its own file first, then its neighbours, then the rest."""
    wanted = stub.classes[-1] if stub.name == "__init__" and stub.classes else stub.name
    if wanted.startswith("__"):
        return
    test_files = {test_id.partition("::")[0] for test_id in test_ids}
    folder = Path(stub.path).parent
    paths = [p for p in files.paths() if p not in test_files and not _is_test_path(p)]
    paths.sort(key=lambda p: (p != stub.path, Path(p).parent != folder))
    deadline = time.monotonic() + _SEARCH_SECONDS
    texts: list[str] = []
    for path in paths:
        if len(texts) >= _MAX_CALLS or time.monotonic() > deadline:
            break
        texts += _calls_in(stub, wanted, path, files)
    if texts:
        yield Draft(
            kind=PartKind.CALLERS,
            title=f"Where `{stub.qualname}` is used",
            texts=tuple(texts[:_MAX_CALLS]),
            divisible=True,
        )


def _is_test_path(path: str) -> bool:
    *folders, name = path.split("/")
    return (
        name.startswith(("test_", "conftest."))
        or name.endswith("_test.py")
        or not {"tests", "test", "testing"}.isdisjoint(folders)
    )


def _calls_in(stub: Stub, wanted: str, path: str, files: ProjectFiles) -> list[str]:
    text = files.text(path) or ""
    if wanted not in text or not (path == stub.path or _may_know(stub, text)):
        return []
    own = range(stub.line, stub.end_line + 1) if path == stub.path else range(0)
    lines = [line for line in _lines_with(stub, wanted, text) if line not in own]
    file = files.read(path) if lines else None
    if not file:
        return []
    uses = {node.lineno for node in _nodes_at(file.tree, lines) if _is_use(stub, wanted, node)}
    return [_around_line(file, line) for line in sorted(uses)[:_MAX_CALLS_PER_FILE]]


def _lines_with(stub: Stub, wanted: str, text: str) -> list[int]:
    """1-based lines on which the text looks like a use, in order."""
    name = re.escape(wanted)
    pattern = rf"\.\s*{name}\b" if stub.kind.value == "property" else rf"\b{name}\s*\("
    lines, line, end = [], 1, 0
    for match in re.finditer(pattern, text):
        line += text.count("\n", end, match.start())
        end = match.start()
        lines.append(line)
    return lines


def _nodes_at(node: ast.AST, lines: Sequence[int]) -> Iterator[ast.Call | ast.Attribute]:
    """Calls and attributes that touch one of these lines, without a walk over all the rest."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.expr, ast.stmt)):
            first = min([child.lineno, *(d.lineno for d in getattr(child, "decorator_list", ()))])
            after = bisect.bisect_left(lines, first)
            if after == len(lines) or lines[after] > (child.end_lineno or child.lineno):
                continue
        if isinstance(child, (ast.Call, ast.Attribute)):
            yield child
        yield from _nodes_at(child, lines)


def _may_know(stub: Stub, text: str) -> bool:
    """Whether a file names the stub's module or class: the name alone says too little."""
    module = Path(stub.path).stem
    known = {Path(stub.path).parent.name if module == "__init__" else module, *stub.classes}
    return any(name in text and re.search(rf"\b{re.escape(name)}\b", text) for name in known)


def _is_use(stub: Stub, wanted: str, node: ast.Call | ast.Attribute) -> bool:
    if stub.kind.value == "property":
        return isinstance(node, ast.Attribute) and node.attr == wanted
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute):
        return called.attr == wanted
    by_name = not stub.classes or stub.name == "__init__"
    return by_name and isinstance(called, ast.Name) and called.id == wanted


def _around_line(file: SourceFile, line: int) -> str:
    first = max(line - 2, 1)
    shown = textwrap.dedent(file.lines(first, line + 2)).strip("\n")
    return f"# {file.path}, line {line}\n{shown}"
