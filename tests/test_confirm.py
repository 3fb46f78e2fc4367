"""All winners together: which of them is to blame, and which tests say nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from specimens import item, links, outcome

from pytest_supercharger.confirm import Confirmation, confirm, limits_of
from pytest_supercharger.exceptions import SandboxError
from pytest_supercharger.sandboxes.base import Check, CheckKind, ItemOutcome, Outcome, Verdict
from pytest_supercharger.sandboxes.scripted import ScriptedSandbox

OLD = ("t.py::old_1", "t.py::old_2")  # passed on the stub tree
ROOT = Path("/project")
Fails = Callable[[str, frozenset[str]], bool]  # whether a test fails with these winners in place


def own(stub: str) -> str:
    """The test that belongs to a stub."""
    return f"t.py::{stub}"


class Suite:
    """Tests of which a function says whether they fail; as a sandbox with a memory."""

    def __init__(
        self, winners: Sequence[str], fails: Fails, gone: Fails = lambda *_: False
    ) -> None:
        self.tests = [*OLD, *map(own, winners)]
        self._fails = fails
        self._gone = gone
        self.sandbox = ScriptedSandbox(self._run)

    def _run(self, check: Check) -> Outcome:
        assert check.kind is CheckKind.CONFIRM
        present = frozenset(name for name, _ in check.files)
        named = {name.removeprefix(f"{ROOT}/") for name in check.args}
        wanted = [test for test in self.tests if not named or test in named]
        items = [self._item(test, present) for test in wanted if not self._gone(test, present)]
        return outcome(check.id, *items)

    def _item(self, test: str, present: frozenset[str]) -> ItemOutcome:
        failed = self._fails(test, present)
        if test not in OLD:
            failed = failed or test.removeprefix("t.py::") not in present
        return item(test, Verdict.FAILED if failed else Verdict.PASSED)


def run(winners: Sequence[str], suite: Suite, **changes: object) -> Confirmation:
    values = {"passed": frozenset(OLD), "tests": {name: (own(name),) for name in winners}}
    return confirm(
        {name: (own(name),) for name in winners},
        tree=lambda stubs: tuple((name, "") for name in stubs),
        links=links(**(values | changes)),
        sandbox=suite.sandbox,
        selection=(),
        timeout=10.0,
        rootdir=ROOT,
    )


def never(test: str, present: frozenset[str]) -> bool:
    return False


def breaking(*breakers: str, test: str = OLD[0]) -> Fails:
    """``test`` fails as soon as one of these is in place."""
    return lambda name, present: name == test and bool(present & set(breakers))


def failed_in(outcome: Outcome) -> set[str]:
    return {item.id for item in outcome.items if item.verdict is not Verdict.PASSED}


NINE = [f"stub{number}" for number in range(9)]


def test_when_nothing_breaks_one_run_is_enough() -> None:
    suite = Suite(NINE, never)
    confirmation = run(NINE, suite)
    assert confirmation.good == tuple(NINE)
    assert (dict(confirmation.broken), confirmation.flaky) == ({}, ())
    assert confirmation.outcome.verdict is Verdict.PASSED
    (check,) = suite.sandbox.checks
    assert [name for name, _ in check.files] == NINE


@pytest.mark.parametrize("breaker", NINE)
def test_one_breaker_among_many_is_found(breaker: str) -> None:
    suite = Suite(NINE, breaking(breaker))
    confirmation = run(NINE, suite)
    assert list(confirmation.broken) == [breaker]
    assert confirmation.broken[breaker][0].id == OLD[0]
    assert confirmation.good == tuple(name for name in NINE if name != breaker)
    assert failed_in(confirmation.outcome) == {own(breaker)}  # its stub is open again
    assert len(suite.sandbox.checks) <= 12


def test_two_independent_breakers_are_found() -> None:
    confirmation = run(NINE, Suite(NINE, breaking("stub1", "stub7")))
    assert sorted(confirmation.broken) == ["stub1", "stub7"]
    assert len(confirmation.good) == 7


@pytest.mark.parametrize("pair", [("stub0", "stub8"), ("stub0", "stub1"), ("stub3", "stub5")])
def test_two_that_break_only_together_do_not_both_stay(pair: tuple[str, str]) -> None:
    def fails(test: str, present: frozenset[str]) -> bool:
        return test == OLD[0] and set(pair) <= present

    confirmation = run(NINE, Suite(NINE, fails))
    assert set(confirmation.broken) <= set(pair)
    assert confirmation.broken
    assert failed_in(confirmation.outcome) == set(map(own, confirmation.broken))


def test_a_breaker_that_needs_another_winner_to_be_seen_is_found() -> None:
    """Without stub0 the test stops earlier and passes: no half shows the failure alone."""

    def fails(test: str, present: frozenset[str]) -> bool:
        return test == OLD[1] and {"stub0", "stub8"} <= present

    confirmation = run(NINE, Suite(NINE, fails))
    assert set(confirmation.broken) <= {"stub0", "stub8"}


def test_the_only_winner_is_to_blame_without_a_search() -> None:
    suite = Suite(["stub0"], breaking("stub0"))
    confirmation = run(["stub0"], suite)
    assert (confirmation.good, list(confirmation.broken)) == ((), ["stub0"])
    assert len(suite.sandbox.checks) == 3  # all, the test without it, what is left


def test_a_flaky_test_blames_nobody_and_is_named() -> None:
    confirmation = run(NINE, Suite(NINE, lambda test, _: test == OLD[1]))
    assert confirmation.flaky == (OLD[1],)
    assert confirmation.good == tuple(NINE)


def test_a_flaky_test_does_not_hide_a_broken_one() -> None:
    def fails(test: str, present: frozenset[str]) -> bool:
        return test == OLD[1] or (test == OLD[0] and "stub4" in present)

    confirmation = run(NINE, Suite(NINE, fails))
    assert confirmation.flaky == (OLD[1],)
    assert list(confirmation.broken) == ["stub4"]


def test_a_winner_whose_own_test_fails_now_is_taken_out() -> None:
    """It passed on the search's tree, and stock pytest says otherwise."""
    confirmation = run(NINE, Suite(NINE, lambda test, _: test == own("stub2")))
    assert list(confirmation.broken) == ["stub2"]
    assert len(confirmation.good) == 8


def test_a_test_that_disappears_counts_as_failing() -> None:
    def gone(test: str, present: frozenset[str]) -> bool:
        return test == OLD[0] and "stub5" in present

    confirmation = run(NINE, Suite(NINE, never, gone))
    assert list(confirmation.broken) == ["stub5"]
    (missing,) = confirmation.broken["stub5"]
    assert missing.verdict is Verdict.NOT_RUN
    assert "did not run" in missing.detail


def test_a_winner_that_ends_pytest_is_found() -> None:
    def gone(test: str, present: frozenset[str]) -> bool:
        return "stub3" in present

    confirmation = run(NINE, Suite(NINE, never, gone))
    assert list(confirmation.broken) == ["stub3"]
    assert len(confirmation.good) == 8


def test_a_test_that_is_skipped_now_is_no_failure_unless_it_belongs() -> None:
    def skipping(skipped: str) -> ScriptedSandbox:
        return ScriptedSandbox(
            lambda check: outcome(
                check.id,
                *(
                    item(test, Verdict.SKIPPED if test == skipped else Verdict.PASSED)
                    for test in (*OLD, own("stub0"))
                ),
            )
        )

    suite = Suite(["stub0"], never)
    suite.sandbox = skipping(OLD[0])
    assert run(["stub0"], suite).good == ("stub0",)
    suite.sandbox = skipping(own("stub0"))
    assert run(["stub0"], suite).good == ()


def test_the_last_outcome_is_that_of_what_is_left() -> None:
    suite = Suite(NINE, breaking("stub0"))
    confirmation = run(NINE, suite)
    assert [name for name, _ in suite.sandbox.checks[-1].files] == NINE[1:]
    assert confirmation.outcome.check == suite.sandbox.checks[-1].id


def test_a_lost_sandbox_confirms_nothing() -> None:
    """Neither is a body good that could not be tried, nor are all tests flaky."""
    suite = Suite(NINE, never)
    suite.sandbox = ScriptedSandbox(
        lambda check: outcome(check.id, verdict=Verdict.SANDBOX_DOWN, detail="engine stopped")
    )
    with pytest.raises(SandboxError, match="engine stopped"):
        run(NINE, suite)


def test_uncovered_winners_are_held_to_what_passed_before() -> None:
    def fails(test: str, present: frozenset[str]) -> bool:
        return test == OLD[0] and "stub6" in present

    suite = Suite([], fails)
    confirmation = confirm(
        dict.fromkeys(NINE, ()),
        tree=lambda stubs: tuple((name, "") for name in stubs),
        links=links(passed=frozenset(OLD)),
        sandbox=suite.sandbox,
        selection=(),
        timeout=10.0,
        rootdir=ROOT,
    )
    assert list(confirmation.broken) == ["stub6"]


@pytest.mark.parametrize(
    ("seconds", "limits"),
    [
        ({}, {"": 20.0}),
        ({"t.py::a": 1.0, "t.py::b": 3.0}, {"": 20.0, "t.py::b": 15.0}),
    ],
)
def test_limits_are_five_times_the_baseline_where_that_is_more(
    seconds: Mapping[str, float], limits: Mapping[str, float]
) -> None:
    assert dict(limits_of(links(seconds=seconds), 10.0)) == limits


def test_slow_collecting_gets_its_time() -> None:
    assert dict(limits_of(links(collecting=100.0), 10.0)) == {"": 500.0}
