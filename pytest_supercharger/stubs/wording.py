"""What are the user's own words in a stub: signature, comments, an existing body?"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.stubs.definitions import (
    Function,
    decorator_names,
    sole_raise,
    without_docstring,
)
from pytest_supercharger.stubs.module import Module


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The user's own wording around and in a stub."""

    signature: str
    comments: tuple[str, ...]
    body: str
    end_line: int


_Position: TypeAlias = tuple[int, int]  # line of the file, 1-based, and column in characters
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
_DIRECTIVE = re.compile(r"(noqa|type:|pragma|pylint|pyright|mypy|fmt:|ruff|yapf|isort|nosec)")


def read_texts(module: Module, node: Function) -> Texts:
    first = _first_line(module, node)
    end_line = _last_line(module, node)
    indent = _indent(module.lines[node.lineno - 1])
    tokens = _tokens(module.lines[first - 1 : end_line], first)
    heads, colon = _heads(tokens)
    marked = [name == "todo_llm" for name in decorator_names(module, node)] + [False]
    kept = [head for head, is_mark in zip(heads, marked, strict=True) if not is_mark]
    comments = (
        each.string for each in tokens if each.type == tokenize.COMMENT and each.start > colon
    )
    hints = tuple(text.lstrip("#").strip() for text in comments)
    return Texts(
        signature="\n".join(_between(module, *head, indent) for head in kept),
        comments=tuple(text for text in hints if text and not _DIRECTIVE.match(text)),
        body=_existing_body(module, node, colon, end_line),
        end_line=end_line,
    )


def _first_line(module: Module, node: Function) -> int:
    """The line of the first ``@``, which may stand above the decorator's expression."""
    line = min((each.lineno for each in node.decorator_list), default=node.lineno)
    while node.decorator_list and not module.lines[line - 1].lstrip().startswith("@"):
        line -= 1
    return line


def _last_line(module: Module, node: Function) -> int:
    """The body's last line; comments after it that are indented like it belong to it."""
    last = node.end_lineno or node.lineno
    indent = _indent(module.lines[node.body[0].lineno - 1])
    if len(indent) < node.body[0].col_offset:  # it shares its line with the def
        return last
    for number in range(last + 1, len(module.lines) + 1):
        line = module.lines[number - 1]
        if line.startswith(indent) and line.lstrip().startswith("#"):
            last = number
        elif line.strip():
            break
    return last


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _tokens(lines: list[str], first: int) -> list[tokenize.TokenInfo]:
    """The tokens of some lines, with the positions they have in the file."""
    reader = io.StringIO("".join(f"{line}\n" for line in lines)).readline
    try:
        tokens = list(tokenize.generate_tokens(reader))
    except (tokenize.TokenError, SyntaxError) as exc:
        raise SourceError(f"cannot be read from line {first}: {exc}") from exc
    return [
        each._replace(
            start=(each.start[0] + first - 1, each.start[1]),
            end=(each.end[0] + first - 1, each.end[1]),
        )
        for each in tokens
    ]


def _heads(
    tokens: list[tokenize.TokenInfo],
) -> tuple[list[tuple[_Position, _Position]], _Position]:
    """From where to where each decorator and, last, the def line reach; where its colon is."""
    heads: list[tuple[_Position, _Position]] = []
    start: tokenize.TokenInfo | None = None
    end: _Position = (0, 0)
    depth = 0
    for token in tokens:
        if token.type in _LAYOUT:
            continue
        if token.type == tokenize.NEWLINE and start:
            heads.append((start.start, end))
            start = None
            continue
        start = start or token
        end = token.end
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0 and start.string != "@":
                return [*heads, (start.start, end)], token.start
    raise SourceError("has a def line without a colon")  # ast would not have parsed it


def _between(module: Module, start: _Position, end: _Position, indent: str) -> str:
    lines = module.lines[start[0] - 1 : end[0]]
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][start[1] :]
    return "\n".join([lines[0], *(line.removeprefix(indent) for line in lines[1:])])


def _existing_body(module: Module, node: Function, colon: _Position, end_line: int) -> str:
    """What a marked stub has as its body already; "" when that is a placeholder."""
    body = without_docstring(node)
    if not body or sole_raise(node) or all(_is_placeholder(each) for each in body):
        return ""
    before = node.body[0].end_lineno or 0 if body is not node.body else colon[0]
    if body[0].lineno == before:  # on the line of the def, or after a docstring and a semicolon
        return "\n".join(ast.unparse(each) for each in body)
    indent = _indent(module.lines[body[-1].lineno - 1])
    fixed = {line for each in body for line in _inside_strings(each)}
    lines = [
        module.lines[number - 1]
        if number in fixed
        else module.lines[number - 1].removeprefix(indent)
        for number in range(before + 1, end_line + 1)
    ]
    return "\n".join(lines).strip("\n")


def _is_placeholder(statement: ast.stmt) -> bool:
    is_value = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_value or isinstance(statement, ast.Pass)


def _inside_strings(statement: ast.stmt) -> Iterator[int]:
    """Lines that begin inside a string: their indentation is part of a value."""
    for node in ast.walk(statement):
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            yield from range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
