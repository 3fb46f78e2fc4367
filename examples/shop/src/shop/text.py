"""Texts as customers type them and as the shop shows them."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_supercharger import todo_llm


def squeeze(text: str) -> str:
    """Every run of white space as one space, none at the ends."""
    return " ".join(text.split())


def initials(name: str) -> str:
    """The initials of a person's name, in capitals, each with a full stop.

    The parts of a hyphenated name count one by one: "Anne-Marie Duff" gives "A.M.D.".
    """
    raise NotImplementedError


def slugify(title: str) -> str:
    """A title as it stands in a web address.

    Accents are dropped. Letters (small) and digits stay, everything else separates,
    and one hyphen stands between two words; none at the ends.
    """
    raise NotImplementedError("not written yet")


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text broken at white space, none longer than ``width``.

    A word longer than ``width`` is not cut: it gets a line of its own.
    """
    # go through the words one by one; an empty text has no lines
    raise NotImplementedError


def plural(count: int, noun: str) -> str:
    """A number with its noun, as a customer reads it.

    >>> plural(1, "item")
    '1 item'
    >>> plural(3, "item")
    '3 items'
    >>> plural(0, "box")
    '0 boxes'
    >>> plural(2, "delivery")
    '2 deliveries'
    >>> plural(2, "day")
    '2 days'
    """
    raise NotImplementedError


@todo_llm("only the last four digits may be read; spaces and hyphens stay where they are")
def mask_card(number: str) -> str:
    """A card number as it may be printed on a receipt."""
