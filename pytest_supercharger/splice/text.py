"""Where does a line or a node of a source text stand, counted in characters?"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable, Iterator
from typing import NamedTuple

BOM = "\ufeff"
BLANK = " \t\f"
NEWLINE = re.compile(r"\r\n|\r|\n")


class Text:
    """A source text by line and offset."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in NEWLINE.finditer(text))]
        self._ascii = text.isascii()

    def offset(self, line: int, column: int) -> int:
        """Of a 1-based line and a column in UTF-8 bytes, as ``ast`` gives them."""
        start = self._starts[line - 1]
        if self._ascii:
            return start + column
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode())

    def start(self, node: ast.stmt | ast.expr | ast.alias) -> int:
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.stmt | ast.expr | ast.alias) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def line_start(self, offset: int) -> int:
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def line_end(self, offset: int) -> int:
        """Where the line's content ends, before its newline."""
        match = NEWLINE.search(self.text, offset)
        return match.start() if match else len(self.text)

    def next_line(self, offset: int) -> int:
        match = NEWLINE.search(self.text, offset)
        return match.end() if match else len(self.text)

    def newline(self, offset: int) -> str:
        """The newline that ends this line; of the last line, the one before."""
        match = NEWLINE.search(self.text, offset)
        if match:
            return match[0]
        start = self.line_start(offset)
        before = self.text[max(0, start - 2) : start]
        return "\r\n" if before == "\r\n" else before[-1:] or "\n"

    def line(self, offset: int) -> str:
        return self.text[self.line_start(offset) : self.line_end(offset)]

    def indent(self, offset: int) -> str:
        """The white space that this line begins with; a form feed starts a new count."""
        line = self.line(offset)
        return line[: len(line) - len(line.lstrip(BLANK))].rpartition("\f")[2]

    def tokens(self, offset: int) -> Iterator[tuple[tokenize.TokenInfo, int]]:
        """Tokens and their offsets, from the line that holds ``offset``."""
        first = self.line_start(offset)
        bounds: list[int] = []

        def read_line() -> str:
            at = self.next_line(bounds[-1]) if bounds else first
            if bounds and at >= len(self.text):
                return ""
            bounds.append(at)
            return self.text[at : self.line_end(at)] + "\n"

        for token in tokenize.generate_tokens(read_line):
            row, column = token.start
            if row <= len(bounds):
                yield token, bounds[row - 1] + column

    def logical_end(self, offset: int) -> int:
        """The start of the line after the logical line that begins in this line."""
        for token, at in self.tokens(offset):
            if token.type == tokenize.NEWLINE:
                return self.next_line(at)
        return len(self.text)


class Edit(NamedTuple):
    """Put ``text`` in place of what stands from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Make all edits, bottom-up; of several at one place the first given comes first."""
    for edit in sorted(edits, key=lambda edit: edit[:2])[::-1]:
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
