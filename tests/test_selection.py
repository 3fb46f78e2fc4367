"""Which body is taken, on evidence made for the purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from specimens import STUB, body, evidence_of, generated_check, item, outcome

from pytest_supercharger.clean.candidates import TestCandidate
from pytest_supercharger.evidence import CodeEvidence, Evidence
from pytest_supercharger.sandboxes.base import Control, Verdict
from pytest_supercharger.selection import agreement_scores, select

CHECKS = tuple(generated_check(f"assert total({n}) == {n}") for n in range(4))


def code(
    source: str, values: Sequence[str | Verdict], *, times: int = 1, passes: Sequence[int] = ()
) -> CodeEvidence:
    """A body that returned these values for the checks in order, and passed some of them."""
    results = {
        CHECKS[n].id: item(str(n), value)
        if isinstance(value, Verdict)
        else item(str(n), Verdict.PASSED if n in passes else Verdict.FAILED, returned=value)
        for n, value in enumerate(values)
    }
    return evidence_of(body(source), times, generated=results)


def evidence(*codes: CodeEvidence, tests: Sequence[TestCandidate] = CHECKS) -> Evidence:
    return Evidence(stub=STUB, project_tests=(), tests=tuple(tests), codes=codes)


def chosen(found: Evidence) -> str:
    selection = select(found)
    assert selection.chosen is not None, selection.reason
    assert selection.chosen is selection.nearest
    return selection.chosen.candidate.body


class TestProjectTests:
    def project(self, source: str, passed: int, **changes: object) -> CodeEvidence:
        verdicts = [Verdict.PASSED] * passed + [Verdict.FAILED] * (3 - passed)
        items = [item(f"t.py::{n}", verdict) for n, verdict in enumerate(verdicts)]
        return evidence_of(body(source), project=outcome("1", *items, **changes))

    def gate(self, *codes: CodeEvidence) -> Evidence:
        return Evidence(stub=STUB, project_tests=("t.py",), tests=(), codes=codes)

    def test_only_a_body_that_passes_all_is_taken(self) -> None:
        found = self.gate(self.project("return 1", 2), self.project("return 2", 3))
        assert chosen(found) == "return 2"

    def test_none_that_passes_all_is_none_with_the_nearest(self) -> None:
        found = self.gate(self.project("return 1", 1), self.project("return 2", 2))
        selection = select(found)
        assert selection.chosen is None
        assert selection.nearest is not None
        assert selection.nearest.candidate.body == "return 2"
        assert "best: 2 of 3 passed" in selection.reason

    def test_a_cheat_is_not_taken_and_told(self) -> None:
        selection = select(self.gate(self.project("return 1", 3, control=Control.CHEATED)))
        assert selection.chosen is None
        assert "changed expectations" in selection.reason

    def test_a_check_that_did_not_finish_is_no_pass(self) -> None:
        found = self.gate(self.project("return 1", 3, verdict=Verdict.CRASHED))
        assert select(found).chosen is None

    def test_generated_evidence_does_not_outweigh_a_failing_test(self) -> None:
        found = self.gate(
            evidence_of(
                body("return 1"),
                50,
                project=outcome("1", item("t.py::0", Verdict.FAILED)),
                generated={check.id: item(check.id, returned="1") for check in CHECKS},
            )
        )
        assert select(found).chosen is None


class TestTrustedExamples:
    examples = (
        generated_check("assert total(0) == 0", trusted=True),
        generated_check("assert total(1) == 1", trusted=True),
        *CHECKS[2:],
    )

    def test_they_come_before_any_majority(self) -> None:
        crowd = code("return 7", "7777", times=30, passes=(1, 2, 3))
        lonely = code("return n", "0123", passes=(0, 1))
        found = evidence(crowd, lonely, tests=self.examples)
        selection = select(found)
        assert selection.nearest is not None
        assert selection.nearest.candidate.body == "return n"

    def test_one_that_fails_an_example_is_not_taken(self) -> None:
        found = evidence(code("return 1", "0111", times=9, passes=(0, 2, 3)), tests=self.examples)
        selection = select(found)
        assert selection.chosen is None
        assert "docstring example: assert total(1) == 1" in selection.reason

    def test_a_single_body_that_passes_all_examples_is_taken(self) -> None:
        found = evidence(code("return n", "01", passes=(0, 1)), tests=self.examples[:2])
        assert chosen(found) == "return n"


class TestAgreement:
    def test_the_values_of_the_most_win(self) -> None:
        found = evidence(
            code("return a", "0123", passes=(0,)),
            code("return b", "0123", passes=(0,)),
            code("return c", "9999", passes=(0,)),
        )
        assert chosen(found) in ("return a", "return b")
        assert select(found).agreement == pytest.approx(2 / 3)

    def test_agreement_on_some_inputs_counts_for_those(self) -> None:
        found = evidence(code("return a", "0123"), code("return b", "0199"))
        scores = agreement_scores(found.codes, found)
        assert [score.agreement for score in scores.values()] == [pytest.approx(0.75)] * 2

    def test_a_body_weighs_the_root_of_how_often_it_came(self) -> None:
        often, once = code("return a", "0000", times=9), code("return b", "1111")
        scores = agreement_scores((often, once), evidence(often, once))
        assert scores[often.candidate.id].agreement == pytest.approx(3 / 4)
        assert scores[once.candidate.id].agreement == pytest.approx(1 / 4)

    @pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.TIMEOUT, Verdict.CRASHED])
    def test_errors_agree_with_nothing(self, verdict: Verdict) -> None:
        """Not even with one another: many bodies may fail alike."""
        crowd = [code(f"return {n}", [verdict] * 3 + ["x"], passes=(3,)) for n in range(5)]
        lonely = code("return n", "0123", passes=(0, 1, 2, 3))
        scores = agreement_scores((*crowd, lonely), evidence(*crowd, lonely))
        assert scores[crowd[0].candidate.id].agreement == pytest.approx(5 / 6 / 4)

    def test_a_returned_value_of_an_error_is_none(self) -> None:
        one = evidence_of(
            body("return 1"), 2, generated={CHECKS[0].id: item("0", Verdict.ERROR, returned="1")}
        )
        assert agreement_scores((one,), evidence(one))[one.candidate.id].agreement == 0

    def test_without_any_answer_nothing_is_taken(self) -> None:
        found = evidence(code("return a", [Verdict.TIMEOUT] * 4), code("return b", []))
        selection = select(found)
        assert selection.chosen is None
        assert "not sure" in selection.reason
        assert selection.nearest is not None

    def test_under_four_tenths_it_is_not_sure(self) -> None:
        codes = [code(f"return {n}", str(n) * 4, passes=(0, 1, 2, 3)) for n in range(3)]
        selection = select(evidence(*codes))
        assert selection.chosen is None
        assert selection.agreement == pytest.approx(1 / 3)
        assert "0.33" in selection.reason

    def test_from_four_tenths_on_it_is(self) -> None:
        values = ["0000", "0000", "1111", "2222", "3333"]
        codes = [code(f"return {n}", value, passes=(0, 1, 2, 3)) for n, value in enumerate(values)]
        selection = select(evidence(*codes))
        assert selection.agreement == pytest.approx(0.4)
        assert selection.chosen is not None

    def test_a_single_answer_has_nothing_to_agree_with(self) -> None:
        selection = select(evidence(code("return 1", "1111", passes=(0, 1, 2, 3))))
        assert selection.chosen is None
        assert "only one candidate" in selection.reason

    def test_the_same_answer_twice_agrees(self) -> None:
        assert chosen(evidence(code("return 1", "1111", times=2, passes=(1,)))) == "return 1"

    def test_agreement_without_one_passed_check_is_not_enough(self) -> None:
        selection = select(evidence(code("return 1", "1111", times=5)))
        assert selection.chosen is None
        assert "none of the generated tests" in selection.reason

    def test_no_candidate_no_choice(self) -> None:
        assert select(evidence()).reason == "no usable answer"


class TestTestsThatAreNotTrusted:
    """Their calls count, what they expect does not."""

    def untrusted(self, *codes: CodeEvidence, tests: Sequence[TestCandidate] = CHECKS) -> Evidence:
        return replace(evidence(*codes, tests=tests), trusts_tests=False)

    def test_agreement_without_one_passed_check_is_enough(self) -> None:
        found = self.untrusted(code("return 1", "1111", times=5))
        assert chosen(found) == "return 1"

    def test_two_that_agree_among_many_that_crash_are_no_agreement(self) -> None:
        crashes = [code(f"return name_{n}", [Verdict.ERROR] * 4) for n in range(8)]
        selection = select(self.untrusted(code("return 0", "0000", times=2), *crashes))
        assert selection.chosen is None
        assert selection.reason == "not sure: the candidates agree with the best one by 0.15 only"

    def test_agreement_that_stands_alone_has_to_be_high(self) -> None:
        codes = code("return 1", "1111", times=4), code("return 2", "2222", times=2)
        selection = select(self.untrusted(*codes))
        assert selection.chosen is None
        assert selection.reason == "not sure: the candidates agree with the best one by 0.59 only"
        example = (generated_check("assert total(0) == 0", trusted=True), *CHECKS[1:])
        told = code("return 1", "1111", times=4, passes=(0,))
        assert chosen(self.untrusted(told, codes[1], tests=example)) == "return 1"

    def test_a_single_answer_still_has_nothing_to_agree_with(self) -> None:
        selection = select(self.untrusted(code("return 1", "1111")))
        assert selection.chosen is None
        assert "only one candidate" in selection.reason

    def test_passing_them_is_no_merit(self) -> None:
        crowd = code("return 1", "1111", times=16)
        lucky = code("return 2", "2222", times=2, passes=(0, 1, 2, 3))
        scores = agreement_scores((crowd, lucky), self.untrusted(crowd, lucky))
        assert {score.tests for score in scores.values()} == {0.0}
        assert chosen(self.untrusted(crowd, lucky)) == "return 1"

    def test_examples_in_the_docstring_count_as_ever(self) -> None:
        examples = (generated_check("assert total(0) == 0", trusted=True), *CHECKS[1:])
        crowd = code("return 1", "1111", times=9)
        found = self.untrusted(crowd, code("return n", "0123", passes=(0,)), tests=examples)
        assert select(found).nearest.candidate.body == "return n"  # type: ignore[union-attr]
        selection = select(self.untrusted(crowd, tests=examples))
        assert "docstring example" in selection.reason

    def test_only_examples_are_telling(self) -> None:
        examples = (generated_check("assert total(0) == 0", trusted=True), *CHECKS[1:])
        found = evidence(tests=examples)
        assert found.telling == examples
        assert replace(found, trusts_tests=False).telling == examples[:1]


class TestTestsAndText:
    def test_of_equal_agreement_the_one_that_passes_popular_tests_wins(self) -> None:
        """A test that many bodies pass weighs more than one that a single body passes."""
        codes = (
            code("return a", "0xxx", passes=(0,)),
            code("return b", "0yyy", passes=(0,)),
            code("return c", "1zzz", passes=(1,)),
            code("return d", "1www", passes=()),
        )
        scores = agreement_scores(codes, evidence(*codes))
        tests = [scores[each.candidate.id].tests for each in codes]
        assert tests[0] == tests[1] == 1.0
        assert tests[2] == pytest.approx((1 / 4) ** 0.5 / (2 / 4) ** 0.5)
        assert tests[3] == 0.0

    def test_more_tests_passed_do_not_outvote_agreement(self) -> None:
        """Most generated tests passed is the rule that loses to a random pick."""
        crowd = [code(f"return total({n})", "0123", passes=(0,)) for n in range(6)]
        crammer = code("return table[n]", "4567", passes=(0, 1, 2, 3))
        assert chosen(evidence(*crowd, crammer)).startswith("return total(")

    def test_the_outlier_in_text_comes_last(self) -> None:
        codes = (
            code("return sum(prices)", "00", passes=(0,)),
            code("return sum(prices) + 0", "00", passes=(0,)),
            code("while True:\n    break\nelse:\n    x = 1", "00", passes=(0,)),
        )
        scores = agreement_scores(codes, evidence(*codes))
        similarity = [scores[each.candidate.id].similarity for each in codes]
        assert similarity[2] == min(similarity)
        assert chosen(evidence(*codes, tests=CHECKS[:2])).startswith("return sum")

    def test_comments_and_layout_are_no_difference(self) -> None:
        codes = (
            code("return a+b", "00"),
            code("return a  +  b  # the sum", "00"),
        )
        scores = agreement_scores(codes, evidence(*codes))
        assert [score.similarity for score in scores.values()] == [1.0, 1.0]

    def test_the_shorter_one_has_no_advantage(self) -> None:
        long = "result = 0\nfor price in prices:\n    result += price\nreturn result"
        codes = (code(long, "00", times=3, passes=(0,)), code("return 0", "00", passes=(0,)))
        assert chosen(evidence(*codes, tests=CHECKS[:2])) == long

    def test_text_that_is_no_python_is_compared_as_words(self) -> None:
        codes = (code("return (", "00", passes=(0,)), code("return (", "00", passes=(0,)))
        scores = agreement_scores(codes, evidence(*codes))
        assert next(iter(scores.values())).similarity == pytest.approx(1.0)
