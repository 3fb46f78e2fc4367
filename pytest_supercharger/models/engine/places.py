"""What a decode is given: tokens, each at its place in a sequence."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """One token to decode; made for every token of every step, so a plain tuple."""

    token: int
    position: int
    sequence: int
    is_read: bool  # its next-token scores are wanted
