"""What do the decorators, the bases and the body of one definition say?"""

from __future__ import annotations

import ast
from typing import TypeAlias

from pytest_supercharger.stubs.module import Module

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def sole_raise(node: Function) -> ast.Raise | None:
    """The ``raise NotImplementedError`` that is the whole body after the docstring."""
    body = without_docstring(node)
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return None
    exception = body[0].exc
    if isinstance(exception, ast.Call):
        exception = exception.func
    is_it = isinstance(exception, ast.Name) and exception.id == "NotImplementedError"
    return body[0] if is_it else None


def without_docstring(node: Function) -> list[ast.stmt]:
    return node.body if ast.get_docstring(node, clean=False) is None else node.body[1:]


def decorator_names(module: Module, node: Function) -> list[str]:
    """Last parts of the decorators' names, in order, import aliases resolved."""
    return [last_name(module, decorator) for decorator in node.decorator_list]


def last_name(module: Module, expression: ast.expr) -> str:
    while isinstance(expression, (ast.Call, ast.Subscript)):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    if isinstance(expression, ast.Attribute):
        return expression.attr
    if isinstance(expression, ast.Name):
        return module.aliases.get(expression.id, expression.id)
    return ""


def base_names(module: Module, node: ast.ClassDef) -> list[str]:
    return [last_name(module, base) for base in node.bases]


def find_mark(module: Module, node: Function) -> ast.expr | None:
    """Its ``todo_llm`` decorator."""
    for decorator in node.decorator_list:
        if last_name(module, decorator) == "todo_llm":
            return decorator
    return None


def accessor(node: Function) -> str:
    """``.setter`` where the decorator is ``@x.setter``; "" for a getter or no property."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter"):
            return f".{decorator.attr}"
    return ""
