"""What a run came to, in the report's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from specimens import STUB, body, evidence_of, generated_check, item, links, outcome, stubs_in

from pytest_supercharger.confirm import Confirmation
from pytest_supercharger.deliver import Refused
from pytest_supercharger.evidence import CodeEvidence, Evidence
from pytest_supercharger.fill import Filled, NotFilled
from pytest_supercharger.linking import EVERYTHING, Trouble
from pytest_supercharger.reporting.report import Failure, Status, Tokens
from pytest_supercharger.sandboxes.base import Control, Outcome, Verdict
from pytest_supercharger.search import Searched
from pytest_supercharger.selection import Selection
from pytest_supercharger.stubs import Stub
from pytest_supercharger.summary import (
    final_run,
    report_filled,
    report_listed,
    report_not_filled,
    trouble_failures,
)

CHECKS = (generated_check("assert total([1]) == 1"), generated_check("a", trusted=True))
TESTS = {STUB: ("t.py::a", "t.py::b")}


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    return stubs_in(tmp_path, {"shop.py": "def total(prices):\n    raise NotImplementedError\n"})[0]


def searched(*codes: CodeEvidence, chosen: CodeEvidence | None = None, **changes: Any) -> Searched:
    values = {
        "evidence": Evidence(stub=STUB, project_tests=(), tests=CHECKS, codes=codes),
        "selection": Selection(chosen=chosen, agreement=0.66666, reason="", nearest=chosen),
        "judge": 0.9,
        "rounds": 2,
        "stopped": "",
        "rejected": "",
        "seconds": 3.14159,
        "generate_seconds": 2.0001,
        "check_seconds": 0.5,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "spent_tokens": 35,
        "model": "small",
    }
    return Searched(**(values | changes))


def filled(stub: Stub, **changes: Any) -> Filled:
    passing = outcome("1", item("t.py::a"), item("t.py::b"), control=Control.PASSED)
    code = evidence_of(
        body("return sum(prices)"), project=passing, generated={CHECKS[0].id: item("0")}
    )
    values = {
        "stub": stub,
        "candidate": code.candidate,
        "code": code,
        "searched": searched(code, chosen=code),
        "covered": True,
    }
    return Filled(**(values | changes))


def test_a_covered_body_is_verified(stub: Stub) -> None:
    report = report_filled(filled(stub), links(tests=TESTS), None)
    assert (report.id, report.status, report.reason) == (STUB, Status.VERIFIED, "")
    assert report.project_tests == TESTS[STUB]
    assert (report.candidates, report.generated_tests, report.rounds) == (1, 1, 2)
    assert (report.seconds.total, report.seconds.generate) == (3.142, 2.0)
    assert report.tokens == Tokens(prompt=100, completion=20, spent=35)
    chosen = report.chosen
    assert chosen is not None
    assert chosen.model == "small"
    assert chosen.source == "def total(prices):\n    return sum(prices)"
    assert (chosen.project_tests_passed, chosen.generated_tests_passed) == (2, 1)
    assert (chosen.judge, chosen.control) == (0.9, "passed")
    assert chosen.agreement is None  # a single body agrees with nobody


def test_the_agreement_of_several_bodies_is_rounded(stub: Stub) -> None:
    one, other = evidence_of(body("return sum(prices)")), evidence_of(body("return 0"))
    result = filled(stub, code=one, searched=searched(one, other, chosen=one))
    chosen = report_filled(result, links(tests=TESTS), None).chosen
    assert chosen is not None
    assert chosen.agreement == 0.667


def test_a_body_without_project_tests_is_agreed_and_says_so(stub: Stub) -> None:
    report = report_filled(filled(stub, covered=False), links(), None)
    assert (report.status, report.reason) == (Status.AGREED, "not covered by your tests")


@pytest.mark.parametrize(
    ("conflict", "status"), [(True, Status.CONFLICT), (False, Status.UNFILLED)]
)
def test_a_body_whose_file_refused_is_not_filled(
    stub: Stub, conflict: bool, status: Status
) -> None:
    refused = Refused(path="shop.py", reason="it changed", conflict=conflict)
    report = report_filled(filled(stub), links(), refused)
    assert (report.status, report.reason) == (status, "it changed")


def test_an_unfilled_stub_shows_the_nearest_and_its_first_failure(stub: Stub) -> None:
    failing = outcome("1", item("t.py::a"), item("t.py::b", Verdict.FAILED, detail="assert 1 == 6"))
    code = evidence_of(body("return 1"), project=failing)
    result = NotFilled(stub=stub, reason="no", searched=searched(code), nearest=code)
    report = report_not_filled(result, links(tests=TESTS))
    assert (report.status, report.reason, report.chosen) == (Status.UNFILLED, "no", None)
    nearest = report.nearest
    assert nearest is not None
    assert (nearest.passed, nearest.total) == (1, 2)
    assert nearest.failure == Failure(id="t.py::b", message="assert 1 == 6")


def test_of_generated_checks_the_nearest_counts_all(stub: Stub) -> None:
    code = evidence_of(body("return 1"), generated={CHECKS[0].id: item("0")})
    result = NotFilled(stub=stub, reason="not sure", searched=searched(code), nearest=code)
    nearest = report_not_filled(result, links()).nearest
    assert nearest is not None
    assert (nearest.passed, nearest.total, nearest.failure) == (1, 2, None)


def test_a_check_that_ended_without_a_test_tells_why(stub: Stub) -> None:
    crashed = outcome("1", verdict=Verdict.CRASHED, detail="killed by SIGSEGV")
    code = evidence_of(body("return 1"), project=crashed)
    result = NotFilled(stub=stub, reason="no", searched=searched(code), nearest=code)
    nearest = report_not_filled(result, links()).nearest
    assert nearest is not None
    assert nearest.failure == Failure(id="", message="killed by SIGSEGV")


def test_a_stub_that_was_not_searched_for_has_cost_nothing(stub: Stub) -> None:
    result = NotFilled(stub=stub, reason="cannot run", more_may_help=False)
    report = report_not_filled(result, None)
    assert (report.candidates, report.rounds, report.seconds.total) == (0, 0, 0.0)
    assert not report.more_may_help


def test_a_listed_stub_tells_its_tests_and_its_prompt(stub: Stub) -> None:
    shown = links(tests={STUB: (EVERYTHING,)}, vacuous={STUB: ("t.py::v",)})
    report = report_listed(stub, shown, 321)
    assert report.project_tests == ("the whole selection",)
    assert (report.vacuous, report.prompt_tokens) == (("t.py::v",), 321)


def test_troubles_are_failures_with_a_name() -> None:
    troubles = [Trouble(test="t.py::a", reason="no network"), Trouble(test="", reason="conftest")]
    assert trouble_failures(troubles) == (
        Failure(id="t.py::a", message="no network"),
        Failure(id="the whole selection", message="conftest"),
    )


def confirmation(last: Outcome) -> Confirmation:
    return Confirmation(good=(), broken={}, flaky=(), outcome=last)


@pytest.mark.parametrize(
    ("verdicts", "counts"),
    [
        (["passed", "passed"], (2, 0, 0)),
        (["passed", "skipped", "failed"], (1, 1, 1)),
        (["error", "timeout", "blocked"], (0, 3, 0)),
        ([], (0, 0, 0)),
    ],
)
def test_the_final_run_counts_every_test_once(
    verdicts: Sequence[str], counts: tuple[int, int, int]
) -> None:
    items = [item(str(n), Verdict(verdict)) for n, verdict in enumerate(verdicts)]
    final = final_run(confirmation(outcome("1", *items, exit_code=0)))
    assert (final.passed, final.failed, final.skipped) == counts
    assert final.trouble == ""


def test_a_final_run_that_did_not_end_is_not_green() -> None:
    final = final_run(
        confirmation(outcome("1", item("t.py::a"), verdict=Verdict.CRASHED, detail="SIGSEGV"))
    )
    assert final.trouble == "SIGSEGV"
    assert not final.green


def test_a_body_that_no_trusted_check_tells_apart_is_near_by_no_count(stub: Stub) -> None:
    """Of checks that are not trusted nobody knows whether passing them is good."""
    code = evidence_of(body("return 1"), generated={CHECKS[0].id: item("0")})
    found = searched(code)
    found = replace(found, evidence=replace(found.evidence, trusts_tests=False))
    result = NotFilled(stub=stub, reason="not sure", nearest=code, searched=found)
    report = report_not_filled(result, links())
    assert report.nearest is not None
    assert (report.nearest.passed, report.nearest.total) == (0, 1)  # the docstring example
    assert not report.trusts_tests
    assert report.generated_tests == 1


def test_a_stub_that_is_too_long_for_the_model_is_reported_as_such(stub: Stub) -> None:
    assert report_not_filled(NotFilled(stub=stub, reason="no body"), links()).fits
    assert not report_not_filled(NotFilled(stub=stub, reason="too long", fits=False), links()).fits
