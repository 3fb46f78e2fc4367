"""One stub after the other on the bench: what the model is asked, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from misbehaving_server import MisbehavingServer, refuses
from searching import RIGHT, WRONG, Hooks
from specimens import item, links, outcome, stubs_in

from pytest_supercharger.bundled import prompts_dir, tiny_model
from pytest_supercharger.config import Settings
from pytest_supercharger.entangled import Result
from pytest_supercharger.fill import Filled, NotFilled
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.memory import RememberingModel
from pytest_supercharger.models.ahead import AheadModel
from pytest_supercharger.models.base import Completion, Model, Request, never
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.models.server.model import ServerModel, parse_endpoints
from pytest_supercharger.prompts import Prompt, RequestKind, load_prompts
from pytest_supercharger.reporting.progress import Event, Progress, StubDone, StubLeft
from pytest_supercharger.sandboxes.base import Check, Outcome, Verdict
from pytest_supercharger.sandboxes.scripted import ScriptedSandbox
from pytest_supercharger.stubs import Stub, read_source
from pytest_supercharger.tree import Tree
from pytest_supercharger.workbench import Workbench

SECONDS = 10.0  # after which a test that waits in vain fails
SOURCE = "".join(
    f'def {name}(prices):\n    """The {name}."""\n    raise NotImplementedError\n\n\n'
    for name in ("total", "sum_up", "bare")
)
TOTAL, SUM_UP, BARE = "shop.py::total", "shop.py::sum_up", "shop.py::bare"
TESTS = {TOTAL: ("test_shop.py::test_total",), SUM_UP: ("test_shop.py::test_sum_up",)}


class Batched(ScriptedModel):
    """Many slots; tells when it was asked for a stub."""

    def __init__(self, slots: int = 4, context: int = 0) -> None:
        super().__init__({("*", RequestKind.CODE): [WRONG, RIGHT]})
        self.info = replace(self.info, slots=slots, context=context)
        self.asked_for = {stub: threading.Event() for stub in (TOTAL, SUM_UP, BARE)}

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        for request in requests:
            self.asked_for[request.stub].set()
            yield from super().generate([request], cancelled=cancelled)

    def asked(self) -> list[tuple[str, str]]:
        return [(request.stub, request.kind.value) for request in self.requests]


class Telling(Hooks):
    """A conftest that counts the prompts it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[tuple[str, str]] = []
        self.results: list[str] = []

    def prompt(self, stub: Stub, request: RequestKind, prompt: Prompt) -> Prompt:
        self.prompts.append((stub.id, request.value))
        return prompt

    def filled(self, stub: Stub, result: Result) -> None:
        self.results.append(stub.id)


class Silent(Progress):
    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


def right(check: Check) -> Outcome:
    """A project test passes if every body in its file but those still open is the right one."""
    verdict = Verdict.FAILED if "prices[0]" in check.files[0][1] else Verdict.PASSED
    return outcome(check.id, *(item(test, verdict) for test in check.args))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "state" / "p.sqlite", fresh=False) as opened:
        opened.begin_run("write", (), "scripted", "scripted")
        yield opened


def bench(
    folder: Path,
    model: Model,
    ledger: Ledger,
    answer: Callable[[Check], Outcome] = right,
    **changes: object,
) -> Workbench:
    stubs = stubs_in(folder / "project", {"shop.py": SOURCE})
    rootdir = folder / "project"
    values: dict[str, object] = {
        "settings": Settings(candidates=2, tests=2, rounds=1),
        "rootdir": rootdir,
        "selection": (),
        "stubs": stubs,
        "tree": Tree({"shop.py": read_source(rootdir / "shop.py")}, stubs),
        "links": links(tests=dict(TESTS)),
        "model": RememberingModel(model, ledger, run=1),
        "sandbox": ScriptedSandbox(answer),
        "wording": load_prompts(prompts_dir()),
        "hooks": Telling(),
        "ledger": ledger,
        "ledger_run": 1,
        "progress": Silent(),
        "order": stubs,
    }
    return Workbench(**(values | changes))  # type: ignore[arg-type]


def search(on: Workbench, number: int) -> Result:
    stub = on.stubs[number]
    result = on.search(stub, on.belonging(stub.id), {})
    assert isinstance(result, (Filled, NotFilled))
    return result


def test_the_next_stub_is_decoded_while_the_sandbox_checks(tmp_path: Path, ledger: Ledger) -> None:
    inner = Batched()

    def slow(check: Check) -> Outcome:
        assert inner.asked_for[SUM_UP].wait(SECONDS), "nothing is decoded meanwhile"
        return right(check)

    with closing(AheadModel(inner)) as model:
        on = bench(tmp_path, model, ledger, slow)
        assert isinstance(search(on, 0), Filled)
        assert isinstance(search(on, 1), Filled)
    assert inner.asked()[:2] == [(TOTAL, "code"), (SUM_UP, "code")]
    assert inner.asked().count((SUM_UP, "code")) == 1


def test_only_one_stub_is_looked_ahead(tmp_path: Path, ledger: Ledger) -> None:
    inner = Batched()
    with closing(AheadModel(inner)) as model:
        search(bench(tmp_path, model, ledger), 0)
    assert {stub for stub, _ in inner.asked()} == {TOTAL, SUM_UP}


def test_a_stub_without_tests_is_asked_for_tests_and_code_once_each(
    tmp_path: Path, ledger: Ledger
) -> None:
    inner = Batched()
    with closing(AheadModel(inner)) as model:
        on = bench(tmp_path, model, ledger, links=links())
        search(on, 2)
    assert inner.asked()[:2] == [(BARE, "tests"), (BARE, "code")]
    assert inner.asked().count((BARE, "code")) == 1


def test_a_conftest_sees_each_prompt_once(tmp_path: Path, ledger: Ledger) -> None:
    hooks = Telling()
    with closing(AheadModel(Batched())) as model:
        on = bench(tmp_path, model, ledger, hooks=hooks)
        search(on, 0)
        search(on, 1)
    assert hooks.prompts == [
        (TOTAL, "code"), (SUM_UP, "code"), (BARE, "tests"), (BARE, "code"),
    ]  # fmt: skip


def test_with_one_slot_nothing_is_announced(tmp_path: Path, ledger: Ledger) -> None:
    inner = Batched(slots=1)
    with closing(AheadModel(inner)) as model:
        search(bench(tmp_path, model, ledger), 0)
    assert inner.asked() == [(TOTAL, "code")]


def test_a_prompt_that_does_not_fit_leaves_the_stub_open_and_not_the_run(
    tmp_path: Path, ledger: Ledger
) -> None:
    small = Batched(context=900)
    result = search(bench(tmp_path, small, ledger), 0)
    assert isinstance(result, NotFilled)
    assert "900" in result.reason or "tokens" in result.reason
    assert (result.more_may_help, result.fits) == (False, False)
    bigger = bench(tmp_path, small, ledger, leaves_to="big")
    left = search(bigger, 0)
    assert isinstance(left, NotFilled)
    assert left.more_may_help


def test_what_is_too_long_for_the_bundled_model_is_not_for_a_better_one(
    tmp_path: Path, ledger: Ledger
) -> None:
    tiny = Batched(context=900)
    tiny.info = replace(tiny.info, source=str(tiny_model()))
    result = search(bench(tmp_path, tiny, ledger), 0)
    assert isinstance(result, NotFilled)
    assert (result.more_may_help, result.fits) == (True, False)


def test_a_prompt_that_a_server_refuses_leaves_the_stub_open_and_not_the_run(
    tmp_path: Path, ledger: Ledger
) -> None:
    words = "This model's maximum context length is 512 tokens"
    with (
        MisbehavingServer(behaviours=[refuses(400, words)]) as server,
        closing(AheadModel(ServerModel(parse_endpoints(server.url)))) as model,
    ):
        result = search(bench(tmp_path, model, ledger), 0)
    assert isinstance(result, NotFilled)
    assert words in result.reason
    assert not result.more_may_help


def test_what_is_left_for_a_bigger_model_is_not_settled_yet(tmp_path: Path, ledger: Ledger) -> None:
    progress, hooks = Silent(), Telling()
    on = bench(tmp_path, Batched(), ledger, leaves_to="big", progress=progress, hooks=hooks)
    on.finish(on.stubs[0], NotFilled(stub=on.stubs[0], reason="no candidate passes"))
    assert hooks.results == []
    assert [type(event) for event in progress.events] == [StubLeft]
    on.finish(on.stubs[1], NotFilled(stub=on.stubs[1], reason="never", more_may_help=False))
    assert hooks.results == [SUM_UP]
    assert [type(event) for event in progress.events] == [StubLeft, StubDone]


def test_a_second_search_counts_what_the_first_one_cost(tmp_path: Path, ledger: Ledger) -> None:
    on = bench(tmp_path, Batched(), ledger)
    first, second = search(on, 0).searched, search(on, 0).searched
    assert first is not None
    assert second is not None
    assert second.rounds == 2
    assert second.completion_tokens == 2 * first.completion_tokens


def of_family(family: str) -> ScriptedModel:
    script = {
        ("*", RequestKind.CODE): [RIGHT, RIGHT],
        ("*", RequestKind.TESTS): ["assert bare([6]) == 6\nassert bare([7]) == 7"],
    }
    model = ScriptedModel({**script, ("*", RequestKind.JUDGE): ["0.9"]})
    model.info = replace(model.info, family=family)
    return model


def returning_six(check: Check) -> Outcome:
    return outcome(check.id, *(item(str(n), returned="6") for n in range(len(check.tests))))


@pytest.mark.parametrize(
    ("family", "judge", "heard"),
    [
        ("supercharger-tiny", None, None),  # it cannot judge
        ("supercharger-tiny", "", 0.9),
        ("", None, 0.9),
        ("", "supercharger-tiny", None),
    ],
)
def test_who_can_judge_is_a_matter_of_its_own_family(
    tmp_path: Path, ledger: Ledger, family: str, judge: str | None, heard: float | None
) -> None:
    changes = {} if judge is None else {"judge": RememberingModel(of_family(judge), ledger, run=1)}
    on = bench(tmp_path, of_family(family), ledger, returning_six, **changes)
    result = search(on, 2)
    assert result.searched is not None
    assert result.searched.judge == heard
