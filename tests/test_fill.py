"""From what is known of a stub to a body, or the reason why there is none."""

from __future__ import annotations

from pathlib import Path

from searching import ALSO_RIGHT, GATE, RIGHT, WRONG, budget, by_tests, task_in, tools
from specimens import STUB, blocked, item, outcome

from pytest_supercharger.fill import Filled, NotFilled, Waiting, fill_stub
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.prompts import RequestKind
from pytest_supercharger.sandboxes.base import Check, Control, Outcome, Verdict
from pytest_supercharger.sandboxes.scripted import ScriptedSandbox

STYLE = "{based_on_style: pep8}"


def answering(*texts: str) -> ScriptedModel:
    return ScriptedModel({(STUB, RequestKind.CODE): list(texts)})


def test_the_chosen_body_is_in_the_style_of_the_project(tmp_path: Path) -> None:
    untidy = "    return  sum( prices )\n"
    sandbox = ScriptedSandbox(lambda check: outcome(check.id, item(GATE[0])))
    result = fill_stub(task_in(tmp_path), tools(answering(untidy), sandbox), STYLE)
    assert isinstance(result, Filled)
    assert result.candidate.body == "return sum(prices)"
    assert result.code.candidate.body == untidy.strip()
    assert result.covered


def test_the_control_of_the_winner_is_told(tmp_path: Path) -> None:
    def answer(check: Check) -> Outcome:
        return outcome(check.id, item(GATE[0]), control=Control.PASSED)

    result = fill_stub(task_in(tmp_path), tools(answering(RIGHT), ScriptedSandbox(answer)), STYLE)
    assert isinstance(result, Filled)
    assert result.control == "passed"


def test_without_an_in_process_check_the_control_is_none(tmp_path: Path) -> None:
    sandbox = ScriptedSandbox(lambda check: outcome(check.id, item(GATE[0])))
    result = fill_stub(task_in(tmp_path), tools(answering(RIGHT), sandbox), STYLE)
    assert isinstance(result, Filled)
    assert result.control == "none"


def test_nothing_good_enough_tells_both_reasons_and_the_nearest(tmp_path: Path) -> None:
    model, sandbox = answering(WRONG), ScriptedSandbox(by_tests)
    result = fill_stub(task_in(tmp_path), tools(model, sandbox), STYLE)
    assert isinstance(result, NotFilled)
    assert "no candidate passes its tests (best: 0 of 1 passed)" in result.reason
    assert "--supercharge-rounds" in result.reason
    assert result.nearest is not None
    assert result.nearest.candidate.body == "return prices[0]"
    assert result.more_may_help


def test_a_model_without_an_answer_leaves_no_nearest(tmp_path: Path) -> None:
    result = fill_stub(task_in(tmp_path), tools(answering(), ScriptedSandbox(by_tests)), STYLE)
    assert isinstance(result, NotFilled)
    assert result.nearest is None
    assert "no usable answer" in result.reason


def test_bodies_that_wait_for_another_stub_are_kept_best_first(tmp_path: Path) -> None:
    other, tests = "shop.py::other", ("t.py::a", "t.py::b", "t.py::c")

    def answer(check: Check) -> Outcome:
        passing = 2 if "result +=" in dict(check.files)["shop.py"] else 1
        items = [item(test) for test in tests[:passing]]
        items += [blocked(test, other) for test in tests[passing:]]
        return outcome(check.id, *items)

    model = answering(RIGHT, ALSO_RIGHT)
    result = fill_stub(task_in(tmp_path, tests), tools(model, ScriptedSandbox(answer)), STYLE)
    assert isinstance(result, Waiting)
    assert result.blocked_by == (other,)
    assert [code.tests_passed for code in result.codes] == [2, 1]
    given_up = result.given_up([other])
    assert other in given_up.reason
    assert given_up.nearest is result.codes[0]


def test_a_body_that_fails_beside_being_blocked_does_not_wait(tmp_path: Path) -> None:
    def answer(check: Check) -> Outcome:
        return outcome(
            check.id, blocked("t.py::a", "shop.py::other"), item("t.py::b", Verdict.FAILED)
        )

    model = answering(RIGHT)
    result = fill_stub(
        task_in(tmp_path, ("t.py::a", "t.py::b")),
        tools(model, ScriptedSandbox(answer), budget=budget(rounds=1)),
        STYLE,
    )
    assert isinstance(result, NotFilled)
