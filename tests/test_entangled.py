"""Stubs whose tests need other stubs, on a bench where a test passes if the bodies fit."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from specimens import blocked, body, evidence_of, item, outcome, stubs_in

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.entangled import Filling, Result
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.fill import Filled, NotFilled, Waiting, filled, ranked
from pytest_supercharger.sandboxes.base import ItemOutcome, Verdict
from pytest_supercharger.search import Searched
from pytest_supercharger.stubs import Stub

RIGHT, WRONG = "return 1", "return 0"


@dataclass
class Bodies:
    """A bench: a test runs through stubs in order and stops at an open one; wrong bodies show."""

    path: dict[str, str]  # test: the stubs that it comes to, by letter
    candidates: dict[str, list[str]]  # stub: the bodies that a model has for it
    shows: Callable[[str, str], bool] = lambda _test, _stub: True  # whether a wrong body is seen
    finished: list[str] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)

    def start(self, stub: Stub, number: int, of: int) -> None:
        self.turns.append(f"{stub.name} {number}/{of}")

    def wait(self, waiting: Waiting) -> None: ...

    def search(
        self, stub: Stub, tests: tuple[str, ...], taken: Mapping[str, CodeCandidate]
    ) -> Filled | NotFilled | Waiting:
        self.searched.append(stub.name)
        bodies = [body(text, stub.id) for text in self.candidates.get(stub.name, ())]
        codes = self.check(stub, [evidence_of(one) for one in bodies], tests, taken)
        proven = next((code for code in codes if code.is_proven), None)
        if proven:
            return filled(stub, _SEARCHED, proven, "", covered=True)
        waiting = ranked(code for code in codes if code.blocked_by)
        if waiting:
            return Waiting(stub=stub, codes=waiting, searched=_SEARCHED)
        return NotFilled(stub=stub, reason="no candidate passes")

    def check(
        self,
        stub: Stub,
        codes: Sequence[CodeEvidence],
        tests: tuple[str, ...],
        taken: Mapping[str, CodeCandidate],
    ) -> list[CodeEvidence]:
        return [
            evidence_of(code.candidate, project=outcome(code.candidate.id, *items))
            for code in codes
            for items in [[self._run(t, {**taken, stub.id: code.candidate}) for t in tests]]
        ]

    def _run(self, test: str, taken: Mapping[str, CodeCandidate]) -> ItemOutcome:
        for letter in self.path[test]:
            if _id(letter) not in taken:
                return blocked(test, _id(letter))
        wrong = [x for x in self.path[test] if RIGHT not in taken[_id(x)].body]
        seen = any(self.shows(test, letter) for letter in wrong)
        return item(test, Verdict.FAILED if seen else Verdict.PASSED)

    def choose(self, waiting: Waiting, code: CodeEvidence) -> Filled:
        return filled(waiting.stub, _SEARCHED, code, "", covered=True)

    def finish(self, stub: Stub, result: Result) -> None:
        self.finished.append(stub.name)


_SEARCHED: Searched = None  # type: ignore[assignment]  # nothing here looks into it


def _id(letter: str) -> str:
    return f"shop.py::{letter}"


@pytest.fixture
def stubs(tmp_path: Path) -> dict[str, Stub]:
    source = "\n\n".join(f"def {letter}():\n    raise NotImplementedError\n" for letter in "abcd")
    return {stub.name: stub for stub in stubs_in(tmp_path, {"shop.py": textwrap.dedent(source)})}


def fill(bench: Bodies, stubs: Mapping[str, Stub], order: str) -> Filling:
    """Link as a first run would, and fill the stubs of ``order``; the others are optional."""
    tests: dict[str, tuple[str, ...]] = {}
    for test, path in bench.path.items():
        tests[_id(path[0])] = (*tests.get(_id(path[0]), ()), f"{test}")
    known = {_id(name): stub for name, stub in stubs.items()}
    filling = Filling(bench=bench, stubs=known, tests=tests, seconds=60)
    filling.fill([stubs[letter] for letter in order])
    return filling


def bodies(filling: Filling) -> dict[str, str]:
    return {name[-1]: candidate.body.strip() for name, candidate in sorted(filling.taken.items())}


EITHER = [WRONG, RIGHT]


def test_what_was_blocked_is_looked_at_again_when_the_other_is_filled(
    stubs: dict[str, Stub],
) -> None:
    bench = Bodies({"t::1": "ab", "t::2": "b"}, {"a": EITHER, "b": EITHER})
    assert bodies(fill(bench, stubs, "ab")) == {"a": RIGHT, "b": RIGHT}


def test_a_chain_with_one_test_at_its_end_is_filled_together(stubs: dict[str, Stub]) -> None:
    bench = Bodies({"t::1": "abcd"}, dict.fromkeys("abcd", EITHER))
    filling = fill(bench, stubs, "abcd")
    assert bodies(filling) == dict.fromkeys("abcd", RIGHT)
    assert filling.tests[_id("d")] == ("t::1",)


def test_two_that_wait_for_each_other_are_filled_together(stubs: dict[str, Stub]) -> None:
    bench = Bodies({"t::1": "ab", "t::2": "ba"}, {"a": EITHER, "b": EITHER})
    assert bodies(fill(bench, stubs, "ab")) == {"a": RIGHT, "b": RIGHT}


def test_an_optional_stub_is_filled_when_a_test_stops_at_it(stubs: dict[str, Stub]) -> None:
    bench = Bodies({"t::1": "ab"}, {"a": EITHER, "b": EITHER})
    filling = fill(bench, stubs, "a")
    assert bodies(filling) == {"a": RIGHT, "b": RIGHT}
    assert _id("c") not in filling.results


def test_a_body_whose_own_tests_are_weak_gives_way_to_one_that_fits(
    stubs: dict[str, Stub],
) -> None:
    bench = Bodies(
        {"t::1": "ab", "t::2": "b"},
        {"a": [RIGHT], "b": EITHER},
        shows=lambda test, _: test != "t::2",
    )
    filling = fill(bench, stubs, "ab")
    assert bodies(filling) == {"a": RIGHT, "b": RIGHT}


def test_no_guess_stays_when_the_other_cannot_be_filled(stubs: dict[str, Stub]) -> None:
    bench = Bodies({"t::1": "ab"}, {"a": EITHER, "b": [WRONG]})
    filling = fill(bench, stubs, "ab")
    assert filling.taken == {}
    a, b = filling.results[_id("a")], filling.results[_id("b")]
    assert isinstance(a, NotFilled)
    assert a.reason == f"its tests stop at {_id('b')}, not filled"
    assert isinstance(b, NotFilled)
    assert b.reason == "no candidate passes"


def test_each_result_is_told_once(stubs: dict[str, Stub]) -> None:
    bench = Bodies({"t::1": "abc", "t::2": "c"}, dict.fromkeys("abc", EITHER))
    fill(bench, stubs, "abc")
    assert sorted(bench.finished) == ["a", "b", "c"]


def test_a_ctrl_c_leaves_no_guess_behind(stubs: dict[str, Stub]) -> None:
    class Interrupted(Bodies):
        def search(
            self, stub: Stub, tests: tuple[str, ...], taken: Mapping[str, CodeCandidate]
        ) -> Filled | NotFilled | Waiting:
            if stub.name == "b":
                raise KeyboardInterrupt
            return super().search(stub, tests, taken)

    bench = Interrupted({"t::1": "ab"}, {"a": EITHER, "b": EITHER})
    known = {_id(name): stub for name, stub in stubs.items()}
    filling = Filling(bench=bench, stubs=known, tests={_id("a"): ("t::1",)}, seconds=60)
    with pytest.raises(KeyboardInterrupt):
        filling.fill([stubs["a"]])
    assert filling.taken == {}


def test_a_ctrl_c_leaves_a_body_in_place_that_another_was_looked_for_instead_of(
    stubs: dict[str, Stub],
) -> None:
    class Interrupted(Bodies):
        def search(
            self, stub: Stub, tests: tuple[str, ...], taken: Mapping[str, CodeCandidate]
        ) -> Filled | NotFilled | Waiting:
            if stub.name in self.searched and stub.name == "b":
                raise KeyboardInterrupt
            return super().search(stub, tests, taken)

    bench = Interrupted(
        {"t::1": "ab", "t::2": "b"},
        {"a": [RIGHT], "b": EITHER},
        shows=lambda test, _: test != "t::2",
    )
    known = {_id(name): stub for name, stub in stubs.items()}
    tests = {_id("a"): ("t::1",), _id("b"): ("t::2",)}
    filling = Filling(bench=bench, stubs=known, tests=tests, seconds=60)
    with pytest.raises(KeyboardInterrupt):
        filling.fill([stubs["a"], stubs["b"]])
    assert bodies(filling) == {"b": WRONG}
    assert isinstance(filling.results[_id("b")], Filled)


class TestOnAnotherBench:
    """What one model leaves open is searched with another."""

    PATH = {"ta": "ab", "tb": "b", "tc": "c"}  # noqa: RUF012  # never changed

    def go_on(
        self, stubs: dict[str, Stub], small: dict[str, list[str]], big: dict[str, list[str]]
    ) -> tuple[Filling, Bodies]:
        filling = fill(Bodies(self.PATH, small), stubs, "abc")
        bigger = Bodies(self.PATH, big)
        left = [stubs[x] for x in "abc" if not isinstance(filling.results[_id(x)], Filled)]
        filling.go_on(bigger, left)
        return filling, bigger

    def test_only_what_is_left_is_searched_again(self, stubs: dict[str, Stub]) -> None:
        filling, bigger = self.go_on(
            stubs, {"a": EITHER, "b": EITHER, "c": [WRONG]}, {"c": EITHER, "a": [], "b": []}
        )
        assert bodies(filling) == {"a": RIGHT, "b": RIGHT, "c": RIGHT}
        assert bigger.searched == ["c"]
        assert bigger.finished == ["c"]

    def test_a_body_that_waited_is_taken_once_the_other_stub_is_filled(
        self, stubs: dict[str, Stub]
    ) -> None:
        filling, bigger = self.go_on(
            stubs, {"a": [RIGHT], "b": [WRONG], "c": [RIGHT]}, {"a": [WRONG], "b": [RIGHT]}
        )
        assert bodies(filling) == {"a": RIGHT, "b": RIGHT, "c": RIGHT}
        assert bigger.searched == ["b"]

    def test_a_body_that_waited_in_vain_is_searched_anew(self, stubs: dict[str, Stub]) -> None:
        filling, bigger = self.go_on(
            stubs, {"a": [WRONG], "b": [WRONG], "c": [RIGHT]}, {"a": [RIGHT], "b": [RIGHT]}
        )
        assert bodies(filling) == {"a": RIGHT, "b": RIGHT, "c": RIGHT}
        assert (bigger.searched[0], bigger.searched[-1]) == ("b", "a")

    @pytest.mark.parametrize("then", [[WRONG], [RIGHT]])
    def test_each_is_told_once_also_where_it_waited_in_vain(
        self, stubs: dict[str, Stub], then: list[str]
    ) -> None:
        small = {"a": [RIGHT], "b": [WRONG], "c": [RIGHT]}
        _, bigger = self.go_on(stubs, small, {"a": then, "b": [WRONG]})
        assert sorted(bigger.finished) == ["a", "b"]

    def test_what_no_model_fills_stays_with_a_reason(self, stubs: dict[str, Stub]) -> None:
        nobody: dict[str, list[str]] = {"a": [RIGHT], "b": [WRONG], "c": []}
        filling, _ = self.go_on(stubs, nobody, nobody)
        assert bodies(filling) == {}
        for letter in "abc":
            result = filling.results[_id(letter)]
            assert isinstance(result, NotFilled)
            assert result.reason

    def test_turns_are_numbered_over_all_that_is_left(self, stubs: dict[str, Stub]) -> None:
        small = {"a": [RIGHT], "b": [WRONG], "c": [RIGHT]}
        _, bigger = self.go_on(stubs, small, {"a": [WRONG], "b": [WRONG]})
        assert bigger.turns == ["b 1/2", "a 2/2"]

    @pytest.mark.parametrize(
        ("small", "big", "left"),
        [
            ([RIGHT], [RIGHT], {"a": RIGHT, "b": RIGHT}),
            ([WRONG], [RIGHT], {"b": RIGHT}),
            ([RIGHT], [WRONG], {}),
        ],
    )
    def test_one_that_breaks_off_can_be_stopped_without_it(
        self,
        stubs: dict[str, Stub],
        small: list[str],
        big: list[str],
        left: dict[str, str],
    ) -> None:
        class Breaking(Bodies):
            def search(
                self, stub: Stub, tests: tuple[str, ...], taken: Mapping[str, CodeCandidate]
            ) -> Filled | NotFilled | Waiting:
                if stub.name == "c":
                    raise ModelUnavailable("gone")
                return super().search(stub, tests, taken)

        filling = fill(Bodies(self.PATH, {"a": small, "b": [WRONG], "c": [WRONG]}), stubs, "abc")
        bigger = Breaking(self.PATH, {"b": big})
        with pytest.raises(ModelUnavailable):
            filling.go_on(bigger, [stubs[x] for x in "abc"])
        filling.stop()
        assert bodies(filling) == left
        assert sorted(bigger.finished) == ["a", "b"]
        assert not any(isinstance(result, Waiting) for result in filling.results.values())
        a = filling.results[_id("a")]
        if isinstance(a, NotFilled):
            assert a.reason in (
                f"no body passes with {_id('b')} filled",
                f"its tests stop at {_id('b')}, not filled",
            )
