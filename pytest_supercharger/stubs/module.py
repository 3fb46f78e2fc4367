"""What is in one file: its tree, its lines, its aliases, and did a program write it?"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_supercharger.exceptions import SourceError

_GENERATED = re.compile(
    r"@generated\b"
    r"|\bdo not (edit|modify|change)\b"
    r"|^\W*((this|the) )?((file|module|code) )?((is|was|has been) )?"
    r"(auto-?|automatically |machine-?)?generated (by|from|with|using)\b"
    r"|^\W*((this|the) )?(file|module|code) (is|was|has been) (auto-?|automatically )generated\b"
    r"|^\W*auto-?generated\b",
    re.IGNORECASE,
)
_HEAD_LINES = 10
_RENAMED = re.compile(r"\b(todo_llm|Protocol|overload|abstract\w+)\s+as\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One parsed file."""

    path: str
    lines: list[str]  # without line ends
    tree: ast.Module
    aliases: dict[str, str]  # alias: name, from every "from x import name as alias"


def read_module(source: str, path: str) -> Module:
    text = re.sub(r"\r\n?", "\n", source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in the user's file is not our news
        try:
            tree = ast.parse(text)
        except SyntaxError as exc:
            raise SourceError(f"syntax error at line {exc.lineno}: {exc.msg}") from exc
        except (ValueError, RecursionError, MemoryError) as exc:
            raise SourceError(f"cannot be parsed: {exc}") from exc
    return Module(path=path, lines=text.split("\n"), tree=tree, aliases=_aliases(tree, text))


def _aliases(tree: ast.Module, text: str) -> dict[str, str]:
    if not _RENAMED.search(text):  # a walk over the whole tree takes as long as parsing it
        return {}
    return {
        alias.asname: alias.name
        for node in all_statements(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }


def is_generated(module: Module) -> bool:
    """Whether the comments and docstring at the top say that a program wrote the file."""
    comments = []
    for line in module.lines:
        if line.strip() and not line.startswith("#"):
            break
        comments.append(line)
    docstring = ast.get_docstring(module.tree) or ""
    head = [line for line in (*comments, *docstring.split("\n")) if line.strip()]
    return any(_GENERATED.search(line) for line in head[:_HEAD_LINES])


def inner_statements(parent: ast.AST) -> Iterator[ast.AST]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        children = getattr(parent, name, ())
        if isinstance(children, list):  # the body of a lambda or of "a if b else c" is none
            yield from children


def all_statements(parent: ast.AST) -> Iterator[ast.AST]:
    for node in inner_statements(parent):
        yield node
        yield from all_statements(node)
