"""The process that llama.cpp runs in: calls come in over stdin, events go out over stdout.

Separate from pytest's, because a failed assertion, a segmentation fault or a lack of memory inside
llama.cpp ends its process. It ends by itself when stdin closes, also in the middle of a decode, so
that no orphan is left when pytest is killed.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.frames import Frame, FrameWriter, read_frame
from pytest_supercharger.prompts import Message, Sampling

if TYPE_CHECKING:
    from pytest_supercharger.models.llama_engine import Engine


def main() -> int:
    """Serve one parent until it goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    inbox, out = _private_channel()
    options = read_frame(inbox)
    if options is None:
        return 0
    server = _Server(inbox, out)
    threading.Thread(target=server.listen, daemon=True).start()
    if server.load(options):
        server.serve()
    return 0


class _Server:
    """Answers one call after another; a second thread listens meanwhile."""

    def __init__(self, inbox: IO[bytes], out: FrameWriter) -> None:
        self._inbox = inbox
        self._out = out
        self._engine: Engine | None = None
        self._calls: queue.Queue[Frame] = queue.Queue()
        self._cancelled: set[int] = set()

    def listen(self) -> None:
        """Take in calls; leave when the parent is gone."""
        while (frame := read_frame(self._inbox)) is not None:
            if frame["op"] == "cancel":
                self._cancelled.add(frame["call"])
            elif frame["op"] == "count" and self._engine is not None:
                self._emit(frame, "count", n=self._engine.count(frame["text"]))
            else:
                self._calls.put(frame)
        os._exit(0)

    def load(self, options: Frame) -> bool:
        """Import and load; an error is sent and False returned."""
        try:
            engine_class = _import_engine()
            self._emit(options, "imported")
            self._engine = engine_class(
                options["path"],
                context=options["context"],
                gpu_layers=options["gpu_layers"],
                require_gpu=options["require_gpu"],
            )
        except SetupError as exc:
            self._fail(options, exc)
            return False
        self._emit(options, "ready", context=self._engine.context)
        return True

    def serve(self) -> None:
        while True:
            call = self._calls.get()
            try:
                self._generate(call)
                self._emit(call, "done")
            except SetupError as exc:
                self._fail(call, exc)
            self._cancelled.discard(call["call"])

    def _generate(self, call: Frame) -> None:
        assert self._engine is not None
        messages = [Message(**message) for message in call["messages"]]
        sampling = Sampling(**call["sampling"])
        tokens = self._engine.encode(messages, call["continuation"])
        if not tokens:
            return  # a base model and a prompt that has only the chat form
        self._check_fit(call["stub"], len(tokens), sampling.max_tokens)
        stop = () if self._engine.has_template and messages else call["stop"]

        def stopped(_: object) -> bool:
            self._emit(call, "token")
            return call["call"] in self._cancelled

        for index, seed in call["seeds"]:
            if call["call"] in self._cancelled:
                return
            answer = self._engine.answer(
                tokens, sampling=sampling, stop=stop, seed=seed, stopped=stopped
            )
            if answer.finish == "cancelled" and not answer.tokens:
                return
            self._emit(
                call,
                "completion",
                index=index,
                seed=seed,
                prompt_tokens=len(tokens),
                text=answer.text,
                tokens=answer.tokens,
                finish=answer.finish,
                logprob=answer.logprob,
            )

    def _check_fit(self, stub: str, prompt: int, answer: int) -> None:
        assert self._engine is not None
        context = self._engine.context
        if prompt + answer > context:
            raise SetupError(
                f"{stub}: prompt needs {prompt} tokens and its answer up to {answer}, the model's "
                f"context is {context}: raise --supercharge-context to {prompt + answer} or more "
                "(if the model was trained for it), or lower max_tokens in the prompt file"
            )

    def _emit(self, call: Frame, event: str, **fields: Any) -> None:
        try:
            self._out.write({"call": call["call"], "event": event, **fields})
        except OSError:
            os._exit(0)  # the parent is gone

    def _fail(self, call: Frame, exc: SetupError) -> None:
        self._emit(call, "error", kind=type(exc).__name__, message=str(exc))


def _private_channel() -> tuple[IO[bytes], FrameWriter]:
    """Our ends of the two pipes; what any library prints to stdout goes to stderr from now on."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, FrameWriter(out)


def _import_engine() -> type[Engine]:
    try:
        from pytest_supercharger.models.llama_engine import Engine
    except ModuleNotFoundError as exc:
        if exc.name != "llama_cpp":
            raise _broken_install(exc) from exc
        raise ModelUnavailable(
            "a GGUF model needs llama-cpp-python, which is not installed: "
            'pip install "pytest-supercharger[llama]"'
        ) from exc
    except (ImportError, OSError, RuntimeError, AttributeError) as exc:
        raise _broken_install(exc) from exc
    return Engine


def _broken_install(exc: Exception) -> ModelUnavailable:
    return ModelUnavailable(
        f"llama-cpp-python is installed for {sys.executable} but does not load ({exc}): "
        'pip install --force-reinstall --no-cache-dir "llama-cpp-python>=0.3.36,<0.4"'
    )


if __name__ == "__main__":
    sys.exit(main())
