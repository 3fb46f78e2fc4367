"""What is drawn how often, and what is kept back to measure by."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

from training.check import at_most
from training.classes import method
from training.examples import Example, make_example
from training.families import Family, all_families, hashed, instantiate
from training.grammar import compose
from training.tasks import Task
from training.wording import expand, tidy

SHARES = {"family": 0.60, "composition": 0.32, "class": 0.08}
HELD_FAMILIES = 40  # one in so many families is never taught
HELD_COMPOSITIONS = 12  # likewise of combinations
HELD_WORDINGS = 6  # of one in so many families the last wording is never taught


def is_held_family(family: Family) -> bool:
    """Whether the whole family is kept back."""
    return hashed(f"family {family.key}") % HELD_FAMILIES == 0


def has_held_wording(family: Family) -> bool:
    """Whether its last wording is kept back."""
    return len(family.docs) >= 4 and hashed(f"wording {family.key}") % HELD_WORDINGS == 0


def is_held_composition(task: Task) -> bool:
    return hashed(f"composition {task.kind}") % HELD_COMPOSITIONS == 0


def draw_task(rng: Random) -> Task:
    """A task to learn from."""
    share = rng.random()
    if share < SHARES["class"]:
        return method(rng)
    if share < SHARES["class"] + SHARES["composition"]:
        return draw_composition(rng, held=False)
    family = rng.choice(_taught())
    docs = family.docs[:-1] if has_held_wording(family) else family.docs
    return instantiate(family, rng, doc=rng.choice(docs))


def draw_composition(rng: Random, *, held: bool) -> Task:
    """A combination that is taught, or one that is kept back."""
    while True:
        task = compose(rng)
        if is_held_composition(task) == held:
            return worded(task, rng)


def worded(task: Task, rng: Random) -> Task:
    """The task with one of its wordings."""
    return replace(task, doc=tidy(expand(task.doc, rng)))


@cache
def _taught() -> list[Family]:
    return [family for family in all_families() if not is_held_family(family)]


def draw_example(rng: Random) -> Example:
    """One example. Whatever goes wrong in a drawn body is raised, a body that hangs too."""
    with at_most(2):
        return make_example(draw_task(rng), rng)


def normalised(text: str) -> str:
    """What two wordings have in common when they are the same."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def docstrings_in(folders: Iterable[Path]) -> set[str]:
    """Docstrings of what is measured by: an example with the same one is not taught."""
    found = set()
    for folder in folders:
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                if is_function and (doc := ast.get_docstring(node)):
                    found.add(normalised(doc.split(">>>")[0]))
    return found
