"""Which single lines of tests say what a function returns?

For models too small to read a test: calls with values, nothing that the lines before it set up.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

_LONGEST = 100  # characters
_KNOWN = frozenset(dir(builtins)) | {"pytest", "approx", "date", "datetime", "timedelta", "asyncio"}


def asserts_about(
    name: str, tests: Iterable[str], *, is_method: bool, most: int = 4
) -> tuple[str, ...]:
    """Up to ``most`` different assert statements that call the function or method ``name``.

    ``tests`` are sources of test functions; a function that is called through its module is
    called by its bare name here. What depends on a variable is left out.
    """
    found = (line for source in tests for line in _asserts(name, source, is_method))
    return tuple(dict.fromkeys(found))[:most]


def _asserts(name: str, source: str, is_method: bool) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    variables = _variables(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert):
            continue
        bare = ast.Assert(test=node.test, msg=None)
        bare = bare if is_method else _Bare(name, variables).visit(bare)
        line = ast.unparse(bare)
        if len(line) <= _LONGEST and "\n" not in line and _stands_alone(bare, name):
            yield line


def _variables(tree: ast.AST) -> set[str]:
    """Names that are set in a test, its fixtures among them: no modules."""
    nodes = list(ast.walk(tree))
    stored = {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


class _Bare(ast.NodeTransformer):
    """``stubs.total(1)`` as ``total(1)``, where ``stubs`` is not a variable."""

    def __init__(self, name: str, variables: set[str]) -> None:
        self._name = name
        self._variables = variables

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        is_module = owner.islower() and owner not in self._variables
        if node.attr == self._name and is_module:
            return ast.Name(id=node.attr, ctx=ast.Load())
        return self.generic_visit(node)


def _stands_alone(node: ast.AST, name: str) -> bool:
    """Whether it calls ``name`` and needs nothing but builtins and classes besides."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    attributes = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    free = {each for each in names - _KNOWN - {name} if not each[:1].isupper()}
    bound = {
        target.id
        for each in ast.walk(node)
        if isinstance(each, ast.comprehension)
        for target in ast.walk(each.target)
        if isinstance(target, ast.Name)
    }
    return name in names | attributes and not free - bound
