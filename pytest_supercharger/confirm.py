"""All winners together: stock pytest on the spliced tree, in a fresh sandbox.

What passed before must still pass. A test that newly fails is run again on the stub tree: one
that fails there, too, is flaky. The others are bisected to the winners that broke them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pytest_supercharger.exceptions import SandboxError
from pytest_supercharger.linking import Links, as_argument
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    ItemOutcome,
    Outcome,
    Sandbox,
    Verdict,
)

Files = tuple[tuple[str, str], ...]
Tree = Callable[[Sequence[str]], Files]  # stub ids to the files with their winners spliced in

_NOT_BAD = (Verdict.PASSED, Verdict.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the whole selection says about the winners."""

    good: tuple[str, ...]  # stub ids whose bodies may be written
    broken: Mapping[str, tuple[ItemOutcome, ...]]  # stub id: the tests that its winner breaks
    flaky: tuple[str, ...]  # node ids that fail on the stub tree as well, this time
    outcome: Outcome  # of the last whole run: on the tree with the good ones


def confirm(
    winners: Mapping[str, tuple[str, ...]],
    *,
    tree: Tree,
    links: Links,
    sandbox: Sandbox,
    selection: tuple[str, ...],
    timeout: float,
    rootdir: Path,
) -> Confirmation:
    """Run everything on the winners and take out those that break something.

    Raises SandboxError when a sandbox is lost: that is no word on any body.
    ``winners``: stub id to the node ids that belong to it; they must pass as well.
    """
    bench = _Bench(tree, links, sandbox, timeout, rootdir)
    good = list(winners)
    broken: dict[str, tuple[ItemOutcome, ...]] = {}
    flaky: set[str] = set()
    while True:
        outcome = bench.run_all(good, selection)
        failing = _newly_failing(outcome, links, [t for w in good for t in winners[w]], flaky)
        if not failing or not good:
            break
        shaky = bench.failing_without(failing)
        flaky |= shaky
        failing = {name: item for name, item in failing.items() if name not in shaky}
        if not failing:
            continue
        culprits = bench.bisect(good, list(failing)) if len(good) > 1 else good
        broken |= {stub: _worst(failing) for stub in culprits}
        good = [stub for stub in good if stub not in culprits]
    return Confirmation(
        good=tuple(good), broken=broken, flaky=tuple(sorted(flaky)), outcome=outcome
    )


def _worst(failing: Mapping[str, ItemOutcome]) -> tuple[ItemOutcome, ...]:
    return tuple(failing.values())[:5]


def _newly_failing(
    outcome: Outcome, links: Links, belonging: Iterable[str], flaky: Iterable[str]
) -> dict[str, ItemOutcome]:
    """Tests that passed before, or belong to a winner, and do not pass now.

    A test that no longer appears at all counts: its file may not be collected any more.
    """
    items = {item.id: item for item in outcome.items}
    expected = (links.passed | set(belonging)) - set(flaky)
    failing = {}
    for test in sorted(expected):
        item = items.get(test)
        if item is None and "::" not in test:
            continue  # a file that could not be collected before; its tests have ids now
        if item is None:
            item = _not_run(test, items, outcome)
        accepted = (Verdict.PASSED,) if test in belonging else _NOT_BAD
        if item.verdict not in accepted:
            failing[test] = item
    return failing


def _not_run(test: str, items: Mapping[str, ItemOutcome], outcome: Outcome) -> ItemOutcome:
    """In place of a test that did not appear: its file tells why where that was not collected."""
    file = items.get(test.split("::")[0])
    why = file.exception if file else outcome.detail or outcome.verdict.value
    return ItemOutcome(
        id=test, verdict=Verdict.NOT_RUN, seconds=0.0, detail=f"it did not run: {why}"
    )


class _Bench:
    """Runs over trees with some of the winners in place."""

    def __init__(
        self, tree: Tree, links: Links, sandbox: Sandbox, timeout: float, rootdir: Path
    ) -> None:
        self._tree = tree
        self._links = links
        self._sandbox = sandbox
        self._timeout = timeout
        self._rootdir = rootdir
        self._numbers = count(1)

    def run_all(self, stubs: Sequence[str], selection: tuple[str, ...]) -> Outcome:
        return self._run(stubs, selection)

    def failing_without(self, failing: Iterable[str]) -> set[str]:
        """Tests that passed on the stub tree once, and fail there now."""
        before = [test for test in failing if test in self._links.passed]
        return self._failing((), before) if before else set()

    def bisect(self, stubs: Sequence[str], failing: list[str]) -> list[str]:
        """The winners without which ``failing`` does not fail.

        Halves alone first. Where neither half fails alone, or a half needs the others to pass,
        each winner is left out in turn; where that shows nothing, all of them go.
        """
        if len(stubs) == 1:
            return list(stubs)
        middle = len(stubs) // 2
        halves = [stubs[:middle], stubs[middle:]]
        passed_before = [test for test in failing if test in self._links.passed]
        if passed_before:
            guilty = [half for half in halves if self._failing(half, passed_before)]
            if guilty:
                return [stub for half in guilty for stub in self.bisect(half, passed_before)]
        needless = [
            stub
            for stub in stubs
            if not self._failing([other for other in stubs if other != stub], passed_before)
        ]
        return needless if needless and passed_before else self._owners(stubs, failing)

    def _owners(self, stubs: Sequence[str], failing: Iterable[str]) -> list[str]:
        """Winners to which a failing test belongs; all where that is nobody."""
        tests = set(failing)
        owners = [stub for stub in stubs if tests & set(self._links.tests.get(stub, ()))]
        return owners or list(stubs)

    def _failing(self, stubs: Sequence[str], tests: Sequence[str]) -> set[str]:
        if not tests:
            return set()
        arguments = tuple(as_argument(test, self._rootdir) for test in tests)
        items = {item.id: item for item in self._run(stubs, arguments).items}
        return {test for test in tests if test not in items or items[test].verdict not in _NOT_BAD}

    def _run(self, stubs: Sequence[str], arguments: tuple[str, ...]) -> Outcome:
        check = Check(
            id=f"confirm {next(self._numbers)}",
            kind=CheckKind.CONFIRM,
            files=self._tree(stubs),
            args=arguments,
            timeout=self._timeout,
            limits=limits_of(self._links, self._timeout),
        )
        (outcome,) = self._sandbox.run([check])
        if outcome.verdict is Verdict.SANDBOX_DOWN:
            raise SandboxError(f"the confirmation could not be run: {outcome.detail}")
        return outcome


def limits_of(links: Links, timeout: float) -> tuple[tuple[str, float], ...]:
    """Five times what an item took before, where that is more than the limit."""
    longer = [(test, 5 * seconds) for test, seconds in links.seconds.items()]
    collecting = ("", max(2 * timeout, 5 * links.collecting))
    return (collecting, *((test, limit) for test, limit in longer if limit > timeout))
