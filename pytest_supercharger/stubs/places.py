"""Where do the functions of a file stand, and what are they called there?"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pytest_supercharger.stubs.branches import platform_test
from pytest_supercharger.stubs.definitions import (
    FUNCTIONS,
    Function,
    accessor,
    base_names,
    decorator_names,
)
from pytest_supercharger.stubs.module import Module, inner_statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What stands around a statement."""

    prefix: str = ""  # of the names in it: "C.", "outer.<locals>."
    classes: tuple[ast.ClassDef, ...] = ()
    in_class: bool = False  # directly: a function here is a method
    branch: str = ""  # the platform or version test it stands under


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A function and where it stands."""

    node: Function
    scope: Scope
    qualname: str  # with "#2" and so on


def find_places(module: Module) -> Iterator[Place]:
    """Every function of the file, in order. ``@overload`` declarations have no name to spend."""
    names: Counter[str] = Counter()
    for node, scope in _functions(module.tree, Scope()):
        name = scope.prefix + node.name + accessor(node)
        if not is_declaration(module, node, scope):
            names[name] += 1
        number = f"#{names[name]}" if names[name] > 1 else ""
        yield Place(node=node, scope=scope, qualname=name + number)


def _functions(parent: ast.AST, scope: Scope) -> Iterator[tuple[Function, Scope]]:
    for node in inner_statements(parent):
        if isinstance(node, FUNCTIONS):
            yield node, scope
            inner = f"{scope.prefix}{node.name}.<locals>."
            yield from _functions(node, replace(scope, prefix=inner, in_class=False))
        elif isinstance(node, ast.ClassDef):
            yield from _functions(
                node,
                replace(
                    scope,
                    prefix=f"{scope.prefix}{node.name}.",
                    classes=(*scope.classes, node),
                    in_class=True,
                ),
            )
        else:
            branch = scope.branch or platform_test(node)
            yield from _functions(node, replace(scope, branch=branch) if branch else scope)


def is_declaration(module: Module, node: Function, scope: Scope) -> bool:
    """Whether it has no body of its own on purpose: abstract, ``@overload``, in a Protocol."""
    if any(
        name == "overload" or name.startswith("abstract") for name in decorator_names(module, node)
    ):
        return True
    return scope.in_class and "Protocol" in base_names(module, scope.classes[-1])
