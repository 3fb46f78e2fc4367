"""What was never taught: wordings, combinations and whole families, to measure by."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.check import at_most
from training.examples import Example, make_example
from training.families import all_families, instantiate
from training.mixture import draw_composition, has_held_wording, is_held_family
from training.tasks import Task


def held_wording(rng: Random) -> Task:
    """A family that is taught, in a wording that is not."""
    held = [f for f in all_families() if has_held_wording(f) and not is_held_family(f)]
    family = rng.choice(held)
    return instantiate(family, rng, doc=family.docs[-1])


def held_composition(rng: Random) -> Task:
    """A combination that is not taught, of parts that are."""
    return draw_composition(rng, held=True)


def held_family(rng: Random) -> Task:
    """A family that is not taught."""
    return instantiate(rng.choice([f for f in all_families() if is_held_family(f)]), rng)


SPLITS: dict[str, Callable[[Random], Task]] = {
    "wording": held_wording,
    "composition": held_composition,
    "family": held_family,
}


def held_examples(split: str, count: int, *, seed: int) -> list[Example]:
    """Examples of one split, each of another kind as far as there are enough."""
    rng = Random(f"held {split} {seed}")
    found: dict[str, Example] = {}
    for _ in range(count * 20):
        task = SPLITS[split](rng)
        if task.kind in found or task.inputs is None:
            continue
        try:
            with at_most(2):
                found[task.kind] = make_example(task, rng, clean=True)
        except (TimeoutError, SyntaxError):
            continue
        if len(found) == count:
            break
    return list(found.values())
