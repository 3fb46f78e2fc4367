"""Where in the file do new imports and helpers go?"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_supercharger.splice.bindings import defined_names
from pytest_supercharger.splice.indentation import indented
from pytest_supercharger.splice.layout import Layout, Site, is_docstring, start_with_comments
from pytest_supercharger.splice.text import BLANK, NEWLINE, Edit, Text


def helper_edits(layout: Layout, site: Site, helpers: Sequence[str]) -> list[Edit]:
    """Helpers go above the outermost function or class, with the comments on it."""
    indent, newline = layout.text.indent(site.top), layout.text.newline(site.top)
    gap = newline * (2 if indent else 3)
    parts = ""
    for helper, following in pairwise([*helpers, "def"]):
        close = _is_simple(helper) and _is_simple(following)
        parts += indented(helper, indent, layout.unit, newline) + (newline if close else gap)
    return [Edit(site.top, site.top, parts)] if parts else []


def _is_simple(code: str) -> bool:
    return not re.match(r"\s*(def|class|async|@)\b", code)


def _group(node: ast.Import | ast.ImportFrom) -> int:
    """Imports stand in groups: 0 __future__, 1 standard library, 2 others, 3 relative."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return 3
    name = (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
    top = name.partition(".")[0]
    return 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of the file's head that holds an import."""

    group: int
    start: int
    end: int  # the start of the next line
    gone: bool  # it is being removed: its place is free


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where new imports go, and the blank lines they need there."""

    at: int
    above: bool
    below: bool


def import_edits(
    layout: Layout, imports: Sequence[ast.Import | ast.ImportFrom], gone: frozenset[int]
) -> list[Edit]:
    head = _head(layout, gone)
    groups: dict[int, list[ast.Import | ast.ImportFrom]] = {}
    for each in imports:
        groups.setdefault(_group(each), []).append(each)
    blocks: dict[int, tuple[_Place, list[str]]] = {}
    for group, members in sorted(groups.items()):
        place = _find_place(layout, head, group)
        lines = sorted({ast.unparse(each) for each in members}, key=_sorting)
        blocks.setdefault(place.at, (place, []))[1].append("\n".join(lines))
    return [_import_block(layout.text, place, parts) for place, parts in blocks.values()]


def _sorting(statement: str) -> tuple[bool, str]:
    return statement.startswith("from "), statement


def _head(layout: Layout, gone: frozenset[int]) -> list[_Line]:
    """The import lines at the top: below the docstring, among ``__names__`` that are set."""
    text = layout.text
    lines: list[_Line] = []
    for statement in layout.tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            start = text.line_start(text.start(statement))
            end = text.logical_end(start)
            lines.append(
                _Line(group=_group(statement), start=start, end=end, gone=id(statement) in gone)
            )
        elif not is_docstring(statement) and not _sets_dunder(statement):
            return [line for line in lines if line.end <= text.start(statement)]
    return lines


def _sets_dunder(statement: ast.stmt) -> bool:
    names = defined_names(statement) if isinstance(statement, ast.Assign) else set()
    return bool(names) and all(name.startswith("__") for name in names)


def _find_place(layout: Layout, head: Sequence[_Line], group: int) -> _Place:
    """Behind the imports of the same group, else where its group belongs."""
    same = [line for line in head if line.group == group]
    if same:
        return _Place(at=same[-1].end, above=False, below=False)
    free = [line for line in head if line.gone]
    if free and group:
        return _Place(at=free[0].start, above=False, below=False)
    lower = [line for line in head if line.group < group]
    if lower:
        return _Place(at=lower[-1].end, above=True, below=True)
    first = layout.tree.body[0]
    if is_docstring(first):
        return _Place(at=layout.text.logical_end(layout.text.start(first)), above=True, below=True)
    return _Place(at=start_with_comments(layout.text, first, 0), above=True, below=True)


def _import_block(text: Text, place: _Place, parts: Sequence[str]) -> Edit:
    """The text of new import lines, with a blank line where none is."""
    before = text.text[: place.at].rstrip("\r\n")
    newline = text.newline(len(before)) if before else text.newline(place.at)
    missing = "" if text.line_start(place.at) == place.at else newline
    touches_above = bool(before) and len(NEWLINE.findall(text.text[len(before) : place.at])) < 2
    above = newline if place.above and touches_above else ""
    below = _gap(text.line(place.at)) * newline if place.below else ""
    block = f"{newline}{newline}".join(part.replace("\n", newline) for part in parts)
    return Edit(place.at, place.at, missing + above + block + newline + below)


def _gap(line: str) -> int:
    """How many blank lines the line below a new import needs above it."""
    if not line.strip(BLANK):
        return 0
    return 2 if re.match(r"(def|class|async|@|#)", line) else 1
