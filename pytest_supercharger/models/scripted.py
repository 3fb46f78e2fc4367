"""Answers from a list: the model of tests, ours and plugin authors'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

from pytest_supercharger.models.base import (
    Completion,
    ModelInfo,
    Request,
    derive_seed,
    never,
)
from pytest_supercharger.prompts import RequestKind


class ScriptedModel:
    """Gives the texts of ``script[stub, kind]`` in order, each once.

    The stub ``"*"`` stands for every stub without an entry of its own; each of them gets the whole
    list. ``requests`` holds what the model was asked, in order.
    """

    def __init__(self, script: Mapping[tuple[str, RequestKind | str], Sequence[str]]) -> None:
        self._script = {(stub, RequestKind(kind)): texts for (stub, kind), texts in script.items()}
        self._served: Counter[tuple[str, RequestKind]] = Counter()
        self.requests: list[Request] = []
        self.info = ModelInfo(
            name="scripted",
            source="",
            digest="",
            backend="script",
            gpu_layers=0,
            context=0,
            slots=1,
        )

    def count_tokens(self, text: str) -> int:
        """One token for every word."""
        return len(text.split())

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        for request in requests:
            self.requests.append(request)
            key = (request.stub, request.kind)
            texts = self._script.get(key, self._script.get(("*", request.kind), ()))
            first = max(self._served[key], request.start)
            for index in range(first, min(first + request.n, len(texts))):
                if cancelled(request):
                    break
                self._served[key] = index + 1
                yield self._completion(request, index, texts[index])

    def close(self) -> None:
        """Nothing to let go of."""

    def _completion(self, request: Request, index: int, text: str) -> Completion:
        return Completion(
            stub=request.stub,
            kind=request.kind,
            text=text,
            index=index,
            seed=derive_seed(request.seed, request.stub, request.kind.value, index),
            prompt_tokens=0,
            tokens=self.count_tokens(text),
            finish="stop",
        )
