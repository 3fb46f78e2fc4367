"""What a search needs, scripted: a task for one stub, and tools that remember what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specimens import item, outcome, stubs_in

from pytest_supercharger.bundled import prompts_dir
from pytest_supercharger.clean.candidates import CodeCandidate, example_checks
from pytest_supercharger.context import gather_context
from pytest_supercharger.evidence import Evidence
from pytest_supercharger.models.base import Model
from pytest_supercharger.prompts import Prompt, RequestKind, load_prompts
from pytest_supercharger.sandboxes.base import Check, CheckKind, Outcome, Sandbox, Verdict
from pytest_supercharger.search import Budget, Task, Tools
from pytest_supercharger.stubs import Stub

SOURCE = '''\
def total(prices):
    """Sum of all prices."""
    raise NotImplementedError
'''
GATE = ("test_shop.py::test_total",)
RIGHT = "    return sum(prices)\n"
ALSO_RIGHT = (
    "    result = 0\n    for price in prices:\n        result += price\n    return result\n"
)
WRONG = "    return prices[0]\n"
ALSO_WRONG = "    return len(prices)\n"


@dataclass
class Hooks:
    """A conftest without opinions, unless it is given one."""

    refuse: Callable[[CodeCandidate], str | None] = lambda _: None
    choose: Callable[[Evidence], str | None] = lambda _: None

    def prompt(self, stub: Stub, request: RequestKind, prompt: Prompt) -> Prompt:
        return prompt

    def reject(self, stub: Stub, candidate: CodeCandidate) -> str | None:
        return self.refuse(candidate)

    def select(self, stub: Stub, evidence: Evidence) -> str | None:
        return self.choose(evidence)


@dataclass
class Journal:
    """Keeps what it is told."""

    decisions: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    checked: list[tuple[int, int, int]] = field(default_factory=list)

    def decided(self, stub: str, kind: str, data: dict[str, object]) -> None:
        self.decisions.append((kind, data))

    def round_started(self, stub: str, number: int, rounds: int) -> None:
        self.rounds.append(number)

    def candidate_checked(self, stub: str, checked: int, passed: int, total: int) -> None:
        self.checked.append((checked, passed, total))

    def reasons(self, kind: str) -> list[str]:
        return [str(data["reason"]) for name, data in self.decisions if name == kind]


def task_in(folder: Path, gate: Sequence[str] = GATE, source: str = SOURCE, **changes: Any) -> Task:
    """The first stub of ``shop.py``, with these tests."""
    stub = stubs_in(folder, {"shop.py": source})[0]
    context = gather_context(
        stub, rootdir=folder, tests=[], all_stubs=[stub], budget=4000, count=count_words
    )
    values = {
        "stub": stub,
        "context": context,
        "module_source": source,
        "files": (("shop.py", source),),
        "gate": tuple(gate),
        "args": tuple(gate),
        "timeout": 10.0,
        "limits": (),
        "examples": tuple(example_checks(stub)),
    }
    return Task(**(values | changes))


def tools(model: Model, sandbox: Sandbox, **changes: Any) -> Tools:
    values = {
        "model": model,
        "sandbox": sandbox,
        "judge": None,
        "prompts": load_prompts(prompts_dir()),
        "hooks": Hooks(),
        "journal": Journal(),
        "budget": budget(),
        "seed": 0,
        "temperature": None,
        "threshold": 0.8,
        "prompt_limit": 0,
    }
    return Tools(**(values | changes))


def budget(**changes: Any) -> Budget:
    values = {"candidates": 8, "tests": 4, "rounds": 1, "seconds": 60.0, "tokens": None}
    return Budget(**(values | changes))


def count_words(text: str) -> int:
    return len(text.split())


def by_tests(check: Check) -> Outcome:
    """Project tests pass for the two right bodies."""
    right = _is_right(check)
    verdict = Verdict.PASSED if right else Verdict.FAILED
    detail = "" if right else "assert 1 == 6"
    return outcome(check.id, *(item(test, verdict, detail=detail) for test in check.args))


def by_values(returned: Mapping[str, str]) -> Callable[[Check], Outcome]:
    """Generated checks: a body returns what is said for the text in it, and passes if it is 6."""

    def answer(check: Check) -> Outcome:
        assert check.kind is CheckKind.GENERATED
        source = dict(check.files)["shop.py"]
        value = next(value for text, value in returned.items() if text in source)
        verdict = Verdict.PASSED if value == "6" else Verdict.FAILED
        items = [item(str(n), verdict, returned=value) for n in range(len(check.tests))]
        return outcome(check.id, *items)

    return answer


def _is_right(check: Check) -> bool:
    source = dict(check.files)["shop.py"]
    return "return sum(prices)" in source or "result += price" in source
