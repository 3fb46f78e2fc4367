"""A sandbox that answers by a function: for tests of the steps around it, and for plugins."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from pytest_supercharger.sandboxes.base import Check, Outcome, SandboxInfo


class ScriptedSandbox:
    """The Sandbox protocol; nothing is run. ``checks`` keeps what was asked."""

    def __init__(self, answer: Callable[[Check], Outcome]) -> None:
        self._answer = answer
        self.checks: list[Check] = []

    @property
    def info(self) -> SandboxInfo:
        return SandboxInfo(backend="scripted", version="", python="", workers=1)

    def run(
        self, checks: Iterable[Check], *, cancelled: Callable[[Check], bool] = lambda _: False
    ) -> Generator[Outcome, None, None]:
        """One outcome per check, in order."""
        for check in checks:
            if not cancelled(check):
                self.checks.append(check)
                yield self._answer(check)

    def close(self) -> None:
        """Nothing to close."""
