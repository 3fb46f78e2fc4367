"""How is a definition told in few lines?"""

from __future__ import annotations

import ast
import copy
import textwrap
from collections.abc import Sequence

from pytest_supercharger.context.statements import FUNCTIONS, Definition, Function, flat_statements

_MAX_CONSTANT_CHARS = 300


def enclosing_headers(chain: Sequence[Definition]) -> str:
    """Headers and docstrings of the definitions, each inside the one before."""
    lines: list[str] = []
    for depth, node in enumerate(chain):
        lines.append(textwrap.indent(signature_of(node), "    " * depth))
        if isinstance(node, ast.ClassDef) and (summary := _summary(node)):
            literal = docstring_literal(summary)
            lines.append(textwrap.indent(literal, "    " * (depth + 1)))
    return "\n".join(lines)


def signature_of(node: Definition) -> str:
    """Decorators and header up to the colon; our own marker is left out."""
    shell = copy.copy(node)
    shell.body = []
    shell.decorator_list = [d for d in node.decorator_list if not _is_marker(d)]
    return ast.unparse(shell).strip()


def _is_marker(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return "todo_llm" in (getattr(called, "id", ""), getattr(called, "attr", ""))


def _summary(node: Definition, *, paragraph: bool = False) -> str:
    """First line, or first paragraph, of the docstring."""
    doc = ast.get_docstring(node) or ""
    return doc.split("\n\n" if paragraph else "\n", maxsplit=1)[0].strip()


def outline(node: Definition, *, paragraph: bool = False) -> str:
    """Signature and the beginning of the docstring; of a class also its public interface."""
    lines = [signature_of(node)]
    if doc := _summary(node, paragraph=paragraph):
        lines.append(textwrap.indent(docstring_literal(doc), "    "))
    if isinstance(node, ast.ClassDef):
        for child in flat_statements(node.body):
            if isinstance(child, (ast.Assign, ast.AnnAssign)):
                lines.append("    " + shortened(ast.unparse(child)))
            elif isinstance(child, FUNCTIONS) and _is_public_method(child):
                lines.append(textwrap.indent(signature_of(child) + " ...", "    "))
    if len(lines) == 1:
        lines[0] += " ..."
    return "\n".join(lines)


def _is_public_method(node: Function) -> bool:
    return node.name == "__init__" or not node.name.startswith("_")


def shortened(source: str) -> str:
    """The source, cut where it is long."""
    if len(source) <= _MAX_CONSTANT_CHARS:
        return source
    return f"{source.splitlines()[0][: _MAX_CONSTANT_CHARS // 2]} ...  # {len(source)} characters"


def docstring_literal(text: str) -> str:
    """Source of a docstring with this value, at column 0, its lines kept as lines."""
    quotes = '"""' if '"""' not in text or "'''" in text else "'''"
    escaped = quotes in text or (text.endswith("\\") and "\n" not in text)
    prefix = "r" if "\\" in text and not escaped else ""
    if escaped:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    end = "\n" if "\n" in text or text.endswith(quotes[0]) else ""
    return f"{prefix}{quotes}{text}{end}{quotes}"
