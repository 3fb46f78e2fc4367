"""The process that llama.cpp runs in: calls come in over stdin, events go out over stdout.

Separate from pytest's, because a failed assertion, a segmentation fault or a lack of memory inside
llama.cpp ends its process. It ends by itself when stdin closes, also in the middle of a decode, so
that no orphan is left when pytest is killed; and when nothing was asked of it for long.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, NoReturn

from pytest_supercharger.exceptions import ModelUnavailable, PromptRefused, SetupError
from pytest_supercharger.models.endings import Ends
from pytest_supercharger.models.frames import FAILED, IDLE, Frame, FrameWriter, read_frame
from pytest_supercharger.prompts import Message, Sampling

if TYPE_CHECKING:
    from pytest_supercharger.models.engine.batching import Batcher, Event, Job
    from pytest_supercharger.models.engine.engine import Engine

_BROKEN = 1  # exit code after an exception, as Python's own


def main() -> NoReturn:
    """Serve one parent until it goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    inbox, out = _private_channel()
    server = _Server(inbox, out)
    threading.Thread(target=_or_end, args=(server.listen,), daemon=True).start()
    _or_end(server.serve)


def _or_end(task: Callable[[], int]) -> NoReturn:
    """Do it and end the process, whatever comes of it: nobody would be left to answer."""
    code = _BROKEN
    try:
        code = task()
    except Exception:
        traceback.print_exc()
    # Not sys.exit: the listening thread holds a lock on stdin, and Python would abort, which
    # would look like a crash of llama.cpp.
    os._exit(code)


class _Server:
    """Answers calls in this thread; a second one listens meanwhile."""

    def __init__(self, inbox: IO[bytes], out: FrameWriter) -> None:
        self._inbox = inbox
        self._out = out
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._engine: Engine | None = None
        self._batcher: Batcher[object] | None = None
        self._idle_seconds: float | None = None
        self._busy = 0.0  # seconds in which something was decoded
        self._prompts: dict[int, int] = {}  # tokens of a call's prompt

    def listen(self) -> int:
        """Take in calls; leave when the parent is gone."""
        while (frame := read_frame(self._inbox)) is not None:
            if frame["op"] == "count" and self._engine is not None:
                self._emit(frame["call"], "count", n=self._engine.vocabulary.count(frame["text"]))
            else:
                self._frames.put(frame)
        return 0

    def serve(self) -> int:
        """Until there is nothing more to do; the exit code."""
        while True:
            idle = self._batcher is None or self._batcher.is_idle
            try:
                frame = self._frames.get(block=idle, timeout=self._idle_seconds)
            except queue.Empty:
                if idle:
                    return IDLE
                if not self._step():
                    return FAILED
                continue
            try:
                self._answer(frame)
            except SetupError as exc:
                self._fail(frame["call"], exc)

    def _answer(self, frame: Frame) -> None:
        call = frame["call"]
        if frame["op"] == "hello":
            self._emit(call, "hello", build=_library().build(), cpu=_cpu())
        elif frame["op"] == "preview":
            self._preview(call, frame)
        elif frame["op"] == "hardware":
            self._hardware(call, frame["gpu"])
        elif frame["op"] == "load":
            self._load(call, frame)
        elif frame["op"] == "generate":
            self._begin(call, frame)
        elif frame["op"] == "cancel" and self._batcher is not None:
            self._tell(self._batcher.cancel(call))

    def _hardware(self, call: int, gpu: str) -> None:
        build = _library().system_info()
        from pytest_supercharger.models.engine import hardware

        said = hardware.describe(hardware.look(build), gpu)
        self._emit(call, "hardware", summary=said.summary, remark=said.remark)

    # --- loading

    def _preview(self, call: int, frame: Frame) -> None:
        from pytest_supercharger.models.engine.engine import Options, plan

        _library().start()
        self._emit(call, "preview", **_described(plan(Options(**frame["options"]))))

    def _load(self, call: int, frame: Frame) -> None:
        from pytest_supercharger.models.engine.batching import Batcher
        from pytest_supercharger.models.engine.engine import Engine, Options

        _library().start()
        options = Options(**frame["options"])
        self._engine = Engine(options, loading=lambda: self._emit(call, "loading"))
        self._batcher = Batcher(self._engine, slots=self._engine.plan.slots)
        self._idle_seconds = frame["idle_seconds"]
        self._emit(call, "ready", **_described(self._engine.plan))

    # --- completions

    def _begin(self, call: int, frame: Frame) -> None:
        assert self._batcher is not None
        job = self._job(call, frame)
        if job is None:
            self._emit(call, "done", busy=self._busy)
            return
        self._prompts[call] = len(job.tokens)
        self._batcher.add(job)

    def _job(self, call: int, frame: Frame) -> Job | None:
        """What there is to decode; None for a base model and a prompt of only the chat form."""
        from pytest_supercharger.models.engine.batching import Job

        assert self._engine is not None
        messages = [Message(**message) for message in frame["messages"]]
        encoded = self._engine.vocabulary.encode(messages, frame["continuation"], frame["suffix"])
        if encoded is None or not encoded.tokens:
            return None
        sampling = Sampling(**frame["sampling"])
        spare = self._spare(frame["stub"], len(encoded.tokens), sampling.max_tokens)
        thinking = encoded.thinking
        if thinking:
            most = max(0, spare - len(thinking.closing_tokens) - 1)
            thinking = replace(thinking, limit=min(thinking.limit, most))
        return Job(
            call=call,
            tokens=tuple(encoded.tokens),
            lasting=encoded.lasting,
            seeds=tuple((index, seed) for index, seed in frame["seeds"]),
            sampling=sampling,
            ends=_ends(frame, is_chat=encoded.is_chat),
            thinking=thinking,
        )

    def _spare(self, stub: str, prompt: int, answer: int) -> int:
        """Tokens of the context that prompt and answer leave.

        :raises PromptRefused: they do not fit.
        """
        assert self._engine is not None
        context = self._engine.plan.context
        if prompt + answer > context:
            raise PromptRefused(
                f"{stub}: prompt needs {prompt} tokens and its answer up to {answer}, the model's "
                f"context is {context}: raise --supercharge-context to {prompt + answer} or more "
                "(if the model was trained for it), or lower max_tokens in the prompt file"
            )
        return context - prompt - answer

    def _step(self) -> bool:
        """Decode once; False: llama.cpp cannot go on."""
        assert self._batcher is not None
        began = time.monotonic()
        try:
            events = list(self._batcher.step())
        except ModelUnavailable as exc:
            for call in self._prompts:
                self._fail(call, exc)
            return False
        self._busy += time.monotonic() - began
        self._tell(events)
        return True

    def _tell(self, events: Any) -> None:
        from pytest_supercharger.models.engine.batching import Answered

        event: Event
        for event in events:
            if isinstance(event, Answered):
                self._emit(
                    event.call,
                    "completion",
                    busy=self._busy,
                    index=event.index,
                    seed=event.seed,
                    prompt_tokens=self._prompts[event.call],
                    text=event.text,
                    tokens=event.tokens,
                    spent=event.spent,
                    finish=event.finish,
                    logprob=event.logprob,
                )
            else:
                del self._prompts[event.call]
                self._emit(event.call, "done", busy=self._busy)

    def _fail(self, call: int, exc: SetupError) -> None:
        self._emit(call, "error", kind=type(exc).__name__, message=str(exc))

    def _emit(self, call: int, event: str, **fields: Any) -> None:
        try:
            self._out.write({"call": call, "event": event, **fields})
        except OSError:
            os._exit(0)  # the parent is gone


def _ends(frame: Frame, *, is_chat: bool) -> Ends:
    if is_chat:
        return Ends(wanted=frame["wanted"])
    return Ends(stop=tuple(frame["stop"]), level=frame["level"])


def _described(plan: Any) -> Frame:
    return {
        "context": plan.context,
        "slots": plan.slots,
        "gpu_layers": plan.layers_on_gpu,
        "devices": list(plan.devices),
        "remarks": list(plan.remarks),
        "family": plan.family,
    }


def _private_channel() -> tuple[IO[bytes], FrameWriter]:
    """Our ends of the two pipes; what any library prints to stdout goes to stderr from now on."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    writer = FrameWriter(out)
    writer.begin()
    return sys.stdin.buffer, writer


def _cpu() -> str:
    """What the code that a build chose depends on."""
    try:
        with open("/proc/cpuinfo") as file:
            lines = file.read().split("\n\n")[0].splitlines()
    except OSError:
        import platform

        return f"{platform.machine()} {platform.processor()}"
    return " ".join(line for line in lines if line.startswith(("model name", "flags", "Features")))


def _library() -> ModuleType:
    """llama.cpp.

    :raises ModelUnavailable: llama-cpp-python is missing or broken.
    """
    try:
        from pytest_supercharger.models.engine import library
    except ModuleNotFoundError as exc:
        if exc.name != "llama_cpp":
            raise _broken_install(exc) from exc
        raise ModelUnavailable(
            "a GGUF model needs llama-cpp-python, which is not installed: "
            'pip install "pytest-supercharger[llama]"'
        ) from exc
    except (ImportError, OSError, RuntimeError, AttributeError) as exc:
        raise _broken_install(exc) from exc
    return library


def _broken_install(exc: Exception) -> ModelUnavailable:
    return ModelUnavailable(
        f"llama-cpp-python is installed for {sys.executable} but does not load ({exc}): "
        'pip install --force-reinstall --no-cache-dir "llama-cpp-python>=0.3.36,<0.4"'
    )
