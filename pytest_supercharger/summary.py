"""What a run came to, turned into the report's terms."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_supercharger.clean.candidates import render_function
from pytest_supercharger.confirm import Confirmation
from pytest_supercharger.deliver import Refused
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.fill import Filled, NotFilled
from pytest_supercharger.linking import Links, Trouble
from pytest_supercharger.reporting.report import (
    Chosen,
    Failure,
    FinalRun,
    Nearest,
    Seconds,
    Status,
    StubReport,
    Tokens,
)
from pytest_supercharger.sandboxes.base import ItemOutcome, Verdict
from pytest_supercharger.search import Searched
from pytest_supercharger.stubs import Stub

_NAME_OF_EVERYTHING = "the whole selection"


def report_listed(stub: Stub, links: Links, tokens: int) -> StubReport:
    """A stub in mode list."""
    return _with_links(stub, links, status=Status.UNFILLED, prompt_tokens=tokens)


def report_filled(result: Filled, links: Links, refused: Refused | None) -> StubReport:
    """A stub whose body was chosen, and written unless its file refused."""
    status = Status.VERIFIED if result.covered else Status.AGREED
    reason = "" if result.covered else _uncovered(result)
    if refused:
        status = Status.CONFLICT if refused.conflict else Status.UNFILLED
        reason = refused.reason
    return _with_links(
        result.stub, links, status=status, reason=reason, searched=result.searched,
        chosen=_chosen(result, links.tests.get(result.stub.id, ())),
        more_may_help=not refused,
        examples_passed=sum(map(result.code.passes, result.searched.evidence.trusted)),
    )  # fmt: skip


def _uncovered(result: Filled) -> str:
    said = ("not covered by your tests", result.searched.silence)
    return "; ".join(part for part in said if part)


def report_not_filled(result: NotFilled, links: Links | None) -> StubReport:
    """A stub that stays as it is."""
    return _with_links(
        result.stub,
        links,
        status=Status.UNFILLED,
        reason=result.reason,
        searched=result.searched,
        nearest=_nearest(result) if result.nearest else None,
        more_may_help=result.more_may_help,
        fits=result.fits,
    )


def _with_links(
    stub: Stub,
    links: Links | None,
    *,
    status: Status,
    reason: str = "",
    searched: Searched | None = None,
    chosen: Chosen | None = None,
    nearest: Nearest | None = None,
    more_may_help: bool = True,
    fits: bool = True,
    prompt_tokens: int | None = None,
    examples_passed: int = 0,
) -> StubReport:
    tests = links.tests.get(stub.id, ()) if links else ()
    return StubReport(
        id=stub.id,
        status=status,
        reason=reason,
        project_tests=tuple(test or _NAME_OF_EVERYTHING for test in tests),
        vacuous=links.vacuous.get(stub.id, ()) if links else (),
        expecting=links.expecting.get(stub.id, ()) if links else (),
        candidates=len(searched.evidence.codes) if searched else 0,
        generated_tests=_generated_tests(searched) if searched else 0,
        trusts_tests=searched.evidence.trusts_tests if searched else True,
        examples=len(searched.evidence.trusted) if searched else 0,
        examples_passed=examples_passed,
        rounds=searched.rounds if searched else 0,
        chosen=chosen,
        nearest=nearest,
        more_may_help=more_may_help,
        fits=fits,
        prompt_tokens=prompt_tokens,
        seconds=_seconds(searched) if searched else Seconds(),
        tokens=_tokens(searched) if searched else Tokens(),
    )


def _generated_tests(searched: Searched) -> int:
    return sum(not test.trusted for test in searched.evidence.tests)


def _seconds(searched: Searched) -> Seconds:
    return Seconds(
        generate=round(searched.generate_seconds, 3),
        check=round(searched.check_seconds, 3),
        total=round(searched.seconds, 3),
    )


def _tokens(searched: Searched) -> Tokens:
    return Tokens(
        prompt=searched.prompt_tokens,
        completion=searched.completion_tokens,
        spent=searched.spent_tokens,
    )


def _chosen(result: Filled, project_tests: Iterable[str]) -> Chosen:
    generated = [test for test in result.searched.evidence.tests if not test.trusted]
    return Chosen(
        source=render_function(result.stub, result.candidate),
        origin=result.candidate.origin,
        repairs=result.candidate.repairs,
        project_tests_passed=sum(result.code.passes_all_of(test) for test in project_tests),
        generated_tests_passed=sum(map(result.code.passes, generated)),
        agreement=_agreement(result.searched),
        judge=result.searched.judge,
        control=result.control,
        model=result.searched.model,
    )


def _agreement(searched: Searched) -> float | None:
    """None where there was only one answer: it agrees with itself."""
    answers = sum(code.multiplicity for code in searched.evidence.codes)
    value = searched.selection.agreement
    return None if value is None or answers < 2 else round(value, 3)


def _nearest(result: NotFilled) -> Nearest:
    assert result.nearest is not None
    code = result.nearest
    tests = result.searched.evidence.telling if result.searched else ()
    if code.project:
        passed, total = code.tests_passed, len(code.project.items)
    else:
        passed, total = sum(map(code.passes, tests)), len(tests)
    return Nearest(
        source=render_function(result.stub, code.candidate),
        passed=passed,
        total=total,
        failure=_first_failure(code),
    )


def _first_failure(code: CodeEvidence) -> Failure | None:
    item = code.first_failure
    if item is not None:
        return _failure(item)
    if code.project and not code.project.items:
        return Failure(id="", message=code.project.detail)
    return None


def _failure(item: ItemOutcome) -> Failure:
    return Failure(
        id=item.id or _NAME_OF_EVERYTHING,
        message=item.detail or item.exception or item.verdict.value,
    )


def trouble_failures(troubles: Iterable[Trouble]) -> tuple[Failure, ...]:
    """Tests that say nothing about any stub, as the report lists them."""
    return tuple(
        Failure(id=each.test or _NAME_OF_EVERYTHING, message=each.reason) for each in troubles
    )


def final_run(confirmation: Confirmation) -> FinalRun:
    """The confirmation as the final run."""
    outcome = confirmation.outcome
    counted = [item.verdict for item in outcome.items]
    passed = counted.count(Verdict.PASSED)
    skipped = counted.count(Verdict.SKIPPED)
    ended = outcome.exit_code is not None
    return FinalRun(
        where="sandbox",
        passed=passed,
        failed=len(counted) - passed - skipped,
        skipped=skipped,
        seconds=outcome.seconds,
        trouble="" if ended else outcome.detail or outcome.verdict.value,
    )
