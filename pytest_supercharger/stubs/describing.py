"""What of a function's tree goes into its :class:`Stub`?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_supercharger.stubs.definitions import FUNCTIONS, Function, decorator_names, find_mark
from pytest_supercharger.stubs.doubts import why_perhaps
from pytest_supercharger.stubs.hierarchy import Hierarchy
from pytest_supercharger.stubs.module import Module
from pytest_supercharger.stubs.places import Place
from pytest_supercharger.stubs.stub import Kind, Stub
from pytest_supercharger.stubs.wording import read_texts


def describe(module: Module, place: Place, digest: str, hierarchy: Hierarchy) -> Stub:
    node, mark = place.node, find_mark(module, place.node)
    texts = read_texts(module, node)
    hint, examples = _hint_and_examples(mark)
    return Stub(
        id=f"{module.path}::{place.qualname}",
        path=module.path,
        qualname=place.qualname,
        name=node.name,
        kind=_kind(module, place),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_generator=_is_generator(module, node),
        marked=mark is not None,
        perhaps="" if mark else why_perhaps(module, place, hierarchy),
        hint=hint,
        examples=examples,
        comments=texts.comments,
        signature=texts.signature,
        parameters=_parameters(node.args),
        docstring=(ast.get_docstring(node) or "").rstrip(),
        body=texts.body,
        classes=tuple(each.name for each in place.scope.classes),
        line=node.lineno,
        end_line=texts.end_line,
        digest=digest,
    )


_KINDS = {
    "classmethod": Kind.CLASSMETHOD,
    "staticmethod": Kind.STATICMETHOD,
    "property": Kind.PROPERTY,
    "cached_property": Kind.PROPERTY,
    "getter": Kind.PROPERTY,
    "setter": Kind.PROPERTY,
    "deleter": Kind.PROPERTY,
    "__new__": Kind.STATICMETHOD,
    "__init_subclass__": Kind.CLASSMETHOD,
    "__class_getitem__": Kind.CLASSMETHOD,
}


def _kind(module: Module, place: Place) -> Kind:
    if not place.scope.in_class:
        return Kind.FUNCTION
    for name in (*decorator_names(module, place.node), place.node.name):
        if name in _KINDS:
            return _KINDS[name]
    return Kind.METHOD


_YIELDING = re.compile(r"\b(Async)?(Iterator|Generator)\b")


def _is_generator(module: Module, node: Function) -> bool:
    if any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in _own_nodes(node)):
        return True
    if {"contextmanager", "asynccontextmanager"} & set(decorator_names(module, node)):
        return True
    return bool(node.returns and _YIELDING.match(_outer_type(node.returns)))


def _outer_type(annotation: ast.expr) -> str:
    """``Iterator[int]`` for ``"collections.abc.Iterator[int]"``, quoted or not."""
    is_text = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
    text = annotation.value if is_text else ast.unparse(annotation)  # type: ignore[attr-defined]
    return re.sub(r"^(\w+\.)+", "", text.strip())


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a body that run when it runs: nothing of nested functions."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            pending += ast.iter_child_nodes(node)


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    ordered = (
        *arguments.posonlyargs,
        *arguments.args,
        arguments.vararg,
        *arguments.kwonlyargs,
        arguments.kwarg,
    )
    return tuple(each.arg for each in ordered if each)


def _hint_and_examples(mark: ast.expr | None) -> tuple[str, tuple[str, ...]]:
    """The literal arguments of ``todo_llm(...)``; anything that is no literal is left out."""
    if not isinstance(mark, ast.Call):
        return "", ()
    given = {keyword.arg: keyword.value for keyword in mark.keywords}
    hint = _strings(mark.args[0] if mark.args else given.get("hint"))
    return "".join(hint), _strings(given.get("examples"))


def _strings(node: ast.expr | None) -> tuple[str, ...]:
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else [node]
    constants = (part for part in parts if isinstance(part, ast.Constant))
    return tuple(part.value for part in constants if isinstance(part.value, str))
