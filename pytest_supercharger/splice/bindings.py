"""Which names does a module bind, and which of them surely at run time?"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


SCOPES = (*FUNCTIONS, ast.ClassDef)


def inner_blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements inside a compound statement."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        children = getattr(node, name, None)
        if name in ("handlers", "cases"):
            for child in children or ():
                yield child.body
        elif isinstance(children, list) and children:
            yield children


def module_imports(tree: ast.Module) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Names that imports bind in the module: those that surely run, and the others."""
    sure: dict[str, set[str]] = {}
    unsure: dict[str, set[str]] = {}
    for statement, runs in _module_level(tree.body, True):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                name, target = binding(statement, alias)
                (sure if runs else unsure).setdefault(name, set()).add(target)
    return sure, unsure


def _module_level(body: Sequence[ast.stmt], runs: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement outside functions and classes, and whether it counts as run.

    The two branches of a try, or of an if that has an else, are taken to bind the same names;
    an if without else may not run.
    """
    for statement in body:
        yield statement, runs
        if isinstance(statement, ast.If):
            yield from _branches(statement, runs)
        elif isinstance(statement, SCOPES):
            continue
        else:
            sure = not isinstance(statement, (ast.For, ast.AsyncFor, ast.While, ast.Match))
            for block in inner_blocks(statement):
                yield from _module_level(block, runs and sure)


def _branches(statement: ast.If, runs: bool) -> Iterator[tuple[ast.stmt, bool]]:
    test = statement.test
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    for_typing = "TYPE_CHECKING" in ast.unparse(test)
    if for_typing:
        body, orelse = negated, not negated
    else:
        body = orelse = _ends_in_else(statement)
    yield from _module_level(statement.body, runs and body)
    yield from _module_level(statement.orelse, runs and orelse)


def _ends_in_else(statement: ast.If) -> bool:
    last = statement.orelse
    if len(last) == 1 and isinstance(last[0], ast.If):
        return _ends_in_else(last[0])
    return bool(last)


def binding(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str]:
    """The name that an import binds, and dotted what it stands for."""
    if isinstance(node, ast.ImportFrom):
        dotted = "." * node.level + (node.module or "")
        separator = "" if dotted.endswith(".") else "."
        return alias.asname or alias.name, f"{dotted}{separator}{alias.name}"
    if alias.asname:
        return alias.asname, alias.name
    top = alias.name.partition(".")[0]
    return top, top


def loaded_modules(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        module
        for statement, runs in _module_level(tree.body, True)
        if runs and isinstance(statement, ast.Import)
        for alias in statement.names
        for module in packages(alias.name)
    )


def packages(dotted: str) -> list[str]:
    """``a``, ``a.b`` and ``a.b.c`` for ``a.b.c``."""
    parts = dotted.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def deleted_names(tree: ast.Module) -> Iterator[str]:
    for statement, _ in _module_level(tree.body, True):
        if isinstance(statement, ast.Delete):
            for target in ast.walk(statement):
                if isinstance(target, ast.Name):
                    yield target.id


def binds(name: symtable.Symbol) -> bool:
    return (
        name.is_assigned() or name.is_imported() or name.is_namespace() or name.is_declared_global()
    )


def defined_names(statement: ast.stmt) -> set[str]:
    """Names that a def, a class or an assignment gives a meaning."""
    if isinstance(statement, SCOPES):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    nodes = (node for target in targets for node in ast.walk(target))
    return {node.id for node in nodes if isinstance(node, ast.Name)}
