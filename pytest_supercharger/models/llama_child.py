"""The process that llama.cpp runs in, seen from pytest's end of its pipes.

The other end is :mod:`.engine.process`. A child that dies, whatever of, becomes a message that
says so and what to do.
"""

from __future__ import annotations

import itertools
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pytest_supercharger.exceptions import ModelUnavailable, PromptRefused, SetupError
from pytest_supercharger.models.frames import Frame, FrameWriter, read_frame, skip_to_frames

DIED = "died"  # an event of our own: the process is gone, and with it every call
_LAST_LINES = 3  # of what llama.cpp printed before it failed


class Child:
    """The process, and a thread that puts each of its events where its call wants it."""

    def __init__(self, path: Path | None = None) -> None:
        """Start it. ``path`` is the model's file, for messages; None: there is none."""
        self._path = path
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self._process = _start(self._log)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._writer = FrameWriter(self._in)
        self._calls: dict[int, Callable[[Frame], None]] = {}
        self._lock = threading.RLock()  # garbage that is collected meanwhile may forget a call
        self._log_lock = threading.RLock()  # garbage that is collected meanwhile may stop it
        self._gone = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_gone(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self._gone

    def begin(self, op: str, answer: Callable[[Frame], None], **fields: object) -> int:
        """Ask something; ``answer`` gets each event, from another thread. The call's number."""
        number = next(_numbers)
        with self._lock:
            if not self._gone:
                self._calls[number] = answer
            gone = self._gone
        if gone:
            answer({"call": number, "event": DIED})
        else:
            self._send({"op": op, "call": number, **fields})
        return number

    def ask(
        self, op: str, *, until: str, meanwhile: Callable[[], object] = str, **fields: object
    ) -> Frame:
        """Ask something and wait for the event ``until``; at the event "loading" ``meanwhile`` is
        done here.

        :raises SetupError: it is an error instead, or the process has died.
        """
        events: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        number = self.begin(op, events.put, **fields)
        try:
            while (event := events.get())["event"] != until:
                self.raise_for(event)
                if event["event"] == "loading":
                    meanwhile()
            return event
        finally:
            self.forget(number)

    def cancel(self, call: int) -> None:
        """Decode nothing more of this call; its events go on until it is done."""
        self._send({"op": "cancel", "call": call})

    def forget(self, call: int) -> None:
        """Its events are wanted no more."""
        with self._lock:
            self._calls.pop(call, None)

    def log(self) -> str:
        """What llama.cpp has printed so far; "" once the process was stopped."""
        with self._log_lock:  # another thread may stop it meanwhile
            if self._log.closed:
                return ""
            size = os.fstat(self._log.fileno()).st_size
            return os.pread(self._log.fileno(), size, 0).decode("utf-8", "replace")

    def raise_for(self, event: Frame) -> None:
        """:raises SetupError: the event is an error, or the end of the process."""
        if event["event"] == DIED:
            raise Died(self.exit_code(), self._death())
        if event["event"] != "error":
            return
        if event["kind"] == ModelUnavailable.__name__:
            raise ModelUnavailable(event["message"] + said(self.log(), complaints_only=True))
        for kind in (SetupError, PromptRefused):
            if event["kind"] == kind.__name__:
                raise kind(event["message"])
        raise Unfit(event["message"])

    def exit_code(self) -> int:
        """As of subprocess; waits for the end."""
        return self._process.wait()

    def stop(self) -> None:
        """End the process at once; the second time nothing."""
        if self._log.closed:
            return
        self._process.kill()
        self._process.wait()
        if threading.current_thread() is not self._reader:  # garbage is collected in any thread
            self._reader.join()
        with self._log_lock:
            self._log.close()
        self._out.close()
        try:
            self._in.close()
        except OSError:
            pass  # what was still buffered for it

    def _death(self) -> str:
        if self._log.closed:
            return f"the model {self._path} is closed"
        cause = _cause(self.exit_code())
        whose = f" of {self._path}" if self._path else ""
        return f"the llama.cpp process{whose} {cause}{said(self.log())}"

    def _send(self, frame: Frame) -> None:
        try:
            self._writer.write(frame)
        except (OSError, ValueError):
            pass  # it is gone: whoever waits for an answer is told so

    def _read(self) -> None:
        skip_to_frames(self._out)
        while (event := read_frame(self._out)) is not None:
            with self._lock:
                answer = self._calls.get(event["call"])
            if answer is not None:
                answer(event)
        with self._lock:
            self._gone = True
            calls, self._calls = self._calls, {}
        for number, answer in calls.items():
            answer({"call": number, "event": DIED})


_numbers = itertools.count()  # over all processes: one that died is never mistaken for another


class Died(ModelUnavailable):
    """The process is gone."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code  # as of subprocess: negative for a signal

    @property
    def is_crash(self) -> bool:
        """Whether it fell over its own code: the same in the same way would again."""
        return -self.code in _CRASHES


class Unfit(ModelUnavailable):
    """This build of llama.cpp computes wrong the way it was asked to."""


_CRASHES = {
    signal.SIGSEGV,
    signal.SIGILL,
    signal.SIGABRT,
    signal.SIGFPE,
    signal.SIGBUS,
}


def _start(log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the child with this interpreter and this very package, wherever it was started."""
    package = str(Path(__file__).resolve().parents[2])
    # Not -m: it would put the current folder first on the path, and a json.py there would win.
    code = (
        f"import sys; sys.path[:] = [*filter(None, sys.path), {package!r}]; "
        "from pytest_supercharger.models.engine.process import main; main()"
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


# --- what llama.cpp printed, and how it died


def device(log: str) -> str:
    """``CPU``, or the GPUs in use: ``CUDA0 (NVIDIA H200)``."""
    if not offloaded_layers(log):
        return "CPU"
    return ", ".join(re.findall(r"using device (\S+ \([^)]*\))", log)) or "GPU"


def offloaded_layers(log: str) -> int:
    """How many layers llama.cpp says it has put on a GPU."""
    found = re.findall(r"offloaded (\d+)/\d+ layers to GPU", log)
    return int(found[-1]) if found else 0


def said(log: str, *, complaints_only: bool = False) -> str:
    """``; llama.cpp said: ...`` with its last complaints, or else its last lines."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    complaints = [line for line in lines if re.search(r"(?i)error|fail|abort|assert", line)]
    last = (complaints or ([] if complaints_only else lines))[-_LAST_LINES:]
    return f"; llama.cpp said: {' | '.join(last)}" if last else ""


def name_of_end(code: int) -> str:
    """``SIGSEGV`` or ``exit code 3``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _cause(code: int) -> str:
    """How the child died, and the way out."""
    name = name_of_end(code)
    if code >= 0:
        return f"ended with {name}: run again, and if it stays so reinstall {_REINSTALL}"
    return f"was ended by {name}: {_WAYS_OUT.get(name, 'run again to resume')}"


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
