"""Checks over running sandboxes: one thread and one sandbox each, the host's side of the runner.

Back ends only know how to start a sandbox (:class:`Launcher`); everything said to the runner
inside, and every reply of it, which counts as hostile input, passes through here.
"""

from __future__ import annotations

import io
import json
import math
import queue
import struct
import tempfile
import threading
import time
import tokenize
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from pytest_supercharger.exceptions import SandboxError, SuperchargeError
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    Control,
    ItemOutcome,
    Outcome,
    Project,
    Reach,
    SandboxInfo,
    Verdict,
)

MAX_FRAME = 64 << 20  # bytes of one reply
START_SECONDS = 60.0  # for a sandbox to say that it is ready
SILENCE_SECONDS = 20.0  # without a beat: the sandbox is lost
TEXT = 4000  # characters of any text from inside that are kept


class Transport(Protocol):
    """The two ends of a runner's standard streams."""

    def send(self, data: bytes) -> None: ...

    def receive(self, size: int, deadline: float | None) -> bytes: ...

    def kill(self) -> None: ...


class Launcher(Protocol):
    """Starts sandboxes of one back end."""

    @property
    def info(self) -> SandboxInfo: ...

    def launch(self, replaced: Mapping[str, Path]) -> Transport: ...

    def close(self) -> None: ...


class PooledSandbox:
    """The Sandbox protocol over ``workers`` resident sandboxes of one back end."""

    def __init__(
        self,
        launcher: Launcher,
        project: Project,
        workers: int,
        *,
        silence: float = SILENCE_SECONDS,
    ) -> None:
        self._launcher = launcher
        self._workers = [_Worker(launcher, project, silence) for _ in range(max(1, workers))]
        # The same threads for all runs: a sandbox dies with the thread that started it.
        self._threads = ThreadPoolExecutor(len(self._workers), thread_name_prefix="sandbox")

    @property
    def info(self) -> SandboxInfo:
        return replace(self._launcher.info, workers=len(self._workers))

    def run(
        self, checks: Iterable[Check], *, cancelled: Callable[[Check], bool] = lambda _: False
    ) -> Generator[Outcome, None, None]:
        """See :class:`~pytest_supercharger.sandboxes.base.Sandbox`.

        Raises SandboxError when a sandbox can no longer be started, and whatever the iterable
        of checks raises.
        """
        run = _Run(iter(checks), cancelled, self._workers, self._threads)
        try:
            yield from run.outcomes()
        finally:
            run.stop()

    def close(self) -> None:
        """Kill every sandbox."""
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown()
        self._launcher.close()


class _Run:
    """One call of run: worker threads share the iterator of checks and a queue of outcomes."""

    def __init__(
        self,
        checks: Iterator[Check],
        cancelled: Callable[[Check], bool],
        workers: Sequence[_Worker],
        threads: ThreadPoolExecutor,
    ) -> None:
        self._checks = checks
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._done: queue.Queue[Outcome | BaseException | None] = queue.Queue()
        self._stopping = threading.Event()
        self._working = [threads.submit(self._work, worker) for worker in workers]

    def outcomes(self) -> Generator[Outcome, None, None]:
        working = len(self._working)
        while working:
            result = self._done.get()
            if result is None:
                working -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result

    def stop(self) -> None:
        """End what runs and wait for the threads: nobody pulls checks after this."""
        self._stopping.set()
        wait(self._working)

    def _unwanted(self, check: Check) -> bool:
        return self._stopping.is_set() or self._cancelled(check)

    def _next(self) -> Check | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            return next(self._checks, None)

    def _work(self, worker: _Worker) -> None:
        try:
            while (check := self._next()) is not None:
                if self._unwanted(check):
                    continue
                outcome = worker.run(check, self._unwanted)
                if outcome is not None:
                    self._done.put(outcome)
        except BaseException as error:
            self._stopping.set()
            self._done.put(error)
        finally:
            self._done.put(None)


class _Worker:
    """Keeps one sandbox alive and gives it checks."""

    def __init__(self, launcher: Launcher, project: Project, silence: float) -> None:
        self._launcher = launcher
        self._project = project
        self._silence = silence
        self._runner: _Runner | None = None

    def run(self, check: Check, unwanted: Callable[[Check], bool]) -> Outcome | None:
        """The outcome, or None when it was cancelled. A lost sandbox is replaced once."""
        if check.kind is CheckKind.CONFIRM:
            return self._run_fresh(check, unwanted)
        for attempt in (1, 2):
            try:
                if self._runner is None:
                    self._runner = self._start({})
                return self._runner.run(check, unwanted)
            except SandboxError as error:
                self.kill()
                if unwanted(check):
                    return None
                if attempt == 2:
                    return _sandbox_down(check, error)
            except BaseException:
                self.kill()
                raise
        return None

    def _run_fresh(self, check: Check, unwanted: Callable[[Check], bool]) -> Outcome | None:
        with tempfile.TemporaryDirectory(prefix="supercharge-") as folder:
            replaced = _write_files(Path(folder), check.files)
            runner = self._start(replaced)
            try:
                return runner.run(replace(check, files=()), unwanted)
            except SandboxError as error:
                return _sandbox_down(check, error)
            finally:
                runner.kill()

    def _start(self, replaced: Mapping[str, Path]) -> _Runner:
        return _Runner(self._launcher, self._project, replaced, self._silence)

    def kill(self) -> None:
        if self._runner is not None:
            self._runner.kill()
            self._runner = None


class _Runner:
    """One conversation with a runner."""

    def __init__(
        self, launcher: Launcher, project: Project, replaced: Mapping[str, Path], silence: float
    ) -> None:
        self._transport = launcher.launch(replaced)
        self._silence = silence
        self._buffer = bytearray()
        self._number = 0
        try:
            self._send(_hello(project))
            reply = self._receive(time.monotonic() + START_SECONDS)
            if not isinstance(reply.get("ready"), dict):
                raise SandboxError(f"the sandbox did not say that it is ready but {reply!r:.200}")
        except TimeoutError as error:
            self.kill()
            raise SandboxError(f"the sandbox was not ready after {START_SECONDS:g} s") from error
        except BaseException:
            self.kill()
            raise

    def run(self, check: Check, unwanted: Callable[[Check], bool]) -> Outcome | None:
        self._number += 1
        self._send({"number": self._number, "check": _as_message(check)})
        heard = time.monotonic()
        told = False
        while True:
            if not told and unwanted(check):
                self._send({"cancel": self._number})
                told = True
                heard = time.monotonic()
            if time.monotonic() - heard > self._silence:
                raise SandboxError(f"silent for {self._silence:g} s")
            try:
                reply = self._receive(time.monotonic() + 0.25)
            except TimeoutError:
                continue
            if not told:
                heard = time.monotonic()  # once it was told to stop, beats are no excuse
            if "outcome" in reply and reply.get("number") == self._number:
                return None if told else _read_outcome(check, reply["outcome"])

    def kill(self) -> None:
        self._transport.kill()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        self._transport.send(struct.pack("!I", len(body)) + body)

    def _receive(self, deadline: float) -> dict[str, Any]:
        """One frame. TimeoutError leaves what has arrived so far in the buffer."""
        while (frame := self._complete()) is None:
            data = self._transport.receive(1 << 16, deadline)
            if not data:
                raise SandboxError("the sandbox has ended")
            self._buffer += data
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError) as error:
            raise SandboxError("the sandbox sent something that is no message") from error
        if not isinstance(message, dict):
            raise SandboxError("the sandbox sent something that is no message")
        return message

    def _complete(self) -> bytes | None:
        if len(self._buffer) < 4:
            return None
        (size,) = struct.unpack_from("!I", self._buffer)
        if size > MAX_FRAME:
            raise SandboxError(f"the sandbox announced a message of {size} bytes")
        if len(self._buffer) < 4 + size:
            return None
        frame = bytes(self._buffer[4 : 4 + size])
        del self._buffer[: 4 + size]
        return frame


def _hello(project: Project) -> dict[str, Any]:
    return {
        "rootdir": project.rootdir,
        "invocation_dir": project.invocation_dir,
        "args": _pytest_arguments(project),
        "cwd_on_path": project.cwd_on_path,
        "python_path": project.python_path,
        "options": project.options,
    }


def _pytest_arguments(project: Project) -> list[str]:
    """Fixed rootdir and ini file: named node ids alone could lead pytest to others."""
    fixed = [f"--rootdir={project.rootdir}"]
    if project.ini_file:
        fixed += ["-c", project.ini_file]
    return [*fixed, *project.args]


def _as_message(check: Check) -> dict[str, Any]:
    return {**asdict(check), "kind": check.kind.value}


def _write_files(folder: Path, files: Iterable[tuple[str, str]]) -> dict[str, Path]:
    """The sources as files that the sandbox's unprivileged user can read."""
    folder.chmod(0o755)
    written = {}
    for number, (path, text) in enumerate(files):
        copy = folder / f"{number}-{Path(path).name}"
        copy.write_bytes(_encode(text))
        copy.chmod(0o644)
        written[path] = copy
    return written


def _encode(text: str) -> bytes:
    """Bytes in the encoding that the source itself declares, as the import system reads it."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data if encoding.startswith("utf-8") else text.encode(encoding)
    except (SyntaxError, UnicodeEncodeError):
        return data


def _sandbox_down(check: Check, error: SuperchargeError) -> Outcome:
    return Outcome(
        check=check.id, verdict=Verdict.SANDBOX_DOWN, seconds=0.0, detail=f"sandbox lost: {error}"
    )


def _read_outcome(check: Check, reply: Any) -> Outcome:
    """A reply turned into an Outcome, field by field: it comes from inside."""
    try:
        return _outcome(check, reply)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SandboxError(f"the sandbox sent a malformed outcome: {error!r}") from error


def _outcome(check: Check, reply: dict[str, Any]) -> Outcome:
    items = tuple(_item(item) for item in reply["items"])
    end = reply["end"] if isinstance(reply["end"], dict) else {}
    code = end.get("exit_code")
    finished = reply["finished"] is True
    detail = _text(reply["detail"])
    if not items or not finished or code not in (None, 0, 1, 5):
        detail = f"{detail}\n{_text(reply['output'])}".strip()
    return Outcome(
        check=check.id,
        verdict=_verdict(finished, str(reply["verdict"]), items),
        seconds=_seconds(reply["seconds"]),
        items=items,
        control=_control(reply.get("control")),
        detail=detail[-TEXT:],
        exit_code=int(code) if code is not None else None,
        modules=tuple((_text(path), _text(name)) for path, name in end.get("modules", ())),
        warnings=tuple(_text(text)[:TEXT] for text in end.get("warnings", ())),
    )


def _control(items: Any) -> Control:
    """A test that evaluated a changed expectation must not pass."""
    if items is None:
        return Control.NOT_RUN
    tried = [item for item in map(_item, items) if item.expected_changed]
    if any(item.verdict is Verdict.PASSED for item in tried):
        return Control.CHEATED
    return Control.PASSED if tried else Control.NONE


def _verdict(finished: bool, otherwise: str, items: tuple[ItemOutcome, ...]) -> Verdict:
    """PASSED only where the check ran to its end, has items, and every one passed."""
    if not finished:
        verdict = Verdict(otherwise)
        return Verdict.CRASHED if verdict is Verdict.PASSED else verdict
    verdicts = [item.verdict for item in items]
    if verdicts and all(verdict is Verdict.PASSED for verdict in verdicts):
        return Verdict.PASSED
    bad = [one for one in verdicts if one not in (Verdict.PASSED, Verdict.SKIPPED)]
    if not verdicts:
        return Verdict.ERROR
    return bad[0] if bad else Verdict.SKIPPED


def _item(item: dict[str, Any]) -> ItemOutcome:
    returned = item.get("returned")
    return ItemOutcome(
        id=_text(item["id"]),
        verdict=Verdict(item["verdict"]),
        seconds=_seconds(item["seconds"]),
        phase=_text(item.get("phase", "call")),
        exception=_text(item.get("exception", ""))[:200],
        detail=_text(item.get("detail", ""))[:TEXT],
        line=_text(item.get("line", ""))[:TEXT],
        reached=tuple(
            Reach(stub=_text(stub), phase=_text(phase)) for stub, phase in item.get("reached", ())
        ),
        raised_by=_text(item.get("raised_by", "")),
        xfail=item.get("xfail") is True,
        returned=_text(returned)[:TEXT] if returned is not None else None,
        expected_changed=int(item.get("expected_changed", 0)),
    )


def _text(value: Any) -> str:
    """What a file or a terminal can take: a lone surrogate becomes a question mark."""
    return str(value).encode("utf-8", "replace").decode()


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{seconds} is no duration")
    return seconds
