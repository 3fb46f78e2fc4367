"""Take a model's thinking off the beginning of its answer, token by token."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """What an answer may begin with, and is not part of it."""

    opening: str
    closing: str
    is_open: bool  # the prompt ends inside
    limit: int  # tokens after which it is closed by force
    closing_tokens: tuple[int, ...]  # that close it


class Thoughts:
    """Fed with an answer's bytes, gives back those that come after the thinking."""

    def __init__(self, thinking: Thinking) -> None:
        self._opening = thinking.opening.encode()
        self._closing = thinking.closing.encode()
        self._held = bytearray()
        self._inside = thinking.is_open
        self.limit = thinking.limit  # tokens
        self.tokens = 0  # so far, those that decide what it is included
        self.are_over = False

    @property
    def were_had(self) -> bool:
        return self._inside

    def feed(self, piece: bytes) -> bytes:
        """What of the text so far is answer, and was not given back yet."""
        if self.are_over:
            return piece
        self.tokens += 1
        self._held += piece
        if not self._inside:
            self._inside = self._held.lstrip().startswith(self._opening)
        if not self._inside and not self._may_open():
            return self._all()
        at = self._held.find(self._closing)
        if at < 0:
            return b""
        del self._held[: at + len(self._closing)]
        return self._all().lstrip(b"\r\n")

    def rest(self) -> bytes:
        """What is answer after all when nothing more comes: text that only began like thinking."""
        return b"" if self._inside else self._all()

    def _may_open(self) -> bool:
        text = bytes(self._held.lstrip())
        # Some begin with the marker that says that the thinking is over.
        return self._opening.startswith(text) or self._closing.startswith(
            text[: len(self._closing)]
        )

    def _all(self) -> bytes:
        self.are_over = True
        held = bytes(self._held)
        self._held.clear()
        return held
