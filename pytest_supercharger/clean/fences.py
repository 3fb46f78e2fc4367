"""Where in an answer is the code?

Chat models wrap code in fences and prose, reasoning models put a monologue before it, base
models simply go on. The answer is cut into regions here, the most promising first; whether a
region parses is asked by :mod:`~pytest_supercharger.clean.syntax`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TAGS = "think|thinking|thought|reasoning|reflection"
_THINKING = re.compile(rf"^[ \t]*<({_TAGS})>.*?(</\1>|\Z)", re.DOTALL | re.MULTILINE)
_UNOPENED = re.compile(rf"\A.*</({_TAGS})>", re.DOTALL)
_END_MARK = re.compile(r"<\|(endoftext|im_end|eot_id|end|end_of_text)\|>|</s>|<end_of_turn>")
_OPENING = re.compile(r"(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A completion without what is no answer, line ends as ``\\n``."""

    text: str
    repairs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of an answer that may be code."""

    code: str
    repairs: tuple[str, ...] = ()  # how it was taken out of the answer, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fenced block: lines ``start`` to ``end`` (0-based, exclusive) with its marks."""

    code: str
    start: int
    end: int
    closed: bool


def clean_answer(text: str) -> Answer:
    """Drop byte order mark, carriage returns, end-of-text marks and thinking sections."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if mark := _END_MARK.search(text):
        text = text[: mark.start()]
    if "<" not in text:
        return Answer(text=text, repairs=())
    answer = _UNOPENED.sub("", _THINKING.sub("", text))
    return Answer(text=answer, repairs=() if answer == text else ("dropped a thinking section",))


def find_fences(text: str) -> list[Fence]:
    """All fenced blocks in order, also a last one that is never closed."""
    if "```" not in text and "~~~" not in text:
        return []
    lines = text.split("\n")
    fences: list[Fence] = []
    at = 0
    while at < len(lines):
        opening = _OPENING.fullmatch(lines[at])
        if opening is None:
            at += 1
            continue
        fences.append(_read_fence(lines, at, opening))
        at = fences[-1].end
    return fences


def _read_fence(lines: list[str], start: int, opening: re.Match[str]) -> Fence:
    mark, indent = opening["mark"], len(opening["indent"])
    # A fence four or more columns further in is text of the block: a docstring's own example.
    closing = re.compile(rf"[ \t]{{0,{indent + 3}}}{mark[0]}{{{len(mark)},}}[ \t]*")
    end = next(
        (at for at in range(start + 1, len(lines)) if closing.fullmatch(lines[at])), len(lines)
    )
    inside = [_outdent(line, indent) for line in lines[start + 1 : end]]
    closed = end < len(lines)
    return Fence(code="\n".join(inside), start=start, end=end + 1, closed=closed)


def _outdent(line: str, columns: int) -> str:
    margin = len(line) - len(line.lstrip(" \t"))
    return line[min(margin, columns) :]


def find_regions(text: str, name: str) -> Iterator[Region]:
    """Parts of an answer that may hold the body of ``name``, the most promising first.

    Fenced blocks that define ``name``, the last before the first (models correct themselves:
    simonw/llm#717); the answer outside of fences; the other blocks; all that lies before the
    first fence mark, which closes a fence that the prompt had opened. Without fences the whole
    answer, then what follows an unpaired triple quote.
    """
    fences = find_fences(text)
    if not fences:
        yield Region(code=text)
        yield from _after_docstring(text)
        return
    defines = re.compile(rf"^[ \t]*(async[ \t]+)?def[ \t]+{re.escape(name)}\b", re.MULTILINE)
    numbered = list(enumerate(fences, start=1))
    for wanted in (True, False):
        for number, fence in reversed(numbered):
            if bool(defines.search(fence.code)) is wanted:
                yield Region(code=fence.code, repairs=_describe_fence(number, fences))
        outside = _outside(text, fences)
        if wanted and defines.search(outside):
            yield Region(code=outside, repairs=("left out fenced blocks",))
    before = "\n".join(text.split("\n")[: fences[0].start])
    if before.strip():
        yield Region(code=before, repairs=("dropped all from the first fence mark on",))


def _after_docstring(text: str) -> Iterator[Region]:
    """What follows the docstring that a base model went on with before it came to the body."""
    for quotes in ('"""', "'''"):
        if text.count(quotes) % 2:
            code = text.partition(quotes)[2]
            yield Region(code=code, repairs=("dropped the end of a docstring",))


def _describe_fence(number: int, fences: list[Fence]) -> tuple[str, ...]:
    which = "a fence" if len(fences) == 1 else f"fence {number} of {len(fences)}"
    unclosed = "" if fences[number - 1].closed else ", which is not closed"
    return (f"took the code out of {which}{unclosed}",)


def _outside(text: str, fences: list[Fence]) -> str:
    lines = text.split("\n")
    for fence in reversed(fences):
        del lines[fence.start : fence.end]
    return "\n".join(lines)
