"""Arguments to try a function with: small, mixed, with the edges that matter."""

from __future__ import annotations

from random import Random
from typing import Any

WORDS = """apple banana cherry grape lemon mango peach plum kiwi melon orange cat dog horse mouse
tiger lion bear wolf fox sheep goat red blue green yellow black white pink house car tree river
stone cloud light table chair window door paper pencil hello world python code test data list level
radar noon civic kayak madam abc xyz aab hi foo bar baz ant bee owl egg ice oak sun moon star sky
one two three four five six seven alpha beta gamma delta Alice Bob Carol Dave Eve Paris London Rome
a bb ccc dddd eeeee Hello World Python banana level noon stats queue zebra quick brown lazy jumps
over the and of in it is small large big long short""".split()
NAMES = "Alice Bob Carol Dave Eve Frank Grace Ann Tom Sue".split()


class Draw:
    """Random values; the names are short because the catalogue is full of them."""

    def __init__(self, rng: Random) -> None:
        self.r = rng

    def ri(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return self.r.randint(low, high)

    def il(self, n: int = 7, lo: int = -9, hi: int = 20, m: int = 0) -> list[int]:
        """From m to n integers."""
        return [self.r.randint(lo, hi) for _ in range(self.r.randint(m, n))]

    def pl(self, n: int = 6, m: int = 0) -> list[int]:
        """From m to n positive integers."""
        return self.il(n, 1, 20, m)

    def fl(self, n: int = 5, m: int = 0) -> list[float]:
        """From m to n floats, in quarters so that sums are exact."""
        return [self.r.randint(-40, 80) / 4 for _ in range(self.r.randint(m, n))]

    def w(self) -> str:
        """A word."""
        return self.r.choice(WORDS)

    def sl(self, n: int = 5, m: int = 0) -> list[str]:
        """From m to n words."""
        return [self.r.choice(WORDS) for _ in range(self.r.randint(m, n))]

    def sent(self, n: int = 5, m: int = 1) -> str:
        """From m to n words in a string."""
        return " ".join(self.sl(n, m))

    def st(self) -> str:
        """A string of any kind."""
        kind = self.r.random()
        if kind < 0.5:
            return self.w()
        if kind < 0.62:
            return self.sent(3)
        if kind < 0.68:
            return ""
        if kind < 0.78:
            return self.w().upper()
        if kind < 0.9:
            return "".join(self.r.choice("abcABC123 !xyz") for _ in range(self.ri(1, 8)))
        return self.w() + self.r.choice(["!", "1", " 42", "?", "99"])

    def ch(self) -> str:
        """A frequent letter."""
        return self.r.choice("abcdeilnorst")

    def d(self, n: int = 4, m: int = 0) -> dict[str, int]:
        """A dict of m to n letters to integers."""
        return {self.r.choice("abcdefgxyz"): self.ri(-3, 12) for _ in range(self.ri(m, n))}

    def mat(self, rows: int | None = None, cols: int | None = None) -> list[list[int]]:
        """A matrix of digits, as a list of rows."""
        height, width = rows or self.ri(1, 3), cols or self.ri(1, 3)
        return [[self.ri(0, 9) for _ in range(width)] for _ in range(height)]

    def recs(self, field: str, m: int = 0) -> list[dict[str, Any]]:
        """Up to 3 records with a name and an integer field."""
        return [{"name": self.r.choice(NAMES), field: self.ri(1, 40)} for _ in range(self.ri(m, 3))]

    def names(self) -> dict[str, Any]:
        """What an input expression of the catalogue may name."""
        own = {name: getattr(self, name) for name in dir(self) if not name.startswith("_")}
        return own | {"W": WORDS, "NAMES": NAMES}
