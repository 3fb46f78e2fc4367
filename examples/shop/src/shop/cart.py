"""What is in the cart and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from pytest_supercharger import todo_llm

CODES = {"WELCOME10": 10, "SPRING25": 25}
ZONES = {"DE": Decimal("3.90"), "AT": Decimal("5.90"), "CH": Decimal("9.50")}
FREE_SHIPPING_FROM = Decimal("50.00")


def cents(amount: Decimal) -> Decimal:
    """The amount rounded to cents, half a cent up."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@dataclass
class Line:
    """So many of one article."""

    sku: str
    price: Decimal  # of one
    quantity: int = 1

    @property
    @todo_llm
    def total(self) -> Decimal:
        """Price of the whole line, rounded to cents."""


class Cart:
    """Lines in the order in which they were put in, each article once."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self.lines = list(lines)

    def line(self, sku: str) -> Line | None:
        """The line of an article, None where there is none."""
        return next((line for line in self.lines if line.sku == sku), None)

    @todo_llm
    def add(self, sku: str, price: Decimal, quantity: int = 1) -> None:
        """Put something in. The same article again raises its quantity and takes the new price.

        A quantity under 1 is a ValueError.
        """

    @todo_llm("a line that falls to nothing leaves the cart")
    def remove(self, sku: str, quantity: int = 1) -> None:
        """Take something out. An article that is not in the cart is a KeyError."""

    def subtotal(self) -> Decimal:
        """The sum of all lines, 0.00 for an empty cart."""
        raise NotImplementedError

    @classmethod
    def from_csv(cls, text: str) -> Cart:
        """A cart read from CSV with the columns sku, price and quantity (1 where it is empty)."""
        raise NotImplementedError


def discounted(amount: Decimal, code: str) -> Decimal:
    """The amount after the discount of a code from CODES, rounded to cents.

    Codes are accepted in small letters and with blanks around them; an unknown one
    is a ValueError that names it.
    """
    raise NotImplementedError


def shipping(subtotal: Decimal, country: str) -> Decimal:
    """What the parcel costs: by country from ZONES, nothing from FREE_SHIPPING_FROM on.

    A country without a zone is a LookupError, also for an order that would ship free.
    """
    raise NotImplementedError
