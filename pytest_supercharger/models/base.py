"""The Model protocol: many requests in, completions out as each one ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Protocol

from pytest_supercharger.prompts import Prompt, RequestKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Ask for ``n`` completions of one prompt."""

    stub: str  # Stub.id
    kind: RequestKind
    prompt: Prompt
    n: int
    seed: int  # completion i is drawn with derive_seed(seed, stub, kind, i)
    start: int = 0  # first i: completions before it are already in the ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer, raw."""

    stub: str
    kind: RequestKind
    text: str
    index: int  # i of the request it answers
    seed: int | None
    prompt_tokens: int  # 0 where the model does not say
    tokens: int  # completion tokens; 0 where the model does not say
    finish: str  # "stop", "length" (cut off at the token cap), "loop" (repeats itself), "cancelled"
    logprob: float | None = None  # mean log-probability per token
    spent: int = 0  # tokens decoded for it, thinking and what was cut off included; 0: none now


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What really runs, for the start line and the report."""

    name: str
    source: str  # path or address
    digest: str  # sha256 of the file; "" for a server
    backend: str  # "llama.cpp CPU", "recording", ...
    gpu_layers: int
    context: int  # tokens; 0: no limit known
    slots: int  # completions decoded together
    remarks: tuple[str, ...] = ()  # what was switched off and why
    family: str = ""  # which models it is one of, as its file says: chooses the wording of prompts


class Model(Protocol):
    """Something that completes prompts.

    ``generate`` takes the requests of one or many stubs and yields each completion as it
    ends, in any order. ``cancelled`` is asked while tokens are drawn, from the thread that
    iterates: once it says True for a request, nothing more of that request is decoded. Fewer
    completions than asked for are an ordinary end. Several threads may generate at once.
    """

    @property
    def info(self) -> ModelInfo: ...

    def count_tokens(self, text: str) -> int: ...

    def generate(
        self,
        requests: Iterable[Request],
        *,
        cancelled: Callable[[Request], bool] = ...,
    ) -> Generator[Completion, None, None]: ...

    def close(self) -> None: ...


def never(_: object) -> bool:
    """The default of ``cancelled``."""
    return False


def derive_seed(seed: int, *parts: object) -> int:
    """A seed of its own for every completion: 31 bits of a hash over ``seed`` and ``parts``."""
    text = "\0".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def seeds_of(request: Request) -> dict[int, int]:
    """The seed of each completion that is asked for, by its index."""
    return {
        i: derive_seed(request.seed, request.stub, request.kind.value, i)
        for i in range(request.start, request.start + request.n)
    }
