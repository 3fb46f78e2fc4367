"""What do the stub itself and the classes and functions around it say?"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_supercharger.context.files import SourceFile
from pytest_supercharger.context.outlines import docstring_literal, outline, shortened, signature_of
from pytest_supercharger.context.packing import Draft
from pytest_supercharger.context.parts import PartKind
from pytest_supercharger.context.statements import (
    DEFINITIONS,
    FUNCTIONS,
    Definition,
    Function,
    flat_statements,
    source_of,
)

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub


def stub_source(stub: Stub) -> str:
    """The stub as source, without a body: def line, docstring, hints and comments."""
    lines = [stub.signature]
    if stub.docstring:
        lines.append(textwrap.indent(docstring_literal(stub.docstring), "    "))
    remarks = [f"hint: {stub.hint}"] if stub.hint else []
    remarks += [f"example: {example}" for example in stub.examples]
    remarks += [comment.strip() for comment in stub.comments]
    lines += [f"    # {line}" for remark in remarks for line in remark.splitlines()]
    return "\n".join(lines)


def own_drafts(stub: Stub) -> Iterator[Draft]:
    yield Draft(kind=PartKind.STUB, title="The stub", texts=(stub_source(stub),))
    if re.sub(r"raise NotImplementedError.*|\.\.\.|pass|\s", "", stub.body):
        title = f"Present body of `{stub.qualname}`, to be replaced"
        yield Draft(kind=PartKind.BODY, title=title, texts=(stub.body.rstrip(),))


def find_chain(home: SourceFile, stub: Stub) -> tuple[Definition, ...]:
    """Definitions from the outermost one around the stub to its own; () when it moved."""

    def descend(node: ast.AST, above: tuple[Definition, ...]) -> tuple[Definition, ...]:
        for child in ast.iter_child_nodes(node):
            here = (*above, child) if isinstance(child, DEFINITIONS) else above
            if isinstance(child, FUNCTIONS) and child.lineno == stub.line:
                return here
            if found := descend(child, here):
                return found
        return ()

    chain = descend(home.tree, ())
    return chain if chain and chain[-1].name == stub.name else ()


def bare_headers(classes: Sequence[str]) -> str:
    """What can be said of the classes around a stub when its file is not what was read."""
    return "\n".join(f"{'    ' * depth}class {name}:" for depth, name in enumerate(classes))


def around_drafts(
    stub: Stub, home: SourceFile | None, chain: Sequence[Definition]
) -> Iterator[Draft]:
    """The innermost class or function around the stub first."""
    for node in reversed(chain[:-1]):
        if isinstance(node, ast.ClassDef):
            title = f"The class `{node.name}` around it"
            texts = _class_pieces(node, chain[-1])
        elif home:
            title = f"The function `{node.name}` around it"
            texts = (textwrap.dedent(source_of(home, node)),)
        else:
            continue
        yield Draft(kind=PartKind.AROUND, title=title, texts=texts, divisible=True)


def _class_pieces(node: ast.ClassDef, left_out: ast.AST) -> tuple[str, ...]:
    """Header, docstring and attributes of a class; then its methods, __init__ first."""
    doc = ast.get_docstring(node)
    lines = [signature_of(node)]
    lines += [textwrap.indent(docstring_literal(doc), "    ")] if doc else []
    members = [child for child in flat_statements(node.body) if child is not left_out]
    for child in members:
        if isinstance(child, (ast.Assign, ast.AnnAssign)):
            lines.append("    " + shortened(ast.unparse(child)))
        elif isinstance(child, ast.ClassDef):
            lines.append(f"    class {child.name}: ...")
    methods = [child for child in members if isinstance(child, FUNCTIONS)]
    methods.sort(key=lambda method: method.name != "__init__")
    return ("\n".join(lines), *(textwrap.indent(_method(method), "    ") for method in methods))


def _method(node: Function) -> str:
    if node.name != "__init__":
        return outline(node)
    assigned = [
        textwrap.indent(shortened(ast.unparse(statement)), "    ")
        for statement in ast.walk(node)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and _sets_attribute(statement)
    ]
    return "\n".join([signature_of(node), *assigned]) if assigned else outline(node)


def _sets_attribute(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        for target in targets
        for node in ast.walk(target)
    )
