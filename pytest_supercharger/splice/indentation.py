"""How is code that stands at column 0 indented without touching its strings?"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.splice.text import NEWLINE


def indented(code: str, base: str, unit: str, newline: str) -> str:
    """Indent code that stands at column 0, each block by ``unit``; no newline at the end.

    Lines inside strings stay as they are; continuation lines move with their statement.
    """
    code = NEWLINE.sub("\n", code).strip("\n").rstrip()
    lines = code.split("\n")
    plan = _plan_indents(lines)
    return newline.join(
        _moved(line, old, base + unit * level)
        for line, (old, level) in zip(lines, plan, strict=True)
    )


def _moved(line: str, old: str | None, new: str) -> str:
    if old is None:
        return line
    return new + line.removeprefix(old) if line.strip() else ""


# What a line's indentation is now (None: it begins inside a string and stays), and its level.
_Indent: TypeAlias = "tuple[str | None, int]"


def _plan_indents(lines: Sequence[str]) -> list[_Indent]:
    """What to do with the indentation of each line."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO("\n".join([*lines, ""])).readline))
    except (tokenize.TokenError, SyntaxError) as exc:
        raise SourceError(f"the new code cannot be read: {exc}") from exc
    plan: list[_Indent] = [("", 0)] * len(lines)
    levels = [""]
    begins = 0  # row, 0-based, of the logical line being read; its plan holds for what follows
    fresh = True
    comments: list[int] = []
    for token in tokens:
        row = token.start[0] - 1
        if token.type == tokenize.INDENT:
            levels.append(token.string)
        elif token.type == tokenize.DEDENT:
            levels.pop()
        elif token.type == tokenize.COMMENT and fresh:
            comments.append(row)
            plan[row] = _nearest(levels, token.line)
        elif token.type == tokenize.NEWLINE:
            plan[begins + 1 : row + 1] = [plan[begins]] * (row - begins)
            fresh = True
        elif fresh and token.type not in (tokenize.NL, tokenize.ENDMARKER):
            begins, fresh = row, False
            plan[row] = (levels[-1], len(levels) - 1)
            for above in comments:
                if _white(lines[above]) == levels[-1]:
                    plan[above] = plan[row]
            comments.clear()
    for row in _rows_in_strings(tokens):
        plan[row] = (None, 0)
    return plan


def _nearest(levels: Sequence[str], line: str) -> _Indent:
    fitting = [depth for depth, indent in enumerate(levels) if line.startswith(indent)]
    return levels[fitting[-1]], fitting[-1]


def _white(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _rows_in_strings(tokens: Iterable[tokenize.TokenInfo]) -> Iterator[int]:
    """Rows, 0-based, that begin inside a string."""
    opened: list[int] = []  # f-strings are several tokens from Python 3.12 on
    for token in tokens:
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            yield from range(token.start[0], token.end[0])
        elif kind.endswith("STRING_START"):
            opened.append(token.start[0])
        elif kind.endswith("STRING_END"):
            yield from range(opened.pop(), token.end[0])
