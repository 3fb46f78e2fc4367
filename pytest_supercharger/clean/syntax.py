"""Which part of a text is Python?

A whole text that parses is taken as it is. Otherwise it is cut into top-level chunks, and the
chunk that matters loses trailing lines until it parses. Nothing is executed, only parsed.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

_CONTINUES = re.compile(r"[)\]}#]|(else|elif|except|finally)\b")
# What base models write where one file of their training text met the next.
_GLUED = re.compile(r"(?<=[)\]}'\"])(?=(?:import|from|class|def)[ .])")
_QUOTES = re.compile(r"\"\"\"|'''")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """Source text, its tree, and what was done to get there."""

    source: str
    tree: ast.Module
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """Why a text is no Python."""

    message: str
    line: int  # 1-based; 0 where the parser does not say


def parse(source: str) -> Parsed | Broken:
    """Parse without a warning and without an exception, whatever the text is."""
    with warnings.catch_warnings():
        # Invalid escapes in a model's text are no business of whoever runs with -W error.
        warnings.simplefilter("ignore")
        try:
            return Parsed(source=source, tree=ast.parse(source))
        except SyntaxError as error:
            return Broken(message=error.msg or "invalid syntax", line=error.lineno or 0)
        except (ValueError, RecursionError, MemoryError) as error:
            return Broken(message=str(error) or type(error).__name__, line=0)


def compile_problem(source: str) -> str:
    """Why ``source`` does not compile (``return`` outside a function and the like); ``""``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "<candidate>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return f"{error.msg} (line {error.lineno})"
        except (ValueError, RecursionError, MemoryError) as error:
            return str(error) or type(error).__name__
    return ""


def parse_answer(source: str, wanted: re.Pattern[str]) -> Parsed | Broken:
    """Parse a text with prose or rubbish around the chunk in which ``wanted`` is found.

    Chunks that do not parse are dropped. The wanted one may be cut off: its trailing lines are
    dropped until it parses. Broken is that of the last wanted chunk.
    """
    whole = parse(source)
    if isinstance(whole, Parsed):
        return whole
    kept: list[str] = []
    repairs: list[str] = []
    broken, dropped = whole, 0
    for chunk in split_chunks(_settle_margin(source)):
        result = parse(chunk)
        if isinstance(result, Broken) and wanted.search(chunk):
            broken, result = result, _mend(chunk)
        if isinstance(result, Parsed):
            kept.append(result.source)
            repairs.extend(result.repairs)
        else:
            dropped += 1
    if dropped:
        repairs.append("dropped text that is no Python")
    if not any(wanted.search(chunk) for chunk in kept):
        inner = _indented_part(source, wanted)
        return parse_answer(inner, wanted) if inner else broken
    return _with_repairs(parse("\n".join(kept)), repairs)


def _indented_part(source: str, wanted: re.Pattern[str]) -> str:
    """The text from the last ``wanted`` on, moved to the left margin; "" when it is there."""
    start = max((match.start() for match in wanted.finditer(source)), default=0)
    part = source[start:]
    return _settle_margin(part) if part[:1] in (" ", "\t") else ""


def parse_continuation(header: str, text: str) -> Parsed | Broken:
    """Parse ``text`` as what follows ``header``, the def line, which becomes its first line.

    The body ends where a line stands further left than its first one; after it only what
    stands at the left margin is looked at, as helpers may follow.
    """
    lines = _settle_first_line(text.strip("\n").rstrip().split("\n"), header)
    source = "\n".join((header, *lines))
    whole = parse(source)
    if isinstance(whole, Parsed):
        return whole
    margin = _margin(next((line for line in lines if line.strip()), ""))
    ends = [at for at, line in enumerate(lines) if _starts_left_of(line, margin)]
    for end in ends[:8]:
        body = parse("\n".join((header, *lines[:end])))
        if isinstance(body, Parsed):
            return _with_rest(body, lines[end:])
    end = ends[0] if ends else len(lines)
    mended = _mend("\n".join((header, *lines[:end])))
    return whole if isinstance(mended, Broken) else _with_rest(mended, lines[end:])


def _with_rest(body: Parsed, rest: list[str]) -> Parsed | Broken:
    chunks = [chunk for chunk in split_chunks("\n".join(rest)) if not chunk[:1].isspace()]
    kept = [chunk for chunk in chunks if isinstance(parse(chunk), Parsed)]
    repairs = list(body.repairs)
    if len(kept) < len(chunks):
        repairs.append("dropped text that is no Python")
    return _with_repairs(parse("\n".join((body.source, *kept))), repairs)


def _with_repairs(result: Parsed | Broken, repairs: list[str]) -> Parsed | Broken:
    if isinstance(result, Broken):
        return result
    return Parsed(source=result.source, tree=result.tree, repairs=tuple(dict.fromkeys(repairs)))


def _mend(chunk: str) -> Parsed | Broken:
    spaced = "\n".join(expand_margin(line) for line in chunk.split("\n"))
    result = parse(spaced)
    if isinstance(result, Parsed):
        return _with_repairs(result, ["replaced tabs by spaces"])
    for glued in _GLUED.finditer(chunk):
        result = parse(chunk[: glued.start()])
        if isinstance(result, Parsed):
            return _with_repairs(result, ["cut off where another file begins in mid-line"])
    return drop_cut_off(chunk)


def drop_cut_off(source: str) -> Parsed | Broken:
    """Drop trailing lines until the rest parses; says how many lines with text were dropped."""
    lines = source.rstrip().split("\n")
    first = result = parse(source)
    size = len(lines)
    while isinstance(result, Broken) and size > 1:
        # The parser names the line where an open bracket or string begins: jump before it.
        size = min(size - 1, result.line - 1) if result.line > 1 else size - 1
        result = parse("\n".join(lines[:size]))
    dropped = sum(1 for line in lines[size:] if line.strip())
    if isinstance(result, Broken) or not result.tree.body:
        return first
    return _with_repairs(result, [f"cut off: dropped {dropped} trailing lines"])


def split_chunks(source: str) -> list[str]:
    """Top-level chunks: each begins at the left margin, with its decorators and its clauses."""
    chunks: list[list[str]] = []
    in_string = decorated = False
    for line in source.split("\n"):
        starts = bool(line) and not line[0].isspace() and not _CONTINUES.match(line)
        starts = starts and not in_string
        if not chunks or (starts and not decorated):
            chunks.append([])
        chunks[-1].append(line)
        if starts:
            decorated = line.startswith("@")
        if len(_QUOTES.findall(line)) % 2:
            in_string = not in_string
    return ["\n".join(chunk) for chunk in chunks if any(line.strip() for line in chunk)]


def _settle_margin(source: str) -> str:
    """Move a text whose first line is indented to the left margin."""
    lines = source.split("\n")
    margin = _margin(next((line for line in lines if line.strip()), ""))
    if not margin:
        return source
    return "\n".join(line[min(margin, _margin(line)) :] for line in lines)


def _settle_first_line(lines: list[str], header: str) -> list[str]:
    """Indent a body that stands at the margin, or only its first line, whose indentation the
    prompt's end took."""
    if lines[0][:1].isspace() or not lines[0]:
        return lines
    code = "\n".join(lines)
    margins = [_margin(line) for line in lines[1:] if line.strip()]
    first_only = [" " * min((m for m in margins if m), default=4) + lines[0], *lines[1:]]
    if isinstance(parse(code), Parsed):
        return indent(code, "    ").split("\n")
    if isinstance(parse("\n".join((header, *first_only))), Parsed):
        return first_only
    if isinstance(drop_cut_off(code), Parsed):
        return indent(code, "    ").split("\n")
    return first_only


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _starts_left_of(line: str, margin: int) -> bool:
    return bool(line.strip()) and _margin(line) < margin and not line.lstrip().startswith("#")


def expand_margin(line: str) -> str:
    """Replace tabs in the leading white space by four columns each."""
    margin = _margin(line)
    return line[:margin].expandtabs(4) + line[margin:]


def string_lines(tree: ast.AST, source: str) -> frozenset[int]:
    """1-based lines of ``source`` that begin inside a string and must not be moved."""
    if not _QUOTES.search(source) and "\\\n" not in source:
        return frozenset()
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.JoinedStr, ast.Constant)) and node.end_lineno is not None:
            inside.update(range(node.lineno + 1, node.end_lineno + 1))
    return frozenset(inside)


def indent(code: str, prefix: str) -> str:
    """Put ``prefix`` before every line of ``code`` but blank ones and those inside a string."""
    parsed = parse(code)
    fixed = string_lines(parsed.tree, code) if isinstance(parsed, Parsed) else frozenset()
    return "\n".join(
        line if not line.strip() or number in fixed else prefix + line
        for number, line in enumerate(code.split("\n"), start=1)
    )
