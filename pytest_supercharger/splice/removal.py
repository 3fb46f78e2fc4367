"""What of the todo_llm mark goes away: decorators, and imports nothing needs any more?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from pytest_supercharger.splice.additions import Target
from pytest_supercharger.splice.bindings import binding
from pytest_supercharger.splice.layout import MARK, Import, Layout
from pytest_supercharger.splice.text import Edit, Text

_PACKAGE = "pytest_supercharger"


def mark_edit(layout: Layout, start: int, end: int) -> Edit:
    """Remove the lines of a decorator, but no page break before it."""
    lines = layout.text.text[start:end]
    return Edit(start, end, "\f" if "\f" in lines[: lines.index("@")] else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unused:
    """An import of ``todo_llm`` that nothing needs any more."""

    found: Import
    names: frozenset[int]  # which of its names, by position

    @property
    def whole(self) -> bool:
        return len(self.names) == len(self.found.node.names)


def unused_imports(
    layout: Layout, edits: Sequence[Edit], targets: Sequence[Target]
) -> list[_Unused]:
    """Imports of the mark whose every use goes away with ``edits``."""
    new = "\n".join(
        part
        for target in targets
        for part in (target.new.body, *target.new.imports, *target.new.helpers)
    )
    found = []
    for each in layout.imports:
        names = frozenset(
            position
            for position, alias in enumerate(each.node.names)
            if _imports_mark(each.node, alias)
            and _is_used_up(layout, binding(each.node, alias)[0], edits)
            and not re.search(rf"\b{binding(each.node, alias)[0]}\b", new)
        )
        if names and not _within(layout.text.start(each.node), edits):
            found.append(_Unused(found=each, names=names))
    return found


def _imports_mark(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    if isinstance(node, ast.Import):
        return alias.name == _PACKAGE
    return node.module == _PACKAGE and not node.level and alias.name == MARK


def _is_used_up(layout: Layout, name: str, edits: Sequence[Edit]) -> bool:
    """Whether a name was used, and only where the text goes away. A name in quotes is a use:
    it may stand in ``__all__``."""
    uses = [
        layout.text.start(node)
        for node in ast.walk(layout.tree)
        if (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Constant) and node.value == name)
    ]
    return bool(uses) and all(_within(use, edits) for use in uses)


def _within(offset: int, edits: Sequence[Edit]) -> bool:
    return any(edit.start <= offset < edit.end for edit in edits)


def removed_nodes(unused: Iterable[_Unused]) -> frozenset[int]:
    return frozenset(id(each.found.node) for each in unused if each.whole)


def import_removal(layout: Layout, unused: _Unused, filled: Set[int]) -> list[Edit]:
    """Take the names away; ``filled`` are offsets where new imports stand."""
    if unused.whole:
        return [_statement_removal(layout.text, unused.found, filled)]
    text, names = layout.text, unused.found.node.names
    kept = [position for position in range(len(names)) if position not in unused.names]
    edits = [
        Edit(text.start(names[position]), text.start(names[position + 1]), "")
        for position in sorted(unused.names)
        if position < kept[-1]
    ]
    if kept[-1] < len(names) - 1:
        edits.append(Edit(text.end(names[kept[-1]]), text.end(names[-1]), ""))
    return edits


def _statement_removal(text: Text, found: Import, filled: Set[int]) -> Edit:
    start, end = text.start(found.node), text.end(found.node)
    if len(found.block) == 1 and not found.in_module:
        return Edit(start, end, "pass")
    position = found.block.index(found.node)
    for following in found.block[position + 1 : position + 2]:
        if text.start(following) < text.line_end(end):
            return Edit(start, text.start(following), "")
    for before in found.block[max(0, position - 1) : position]:
        if text.end(before) > text.line_start(start):
            return Edit(text.end(before), end, "")
    lines = Edit(text.line_start(start), text.logical_end(start), "")
    return lines if {lines.start, lines.end} & filled else _with_blank_lines(text, lines)


def _with_blank_lines(text: Text, lines: Edit) -> Edit:
    """Take the blank lines above as well where there are some below: they were for the import."""
    start, end = lines.start, lines.end
    if start == 0:
        return lines._replace(end=len(text.text) - len(text.text[end:].lstrip("\r\n")))
    if end == len(text.text) or not text.line(end):
        start = len(text.text[:start].rstrip("\r\n"))
        return lines._replace(start=min(lines.start, text.next_line(start)))
    return lines
