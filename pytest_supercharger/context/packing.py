"""What fits into the token budget?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_supercharger.context.parts import Part, PartKind
from pytest_supercharger.exceptions import SetupError

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A part before it is known whether it fits."""

    kind: PartKind
    title: str
    texts: tuple[str, ...]  # pieces; one that an earlier part already shows is left out
    divisible: bool = False  # some of the pieces are better than none


class _Packing:
    """Takes drafts while they fit."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._shown: set[str] = set()
        self.parts: list[Part] = []
        self.dropped: list[str] = []

    def take(self, draft: Draft, room: int) -> int:
        """Show as much of the draft as fits in ``room`` tokens; the tokens it took."""
        pieces = [text for text in draft.texts if text not in self._shown]
        wanted = len(pieces)
        if draft.divisible:
            pieces = self._first_that_fit(pieces, room)
        part = self._part(draft, pieces)
        while draft.divisible and len(pieces) > 1 and part.tokens > room:
            pieces.pop()
            part = self._part(draft, pieces)
        if not pieces or part.tokens > room:
            self.dropped += [draft.title] if wanted else []
            return 0
        if len(pieces) < wanted:
            self.dropped.append(f"{draft.title}: {wanted - len(pieces)} of {wanted}")
        self._shown.update(pieces)
        self.parts.append(part)
        return part.tokens

    def _first_that_fit(self, pieces: list[str], room: int) -> list[str]:
        """A quick guess from the sum of the pieces: the whole is counted once, after."""
        sums = itertools.accumulate(self._count(piece) for piece in pieces)
        return [piece for piece, total in zip(pieces, sums, strict=True) if total <= room]

    def _part(self, draft: Draft, pieces: Sequence[str]) -> Part:
        text = "\n\n".join(pieces)
        shown = f"{draft.title}:\n```python\n{text}\n```\n\n"
        tokens = self._count(shown)
        return Part(kind=draft.kind, title=draft.title, text=text, tokens=tokens)


def pack(
    stub: Stub, drafts: Sequence[Draft], budget: int, count: Callable[[str], int]
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Parts that fit, in order, and the titles of the others.

    Tests take half of the room at most, so that a large suite does not push everything else
    out; the first one may take all of it.
    """
    packing = _Packing(count)
    left = budget
    for kind, group in itertools.groupby(drafts, key=lambda draft: draft.kind):
        room = left // 2 if kind is PartKind.TESTS else left
        for draft in group:
            first_test = kind is PartKind.TESTS and packing.parts[-1].kind is not kind
            taken = packing.take(draft, left if first_test else room)
            left, room = left - taken, room - taken
        if kind is PartKind.STUB and not packing.parts:
            raise SetupError(_too_long(stub, drafts[0], budget, count))
    return tuple(packing.parts), tuple(packing.dropped)


def _too_long(stub: Stub, draft: Draft, budget: int, count: Callable[[str], int]) -> str:
    needed = _Packing(count)._part(draft, draft.texts).tokens
    return (
        f"{stub.id}: its signature, docstring and comments need {needed} tokens, but there is "
        f"room for {max(budget, 0)}: raise supercharge_context (the model must have been made "
        f"for it), or shorten what is written there"
    )


def words_of(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w+", text)}
