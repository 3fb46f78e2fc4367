"""Which stub's turn is it, and which bodies go together where one test needs several of them?

A test that reaches two open stubs stops at the first. Given a candidate for that one, it stops at
the second: it is *blocked*, and says neither yes nor no. So every stub is first searched on the
tests that need nothing else; what was blocked is looked at again whenever a body has come into the
tree; and where two stubs only wait for each other, candidates of one are tried as guesses while the
other is searched on the tests of both. Nothing of a guess stays in the tree unless it is proven.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.fill import Filled, NotFilled, Waiting, ranked
from pytest_supercharger.stubs import Stub

GUESSES = 8  # candidates of one stub that are tried as guesses for another
Result = Filled | NotFilled
Tests = tuple[str, ...]  # node ids
_State = tuple[dict[str, CodeCandidate], dict[str, "Result | Waiting"], dict[str, Tests]]


class Bench(Protocol):
    """Searches and checks one stub on a tree in which some bodies are taken."""

    def start(self, stub: Stub, number: int, of: int) -> None:
        """Tell that a stub's turn has come."""

    def search(
        self, stub: Stub, tests: Tests, taken: Mapping[str, CodeCandidate]
    ) -> Filled | NotFilled | Waiting: ...

    def check(
        self,
        stub: Stub,
        codes: Sequence[CodeEvidence],
        tests: Tests,
        taken: Mapping[str, CodeCandidate],
    ) -> list[CodeEvidence]:
        """The same bodies with what ``tests`` say of them now, in order."""

    def choose(self, waiting: Waiting, code: CodeEvidence) -> Filled:
        """The result with ``code`` as the body, in the style of the project."""

    def wait(self, waiting: Waiting) -> None:
        """Tell that a stub waits for others."""

    def finish(self, stub: Stub, result: Result) -> None:
        """Tell what came of a stub; once for each result."""


@dataclass
class Filling:
    """Fills stubs; ``taken``, ``results`` and ``tests`` are what it has come to so far."""

    bench: Bench
    stubs: Mapping[str, Stub]  # that may be filled, by id
    tests: dict[str, Tests]  # that belong to each stub; grows as tests come past others
    seconds: float  # for guesses, until something comes of one
    taken: dict[str, CodeCandidate] = field(default_factory=dict)
    results: dict[str, Result | Waiting] = field(default_factory=dict)
    _failed: dict[str, NotFilled] = field(default_factory=dict)  # on top of guesses
    _told: dict[str, Result] = field(default_factory=dict)
    _given_up: dict[str, Waiting] = field(default_factory=dict)
    _have_a_turn: set[str] = field(default_factory=set)  # whatever comes before it
    _until: float = 0.0

    def fill(self, order: Sequence[Stub]) -> None:
        """Come to a result for each of ``order``, and for stubs that their tests stop at."""
        self._fill(order, before=0, of=len(order))

    def _fill(self, order: Sequence[Stub], *, before: int, of: int) -> None:
        """Turns are numbered ``before`` + 1 and on."""
        covered = [stub for stub in order if self.tests.get(stub.id)]
        for number, stub in enumerate(covered, before + 1):
            self._turn(stub, number, of)
        self._settle()
        for number, stub in enumerate(order, before + 1):
            if stub.id not in self.results:
                self._turn(stub, number, of)

    def go_on(self, bench: Bench, left: Sequence[Stub]) -> None:
        """Once more for stubs that were not filled, on another bench.

        Bodies that had nothing against them but tests that stop at other stubs are not thrown
        away: they are looked at again with the others filled, before anything new is searched.
        """
        self.bench = bench
        self._failed.clear()
        waiting = {stub.id: self._given_up.pop(stub.id) for stub in left if self._waited(stub)}
        for stub in left:
            self.results.pop(stub.id, None)
        others = [stub for stub in left if stub.id not in waiting]
        if others:
            self.results.update(waiting)
            self._have_a_turn.update(waiting)
            self._fill(others, before=0, of=len(left))
            self._have_a_turn.clear()
        again = [stub for stub in left if stub.id in waiting and stub.id not in self.taken]
        self._fill(again, before=len(others), of=len(left))

    def stop(self) -> None:
        """Come to an end without searching: what waits is looked at a last time, or given up."""
        self._have_a_turn.clear()
        while any(self._look_again(one) for one in self._waiting()):
            pass
        for one in self._waiting():
            self._give_up(one)
        self._tell()

    def _waited(self, stub: Stub) -> bool:
        return stub.id in self._given_up and stub.id not in self.taken

    def _turn(self, stub: Stub, number: int, of: int) -> None:
        self.bench.start(stub, number, of)
        result = self._search(stub)
        self._keep(stub.id, result)
        if isinstance(result, Waiting):
            self.bench.wait(result)
        self._tell()

    def _search(self, stub: Stub) -> Result | Waiting:
        return self.bench.search(stub, self.tests.get(stub.id, ()), self.taken)

    def _keep(self, stub: str, result: Result | Waiting) -> None:
        self.results[stub] = result
        if isinstance(result, Filled):
            self.taken[stub] = result.candidate

    def _tell(self) -> None:
        for stub, result in self.results.items():
            is_final = isinstance(result, Filled) or stub not in self._have_a_turn
            if is_final and not isinstance(result, Waiting) and self._told.get(stub) is not result:
                self._told[stub] = result
                self.bench.finish(self.stubs[stub], result)

    # --- what waits

    def _settle(self) -> None:
        """Again, as long as something comes of it; then together; what is left has no answer."""
        while waiting := self._waiting():
            moved = [self._again(one) for one in waiting]
            self._tell()
            self._until = time.monotonic() + self.seconds
            if not any(moved) and not any(map(self._together, waiting)):
                break
            self._tell()
        for one in self._waiting():
            self._give_up(one)
        self._tell()

    def _waiting(self) -> list[Waiting]:
        return [result for result in self.results.values() if isinstance(result, Waiting)]

    def _again(self, waiting: Waiting) -> bool:
        """Look at the bodies again if a stub that they stopped at is filled by now."""
        blockers = [stub for stub in waiting.blocked_by if stub in self.taken]
        if not blockers or self.results[waiting.stub.id] is not waiting:
            return False
        result = self._checked(waiting, self.tests[waiting.stub.id])
        if result is not None:
            self._keep(waiting.stub.id, result)
        elif not self._instead(waiting, blockers):
            self._keep(waiting.stub.id, self._search(waiting.stub))
        return True

    def _look_again(self, waiting: Waiting) -> bool:
        """Whether a known body passes, now that a stub that it stopped at is filled."""
        if not any(stub in self.taken for stub in waiting.blocked_by):
            return False
        result = self._checked(waiting, self.tests[waiting.stub.id])
        self._keep(waiting.stub.id, result or waiting.failed())
        return isinstance(result, Filled)

    def _checked(self, waiting: Waiting, tests: Tests) -> Filled | Waiting | None:
        """The known bodies on the tree as it is; None when all of them fail."""
        codes = self.bench.check(waiting.stub, waiting.codes, tests, self.taken)
        proven = next((code for code in codes if code.is_proven), None)
        if proven:
            return self.bench.choose(waiting, proven)
        still = ranked(code for code in codes if code.blocked_by)
        return replace(waiting, codes=still) if still else None

    def _give_up(self, waiting: Waiting) -> None:
        still_open = [stub for stub in waiting.blocked_by if stub not in self.taken]
        for stub in still_open:
            if stub in self._failed and stub not in self.results:
                self.results[stub] = self._failed[stub]
        self.results[waiting.stub.id] = waiting.given_up(still_open)
        self._given_up[waiting.stub.id] = waiting

    # --- together

    def _together(self, waiting: Waiting) -> bool:
        """Find bodies for a stub and those that it waits for, on the tests of all of them."""
        return self._guess(waiting, self.tests[waiting.stub.id])

    def _instead(self, waiting: Waiting, blockers: Iterable[str]) -> bool:
        """Another body for a filled stub, one with which the tests of ``waiting`` pass, too."""
        self._until = time.monotonic() + self.seconds
        for stub in blockers:
            before = self._state()
            found = False
            try:
                del self.taken[stub], self.results[stub]
                found = self._together(waiting)
            finally:
                if not found:
                    self._restore(before)
            if found:
                return True
        return False

    def _guess(self, waiting: Waiting, tests: Tests) -> bool:
        """Try the bodies of ``waiting`` as guesses; keep what proves right."""
        for code in waiting.codes[:GUESSES]:
            if time.monotonic() > self._until:
                return False
            before = self._state()
            right = False
            try:
                self.taken[waiting.stub.id] = code.candidate
                right = self._join(code, tests) and self._confirm(waiting, code, tests)
            finally:
                if not right:
                    self._restore(before)
            if right:
                return True
        return False

    def _join(self, code: CodeEvidence, tests: Tests) -> bool:
        """Fill the first stub that a guess stops at, so that ``tests`` pass as well."""
        names = [name for name in code.blocked_by if name in self.stubs and name not in self.taken]
        if not names:
            return False
        other = self.stubs[names[0]]
        own = self.tests.get(other.id, ())
        both = tuple(dict.fromkeys([*own, *tests]))
        known = self.results.get(other.id)
        if isinstance(known, NotFilled):
            return False
        if isinstance(known, Waiting):
            result: Result | Waiting | None = self._checked(known, both)
        else:
            result = self.bench.search(other, both, self.taken)
        if isinstance(result, NotFilled):
            self._failed[other.id] = result
        if isinstance(result, Filled):
            self._keep(other.id, result)
        elif not (isinstance(result, Waiting) and self._guess(result, both)):
            return False
        self.tests[other.id] = own or _stopped_at(other.id, code) or both
        return True

    def _confirm(self, waiting: Waiting, code: CodeEvidence, tests: Tests) -> bool:
        """Whether a guess passes the tests, now that the others are there."""
        stub = waiting.stub
        (now,) = self.bench.check(stub, [code], tests, self.taken)
        if now.is_proven:
            self._keep(stub.id, self.bench.choose(waiting, now))
        return now.is_proven

    def _state(self) -> _State:
        return dict(self.taken), dict(self.results), dict(self.tests)

    def _restore(self, state: _State) -> None:
        """Take a guess and all that came of it back. The same dicts: others look at them."""
        taken, results, tests = state
        self.taken.clear()
        self.taken.update(taken)
        self.results.clear()
        self.results.update(results)
        self.tests.clear()
        self.tests.update(tests)


def _stopped_at(stub: str, code: CodeEvidence) -> Tests:
    """The tests that stop at ``stub`` with this body of another one."""
    items = code.project.items if code.project else ()
    return tuple(item.id for item in items if item.raised_by == stub and "::" in item.id)
