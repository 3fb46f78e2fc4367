"""A GGUF file through llama.cpp on this machine, in a child process.

The child is :mod:`.llama_process`; here is pytest's end of its pipes. A child that dies, whatever
of, becomes a message that says so.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.base import Completion, ModelInfo, Request, derive_seed, never
from pytest_supercharger.models.frames import Frame, FrameWriter, read_frame

_MAGIC = b"GGUF"
_LISTED = 10  # neighbours named when a file is not there
_LAST_LINES = 3  # of what llama.cpp printed before it failed


class LlamaModel:
    """Completes prompts with llama.cpp, one sequence after another."""

    def __init__(
        self,
        path: Path,
        *,
        context: int | None = None,
        gpu_layers: int | None = None,
        require_gpu: bool = False,
    ) -> None:
        """Load ``path``; returns when the model has decoded its first token.

        ``context`` is in tokens, None: what the model was trained for, at most 8192. ``gpu_layers``
        is a number of layers, -1 for all, None: all if llama.cpp finds a GPU, else none.

        :raises ModelUnavailable: no such file, not a GGUF, llama-cpp-python is missing or broken,
            llama.cpp cannot load the file.
        :raises SetupError: ``require_gpu`` and no GPU is in use.
        """
        _check_file(path)
        self._child = _Child(path)
        self._stop = weakref.finalize(self, self._child.stop)
        try:
            self.info = self._load(path, context, gpu_layers, require_gpu)
        except BaseException:
            self.close()
            raise

    def count_tokens(self, text: str) -> int:
        """By the model's own tokenizer, without a begin-of-text token."""
        with self._child.call("count", text=text) as call:
            return int(call.next_event()["n"])

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        """Yield each completion as it ends; requests are read one at a time.

        A completion that ``cancelled`` cut off is yielded with what there is of it. A model without
        a chat template gives none for a prompt without a continuation.

        :raises SetupError: a prompt does not fit the context.
        :raises ModelUnavailable: llama.cpp failed or its process died.
        """
        for request in requests:
            if not cancelled(request):
                yield from self._complete(request, cancelled)

    def close(self) -> None:
        """End the child; a model that is closed or no longer referenced leaves no process."""
        self._stop()

    def _load(
        self, path: Path, context: int | None, gpu_layers: int | None, require_gpu: bool
    ) -> ModelInfo:
        options = {
            "path": str(path),
            "context": context,
            "gpu_layers": gpu_layers,
            "require_gpu": require_gpu,
        }
        with self._child.call("load", **options) as call:
            call.next_event()  # llama_cpp is imported; the file is hashed while it is loaded
            digest = _digest(path)
            ready = call.next_event()
        log = self._child.log()
        return ModelInfo(
            name=path.stem,
            source=str(path),
            digest=digest,
            backend=f"llama.cpp {_device(log)}",
            gpu_layers=_offloaded_layers(log),
            context=ready["context"],
            slots=1,
        )

    def _complete(
        self, request: Request, cancelled: Callable[[Request], bool]
    ) -> Generator[Completion, None, None]:
        with self._child.call("generate", **_as_fields(request)) as call:
            while (event := call.next_event())["event"] != "done":
                if event["event"] == "completion":
                    yield _completion(request, event)
                if not call.cancelled and cancelled(request):
                    call.cancel()


class _Call:
    """One question to the child and the events that answer it."""

    def __init__(self, child: _Child, number: int) -> None:
        self._child = child
        self._number = number
        self._ended = False
        self.cancelled = False
        self.events: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()  # None: the child died

    def __enter__(self) -> _Call:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._child.forget(self._number)
        if not self._ended and kind is not None:
            self.cancel()

    def next_event(self) -> Frame:
        """Wait for the next event.

        :raises SetupError: it is an error, or the child has died.
        """
        event = self.events.get()
        if event is None:
            self._ended = True
            self._child.raise_death()
        if event["event"] == "error":
            self._ended = True
            self._child.raise_error(event)
        self._ended = event["event"] == "done"
        return event

    def cancel(self) -> None:
        """Decode nothing more of this call."""
        self.cancelled = True
        self._child.send({"op": "cancel", "call": self._number})


class _Child:
    """The process, and a thread that sorts its events to the calls they belong to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self._process = _start(self._log)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._writer = FrameWriter(self._in)
        self._numbers = itertools.count()
        self._calls: dict[int, _Call] = {}
        self._lock = threading.Lock()
        self._gone = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, op: str, **fields: object) -> _Call:
        number = next(self._numbers)
        call = _Call(self, number)
        with self._lock:
            self._calls[number] = call
            if self._gone:
                call.events.put(None)
        self.send({"op": op, "call": number, **fields})
        return call

    def send(self, frame: Frame) -> None:
        try:
            self._writer.write(frame)
        except (OSError, ValueError):
            pass  # it is gone: whoever waits for an answer is told so

    def forget(self, number: int) -> None:
        with self._lock:
            del self._calls[number]

    def log(self) -> str:
        """What llama.cpp has printed so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode("utf-8", "replace")

    def raise_error(self, event: Frame) -> NoReturn:
        if event["kind"] == SetupError.__name__:
            raise SetupError(event["message"])
        raise ModelUnavailable(event["message"] + _said(self.log(), complaints_only=True))

    def raise_death(self) -> NoReturn:
        if self._log.closed:
            raise ModelUnavailable(f"the model {self._path} is closed")
        code = self._process.wait()
        raise ModelUnavailable(
            f"the llama.cpp process of {self._path} {_cause(code)}{_said(self.log())}"
        )

    def stop(self) -> None:
        """End the process at once; the second time nothing."""
        if self._log.closed:
            return
        self._process.kill()
        self._process.wait()
        if threading.current_thread() is not self._reader:  # garbage is collected in any thread
            self._reader.join()
        self._log.close()
        self._out.close()
        try:
            self._in.close()
        except OSError:
            pass  # what was still buffered for it

    def _read(self) -> None:
        while (event := read_frame(self._out)) is not None:
            with self._lock:
                call = self._calls.get(event["call"])
                if call is not None:
                    call.events.put(event)
        with self._lock:
            self._gone = True
            for call in self._calls.values():
                call.events.put(None)


def _start(log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the child with this interpreter and this very package, wherever it was started."""
    package = str(Path(__file__).resolve().parents[2])
    # Not -m: it would put the current folder first on the path, and a json.py there would win.
    code = (
        f"import sys; sys.path[:] = [*filter(None, sys.path), {package!r}]; "
        "from pytest_supercharger.models.llama_process import main; sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    # OpenMP's threads spin while they wait; beside busy test workers that made decoding 15 times
    # slower. ggml's own backtrace starts a debugger.
    return {"OMP_WAIT_POLICY": "passive", "GGML_NO_BACKTRACE": "1", **os.environ}


def _as_fields(request: Request) -> dict[str, Any]:
    prompt = request.prompt
    return {
        "stub": request.stub,
        "messages": [dataclasses.asdict(message) for message in prompt.messages],
        "continuation": prompt.continuation,
        "stop": prompt.stop,
        "sampling": dataclasses.asdict(prompt.sampling),
        "seeds": [
            (i, derive_seed(request.seed, request.stub, request.kind.value, i))
            for i in range(request.start, request.start + request.n)
        ],
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
    )


# -- the file -------------------------------------------------------------------------------------


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


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


# -- what llama.cpp printed -----------------------------------------------------------------------


def _device(log: str) -> str:
    """``CPU``, or the GPUs in use: ``CUDA0 (NVIDIA H200)``."""
    if not _offloaded_layers(log):
        return "CPU"
    return ", ".join(re.findall(r"using device (\S+ \([^)]*\))", log)) or "GPU"


def _offloaded_layers(log: str) -> int:
    found = re.findall(r"offloaded (\d+)/\d+ layers to GPU", log)
    return int(found[-1]) if found else 0


def _said(log: str, *, complaints_only: bool = False) -> str:
    """``; llama.cpp said: ...`` with its last complaints, or else its last lines."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    complaints = [line for line in lines if re.search(r"(?i)error|fail|abort|assert", line)]
    last = (complaints or ([] if complaints_only else lines))[-_LAST_LINES:]
    return f"; llama.cpp said: {' | '.join(last)}" if last else ""


def _cause(code: int) -> str:
    """How the child died, and the way out."""
    if code >= 0:
        return f"ended with exit code {code}: run again, and if it stays so reinstall {_REINSTALL}"
    name = _signal_name(-code)
    return f"was ended by {name}: {_WAYS_OUT.get(name, 'run again to resume')}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_RELEASE = '"llama-cpp-python>=0.3.36,<0.4"'
_REINSTALL = f"llama-cpp-python (pip install --force-reinstall --no-cache-dir {_RELEASE})"
_NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
_BUILD = (
    "this build of llama-cpp-python does not suit this CPU or this model: build it here without "
    f"AMX (CMAKE_ARGS=\"-DCMAKE_C_FLAGS='{_NO_AMX}' -DCMAKE_CXX_FLAGS='{_NO_AMX}'\" pip install "
    f"--force-reinstall --no-cache-dir --no-binary llama-cpp-python {_RELEASE}), or try another "
    "GGUF"
)
_WAYS_OUT = {
    "SIGSEGV": _BUILD,
    "SIGILL": _BUILD,
    "SIGBUS": "the file was changed or the disk is full; fetch the model again",
    "SIGKILL": "somebody killed it, most often the kernel for want of memory: choose a smaller "
    "model, lower --supercharge-context, or run again to resume",
    "SIGABRT": "llama.cpp gave up on this model or setting: try another GGUF, a lower "
    "--supercharge-context, or --supercharge-gpu=off",
}
