"""Rounds, budgets and the judge, with a scripted model and a scripted sandbox."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from searching import (
    ALSO_RIGHT,
    ALSO_WRONG,
    GATE,
    RIGHT,
    SOURCE,
    WRONG,
    Hooks,
    Journal,
    budget,
    by_tests,
    by_values,
    task_in,
    tools,
)
from specimens import STUB, blocked, item, outcome

from pytest_supercharger.bundled import prompts_dir
from pytest_supercharger.evidence import Evidence
from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.feedback import read_score
from pytest_supercharger.models.base import Completion, ModelInfo, Request, never
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.prompts import (
    PREAMBLE_TOKENS,
    RequestKind,
    load_prompts,
    prompt_tokens,
    render,
)
from pytest_supercharger.sandboxes.base import Check, Control, Outcome, SandboxInfo, Verdict
from pytest_supercharger.sandboxes.scripted import ScriptedSandbox
from pytest_supercharger.search import Searched, search

CHECKS = "assert total([1, 2, 3]) == 6\nassert total([6]) == 6\n"
VALUES = {"sum(prices)": "6", "result += price": "6", "prices[0]": "1", "len(prices)": "3"}


def code(*texts: str) -> dict[tuple[str, RequestKind | str], list[str]]:
    return {(STUB, RequestKind.CODE): list(texts)}


def kinds(model: ScriptedModel) -> list[str]:
    return [request.kind.value for request in model.requests]


def chosen_body(searched: Searched) -> str:
    assert searched.selection.chosen is not None, searched.selection.reason
    return searched.selection.chosen.candidate.body


class TestWithProjectTests:
    def test_the_body_that_passes_is_chosen(self, tmp_path: Path) -> None:
        model, sandbox = ScriptedModel(code(WRONG, RIGHT)), ScriptedSandbox(by_tests)
        searched = search(task_in(tmp_path), tools(model, sandbox))
        assert chosen_body(searched) == "return sum(prices)"
        assert (searched.rounds, searched.stopped) == (1, "")
        (check, _) = sandbox.checks
        assert check.args == GATE
        assert check.control
        assert "return prices[0]" in dict(check.files)["shop.py"]

    def test_nothing_is_decoded_or_checked_once_one_is_proven(self, tmp_path: Path) -> None:
        model = ScriptedModel(code(WRONG, RIGHT, ALSO_RIGHT, ALSO_WRONG))
        sandbox = ScriptedSandbox(by_tests)
        searched = search(task_in(tmp_path), tools(model, sandbox))
        assert len(sandbox.checks) == 2
        assert searched.completion_tokens == len((WRONG + RIGHT).split())

    def test_a_model_that_is_decoding_is_cancelled(self, tmp_path: Path) -> None:
        model, sandbox = EndlessModel(RIGHT), AheadSandbox(by_tests)
        began = time.monotonic()
        searched = search(task_in(tmp_path), tools(model, sandbox))
        assert chosen_body(searched) == "return sum(prices)"
        assert model.was_cancelled
        assert time.monotonic() - began < 5

    def test_a_cheat_does_not_end_the_round(self, tmp_path: Path) -> None:
        def answer(check: Check) -> Outcome:
            cheats = "sum" in dict(check.files)["shop.py"]
            control = Control.CHEATED if cheats else Control.PASSED
            return outcome(check.id, item(GATE[0]), control=control)

        sandbox = ScriptedSandbox(answer)
        searched = search(task_in(tmp_path), tools(ScriptedModel(code(RIGHT, WRONG)), sandbox))
        assert chosen_body(searched) == "return prices[0]"

    def test_a_lost_sandbox_proves_nothing(self, tmp_path: Path) -> None:
        sandbox = ScriptedSandbox(lambda check: outcome(check.id, verdict=Verdict.SANDBOX_DOWN))
        searched = search(task_in(tmp_path), tools(ScriptedModel(code(RIGHT)), sandbox))
        assert searched.selection.chosen is None

    def test_equal_answers_are_checked_once_and_counted(self, tmp_path: Path) -> None:
        fenced = f"```python\ndef total(prices):\n{WRONG}```\n"
        model, sandbox = ScriptedModel(code(WRONG, fenced, WRONG)), ScriptedSandbox(by_tests)
        searched = search(task_in(tmp_path), tools(model, sandbox))
        assert len(sandbox.checks) == 1
        (only,) = searched.evidence.codes
        assert only.multiplicity == 3

    def test_what_cannot_be_read_is_written_down_with_the_reason(self, tmp_path: Path) -> None:
        journal = Journal()
        model = ScriptedModel(code("I cannot do that.", "    pass\n", "    return (\n", RIGHT))
        searched = search(
            task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), journal=journal)
        )
        assert len(journal.reasons("rejected")) >= 2
        assert all(journal.reasons("rejected"))
        assert chosen_body(searched) == "return sum(prices)"

    def test_a_conftest_may_refuse_a_candidate(self, tmp_path: Path) -> None:
        journal = Journal()
        hooks = Hooks(refuse=lambda one: "no sum, please" if "sum" in one.body else None)
        model, sandbox = ScriptedModel(code(RIGHT, ALSO_RIGHT)), ScriptedSandbox(by_tests)
        searched = search(task_in(tmp_path), tools(model, sandbox, hooks=hooks, journal=journal))
        assert journal.reasons("rejected") == ["no sum, please"]
        assert "result += price" in chosen_body(searched)
        assert len(sandbox.checks) == 1

    def test_progress_is_told(self, tmp_path: Path) -> None:
        journal = Journal()
        model = ScriptedModel(code(WRONG, RIGHT))
        search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), journal=journal))
        assert (journal.rounds, journal.checked) == ([1], [(1, 0, 1), (2, 1, 1)])

    def test_a_body_that_waits_for_another_stub_ends_the_search(self, tmp_path: Path) -> None:
        sandbox = ScriptedSandbox(lambda check: outcome(check.id, blocked(GATE[0], "a.py::other")))
        searched = search(
            task_in(tmp_path), tools(ScriptedModel(code(RIGHT)), sandbox, budget=budget(rounds=4))
        )
        assert searched.selection.chosen is None
        assert searched.rounds == 1
        assert searched.evidence.codes[0].blocked_by == ("a.py::other",)


class TestRounds:
    def test_the_next_round_repairs_what_failed(self, tmp_path: Path) -> None:
        script = {**code(WRONG), (STUB, RequestKind.REPAIR_CODE): [RIGHT]}
        model, sandbox = ScriptedModel(script), ScriptedSandbox(by_tests)
        searched = search(task_in(tmp_path), tools(model, sandbox, budget=budget(rounds=3)))
        assert kinds(model) == ["code", "repair_code"]
        repair = "\n".join(message.content for message in model.requests[1].prompt.messages)
        assert "return prices[0]" in repair
        assert "assert 1 == 6" in repair
        assert searched.selection.chosen is not None
        assert searched.selection.chosen.candidate.origin == "repaired"
        assert searched.rounds == 2

    def test_a_model_that_cannot_repair_is_asked_for_code(self, tmp_path: Path) -> None:
        model = ScriptedModel(code(WRONG, ALSO_WRONG, RIGHT))
        limits = budget(rounds=3, candidates=2)
        searched = search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), budget=limits))
        assert kinds(model) == ["code", "repair_code", "code"]
        assert chosen_body(searched) == "return sum(prices)"

    def test_each_request_goes_on_where_the_last_one_ended(self, tmp_path: Path) -> None:
        model = ScriptedModel(code(WRONG, ALSO_WRONG, "    return 1\n", "    return 2\n"))
        limits = budget(rounds=3, candidates=2)
        search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), budget=limits))
        asked = [(request.kind.value, request.start, request.n) for request in model.requests]
        assert [one for one in asked if one[0] == "code"] == [
            ("code", 0, 2), ("code", 2, 2), ("code", 4, 2),
        ]  # fmt: skip
        assert [one for one in asked if one[0] == "repair_code"] == [
            ("repair_code", 0, 2), ("repair_code", 2, 2),
        ]  # fmt: skip

    def test_nothing_new_ends_the_search(self, tmp_path: Path) -> None:
        model = ScriptedModel(code(WRONG))
        searched = search(
            task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), budget=budget(rounds=9))
        )
        assert (searched.rounds, searched.stopped) == (2, "the model had nothing new")

    def test_one_thread_alone_selects(self, tmp_path: Path) -> None:
        """Another one asks for bodies meanwhile: what it read would be half noted."""
        threads: set[int] = set()

        def choose(_: Evidence) -> None:
            threads.add(threading.get_ident())

        script = {**code(WRONG), (STUB, RequestKind.REPAIR_CODE): [ALSO_WRONG]}
        told = tools(
            ScriptedModel(script),
            ScriptedSandbox(by_tests),
            budget=budget(rounds=3),
            hooks=Hooks(choose=choose),
        )
        assert search(task_in(tmp_path), told).rounds == 3
        assert threads == {threading.get_ident()}

    def test_the_repaired_one_is_the_nearest(self, tmp_path: Path) -> None:
        tests = ("t.py::a", "t.py::b")

        def answer(check: Check) -> Outcome:
            second = Verdict.PASSED if "len" in dict(check.files)["shop.py"] else Verdict.FAILED
            return outcome(check.id, item(tests[0], Verdict.FAILED), item(tests[1], second))

        model = ScriptedModel(code(WRONG, ALSO_WRONG))
        searched = search(
            task_in(tmp_path, tests),
            tools(model, ScriptedSandbox(answer), budget=budget(rounds=2)),
        )
        repair = "\n".join(message.content for message in model.requests[1].prompt.messages)
        assert "return len(prices)" in repair
        assert searched.selection.nearest is not None
        assert searched.selection.nearest.candidate.body == "return len(prices)"


class TestBudgets:
    @pytest.mark.parametrize(
        ("limits", "named"),
        [
            ({"rounds": 2}, "--supercharge-rounds"),
            ({"rounds": 9, "tokens": 3}, "--supercharge-tokens"),
            ({"rounds": 9, "seconds": 0.0}, "--supercharge-seconds"),
        ],
    )
    def test_the_one_that_is_used_up_is_named(
        self, tmp_path: Path, limits: dict[str, Any], named: str
    ) -> None:
        texts = [f"    return {number}\n" for number in range(99)]
        model = ScriptedModel(code(*texts))
        searched = search(
            task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), budget=budget(**limits))
        )
        assert named in searched.stopped
        assert searched.selection.chosen is None

    def test_no_more_tokens_are_decoded_than_the_budget_and_one_answer(
        self, tmp_path: Path
    ) -> None:
        model = ScriptedModel(code(*(f"    return {number}\n" for number in range(99))))
        searched = search(
            task_in(tmp_path),
            tools(
                model, ScriptedSandbox(by_tests), budget=budget(rounds=9, tokens=7, candidates=50)
            ),
        )
        assert searched.completion_tokens <= 7 + 2

    def test_what_is_found_within_the_budget_counts(self, tmp_path: Path) -> None:
        searched = search(
            task_in(tmp_path),
            tools(ScriptedModel(code(RIGHT)), ScriptedSandbox(by_tests), budget=budget(tokens=1)),
        )
        assert chosen_body(searched) == "return sum(prices)"


def generated(*bodies: str, **more: list[str]) -> ScriptedModel:
    script: dict[tuple[str, RequestKind | str], list[str]] = {
        **code(*bodies),
        (STUB, RequestKind.TESTS): [CHECKS],
    }
    return ScriptedModel({**script, **{(STUB, kind): texts for kind, texts in more.items()}})


class TestWithoutProjectTests:
    def test_tests_are_asked_for_first(self, tmp_path: Path) -> None:
        model, sandbox = generated(RIGHT, ALSO_RIGHT, WRONG), ScriptedSandbox(by_values(VALUES))
        searched = search(task_in(tmp_path, ()), tools(model, sandbox))
        assert kinds(model) == ["tests", "code"]
        assert [check.tests for check in sandbox.checks] == [tuple(CHECKS.splitlines())] * 3
        assert chosen_body(searched) in ("return sum(prices)", ALSO_RIGHT.strip())
        assert searched.selection.agreement == pytest.approx(2 / 3)

    def test_new_tests_of_a_later_round_run_on_old_candidates(self, tmp_path: Path) -> None:
        more = "assert total([2, 4]) == 6\n"
        script = {
            **code(WRONG, ALSO_WRONG, "    return 7\n", "    return 8\n"),
            (STUB, RequestKind.TESTS): [CHECKS, more],
        }
        values = {**VALUES, "return 7": "7", "return 8": "8"}
        sandbox = ScriptedSandbox(by_values(values))
        limits = budget(rounds=2, tests=1, candidates=2)
        searched = search(
            task_in(tmp_path, ()), tools(ScriptedModel(script), sandbox, budget=limits)
        )
        assert [len(check.tests) for check in sandbox.checks] == [2, 2, 1, 1, 3, 3]
        assert [len(code.generated) for code in searched.evidence.codes] == [3, 3, 3, 3]

    def test_a_docstring_example_decides(self, tmp_path: Path) -> None:
        source = SOURCE.replace("prices.", "prices.\n\n    >>> total([1, 2, 3])\n    6\n    ")
        sandbox = ScriptedSandbox(by_values(VALUES))
        model = ScriptedModel(code(WRONG, WRONG, ALSO_WRONG, RIGHT))
        searched = search(task_in(tmp_path, (), source), tools(model, sandbox))
        assert chosen_body(searched) == "return sum(prices)"

    def test_a_conftest_may_choose(self, tmp_path: Path) -> None:
        hooks = Hooks(
            choose=lambda evidence: next(
                code.candidate.id for code in evidence.codes if "len" in code.candidate.body
            )
        )
        model, sandbox = generated(RIGHT, ALSO_WRONG), ScriptedSandbox(by_values(VALUES))
        searched = search(task_in(tmp_path, ()), tools(model, sandbox, hooks=hooks))
        assert chosen_body(searched) == "return len(prices)"

    def test_a_conftest_cannot_choose_what_fails_the_users_tests(self, tmp_path: Path) -> None:
        hooks = Hooks(choose=lambda evidence: evidence.codes[0].candidate.id)
        model, sandbox = ScriptedModel(code(WRONG)), ScriptedSandbox(by_tests)
        searched = search(task_in(tmp_path), tools(model, sandbox, hooks=hooks))
        assert searched.selection.chosen is None


class TestTheJudge:
    def run(self, folder: Path, *answers: str, **changes: Any) -> tuple[Searched, ScriptedModel]:
        model = generated(RIGHT, ALSO_RIGHT)
        judge = ScriptedModel({(STUB, RequestKind.JUDGE): list(answers)})
        sandbox = ScriptedSandbox(by_values(VALUES))
        searched = search(task_in(folder, ()), tools(model, sandbox, judge=judge, **changes))
        return searched, judge

    def test_over_the_threshold_the_choice_stands(self, tmp_path: Path) -> None:
        searched, judge = self.run(tmp_path, "I would say 0.9")
        assert (searched.judge, len(judge.requests)) == (0.9, 1)
        assert searched.selection.chosen is not None

    def test_under_the_threshold_the_choice_is_taken_back(self, tmp_path: Path) -> None:
        searched, _ = self.run(tmp_path, "0.3")
        assert searched.selection.chosen is None
        assert "0.3" in searched.selection.reason
        assert "0.8" in searched.selection.reason
        assert searched.selection.nearest is not None

    def test_a_later_round_does_not_forget_the_score(self, tmp_path: Path) -> None:
        searched, judge = self.run(tmp_path, "0.3", "0.3", budget=budget(rounds=3))
        assert searched.selection.chosen is None
        assert "0.3" in searched.selection.reason
        assert len({request.prompt for request in judge.requests}) == len(judge.requests)

    @pytest.mark.parametrize("answers", [(), ("No idea.",), ("",)])
    def test_without_a_score_the_criterion_is_dropped(
        self, tmp_path: Path, answers: tuple[str, ...]
    ) -> None:
        searched, judge = self.run(tmp_path, *answers)
        assert searched.judge is None
        assert searched.selection.chosen is not None
        assert len(judge.requests) == 1

    @pytest.mark.parametrize(
        ("answers", "why"),
        [
            ((), "it gave no answer"),
            (("No idea.",), "its answer holds no score from 0 to 1"),
            (("0.9",), ""),
        ],
    )
    @pytest.mark.parametrize("named", [True, False])
    def test_the_silence_of_one_that_was_named_is_told(
        self, tmp_path: Path, answers: tuple[str, ...], why: str, named: bool
    ) -> None:
        searched, _ = self.run(tmp_path, *answers, judge_is_named=named)
        told = f"the judge scripted was not heard: {why}" if why and named else ""
        assert searched.silence == told

    def test_one_that_was_not_heard_in_time_is_told(self, tmp_path: Path) -> None:
        class Late(ScriptedModel):
            def generate(
                self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
            ) -> Generator[Completion, None, None]:
                (request,) = requests
                while not cancelled(request):
                    time.sleep(0.01)
                yield from ()

        told = tools(
            generated(RIGHT, ALSO_RIGHT),
            ScriptedSandbox(by_values(VALUES)),
            judge=Late({}),
            judge_is_named=True,
            budget=budget(seconds=0.5),
        )
        searched = search(task_in(tmp_path, ()), told)
        assert searched.selection.chosen is not None
        assert searched.silence == (
            "the judge scripted was not heard: its budget of 0.5 s is used up"
            " (--supercharge-seconds)"
        )

    def test_one_that_breaks_while_it_counts_is_no_long_question(self, tmp_path: Path) -> None:
        class Broken(ScriptedModel):
            def count_tokens(self, text: str) -> int:
                raise ModelUnavailable("gone")

        judge = Broken({})
        judge.info = replace(judge.info, context=50_000)
        told = tools(generated(RIGHT, ALSO_RIGHT), ScriptedSandbox(by_values(VALUES)), judge=judge)
        with pytest.raises(ModelUnavailable, match="gone"):
            search(task_in(tmp_path, ()), told)

    def test_a_used_up_budget_of_tokens_does_not_silence_it(self, tmp_path: Path) -> None:
        free, _ = self.run(tmp_path, "0.9")
        written = free.completion_tokens - 1  # without the judge's word
        searched, judge = self.run(tmp_path, "0.3", budget=budget(tokens=written))
        assert len(judge.requests) == 1
        assert (searched.judge, searched.selection.chosen) == (0.3, None)

    def test_project_tests_need_no_judge(self, tmp_path: Path) -> None:
        judge = ScriptedModel({(STUB, RequestKind.JUDGE): ["0.0"]})
        model = ScriptedModel(code(RIGHT))
        searched = search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), judge=judge))
        assert searched.selection.chosen is not None
        assert judge.requests == []

    @pytest.mark.parametrize(
        ("text", "score"),
        [
            ("0.85", 0.85),
            ("Score: 1", 1.0),
            ("1.0", 1.0),
            ("0", 0.0),
            (".5", 0.5),
            ("first 0.2, then 0.7", 0.7),
            ("7", None),
            ("1.5", None),
            ("10", None),
            ("version 0.1.2", None),
            ("", None),
        ],
    )
    def test_a_score_is_the_last_number_from_0_to_1(self, text: str, score: float | None) -> None:
        assert read_score(text) == score


class TestTokens:
    def test_what_was_cancelled_is_spent_and_not_used(self, tmp_path: Path) -> None:
        model = CountingModel([("stop", RIGHT)], cancelled=3)
        searched = search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests)))
        assert chosen_body(searched) == "return sum(prices)"
        assert (searched.completion_tokens, searched.spent_tokens) == (10, 12 + 3 * 7)

    def test_what_is_cancelled_while_it_is_waited_for_counts_as_well(self, tmp_path: Path) -> None:
        model = CountingModel([("stop", RIGHT)], cancelled=2)
        searched = search(task_in(tmp_path), tools(model, AheadSandbox(by_tests)))
        assert (searched.completion_tokens, searched.spent_tokens) == (10, 12 + 2 * 7)
        assert len(searched.evidence.codes) == 1

    def test_half_an_answer_that_was_cancelled_is_no_candidate(self, tmp_path: Path) -> None:
        journal = Journal()
        model = CountingModel([("cancelled", RIGHT), ("stop", WRONG)])
        searched = search(
            task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), journal=journal)
        )
        assert [code.candidate.body for code in searched.evidence.codes] == ["return prices[0]"]
        assert journal.reasons("rejected") == []

    def test_the_budget_counts_what_was_decoded(self, tmp_path: Path) -> None:
        model = CountingModel([("stop", WRONG), ("stop", ALSO_WRONG), ("stop", RIGHT)])
        limited = budget(tokens=24)
        searched = search(
            task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), budget=limited)
        )
        assert len(searched.evidence.codes) == 2
        assert "--supercharge-tokens" in searched.stopped

    def test_costs_of_an_earlier_search_are_added(self, tmp_path: Path) -> None:
        model = CountingModel([("stop", RIGHT)])
        searched = search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests)))
        both = searched.and_before(searched)
        assert (both.completion_tokens, both.spent_tokens, both.rounds) == (20, 24, 2)
        assert both.seconds == 2 * searched.seconds
        assert both.evidence == searched.evidence

    def test_a_model_that_breaks_after_the_answer_takes_nothing_back(self, tmp_path: Path) -> None:
        model = CountingModel([("stop", RIGHT)], breaks=True)
        searched = search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests)))
        assert chosen_body(searched) == "return sum(prices)"


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ("length", "cut off at 12 tokens"),
        ("loop", "cut off at 12 tokens, where it repeated itself"),
    ],
)
def test_an_answer_that_was_cut_off_is_marked_and_the_repair_is_told(
    tmp_path: Path, finish: str, words: str
) -> None:
    model = CountingModel([(finish, WRONG), ("stop", ALSO_WRONG)], rounds=True)
    asked = budget(rounds=2, candidates=1)
    searched = search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), budget=asked))
    marked, whole = searched.evidence.codes
    assert marked.candidate.repairs[0] == words
    assert whole.candidate.repairs == ()
    (_, repair) = model.requests
    assert repair.kind is RequestKind.REPAIR_CODE
    assert f"The answer was {words}: be shorter." in repair.prompt.messages[-1].content


def test_another_model_judges_within_its_own_context(tmp_path: Path) -> None:
    judge = ScriptedModel({(STUB, RequestKind.JUDGE): ["0.1"]})
    judge.info = replace(judge.info, context=50_000, name="judge")
    writer = ScriptedModel(code(RIGHT, ALSO_RIGHT) | {(STUB, RequestKind.TESTS): [CHECKS]})
    told = tools(writer, ScriptedSandbox(by_values(VALUES)), judge=judge)
    searched = search(task_in(tmp_path, gate=()), told)
    assert (searched.judge, searched.selection.chosen) == (0.1, None)
    assert kinds(judge) == ["judge"]
    assert "judge" not in kinds(writer)
    assert searched.model == "scripted"


def test_a_judge_that_cannot_take_the_question_is_not_asked(tmp_path: Path) -> None:
    judge, journal = ScriptedModel({(STUB, RequestKind.JUDGE): ["0.1"]}), Journal()
    answer = load_prompts(prompts_dir()).files[RequestKind.JUDGE].sampling.max_tokens
    judge.info = replace(judge.info, context=answer + PREAMBLE_TOKENS + 5, name="judge")
    writer = ScriptedModel(code(RIGHT, ALSO_RIGHT) | {(STUB, RequestKind.TESTS): [CHECKS]})
    told = tools(
        writer,
        ScriptedSandbox(by_values(VALUES)),
        judge=judge,
        journal=journal,
        judge_is_named=True,
    )
    searched = search(task_in(tmp_path, gate=()), told)
    assert chosen_body(searched)
    assert searched.judge is None
    assert searched.silence.endswith("was not heard: the question does not fit its context")
    (reason,) = journal.reasons("too_long")
    assert "there is room for 5" in reason


def test_where_there_is_no_room_for_a_repair_fresh_code_is_asked_for(tmp_path: Path) -> None:
    model, journal = ScriptedModel(code(WRONG, RIGHT)), Journal()
    task = task_in(tmp_path)
    first = render(RequestKind.CODE, task.context, prompts=load_prompts(prompts_dir()))
    bare = replace(first, messages=(first.messages[0], first.messages[-1]))
    around = first.sampling.max_tokens + PREAMBLE_TOKENS
    limit = prompt_tokens(bare, model.count_tokens) + around + 20
    asked = budget(rounds=2, candidates=1)
    told = tools(
        model, ScriptedSandbox(by_tests), budget=asked, prompt_limit=limit, journal=journal
    )
    searched = search(task, told)
    assert chosen_body(searched) == "return sum(prices)"
    assert kinds(model) == ["code", "code"]
    assert "repair_code" in journal.reasons("too_long")[0]


class TestAModelThatCanDoLess:
    """A family of models without repair, judgement or trust in its tests."""

    tiny = load_prompts(prompts_dir()).of("supercharger-tiny")

    def test_a_failure_is_answered_with_fresh_code(self, tmp_path: Path) -> None:
        model = ScriptedModel(code(WRONG, RIGHT))
        asked = budget(rounds=2, candidates=1)
        told = tools(model, ScriptedSandbox(by_tests), budget=asked, prompts=self.tiny)
        assert chosen_body(search(task_in(tmp_path), told)) == "return sum(prices)"
        assert kinds(model) == ["code", "code"]

    def test_its_own_wording_is_asked(self, tmp_path: Path) -> None:
        model = ScriptedModel(code(RIGHT))
        search(task_in(tmp_path), tools(model, ScriptedSandbox(by_tests), prompts=self.tiny))
        (request,) = model.requests
        assert request.prompt.continuation == SOURCE.replace("    raise NotImplementedError\n", "")

    def test_of_its_tests_only_the_calls_count(self, tmp_path: Path) -> None:
        """Both bodies return 1, and no check that was written expects that."""
        script = code(WRONG, WRONG) | {(STUB, RequestKind.TESTS): [CHECKS]}
        told = tools(ScriptedModel(script), ScriptedSandbox(by_values(VALUES)), prompts=self.tiny)
        searched = search(task_in(tmp_path, gate=()), told)
        assert chosen_body(searched) == "return prices[0]"
        assert not searched.evidence.trusts_tests
        trusting = tools(ScriptedModel(script), ScriptedSandbox(by_values(VALUES)))
        assert search(task_in(tmp_path, gate=()), trusting).selection.chosen is None

    def test_each_round_is_freer_and_nothing_new_does_not_end_the_search(
        self, tmp_path: Path
    ) -> None:
        model = ScriptedModel(code(WRONG, WRONG, RIGHT))
        asked = budget(rounds=3, candidates=1)
        told = tools(model, ScriptedSandbox(by_tests), budget=asked, prompts=self.tiny)
        assert chosen_body(search(task_in(tmp_path), told)) == "return sum(prices)"
        heat = [request.prompt.sampling.temperature for request in model.requests]
        rise = self.tiny.files[RequestKind.CODE].sampling.rise
        assert heat == [heat[0], heat[0] + rise, heat[0] + 2 * rise]
        assert rise > 0

    def test_one_that_writes_no_tests_is_not_asked_for_any(self, tmp_path: Path) -> None:
        model = ScriptedModel(code(RIGHT, RIGHT))
        only_code = replace(self.tiny, files={RequestKind.CODE: self.tiny.files[RequestKind.CODE]})
        told = tools(model, ScriptedSandbox(by_values(VALUES)), prompts=only_code)
        searched = search(task_in(tmp_path, gate=()), told)
        assert set(kinds(model)) == {"code"}
        assert searched.selection.chosen is None

    def test_a_judge_of_another_family_reads_its_own_wording(self, tmp_path: Path) -> None:
        judge = ScriptedModel({(STUB, RequestKind.JUDGE): ["0.9"]})
        script = code(RIGHT, ALSO_RIGHT) | {(STUB, RequestKind.TESTS): [CHECKS]}
        general = load_prompts(prompts_dir())
        told = tools(
            ScriptedModel(script),
            ScriptedSandbox(by_values(VALUES)),
            prompts=self.tiny,
            judge=judge,
            judge_prompts=general,
        )
        searched = search(task_in(tmp_path, gate=()), told)
        assert searched.judge == 0.9
        (request,) = judge.requests
        assert request.prompt.messages[0].content == general.files[RequestKind.JUDGE].system


def test_a_prompt_leaves_room_for_its_answer(tmp_path: Path) -> None:
    model, task = ScriptedModel(code(RIGHT)), task_in(tmp_path)
    whole = render(RequestKind.CODE, task.context, prompts=load_prompts(prompts_dir()))
    around = whole.sampling.max_tokens + PREAMBLE_TOKENS
    limit = prompt_tokens(whole, model.count_tokens) + around - 1
    search(task, tools(model, ScriptedSandbox(by_tests), prompt_limit=limit))
    (asked,) = [request.prompt for request in model.requests]
    assert prompt_tokens(asked, model.count_tokens) + around <= limit
    assert asked != whole


class CountingModel:
    """Every answer is 10 tokens, took 12; once it is cancelled it says what it had begun."""

    def __init__(
        self,
        answers: Sequence[tuple[str, str]],
        *,
        cancelled: int = 0,
        breaks: bool = False,
        rounds: bool = False,
    ) -> None:
        self._answers = answers
        self._cancelled = cancelled
        self._breaks = breaks
        self._rounds = rounds  # one answer for each request
        self.requests: list[Request] = []
        self.info = ModelInfo(
            name="counting", source="", digest="", backend="", gpu_layers=0, context=0, slots=4
        )

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        for request in requests:
            number = len(self.requests)
            self.requests.append(request)
            mine = self._answers[number : number + 1] if self._rounds else self._answers
            for index, (finish, text) in enumerate(mine):
                if cancelled(request):
                    break
                yield self._completion(request, index, finish, text, tokens=10, spent=12)
            while self._cancelled and not cancelled(request):
                time.sleep(0.005)
            if self._breaks:
                raise ModelUnavailable("llama.cpp died")
            for index in range(self._cancelled):
                yield self._completion(request, 50 + index, "cancelled", "", tokens=0, spent=7)

    def _completion(
        self, request: Request, index: int, finish: str, text: str, *, tokens: int, spent: int
    ) -> Completion:
        return Completion(
            stub=request.stub, kind=request.kind, text=text, index=index, seed=0,
            prompt_tokens=0, tokens=tokens, finish=finish, spent=spent,
        )  # fmt: skip

    def close(self) -> None:
        pass


class EndlessModel:
    """Answers once and goes on decoding until it is told to stop."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.was_cancelled = False
        self.info = ModelInfo(
            name="endless", source="", digest="", backend="", gpu_layers=0, context=0, slots=1
        )

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        for request in requests:
            yield Completion(
                stub=request.stub, kind=request.kind, text=self._text, index=0, seed=0,
                prompt_tokens=0, tokens=1, finish="stop",
            )  # fmt: skip
            while not cancelled(request):
                time.sleep(0.005)
            self.was_cancelled = True

    def close(self) -> None:
        pass


class AheadSandbox:
    """Pulls the next check from a thread of its own while an outcome is looked at."""

    def __init__(self, answer: Callable[[Check], Outcome]) -> None:
        self._answer = answer

    @property
    def info(self) -> SandboxInfo:
        return SandboxInfo(backend="scripted", version="", python="", workers=1)

    def run(
        self, checks: Iterable[Check], *, cancelled: Callable[[Check], bool] = never
    ) -> Generator[Outcome, None, None]:
        outcomes: queue.Queue[Outcome | None] = queue.Queue()

        def pull() -> None:
            for check in checks:
                outcomes.put(self._answer(check))
            outcomes.put(None)

        thread = threading.Thread(target=pull)
        thread.start()
        try:
            while (done := outcomes.get()) is not None:
                yield done
        finally:
            thread.join()

    def close(self) -> None:
        pass
