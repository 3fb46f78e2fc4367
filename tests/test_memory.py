"""What an earlier run has paid for is not paid for again."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from searching import ALSO_WRONG, RIGHT, WRONG, budget, by_tests, task_in, tools
from specimens import STUB, item, outcome

from pytest_supercharger.ledger import Ledger
from pytest_supercharger.memory import RememberingModel, RememberingSandbox
from pytest_supercharger.models.base import Completion, Request, never
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling
from pytest_supercharger.sandboxes.base import Check, CheckKind, Outcome, SandboxInfo, Verdict
from pytest_supercharger.sandboxes.scripted import ScriptedSandbox
from pytest_supercharger.search import search

PROMPT = Prompt(
    kind=RequestKind.CODE,
    messages=(Message(role="user", content="write it"),),
    continuation="def total(prices):",
    stop=(),
    sampling=Sampling(),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "state" / "p.sqlite", fresh=False) as opened:
        opened.begin_run("write", (), "scripted", "scripted")
        yield opened


def model(*texts: str) -> ScriptedModel:
    return ScriptedModel({(STUB, RequestKind.CODE): list(texts)})


def request(n: int, start: int = 0, **changes: object) -> Request:
    values = {"stub": STUB, "kind": RequestKind.CODE, "prompt": PROMPT, "seed": 0} | changes
    return Request(n=n, start=start, **values)


def texts_of(remembering: RememberingModel, *requests: Request) -> list[str]:
    return [completion.text for completion in remembering.generate(requests)]


def check(name: str, kind: CheckKind = CheckKind.PROJECT, **changes: object) -> Check:
    return Check(**({"id": name, "kind": kind, "files": ((name, ""),)} | changes))


def passing(check: Check) -> Outcome:
    return outcome(check.id, item("t.py::test"))


class TestARun:
    def test_the_second_time_neither_model_nor_sandbox_is_asked(
        self, tmp_path: Path, ledger: Ledger
    ) -> None:
        first = model(WRONG, ALSO_WRONG, RIGHT), ScriptedSandbox(by_tests)
        second = model("never asked"), ScriptedSandbox(by_tests)
        found = [
            search(
                task_in(tmp_path / "project"),
                tools(
                    RememberingModel(one, ledger, run=run),
                    RememberingSandbox(sandbox, ledger, run=run, tree="tree"),
                    budget=budget(candidates=3),
                ),
            )
            for run, (one, sandbox) in enumerate([first, second], 1)
        ]
        assert [s.selection.chosen.candidate.body for s in found if s.selection.chosen] == [
            "return sum(prices)"
        ] * 2
        assert [(one.n, one.start) for one in first[0].requests] == [(3, 0)]
        assert second[0].requests == []
        assert second[1].checks == []

    def test_a_run_that_was_killed_goes_on_where_it_was(
        self, tmp_path: Path, ledger: Ledger
    ) -> None:
        class Killed(Exception):
            pass

        def dies(check: Check) -> Outcome:
            if "len(prices)" in dict(check.files)["shop.py"]:
                raise Killed
            return by_tests(check)

        task = task_in(tmp_path / "project")
        texts = (WRONG, ALSO_WRONG, RIGHT)

        def run(number: int, one: ScriptedModel, sandbox: ScriptedSandbox) -> None:
            remembered = RememberingSandbox(sandbox, ledger, run=number, tree="tree")
            search(task, tools(RememberingModel(one, ledger, run=number), remembered))

        with pytest.raises(Killed):
            run(1, model(*texts), ScriptedSandbox(dies))
        again, sandbox = model(*texts), ScriptedSandbox(by_tests)
        run(2, again, sandbox)
        assert [one.start for one in again.requests] == [2]
        assert ["return prices[0]" in dict(one.files)["shop.py"] for one in sandbox.checks] == [
            False,
            False,
        ]


class TestTheModel:
    def test_only_what_is_missing_is_asked_for(self, ledger: Ledger) -> None:
        assert texts_of(RememberingModel(model("a", "b"), ledger, run=1), request(2)) == ["a", "b"]
        inner = model("a", "b", "c", "d")
        assert texts_of(RememberingModel(inner, ledger, run=2), request(4)) == ["a", "b", "c", "d"]
        assert [(one.start, one.n) for one in inner.requests] == [(2, 2)]

    def test_what_is_recalled_costs_nothing_now(self, ledger: Ledger) -> None:
        class Counting(ScriptedModel):
            def generate(
                self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
            ) -> Generator[Completion, None, None]:
                for completion in super().generate(requests, cancelled=cancelled):
                    yield replace(completion, spent=9)

        inner = Counting({(STUB, RequestKind.CODE): ["a", "b"]})
        remembering = RememberingModel(inner, ledger, run=1)
        assert [one.spent for one in remembering.generate([request(2)])] == [9, 9]
        recalled = list(remembering.generate([request(2)]))
        assert [(one.text, one.tokens, one.spent) for one in recalled] == [("a", 1, 0), ("b", 1, 0)]

    def test_a_later_part_of_a_request_is_remembered_as_well(self, ledger: Ledger) -> None:
        texts_of(RememberingModel(model("a", "b", "c"), ledger, run=1), request(3))
        inner = model()
        assert texts_of(RememberingModel(inner, ledger, run=2), request(2, start=1)) == ["b", "c"]
        assert inner.requests == []

    def test_another_seed_is_another_question(self, ledger: Ledger) -> None:
        texts_of(RememberingModel(model("a"), ledger, run=1), request(1))
        inner = model("b")
        assert texts_of(RememberingModel(inner, ledger, run=2), request(1, seed=1)) == ["b"]

    def test_another_model_at_the_same_address_is_another_question(self, ledger: Ledger) -> None:
        before, after = model("a"), model("b")
        before.info = replace(before.info, name="coder", source="http://127.0.0.1:8080/v1")
        after.info = replace(before.info, name="bigger-coder")
        texts_of(RememberingModel(before, ledger, run=1), request(1))
        assert texts_of(RememberingModel(after, ledger, run=2), request(1)) == ["b"]

    def test_another_prompt_is_another_question(self, ledger: Ledger) -> None:
        texts_of(RememberingModel(model("a"), ledger, run=1), request(1))
        other = replace(PROMPT, continuation="def other():")
        inner = model("b")
        assert texts_of(RememberingModel(inner, ledger, run=2), request(1, prompt=other)) == ["b"]

    def test_what_was_cut_by_cancelling_is_not_kept(self, ledger: Ledger) -> None:
        whole, cut = model("a", "b"), CutModel("a", "b")
        assert texts_of(RememberingModel(cut, ledger, run=1), request(2)) == ["a", "b"]
        again = RememberingModel(whole, ledger, run=2)
        assert texts_of(again, request(2)) == ["a", "b"]
        assert [(one.start, one.n) for one in whole.requests] == [(1, 1)]

    def test_a_stream_that_is_cancelled_goes_on_next_time(self, ledger: Ledger) -> None:
        inner = model("a", "b", "c")
        asked: list[Request] = []

        def cancelled(one: Request) -> bool:
            asked.append(one)
            return len(asked) > 1

        remembering = RememberingModel(inner, ledger, run=1)
        assert [c.text for c in remembering.generate([request(3)], cancelled=cancelled)] == ["a"]
        second = model("a", "b", "c")
        assert texts_of(RememberingModel(second, ledger, run=2), request(3)) == ["a", "b", "c"]
        assert [one.start for one in second.requests] == [1]

    def test_a_cancelled_request_yields_nothing_from_memory(self, ledger: Ledger) -> None:
        texts_of(RememberingModel(model("a", "b"), ledger, run=1), request(2))
        remembering = RememberingModel(model(), ledger, run=2)
        assert list(remembering.generate([request(2)], cancelled=lambda _: True)) == []

    def test_stored_answers_come_before_the_model_is_waited_for(self, ledger: Ledger) -> None:
        texts_of(RememberingModel(model("a"), ledger, run=1), request(1))
        inner = model("a", "b")
        stream = RememberingModel(inner, ledger, run=2).generate([request(2)])
        assert next(stream).text == "a"
        assert inner.requests == []
        assert next(stream).text == "b"
        stream.close()

    def test_an_error_of_the_model_comes_out(self, ledger: Ledger) -> None:
        class Broken(ScriptedModel):
            def generate(
                self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
            ) -> Generator[Completion, None, None]:
                yield from super().generate(requests)
                raise LookupError("no more")

        remembering = RememberingModel(Broken({(STUB, RequestKind.CODE): ["a"]}), ledger, run=1)
        with pytest.raises(LookupError):
            texts_of(remembering, request(2))

    def test_info_and_counting_are_those_of_the_model(self, ledger: Ledger) -> None:
        inner = model()
        remembering = RememberingModel(inner, ledger, run=1)
        assert remembering.info is inner.info
        assert remembering.count_tokens("two words") == 2


class TestTheSandbox:
    def test_outcomes_come_back_under_the_new_name(self, ledger: Ledger) -> None:
        first = RememberingSandbox(ScriptedSandbox(passing), ledger, run=1, tree="tree")
        list(first.run([check("a")]))
        inner = ScriptedSandbox(passing)
        second = RememberingSandbox(inner, ledger, run=2, tree="tree")
        (again,) = second.run([check("b", files=(("a", ""),))])
        assert (again.check, again.verdict) == ("b", Verdict.PASSED)
        assert inner.checks == []

    def test_another_tree_is_another_question(self, ledger: Ledger) -> None:
        list(
            RememberingSandbox(ScriptedSandbox(passing), ledger, run=1, tree="1").run([check("a")])
        )
        inner = ScriptedSandbox(passing)
        list(RememberingSandbox(inner, ledger, run=2, tree="2").run([check("a")]))
        assert len(inner.checks) == 1

    @pytest.mark.parametrize("kind", [CheckKind.LINK, CheckKind.CONFIRM])
    def test_what_shows_the_state_of_today_is_run_again(
        self, ledger: Ledger, kind: CheckKind
    ) -> None:
        for run in (1, 2):
            inner = ScriptedSandbox(passing)
            remembering = RememberingSandbox(inner, ledger, run=run, tree="tree")
            assert len(list(remembering.run([check("a", kind)]))) == 1
            assert len(inner.checks) == 1

    def test_a_lost_sandbox_is_tried_again(self, ledger: Ledger) -> None:
        down = ScriptedSandbox(lambda one: outcome(one.id, verdict=Verdict.SANDBOX_DOWN))
        list(RememberingSandbox(down, ledger, run=1, tree="tree").run([check("a")]))
        inner = ScriptedSandbox(passing)
        list(RememberingSandbox(inner, ledger, run=2, tree="tree").run([check("a")]))
        assert len(inner.checks) == 1

    def test_an_error_of_the_sandbox_comes_out(self, ledger: Ledger) -> None:
        def broken(check: Check) -> Outcome:
            raise LookupError("broken")

        remembering = RememberingSandbox(ScriptedSandbox(broken), ledger, run=1, tree="tree")
        with pytest.raises(LookupError, match="broken"):
            list(remembering.run([check("a")]))

    def test_an_error_of_the_source_comes_out(self, ledger: Ledger) -> None:
        def checks() -> Iterator[Check]:
            yield check("a")
            raise LookupError("no more")

        remembering = RememberingSandbox(ScriptedSandbox(passing), ledger, run=1, tree="tree")
        with pytest.raises(LookupError, match="no more"):
            list(remembering.run(checks()))

    def test_a_consumer_that_stops_early_does_not_hang(self, ledger: Ledger) -> None:
        pulled: list[int] = []

        def checks() -> Iterator[Check]:
            for number in range(100_000):
                pulled.append(number)
                yield check(str(number))

        slow = ScriptedSandbox(lambda one: time.sleep(0.001) or passing(one))
        run = RememberingSandbox(slow, ledger, run=1, tree="tree").run(checks())
        next(run)
        began = time.monotonic()
        run.close()
        assert time.monotonic() - began < 5
        assert len(pulled) < 10_000

    def test_stopping_early_ends_a_run_of_remembered_ones_as_well(self, ledger: Ledger) -> None:
        remembering = RememberingSandbox(ScriptedSandbox(passing), ledger, run=1, tree="tree")
        list(remembering.run([check("a")]))
        pulled: list[int] = []

        def checks() -> Iterator[Check]:
            for number in range(20_000):
                pulled.append(number)
                yield check("a")

        run = remembering.run(checks())
        next(run)
        run.close()
        assert len(pulled) < 20_000

    def test_stopping_early_tells_the_sandbox(self, ledger: Ledger) -> None:
        inner = PatientSandbox()
        run = RememberingSandbox(inner, ledger, run=1, tree="tree").run([check("a"), check("b")])
        assert next(run).check == "a"
        run.close()
        assert inner.was_cancelled

    def test_nothing_is_checked_that_is_not_wanted(self, ledger: Ledger) -> None:
        inner = ScriptedSandbox(passing)
        remembering = RememberingSandbox(inner, ledger, run=1, tree="tree")
        outcomes = list(
            remembering.run([check("a"), check("b")], cancelled=lambda one: one.id == "a")
        )
        assert [one.check for one in outcomes] == ["b"]
        assert [one.id for one in inner.checks] == ["b"]


class CutModel(ScriptedModel):
    """Its last answer was cut off by cancelling."""

    def __init__(self, *texts: str) -> None:
        super().__init__({(STUB, RequestKind.CODE): list(texts)})
        self._last = texts[-1]

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        for completion in super().generate(requests, cancelled=cancelled):
            cut = completion.text == self._last
            yield replace(completion, finish="cancelled") if cut else completion


class PatientSandbox:
    """Answers at once, but for the check "b", which runs until it is cancelled."""

    def __init__(self) -> None:
        self.was_cancelled = False

    @property
    def info(self) -> SandboxInfo:
        return SandboxInfo(backend="scripted", version="", python="", workers=1)

    def run(
        self, checks: Iterable[Check], *, cancelled: Callable[[Check], bool] = never
    ) -> Generator[Outcome, None, None]:
        for one in checks:
            deadline = time.monotonic() + 10
            while one.id == "b" and time.monotonic() < deadline:
                if cancelled(one):
                    self.was_cancelled = True
                    break
                time.sleep(0.005)
            else:
                yield passing(one)

    def close(self) -> None:
        pass
