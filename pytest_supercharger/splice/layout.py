"""Where do the stubs and imports of a source text stand? Read once per text and kept."""

from __future__ import annotations

import ast
import re
import symtable
import threading
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.splice.bindings import (
    FUNCTIONS,
    SCOPES,
    Function,
    binds,
    deleted_names,
    inner_blocks,
    loaded_modules,
    module_imports,
)
from pytest_supercharger.splice.text import BLANK, Text
from pytest_supercharger.stubs import Stub, find_stubs_in

MARK = "todo_llm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a stub stands, as offsets into the text."""

    node: Function
    top: int  # start of the line above which helpers go
    colon: int  # behind the colon of the def line
    docstring: int  # end of the docstring; -1: none
    rest: tuple[ast.stmt, ...]  # the body without its docstring
    one_line: bool  # the body stands on the line of the def
    end: int  # of the body, with comments that belong to it, before the newline
    marks: tuple[tuple[int, int], ...]  # the lines of todo_llm decorators


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import statement anywhere in the file."""

    node: ast.Import | ast.ImportFrom
    block: tuple[ast.stmt, ...]  # the statements that it stands among
    in_module: bool  # directly in the module


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the edits of one source text need to know of it."""

    text: Text
    tree: ast.Module
    sites: dict[str, Site]  # by qualname
    imports: tuple[Import, ...]
    imported: dict[str, set[str]]  # name bound at run time: what it stands for
    loaded: frozenset[str]  # modules imported as "import a.b"
    hidden: dict[str, set[str]]  # the same for imports that may not run: if TYPE_CHECKING
    bound: frozenset[str]  # every name the module binds, anyhow
    deleted: frozenset[str]  # names that the module deletes again
    unit: str  # one level of indentation


@lru_cache(maxsize=64)
def read_layout(source: str) -> Layout:
    stubs = find_stubs_in(source, "")
    with no_warnings():
        tree = ast.parse(source)
        names = symtable.symtable(source, "source", "exec").get_symbols()
    text = Text(source)
    imported, hidden = module_imports(tree)
    return Layout(
        text=text,
        tree=tree,
        sites=_sites(text, tree, stubs),
        imports=tuple(_all_imports(tree, in_module=True)),
        imported=imported,
        loaded=loaded_modules(tree),
        hidden=hidden,
        bound=frozenset(name.get_name() for name in names if binds(name)),
        deleted=frozenset(deleted_names(tree)),
        unit=_indent_unit(text, tree),
    )


_WARNINGS = threading.Lock()


@contextmanager
def no_warnings() -> Iterator[None]:
    """Keep quiet about an invalid escape in the user's file.

    The lock is there because catch_warnings changes the filters of the whole process, and
    sandboxes take their checks, hence spliced sources, from several threads.
    """
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _sites(text: Text, tree: ast.Module, stubs: Iterable[Stub]) -> dict[str, Site]:
    qualnames = {stub.line: stub.qualname for stub in stubs}
    aliases = _mark_names(tree)
    return {
        qualnames[node.lineno]: _site(text, node, start_with_comments(text, outer, floor), aliases)
        for outer, floor in _outermost(text, tree.body, 0)
        for node in ast.walk(outer)
        if isinstance(node, FUNCTIONS) and node.lineno in qualnames
    }


def _outermost(text: Text, body: Sequence[ast.stmt], floor: int) -> Iterator[tuple[ast.stmt, int]]:
    """Functions and classes that stand in no other, and where what precedes each one ends."""
    for statement in body:
        if isinstance(statement, SCOPES):
            yield statement, floor
        else:
            for inner in inner_blocks(statement):
                yield from _outermost(text, inner, text.start(statement))
        floor = text.end(statement)


_HEAD = re.compile(r"#!|#.*coding[:=]")


def start_with_comments(text: Text, statement: ast.stmt, floor: int) -> int:
    """The start of the first line of a statement, its decorators and the comments on it."""
    decorators = statement.decorator_list if isinstance(statement, SCOPES) else []
    first = min([text.start(statement), *(at_sign(text, each) for each in decorators)])
    at = text.line_start(first)
    indent = text.indent(at)
    while at > floor:
        before = text.line_start(at - 1 if text.text[at - 2 : at] != "\r\n" else at - 2)
        line = text.line(before)
        is_head = text.text.count("\n", 0, before) < 2 and _HEAD.match(line)
        if before < floor or not line.startswith(f"{indent}#") or is_head:
            break
        at = before
    return at


def at_sign(text: Text, decorator: ast.expr) -> int:
    return text.text.rindex("@", 0, text.start(decorator))


def _site(text: Text, node: Function, top: int, aliases: frozenset[str]) -> Site:
    colon = _colon(text, node)
    first = node.body[0]
    documented = is_docstring(first)
    between = text.text[colon : text.start(first)]
    one_line = (
        not between.replace("\\\r\n", "").replace("\\\n", "").replace("\\\r", "").strip(BLANK)
    )
    return Site(
        node=node,
        top=top,
        colon=colon,
        docstring=text.end(first) if documented else -1,
        rest=tuple(node.body[1:] if documented else node.body),
        one_line=one_line,
        end=_body_end(text, node, one_line),
        marks=tuple(
            (text.line_start(at_sign(text, each)), text.logical_end(at_sign(text, each)))
            for each in node.decorator_list
            if _is_mark(each, aliases)
        ),
    )


def is_docstring(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _colon(text: Text, node: Function) -> int:
    """Behind the colon that ends the def line; one in an annotation's lambda is not it."""
    behind = text.end(node.returns) if node.returns else 0
    depth = 0
    for token, at in text.tokens(text.start(node)):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0 and at >= behind:
                return at + 1
    raise SourceError(f"line {node.lineno}: a def without a colon")  # ast would not have parsed it


def _body_end(text: Text, node: Function, one_line: bool) -> int:
    """The end of the last line of a body; comments below that are indented like it belong to it."""
    end = text.line_end(text.end(node.body[-1]))
    if one_line:
        return end
    indent = text.indent(text.start(node.body[0]))
    at = text.next_line(end)
    while at < len(text.text):
        line = text.line(at)
        if line.startswith(indent) and line.lstrip(BLANK).startswith("#"):
            end = text.line_end(at)
        elif line.strip(BLANK):
            break
        at = text.next_line(at)
    return end


def _mark_names(tree: ast.Module) -> frozenset[str]:
    """What ``todo_llm`` is called in this file."""
    imports = (each.node for each in _all_imports(tree, in_module=True))
    return frozenset(
        {MARK}
        | {
            alias.asname
            for node in imports
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == MARK and alias.asname
        }
    )


def _is_mark(decorator: ast.expr, names: frozenset[str]) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(target, ast.Attribute):
        return target.attr == MARK
    return isinstance(target, ast.Name) and target.id in names


def _all_imports(node: ast.AST, *, in_module: bool) -> Iterator[Import]:
    for block in inner_blocks(node):
        for statement in block:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                yield Import(node=statement, block=tuple(block), in_module=in_module)
            else:
                yield from _all_imports(statement, in_module=False)


def _indent_unit(text: Text, tree: ast.Module) -> str:
    """One level of indentation, from the first block of the file."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        for block in inner_blocks(node):
            pending[:0] = block
            if isinstance(node, (ast.stmt, ast.ExceptHandler)):
                outer = text.indent(text.offset(node.lineno, 0))
                inner = text.indent(text.start(block[0]))
                line = text.line_start(text.start(block[0]))
                folded = text.text[:line].rstrip("\r\n").endswith("\\")
                if inner.startswith(outer) and inner != outer and not folded:
                    return inner[len(outer) :]
    return "    "
