"""One meaning, many wordings: alternatives in a template, and what people do to sentences.

A template holds ``{a|b|}`` (one of these; may be nested), macros as in MACROS, and ``$0``, ``$1``
for the parameters' names.
"""

from __future__ import annotations

import re
from random import Random

MACROS: dict[str, dict[str, int]] = {
    # what is asked for: %R a value, %B something built, %C a question
    "R": {
        "Return": 30, "Returns": 10, "Compute": 8, "Calculate": 8, "Get": 5, "Find": 7, "Give": 2,
        "Work out": 2, "Determine": 3, "Should return": 2, "Function that returns": 2,
        "This function returns": 2, "Write a function that returns": 2, "Produce": 1, "": 12,
        "Give back": 1, "Output": 1, "Figure out": 1, "Evaluate": 1,
        "Implement a function to compute": 1,
    },
    "B": {
        "Return": 30, "Returns": 8, "Build": 6, "Create": 7, "Make": 5, "Produce": 4,
        "Generate": 5, "Get": 5, "Construct": 2, "Give": 1, "": 6, "Function that returns": 2,
        "Compute": 2,
    },
    "C": {
        "Return True if": 20, "Check if": 12, "Check whether": 12, "Returns True if": 8,
        "Determine whether": 5, "Determine if": 5, "Tell whether": 3, "True if": 5,
        "Test whether": 4, "Return whether": 6, "Decide if": 2, "Returns whether": 3, "Test if": 3,
        "Say whether": 1, "Find out whether": 1, "Verify that": 2, "Return true if": 3,
        "Tells if": 1, "Figure out if": 1, "See if": 1,
    },
    "F": {
        "": 50, ", False otherwise": 8, ", otherwise False": 6, ", else False": 6,
        " and False otherwise": 4, ". Otherwise return False": 2, ", or False if not": 1,
    },
    "L": {
        "list": 60, "sequence": 6, "array": 8, "given list": 8, "input list": 4, "collection": 3,
    },
    "N": {"numbers": 40, "values": 12, "elements": 12, "items": 8, "integers": 12},
    "A": {"": 40, "all ": 20, "all the ": 15, "the ": 25, "all of the ": 4},
    "Sx": {"string": 40, "text": 15, "word": 10, "given string": 10, "input string": 5},
    "T": {"a": 30, "the": 30, "the given": 12, "a given": 8, "the input": 4},
}  # fmt: skip
_MACRO = re.compile(r"%(Sx|[RBCFLNAT])")
# A parameter may be called a: "of a and b".
_ARTICLE = re.compile(
    r"\b([Aa]) (?=[aeio][a-z])(?!(?:and|is|in|into|of|or|as|are|if|on|at|else|except|appears|equals"
    r"|occurs|exceeds|exists|is|ends|inside|over|onto|also|already|again|each|only)\b)"
)
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")


def expand(template: str, rng: Random) -> str:
    """Draw one of the alternatives everywhere, from the inside out."""

    def macro(found: re.Match[str]) -> str:
        table = MACROS[found[1]]
        return rng.choices(list(table), weights=list(table.values()))[0]

    text = _MACRO.sub(macro, template)
    while found := _ALTERNATIVES.search(text):
        text = text[: found.start()] + rng.choice(found[1].split("|")) + text[found.end() :]
    return text


def tidy(text: str) -> str:
    """One space between words, "an" before vowels, a capital letter at the beginning."""
    text = re.sub(r"[ \t]+", " ", text).strip()
    text = re.sub(r" ([.,])(?=\s|$)", r"\1", text)
    text = _ARTICLE.sub(r"\1n ", text)
    is_name = re.match(r"[a-z_]+\d*[!(_]|[a-z] ", text)
    return text if is_name else text[:1].upper() + text[1:]


def roughen(text: str, rng: Random) -> str:
    """What hurried people write: no articles, no capitals, a letter missing."""
    if rng.random() < 0.04:
        text = re.sub(r"\b(the|a|an) ", "", text, count=rng.randint(1, 3))
    if rng.random() < 0.04:
        text = text.lower()
    if rng.random() < 0.02 and len(text) > 12:
        gap = rng.randrange(3, len(text) - 1)
        text = text[:gap] + text[gap + 1 :]
    return text
