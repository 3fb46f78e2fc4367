"""What does a statement define or import, and where is it in the file?"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from pytest_supercharger.context.files import SourceFile

_PLUGIN = "pytest_supercharger"
Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
Definition: TypeAlias = "Function | ast.ClassDef"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


def flat_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a body, those under if, try and with included."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for field in ("body", "handlers", "orelse", "finalbody"):
                for child in getattr(statement, field, ()):
                    yield from flat_statements(
                        child.body if isinstance(child, ast.ExceptHandler) else [child]
                    )


def source_of(file: SourceFile, node: ast.stmt) -> str:
    """The lines of a statement, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return file.lines(first, node.end_lineno or node.lineno)


def bound_names(statement: ast.stmt) -> list[str]:
    """Names that a statement at module level defines."""
    if isinstance(statement, DEFINITIONS):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        targets = [node for target in statement.targets for node in ast.walk(target)]
        return [node.id for node in targets if isinstance(node, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def import_source(statement: ast.stmt) -> str:
    """An import statement as source, without our own marker; "" for anything else."""
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return ""
    module = getattr(statement, "module", "") or ""
    names = [a for a in statement.names if not f"{module}.{a.name}".lstrip(".").startswith(_PLUGIN)]
    if not names:
        return ""
    shell = copy.copy(statement)
    shell.names = names
    return ast.unparse(shell)
