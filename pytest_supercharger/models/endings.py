"""Where does an answer end?

Asked once per token while a model writes, and of whole texts that a server sent. What is decided
depends on the bytes alone, never on how they were cut into tokens.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_STEP = 64  # bytes between two looks for a loop
_LONGEST_UNIT = 400  # bytes of what repeats
_COPIES = 6  # of any unit
_SHORT_COPIES = 12  # of a short one: a board of ten equal rows is no loop
_LOOP = 240  # bytes that repetitions cover at least
_SHORT_LOOP = 960  # bytes from which _SHORT_COPIES are not asked for
_BLANK = 200  # bytes of nothing but white space
_PROBE = 32  # bytes of the end that are looked for before it
_WINDOW = _COPIES * _LONGEST_UNIT
_TAB = 8  # columns, as Python counts them
_INDENT = b" \t\f\r"

# CommonMark 4.5: the info string of a backtick fence holds no backtick.
_OPENING = re.compile(rb" {0,3}(?P<mark>`{3,}(?=[^`]*\Z)|~{3,}).*", re.DOTALL)
_CLOSING = re.compile(rb" {0,3}(?P<mark>`{3,}|~{3,})[ \t]*")

_TOKEN = re.compile(rb'"""|\'\'\'|["\'#()\[\]{}]|\\\Z')
_LEAVING = {
    quote: re.compile(rb"(?:\\.|[^\\])*?" + quote, re.DOTALL)
    for quote in (b'"""', b"'''", b'"', b"'")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What ends an answer."""

    stop: tuple[str, ...] = ()  # strings; the answer ends before the first
    wanted: str = ""  # regular expression: a closed code block that it is found in is the end
    level: int | None = None  # column: a line of code that begins there or left of it is too much
    loops: bool = True  # whether repetitions without end are cut off


class Answer:
    """Takes in an answer piece by piece until it ends.

    With ``level`` the text is taken as Python source that begins at the start of a line.

    :raises re.error: ``wanted`` is no regular expression.
    """

    def __init__(self, ends: Ends) -> None:
        self._text = bytearray()
        self._finish = ""
        self._rules: list[_Rule] = []
        if stops := [stop.encode() for stop in ends.stop if stop]:
            self._rules.append(_Stops(stops))
        if ends.wanted:
            self._rules.append(_Fences(re.compile(ends.wanted)))
        if ends.level is not None:
            self._rules.append(_Level(ends.level))
        if ends.loops:
            self._rules.append(_Loops())

    def feed(self, piece: bytes) -> str:
        """Add a piece and say how the answer ended with it.

        ``""``: it goes on. ``"stop"``: it is complete. ``"loop"``: it repeated itself, and was
        cut off after the first copy. Nothing is added to an answer that has ended.
        """
        at = 0
        while at < len(piece) and not self._finish:
            after = at + _STEP - len(self._text) % _STEP
            self._take(piece[at:after])
            at = after
        return self._finish

    @property
    def text(self) -> str:
        """What is kept of it so far.

        Bytes of a character that is cut in two at the end are left out, others that are no UTF-8
        become U+FFFD.
        """
        return codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(self._text))

    def _take(self, piece: bytes) -> None:
        begin = len(self._text)
        self._text += piece
        found = [end for rule in self._rules if (end := rule.find(self._text, begin))]
        if found:
            first = min(found, key=lambda end: end.seen)
            self._finish = first.finish
            del self._text[first.cut :]


def trim(text: str, ends: Ends) -> str:
    """What is kept of a whole answer; a lone surrogate becomes U+FFFD.

    :raises re.error: ``ends.wanted`` is no regular expression.
    """
    answer = Answer(ends)
    answer.feed(text.encode("utf-8", "surrogatepass"))
    return answer.text


# --- the rules ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    seen: int  # bytes that had to be known; of several ends the first seen counts
    cut: int  # bytes that are kept
    finish: str = "stop"


class _Rule(Protocol):
    def find(self, text: bytearray, begin: int) -> _End | None:
        """The first end that is seen in the bytes from ``begin`` on."""


class _Stops:
    """Strings, also across the borders of pieces."""

    def __init__(self, stops: Sequence[bytes]) -> None:
        self._stops = stops

    def find(self, text: bytearray, begin: int) -> _End | None:
        found = []
        for stop in self._stops:
            at = text.find(stop, max(0, begin - len(stop) + 1))
            if at >= 0:
                found.append((at + len(stop), at))
        if not found:
            return None
        seen, cut = min(found)
        return _End(seen=seen, cut=cut)


class _Fences:
    """A closed Markdown code block in which the expression is found; its fence is kept.

    A fence in a triple-quoted string of the code belongs to the string.
    """

    def __init__(self, wanted: re.Pattern[str]) -> None:
        self._wanted = wanted
        self._line = 0  # where the unfinished line begins
        self._mark = b""  # the fence that is open
        self._content = 0  # where what it holds begins
        self._source = _Source()

    def find(self, text: bytearray, begin: int) -> _End | None:
        while (newline := text.find(b"\n", max(begin, self._line))) >= 0:
            start, self._line = self._line, newline + 1
            line = bytes(text[start:newline]).removesuffix(b"\r")
            if self._ends_block(line) and self._is_wanted(text[self._content : start]):
                return _End(seen=newline + 1, cut=start + len(line))
        return None

    def _is_wanted(self, content: bytearray) -> bool:
        return self._wanted.search(content.decode("utf-8", "replace")) is not None

    def _ends_block(self, line: bytes) -> bool:
        if not self._mark:
            self._open(line)
            return False
        closing = _CLOSING.fullmatch(line)
        if closing and closing["mark"].startswith(self._mark) and not self._source.in_long_string:
            self._mark = b""
            return True
        self._source.add(line)
        return False

    def _open(self, line: bytes) -> None:
        if opening := _OPENING.fullmatch(line):
            self._mark = opening["mark"]
            self._content = self._line
            self._source = _Source()


class _Level:
    """Code at a column or left of it; a closing bracket may stand there."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._line = 0  # where the unfinished line begins
        self._is_fine = False  # its first character is known, and no end
        self._source = _Source()

    def find(self, text: bytearray, begin: int) -> _End | None:
        while True:
            newline = text.find(b"\n", max(begin, self._line))
            if end := self._first_character(text, begin, newline if newline >= 0 else len(text)):
                return end
            if newline < 0:
                return None
            self._source.add(bytes(text[self._line : newline]).removesuffix(b"\r"))
            self._line = newline + 1
            self._is_fine = self._source.goes_on

    def _first_character(self, text: bytearray, begin: int, end: int) -> _End | None:
        if self._is_fine:
            return None
        new = max(begin, self._line)
        first = new + len(text[new:end]) - len(text[new:end].lstrip(_INDENT))
        if first >= end:
            return None
        self._is_fine = True
        indent = text[self._line : first].rpartition(b"\f")[2].replace(b"\r", b"")
        if text[first] in b")]}" or len(indent.expandtabs(_TAB)) > self._level:
            return None
        return _End(seen=first + 1, cut=self._line)


class _Loops:
    """The same again and again, up to the end of the text."""

    def find(self, text: bytearray, begin: int) -> _End | None:
        if len(text) % _STEP:
            return None
        cut = _cut_blank(text) or _cut_copies(text)
        return _End(seen=len(text), cut=cut, finish="loop") if cut else None


def _cut_blank(text: bytearray) -> int:
    """Where white space that fills the end of the text is cut off; 0: it does not."""
    if len(text) < _BLANK or not text[-_BLANK:].isspace():
        return 0
    return len(text.rstrip()) + 1


def _cut_copies(text: bytearray) -> int:
    """Where the copies of a unit that fill the end of the text are cut off; 0: there are none."""
    tail = bytes(text[-_WINDOW:])
    probe = tail[-_PROBE:]
    lowest = max(0, len(tail) - _PROBE - _LONGEST_UNIT)
    at = tail.rfind(probe, lowest, len(tail) - 1)
    while at >= 0:
        unit = len(tail) - _PROBE - at
        loop = max(_LOOP, _COPIES * unit, min(_SHORT_COPIES * unit, _SHORT_LOOP))
        if loop <= len(tail) and tail[-loop:-unit] == tail[unit - loop :]:
            return _after_first_copy(text, len(text) - loop, unit)
        at = tail.rfind(probe, lowest, at + _PROBE - 1)
    return 0


def _after_first_copy(text: bytearray, start: int, unit: int) -> int:
    """The end of the first copy, or of the line it ends in where the copies have several lines."""
    while start > 0 and text[start - 1] == text[start - 1 + unit]:
        start -= 1
    cut = start + unit
    if b"\n" in text[start:cut]:
        cut = text.index(b"\n", cut - 1) + 1
    return cut


# --- Python source --------------------------------------------------------------------------


class _Source:
    """Knows what is open at the end of each line of Python source, as far as lines tell.

    Not ``tokenize``: that one wants to read the text from its beginning again.
    """

    def __init__(self) -> None:
        self._quote = b""
        self._depth = 0  # open brackets
        self._is_joined = False  # the line ended in a backslash

    @property
    def goes_on(self) -> bool:
        """Whether the next line continues a string, a bracket or a joined line."""
        return bool(self._quote or self._depth or self._is_joined)

    @property
    def in_long_string(self) -> bool:
        return len(self._quote) == 3

    def add(self, line: bytes) -> None:
        """Read one line, without its end."""
        self._is_joined = False
        at = 0
        while at < len(line):
            at = self._read_string(line, at) if self._quote else self._read_code(line, at)

    def _read_code(self, line: bytes, at: int) -> int:
        found = _TOKEN.search(line, at)
        if found is None or found.group() == b"#":
            return len(line)
        token = found.group()
        if token in b"([{":
            self._depth += 1
        elif token in b")]}":
            self._depth = max(0, self._depth - 1)
        elif token == b"\\":
            self._is_joined = True
        else:
            self._quote = token
        return found.end()

    def _read_string(self, line: bytes, at: int) -> int:
        found = _LEAVING[self._quote].match(line, at)
        if found:
            self._quote = b""
            return found.end()
        backslashes = len(line) - len(line.rstrip(b"\\"))
        if not self.in_long_string and backslashes % 2 == 0:
            self._quote = b""  # it is never closed
        return len(line)
