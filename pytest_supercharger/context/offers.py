"""What do the imports and the other definitions of the stub's file offer?"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_supercharger.context.files import SourceFile
from pytest_supercharger.context.outlines import outline, shortened
from pytest_supercharger.context.packing import Draft
from pytest_supercharger.context.parts import PartKind
from pytest_supercharger.context.statements import (
    DEFINITIONS,
    Definition,
    bound_names,
    flat_statements,
    import_source,
)

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub


def file_drafts(
    home: SourceFile, chain: Sequence[Definition], all_stubs: Sequence[Stub], words: set[str]
) -> Iterator[Draft]:
    """Import statements of the file, then outlines of what it defines."""
    imports = [
        s for statement in flat_statements(home.tree.body) if (s := import_source(statement))
    ]
    if imports:
        title = f"Imports of {home.path}"
        text = "\n".join(dict.fromkeys(imports))
        yield Draft(kind=PartKind.IMPORTS, title=title, texts=(text,))
    open_lines = {stub.line for stub in all_stubs if stub.path == home.path}
    offers = [
        (not words.intersection(names), _offer(statement, open_lines))
        for statement in flat_statements(home.tree.body)
        if (names := bound_names(statement)) and statement not in chain[:1]
        if not names[0].startswith("__")
    ]
    texts = tuple(text for _, text in sorted(offers, key=lambda offer: offer[0]))
    title = f"Also in {home.path}"
    yield Draft(kind=PartKind.MODULE, title=title, texts=texts, divisible=True)


def _offer(statement: ast.stmt, open_lines: Iterable[int]) -> str:
    if not isinstance(statement, DEFINITIONS):
        return shortened(ast.unparse(statement))
    unwritten = statement.lineno in open_lines
    return "# not written yet\n" * unwritten + outline(statement)
