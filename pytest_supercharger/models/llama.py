"""A GGUF file through llama.cpp on this machine: many completions decoded together.

llama.cpp runs in a process of its own (:mod:`.llama_child`). :mod:`.llama_keeper` starts it again
when it dies, and in another way when it dies of the way it was started.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.base import Completion, ModelInfo, Request, never, seeds_of
from pytest_supercharger.models.builds import Builds, Known, default_folder
from pytest_supercharger.models.frames import Frame
from pytest_supercharger.models.llama_child import DIED, Child, Died
from pytest_supercharger.models.llama_keeper import Keeper, as_options, info_of, key_of
from pytest_supercharger.models.stream import Stream

IDLE_SECONDS = 900.0  # after which the process gives its memory back, until it is asked again
_MAGIC = b"GGUF"
_LISTED = 10  # neighbours named when a file is not there


class LlamaModel:
    """Completes prompts with llama.cpp; may be used from several threads at once."""

    def __init__(
        self,
        path: Path,
        *,
        context: int | None = None,
        gpu: str = "auto",
        slots: int | None = None,
        idle_seconds: float = IDLE_SECONDS,
        cache: Path | None = None,
    ) -> None:
        """Load ``path``; returns when the model has decoded its first token.

        ``context`` is in tokens of one prompt and its answer, None: as the model and the memory
        say; ``gpu`` is ``auto``, ``off`` or ``require``; ``slots`` completions are decoded
        together, None: as many as pay and fit. ``cache``: where it is kept what was learned about
        this build of llama.cpp, None: in the user's cache.

        :raises ModelUnavailable: no such file, not a GGUF, llama-cpp-python is missing or broken,
            llama.cpp cannot load the file, or it is too big for this machine.
        :raises SetupError: a GPU is required and none would be used.
        """
        _check_file(path)
        options = {"path": str(path), "context": context, "gpu": gpu, "slots": slots}
        self._engine = Keeper(path, options, idle_seconds, Builds(folder=cache or default_folder()))
        self._stop = weakref.finalize(self, self._engine.stop)
        try:
            self._engine.child()
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> ModelInfo:
        """What really runs; changes when the process had to be started in another way."""
        return self._engine.info

    @property
    def pid(self) -> int | None:
        """Of the process of llama.cpp; None: there is none now."""
        return self._engine.pid

    @property
    def busy_seconds(self) -> float:
        """Wall time in which something was decoded, as of the last completion."""
        return self._engine.busy_seconds

    def count_tokens(self, text: str) -> int:
        """By the model's own tokenizer, without a begin-of-text token."""
        while True:
            child = self._engine.child()
            try:
                return int(child.ask("count", until="count", text=text)["n"])
            except Died as death:
                self._engine.mourn(child, death)

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        """Yield each completion as it ends; requests are read while there are slots for them.

        A completion that ``cancelled`` cut off is yielded with what there is of it. A model without
        a chat template gives none for a prompt without a continuation.

        :raises PromptRefused: a prompt does not fit the context.
        :raises SetupError: the chat template refuses a prompt.
        :raises ModelUnavailable: llama.cpp failed, or died again after it was started anew.
        """
        stream = _Stream(self._engine, cancelled)
        try:
            yield from stream.run(iter(requests))
        finally:
            stream.abandon()

    def close(self) -> None:
        """End the child; a model that is closed or no longer referenced leaves no process."""
        self._stop()


def preview(path: Path, *, context: int | None = None, gpu: str = "auto") -> ModelInfo:
    """What ``LlamaModel`` would say of ``path``, without loading its weights.

    :raises ModelUnavailable: as LlamaModel.
    :raises SetupError: as LlamaModel.
    """
    _check_file(path)
    options = {"path": str(path), "context": context, "gpu": gpu, "slots": None}
    child = Child(path)
    try:
        key = key_of(child, gpu, path)
        way = Builds(folder=default_folder()).recall(*key) or Known()
        found = child.ask("preview", until="preview", options=as_options(options, way))
    finally:
        child.stop()
    backend = f"llama.cpp {', '.join(found['devices']) or 'CPU'}"
    return info_of(
        path,
        found,
        digest="",
        backend=backend,
        gpu_layers=found["gpu_layers"],
        remarks=way.remarks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What the installed llama.cpp computes on here, in words."""

    summary: str
    remark: str  # about a GPU that is not used; "": nothing to say


def hardware(gpu: str = "auto") -> Hardware:
    """What there is for any model; none is opened. ``gpu`` as of LlamaModel.

    :raises ModelUnavailable: llama-cpp-python is missing or broken.
    :raises SetupError: a GPU is required and llama.cpp finds none.
    """
    child = Child()
    try:
        found = child.ask("hardware", until="hardware", gpu=gpu)
    finally:
        child.stop()
    return Hardware(summary=found["summary"], remark=found["remark"])


# --- completions


class _Stream(Stream["_Asked", Frame]):
    """The requests of one ``generate`` that are with the process."""

    def __init__(self, engine: Keeper, cancelled: Callable[[Request], bool]) -> None:
        super().__init__(cancelled)
        self._engine = engine
        self._asked: dict[int, _Asked] = {}  # by call

    @property
    def open(self) -> Collection[_Asked]:
        return self._asked.values()

    @property
    def slots(self) -> int:
        return self._engine.info.slots

    def ask(self, request: Request) -> None:
        self._ask(request, seeds_of(request))

    def take(self, event: Frame) -> Iterator[Completion]:
        asked = self._asked.get(event["call"])
        if asked is None:
            return  # it was done before its process ended
        if event["event"] == "completion":
            self._engine.noted(asked.child, event)
            del asked.seeds[event["index"]]
            yield _completion(asked.request, event)
        elif event["event"] == "done":
            self._engine.noted(asked.child, event)
            self._forget(asked)
        elif event["event"] == DIED:
            self._again(asked)
        else:
            self._forget(asked)
            asked.child.raise_for(event)

    def cancel(self, one: _Asked) -> None:
        one.child.cancel(one.call)

    def abandon(self) -> None:
        """Nothing more of what is open is wanted."""
        for asked in self._asked.values():
            asked.child.forget(asked.call)
            self.cancel(asked)

    def _ask(self, request: Request, seeds: dict[int, int]) -> None:
        child = self._engine.child()
        call = child.begin("generate", self.events.put, **_as_fields(request, seeds))
        self._asked[call] = _Asked(request, child, call, seeds)

    def _again(self, asked: _Asked) -> None:
        """The process has died: the rest is asked of a new one."""
        del self._asked[asked.call]
        self._engine.bury(asked.child)
        if asked.seeds and not asked.is_cancelled:
            self._ask(asked.request, asked.seeds)

    def _forget(self, asked: _Asked) -> None:
        del self._asked[asked.call]
        asked.child.forget(asked.call)


@dataclass(slots=True)
class _Asked:
    request: Request
    child: Child
    call: int
    seeds: dict[int, int]  # by index, of the completions that are still to come
    is_cancelled: bool = False

    @property
    def expected(self) -> int:
        return len(self.seeds)


def _as_fields(request: Request, seeds: dict[int, int]) -> dict[str, Any]:
    prompt = request.prompt
    return {
        "stub": request.stub,
        "messages": [asdict(message) for message in prompt.messages],
        "continuation": prompt.continuation,
        "suffix": prompt.suffix,
        "stop": prompt.stop,
        "wanted": prompt.wanted,
        "level": prompt.level,
        "sampling": asdict(prompt.sampling),
        "seeds": list(seeds.items()),
    }


def _completion(request: Request, event: Frame) -> Completion:
    return Completion(
        stub=request.stub,
        kind=request.kind,
        text=event["text"],
        index=event["index"],
        seed=event["seed"],
        prompt_tokens=event["prompt_tokens"],
        tokens=event["tokens"],
        finish=event["finish"],
        logprob=event["logprob"],
        spent=event["spent"],
    )


# --- the file


def _check_file(path: Path) -> None:
    """:raises ModelUnavailable: what is there cannot be a model, or nothing is there."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except FileNotFoundError as exc:
        raise ModelUnavailable(f"there is no model file {path}: {_neighbours(path)}") from exc
    except OSError as exc:
        raise ModelUnavailable(
            f"cannot read the model file {path}: {exc.strerror}; give a readable .gguf file"
        ) from exc
    if magic != _MAGIC:
        raise ModelUnavailable(
            f"{path} is not a GGUF file (it starts with {magic!r} instead of {_MAGIC!r}): give a "
            ".gguf file, complete and not a web page or a pointer to it"
        )


def _neighbours(path: Path) -> str:
    found = sorted(each.name for each in path.parent.glob("*.gguf"))
    if not found:
        return f"give the path of a .gguf file ({path.parent} holds none)"
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"{path.parent} holds {', '.join(found[:_LISTED])}{more}"
