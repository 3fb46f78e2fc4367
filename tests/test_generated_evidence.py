"""Generated checks: how they run on one candidate, and what many of them together prove."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from specimens import STUB, body, evidence_of, generated_check, item

from pytest_supercharger.clean.candidates import TestCandidate
from pytest_supercharger.evidence import CodeEvidence, Evidence
from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    ItemOutcome,
    Outcome,
    Project,
    Verdict,
)
from pytest_supercharger.sandboxes.bubblewrap import BubblewrapLauncher
from pytest_supercharger.sandboxes.worker import PooledSandbox
from pytest_supercharger.selection import select

Ask = Callable[..., Outcome]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Runs checks, one argument each, on a module with the given source."""
    root = tmp_path_factory.mktemp("project")
    (root / "subject.py").write_text("")
    project = Project(
        rootdir=str(root),
        invocation_dir=str(root),
        ini_file="",
        args=(),
        cwd_on_path=False,
        python_path=(str(root),),
        options=(),
        mounts=(),
        env=(),
    )
    try:
        sandbox = PooledSandbox(BubblewrapLauncher(project), project, workers=1)
    except SandboxUnavailable as error:
        pytest.skip(str(error))

    def run(source: str, *tests: str, total: float = 0.0) -> Outcome:
        check = Check(
            id="check",
            kind=CheckKind.GENERATED,
            files=(("subject.py", textwrap.dedent(source)),),
            module="subject.py",
            tests=tests,
            timeout=0.5,
            total=total,
        )
        (outcome,) = sandbox.run([check])
        return outcome

    yield run
    sandbox.close()


def verdicts(items: tuple[ItemOutcome, ...]) -> list[str]:
    assert [item.id for item in items] == [str(index) for index in range(len(items))]
    return [item.verdict.value for item in items]


@pytest.mark.bubblewrap
def test_checks_that_end_by_themselves_share_a_fork(ask: Ask) -> None:
    outcome = ask(
        """
        import os
        def pid(fail):
            if fail:
                raise ValueError
            return os.getpid()
        """,
        "assert pid(False) > 1",
        "assert pid(True) > 1",
        "assert pid(False) == 0",
        "assert pid(False) > 1",
    )
    assert verdicts(outcome.items) == ["passed", "error", "failed", "passed"]
    assert len({outcome.items[index].returned for index in (0, 2, 3)}) == 1


@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        pytest.param("os._exit(0)", "crashed", id="exit"),
        pytest.param("os.kill(os.getpid(), 9)", "crashed", id="kill"),
        pytest.param("os.write(3, b'x' * 8)", "crashed", id="forged message"),
        pytest.param("time.sleep(9)", "timeout", id="sleep"),
        pytest.param("print('x' * 500_000)", "passed", id="flood"),
    ],
)
@pytest.mark.bubblewrap
def test_the_checks_after_one_that_ends_its_fork_are_run(
    ask: Ask, ending: str, verdict: str
) -> None:
    outcome = ask(
        f"import os, time\ndef f(n):\n    if n == 1:\n        {ending}\n    return n\n",
        *(f"assert f({n}) == {n}" for n in range(4)),
    )
    assert verdicts(outcome.items) == ["passed", verdict, "passed", "passed"]
    assert [item.returned for item in outcome.items[2:]] == ["2", "3"]


@pytest.mark.bubblewrap
def test_a_body_that_never_ends_is_given_up_after_two_checks(ask: Ask) -> None:
    began = time.monotonic()
    outcome = ask("def f(n):\n    while True:\n        pass\n", *["assert f(1) == 1"] * 20)
    assert verdicts(outcome.items) == ["timeout"] * 2 + ["not run"] * 18
    assert time.monotonic() - began < 5


@pytest.mark.bubblewrap
def test_a_slow_body_is_stopped_when_all_its_checks_together_take_too_long(ask: Ask) -> None:
    slow = "import time\ndef f(n):\n    time.sleep(0.3)\n    return n\n"
    outcome = ask(slow, *["assert f(1) == 1"] * 20, total=1.5)
    assert outcome.verdict is Verdict.TIMEOUT
    assert 1 <= verdicts(outcome.items).count("passed") <= 4
    assert len(outcome.items) < 20


@pytest.mark.bubblewrap
def test_each_item_has_the_time_it_took(ask: Ask) -> None:
    source = "import time\ndef f(n):\n    time.sleep(n)\n    return n\n"
    quick, slow = ask(source, "assert f(0) == 0", "assert f(0.3) == 1").items
    assert quick.seconds < 0.3 <= slow.seconds < 0.5


@pytest.mark.bubblewrap
def test_a_candidate_cannot_answer_for_another_check(ask: Ask) -> None:
    """What the fork says about ids is not listened to."""
    forging = """
        import sys
        def f(n):
            frame = sys._getframe()
            while frame and "send" not in frame.f_locals:
                frame = frame.f_back
            if n == 0:
                for index in "789":
                    frame.f_locals["send"]({"item": {"id": index, "verdict": "passed"}})
                frame.f_locals["send"]({"end": {"exit_code": 0}})
            return n
        """
    outcome = ask(forging, "assert f(0) == 0", "assert f(1) == 1")
    assert [item.id for item in outcome.items] == ["0", "1"]
    assert outcome.exit_code is None


@pytest.mark.bubblewrap
@pytest.mark.parametrize(
    "source",
    [
        """
        SEEN = []
        def f():
            SEEN.append(1)
            return len(SEEN)
        """,
        """
        def f(seen=[]):
            seen.append(1)
            return len(seen)
        """,
        """
        def f():
            f.calls = getattr(f, "calls", 0) + 1
            return f.calls
        """,
        """
        class Counter:
            seen = {}
        def f():
            Counter.seen[len(Counter.seen)] = 1
            return len(Counter.seen)
        """,
        """
        count = 0
        def f():
            global count
            count += 1
            return count
        """,
    ],
    ids=["list", "default", "attribute", "class", "global"],
)
def test_what_a_check_leaves_in_the_module_does_not_reach_the_next(ask: Ask, source: str) -> None:
    outcome = ask(source, "assert f() == 1", "assert f() == 1", "assert f() == 1")
    assert verdicts(outcome.items) == ["passed"] * 3


@pytest.mark.bubblewrap
def test_state_that_a_check_leaves_is_gone_for_the_next_candidate(ask: Ask) -> None:
    counting = "seen = []\ndef f():\n    seen.append(1)\n    return len(seen)\n"
    first = [item.returned for item in ask(counting, *["assert f() == 1"] * 3).items]
    again = [item.returned for item in ask(counting, *["assert f() == 1"] * 3).items]
    assert first == again == ["1", "1", "1"]


CHECKS = tuple(generated_check(f"assert total([{n}]) == {n}") for n in range(10))


def returning(number: int, values: str, passing: str = "0") -> CodeEvidence:
    """A candidate, by the value that it returns in each check; those in ``passing`` are right."""
    items = {
        check.id: item(
            str(index),
            Verdict.PASSED if str(index) in passing else Verdict.FAILED,
            returned=value,
        )
        for index, (check, value) in enumerate(zip(CHECKS, values, strict=True))
    }
    return evidence_of(body(f"return {number}"), generated=items)


def evidence(*codes: CodeEvidence, tests: tuple[TestCandidate, ...] = CHECKS) -> Evidence:
    return Evidence(stub=STUB, project_tests=(), tests=tests, codes=codes)


# Ten candidates, each alone with its answer to one check; every pair agrees in eight of ten.
EACH_DIFFERENT = tuple(
    returning(number, "".join(str(number) if n == number else "x" for n in range(10)))
    for number in range(10)
)


def test_candidates_that_agree_here_and_there_but_never_throughout_are_not_sure() -> None:
    selection = select(evidence(*EACH_DIFFERENT))
    assert selection.agreement is not None
    assert selection.agreement > 0.8
    assert selection.chosen is None
    assert selection.reason == "not sure: only 10% of the candidates return the same throughout"
    assert selection.nearest in EACH_DIFFERENT


def test_a_fifth_that_agrees_throughout_is_enough() -> None:
    twin = replace(EACH_DIFFERENT[3], candidate=body("return 33"))
    selection = select(evidence(*EACH_DIFFERENT[1:], twin))
    assert selection.chosen is not None
    assert selection.chosen.generated == twin.generated


def test_a_docstring_example_that_passes_needs_no_twin() -> None:
    trusted = replace(CHECKS[0], trusted=True)
    selection = select(evidence(*EACH_DIFFERENT, tests=(trusted, *CHECKS[1:])))
    assert selection.chosen is not None
