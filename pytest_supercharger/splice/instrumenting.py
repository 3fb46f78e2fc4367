"""How does an open stub say that it was reached?"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from pytest_supercharger.splice.bindings import SCOPES, Function, inner_blocks
from pytest_supercharger.splice.layout import Layout, Site, at_sign, read_layout
from pytest_supercharger.splice.text import BLANK, BOM, NEWLINE, Edit, Text, apply_edits
from pytest_supercharger.stubs import Stub


def instrument(source: str, stubs: Sequence[Stub], marker: str = "__supercharge_reached__") -> str:
    """Make each stub call ``marker("<id>")`` before anything else, then raise as before.

    A marked stub that has another body raises what ``marker`` returns. Line numbers stay, and
    so does the kind of a function (a generator stays one). Stubs that are not found, or no
    longer stubs, are skipped. To check a candidate beside other open stubs, instrument those
    first and splice into the result: that text is then read once for all candidates.
    """
    text = source.removeprefix(BOM)
    layout = read_layout(text)
    found = ((stub, layout.sites.get(stub.qualname)) for stub in stubs)
    edits = [_instrument(layout, site, stub.id, marker) for stub, site in found if site]
    blanked = [edit for edit in edits if edit.end > edit.start]
    outer = [e for e in edits if not any(b.start < e.start and e.end < b.end for b in blanked)]
    return source[: len(source) - len(text)] + apply_edits(text, outer)


def _instrument(layout: Layout, site: Site, stub_id: str, marker: str) -> Edit:
    call = f"{marker}({_quoted(stub_id)})"
    text = layout.text
    first = site.rest[0] if site.rest else None
    if first and len(site.rest) == 1 and _raises_not_implemented(first):
        return Edit(text.start(first), text.start(first), f"{call}; ")
    if site.docstring >= 0:
        return Edit(site.docstring, site.docstring, f"; raise {call}")
    assert first is not None
    if not any(inner_blocks(first)):
        return Edit(text.start(first), text.start(first), f"raise {call}; ")
    # Nothing may stand before a compound statement on its line, so it gives way; it would not
    # run, and what it yields is all that can be told of it from outside.
    start = text.line_start(_first_offset(text, first))
    start += len(text.line(start)) - len(text.line(start).lstrip(BLANK))
    kept = "".join(NEWLINE.findall(text.text[start : site.end]))
    yields = "; yield" if _yields(site.node) else ""
    return Edit(start, site.end, f"raise {call}{yields}{kept}")


def _raises_not_implemented(statement: ast.stmt) -> bool:
    raised = statement.exc if isinstance(statement, ast.Raise) else None
    name = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(name, ast.Name) and name.id == "NotImplementedError"


def _first_offset(text: Text, statement: ast.stmt) -> int:
    decorators = statement.decorator_list if isinstance(statement, SCOPES) else []
    return min([text.start(statement), *(at_sign(text, each) for each in decorators)])


def _quoted(text: str) -> str:
    """A string literal in ASCII, for a file of any encoding."""
    literal = ascii(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def _yields(function: Function) -> bool:
    """Whether it is a generator to Python."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (*SCOPES, ast.Lambda)):
            pending += ast.iter_child_nodes(node)
    return False
