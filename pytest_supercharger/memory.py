"""What an earlier run has paid for is not paid for again: a model and a sandbox that remember.

A killed run resumes by starting anew: every completion and outcome that is in the ledger comes
from there, in no time, until the first one that is not.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from pytest_supercharger.ledger import Ledger, completion_key, outcome_key
from pytest_supercharger.models.ahead import Foreseeing
from pytest_supercharger.models.base import Completion, Model, ModelInfo, Request, never
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    Outcome,
    Sandbox,
    SandboxInfo,
    Verdict,
)

_REMEMBERED = (CheckKind.PROJECT, CheckKind.GENERATED)  # the others show the state of today


class RememberingModel:
    """The Model protocol over another model and a ledger."""

    def __init__(self, model: Model, ledger: Ledger, *, run: int) -> None:
        self._model = model
        self._ledger = ledger
        self._run = run

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def count_tokens(self, text: str) -> int:
        return self._model.count_tokens(text)

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        """Stored completions first, then the model for what is missing."""
        keys: dict[tuple[str, str], str] = {}
        missing: list[Request] = []
        for request in requests:
            key = self._key(request)
            keys[request.stub, request.kind.value] = key
            known = self._recall(key, request)
            for completion in known:
                if cancelled(request):
                    break
                yield completion
            if len(known) < request.n:
                missing.append(_rest(request, len(known)))
        if not missing:
            return
        with closing(self._model.generate(missing, cancelled=cancelled)) as completions:
            for completion in completions:
                if completion.finish != "cancelled":
                    key = keys[completion.stub, completion.kind.value]
                    self._ledger.record_completion(key, completion, run=self._run)
                yield completion

    def expect(self, requests: Sequence[Request]) -> None:
        """Tell a model that looks ahead what will be missing."""
        if isinstance(self._model, Foreseeing):
            asked = [(request, self._recall(self._key(request), request)) for request in requests]
            missing = [_rest(request, len(known)) for request, known in asked]
            self._model.expect([request for request in missing if request.n])

    def unclaimed(self) -> Mapping[str, int]:
        """Tokens that were decoded for what was expected and never asked, by stub."""
        return self._model.unclaimed() if isinstance(self._model, Foreseeing) else {}

    def close(self) -> None:
        self._model.close()

    def _key(self, request: Request) -> str:
        return completion_key(self._name(), request.prompt, request.seed)

    def _name(self) -> str:
        # With the name: a server may have another model at the same address by now.
        return f"{self.info.name} {self.info.source} {self.info.digest}"

    def _recall(self, key: str, request: Request) -> list[Completion]:
        """The stored completions from ``start`` on, up to the first gap; they cost nothing now."""
        stored = {one.index: one for one in self._ledger.recall_completions(key)}
        known = []
        for index in range(request.start, request.start + request.n):
            if index not in stored:
                break
            known.append(replace(stored[index], spent=0))
        return known


def _rest(request: Request, known: int) -> Request:
    """Without the first completions, which are known."""
    return replace(request, start=request.start + known, n=request.n - known)


class RememberingSandbox:
    """The Sandbox protocol over another sandbox and a ledger."""

    def __init__(self, sandbox: Sandbox, ledger: Ledger, *, run: int, tree: str) -> None:
        self._sandbox = sandbox
        self._ledger = ledger
        self._run = run
        self._tree = f"{tree} {sandbox.info.backend} {sandbox.info.python}"

    @property
    def info(self) -> SandboxInfo:
        return self._sandbox.info

    def run(
        self, checks: Iterable[Check], *, cancelled: Callable[[Check], bool] = never
    ) -> Generator[Outcome, None, None]:
        """Stored outcomes at once, the others as they end."""
        results: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()
        stopping = threading.Event()
        keys: dict[str, str] = {}

        def unknown() -> Iterator[Check]:
            for check in checks:
                if stopping.is_set():
                    return
                known = self._recall(check, keys)
                if known is None:
                    yield check
                else:
                    results.put(known)

        def unwanted(check: Check) -> bool:
            return stopping.is_set() or cancelled(check)

        def work() -> None:
            try:
                for outcome in self._sandbox.run(unknown(), cancelled=unwanted):
                    self._record(outcome, keys)
                    results.put(outcome)
                    if stopping.is_set():
                        return
            except BaseException as error:
                results.put(error)
            finally:
                results.put(None)

        thread = threading.Thread(target=work, name="remembering", daemon=True)
        thread.start()
        try:
            while (result := results.get()) is not None:
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            stopping.set()
            thread.join()

    def close(self) -> None:
        self._sandbox.close()

    def _recall(self, check: Check, keys: dict[str, str]) -> Outcome | None:
        if check.kind not in _REMEMBERED:
            return None
        key = keys[check.id] = outcome_key(check, self._tree)
        known = self._ledger.recall_outcome(key)
        return replace(known, check=check.id) if known else None

    def _record(self, outcome: Outcome, keys: dict[str, str]) -> None:
        key = keys.get(outcome.check)
        if key and outcome.verdict is not Verdict.SANDBOX_DOWN:
            self._ledger.record_outcome(key, outcome, run=self._run)
