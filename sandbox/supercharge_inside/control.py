"""The control run: the same tests with changed expectations, which an honest body must fail.

A body can win in-process by lying (an object equal to everything) rather than by being right.
Every ``assert left == right`` of the project's test files is made to compare with a changed
value; a test that still passes after evaluating one proves nothing.
"""

from __future__ import annotations

import ast
import builtins
import copy
import os
from typing import Any

import _pytest.assertion.rewrite as rewrite

COMPARE = "__supercharge_compare__"


class Control:
    """Counts the changed expectations that were evaluated since the last ``take``."""

    def __init__(self) -> None:
        self._evaluated = 0

    def install(self, rootdir: str) -> None:
        """Rewrite the project's test files, loaded from now on; cached bytecode is not used."""
        setattr(builtins, COMPARE, self.compare)
        original: Any = rewrite.rewrite_asserts

        inside = os.path.join(rootdir, "")

        def rewrite_asserts(
            module: ast.Module, source: bytes, module_path: str | None = None, config: Any = None
        ) -> None:
            if module_path and module_path.startswith(inside):
                change_expectations(module)
            original(module, source, module_path, config)

        rewrite.rewrite_asserts = rewrite_asserts
        rewrite._read_pyc = lambda *_args, **_kwargs: None

    def compare(self, left: Any, right: Any) -> bool:
        """``left == right`` with one side changed, where one side is plain data."""
        for side, other, swap in ((right, left, False), (left, right, True)):
            changed = different(side)
            if changed is not side:
                self._evaluated += 1
                return bool(changed == other) if swap else bool(other == changed)
        return bool(left == right)

    def take(self) -> int:
        """How many were evaluated; counting starts anew."""
        count, self._evaluated = self._evaluated, 0
        return count


def change_expectations(module: ast.Module) -> None:
    """Replace ``left == right`` in plain asserts by a call of the comparison."""
    _Changer().visit(module)
    ast.fix_missing_locations(module)


class _Changer(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and _is_equality(test.ops[0]):
            function = ast.Name(COMPARE, ast.Load())
            node.test = ast.copy_location(
                ast.Call(function, [test.left, test.comparators[0]], []), test
            )
        return node

    def _leave_alone(self, node: ast.AST) -> ast.AST:
        return node  # an assert in here may be meant to fail

    visit_With = visit_AsyncWith = visit_Try = _leave_alone  # noqa: N815


def _is_equality(operator: ast.cmpop) -> bool:
    return isinstance(operator, (ast.Eq, ast.Is))


class _Other:
    """Equal to nothing else."""


def different(value: Any) -> Any:
    """Plain data unequal to ``value``; ``value`` itself when it is not plain data."""
    kind = type(value)
    if value is None:
        return _Other()
    if kind is bool:
        return not value
    if kind in (int, float, complex):
        return 0.5 if value != value else value + 1 if value + 1 != value else -value
    if kind is str:
        return value + "\x00"
    if kind in (bytes, bytearray):
        return value + b"\x00"
    if kind in (list, tuple):
        return value + kind([_Other()])
    if kind in (set, frozenset):
        return value | {_Other()}
    if kind is dict:
        return {**copy.copy(value), _Other(): None}
    return value
