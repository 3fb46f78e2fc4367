"""What the bundled model was trained on is what the product asks it."""

from __future__ import annotations

import ast
import re
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from pytest_supercharger.bundled import prompts_dir
from pytest_supercharger.context import LinkedTest, gather_context
from pytest_supercharger.prompts import RequestKind, load_prompts, render
from pytest_supercharger.stubs import find_stubs
from training.classes import method
from training.examples import Example, make_example
from training.families import all_families, instantiate
from training.held_out import SPLITS, held_examples
from training.mixture import draw_composition, draw_task, has_held_wording, is_held_family

FAMILY = "supercharger-tiny"


def asked_in_a_project(example: Example, root: Path) -> str:
    """The prompt that the product makes of the example's stub, in a file like the example's."""
    is_test = example.prompt.endswith("    ...\n\nassert")
    text = example.prompt.removesuffix("    ...\n\nassert")
    told = [line for line in text.splitlines() if line.startswith("assert ")]
    module = "\n".join(line for line in text.splitlines() if line not in told)
    depth = "        " if example.task.around else "    "
    (root / "app.py").write_text(f"{module}\n{depth}raise NotImplementedError\n", encoding="utf-8")
    body = "".join(f"    {line}\n" for line in told) or "    pass\n"
    tests = f"import pytest\nfrom app import *\n\n\ndef test_it():\n{body}"
    (root / "test_app.py").write_text(tests, encoding="utf-8")
    stubs = find_stubs(root, norecurse=(), python_files=("test_*.py",)).stubs
    stub = max(stubs, key=lambda stub: stub.line)
    linked = [LinkedTest(id="test_app.py::test_it", belongs=True)]
    context = gather_context(
        stub, rootdir=root, tests=linked, all_stubs=[stub], budget=4000, count=len
    )
    prompts = load_prompts(prompts_dir()).of(FAMILY)
    kind = RequestKind.TESTS if is_test else RequestKind.CODE
    return render(kind, context, prompts=prompts).continuation


def examples(seed: int) -> list[Example]:
    rng = Random(f"prompts {seed}")
    makers = (draw_task, method, lambda rng: draw_composition(rng, held=False))
    return [make_example(maker(rng), rng) for maker in makers for _ in range(6)]


@pytest.mark.parametrize("seed", range(25))
def test_an_example_is_worded_as_the_product_words_its_prompts(seed: int, tmp_path: Path) -> None:
    for number, example in enumerate(examples(seed)):
        root = tmp_path / str(number)
        root.mkdir()
        assert asked_in_a_project(example, root) == example.prompt


def test_an_answer_completes_its_prompt_to_a_module_that_parses() -> None:
    for example in examples(99):
        if not example.prompt.endswith("assert"):
            ast.parse(example.prompt + example.answer)


def test_prompts_with_tests_with_imports_and_of_methods_are_all_taught() -> None:
    rng = Random(3)
    prompts = [make_example(draw_task(rng), rng).prompt for _ in range(300)]
    for pattern in (
        r"(?m)^assert .+\n\ndef ",
        r"(?m)^(from|import) ",
        r"(?m)^    def ",
        r"assert$",
    ):
        assert any(re.search(pattern, prompt) for prompt in prompts), pattern


def test_what_is_kept_back_is_never_drawn() -> None:
    kept = {f"family:{family.key}" for family in all_families() if is_held_family(family)}
    assert len(kept) > 10
    rng = Random(4)
    assert not kept & {draw_task(rng).kind for _ in range(2000)}


def test_a_wording_that_is_kept_back_differs_from_those_that_are_taught() -> None:
    held = [family for family in all_families() if has_held_wording(family)]
    assert len(held) > 50
    for family in islice(held, 30):
        assert family.docs[-1] not in family.docs[:-1]


@pytest.mark.parametrize("split", SPLITS)
def test_kept_back_examples_are_the_same_in_every_run_and_of_different_kinds(split: str) -> None:
    one, two = held_examples(split, 20, seed=1), held_examples(split, 20, seed=1)
    assert [example.prompt for example in one] == [example.prompt for example in two]
    assert len({example.task.kind for example in one}) == 20


def test_a_family_is_drawn_with_all_its_names() -> None:
    family = next(family for family in all_families() if family.key.endswith("/gcd"))
    rng = Random(5)
    assert {instantiate(family, rng).name for _ in range(300)} == set(family.names)
