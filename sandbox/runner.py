"""The fork server: the first process in a sandbox; one forked, confined child per check.

Reads frames on standard input, answers on standard output, ends at the end of input. The first
frame says what there is to know of the project; each further one is a check. While a check runs
a beat goes out every half second, so that a parent can tell busy from dead.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = HERE
for _variable in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS"):
    os.environ.setdefault(f"{_variable}_NUM_THREADS", "1")  # starting threads near a memory
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # limit can hang instead of raising
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

import pytest  # noqa: E402
from supercharge_inside import (  # noqa: E402
    confinement,
    frames,
    generated_checks,
    project_tests,
    warm,
)
from supercharge_inside.watch import Watched, watch  # noqa: E402

SCRATCH = "/tmp"
COLLECTING = 60.0  # seconds until the first test must have started
LINKING = 900.0  # seconds for the linking run, unless told otherwise
KILLING = 2.0  # seconds for a generated check, over its limit, to be ended by its own parent


class Server:
    """Answers one parent."""

    def __init__(self) -> None:
        self._input, self._output = os.dup(0), os.dup(1)
        for fd in (self._input, self._output):
            os.set_inheritable(fd, False)
        silence = os.open(os.devnull, os.O_RDWR)
        os.dup2(silence, 0)
        os.dup2(silence, 1)
        os.close(silence)
        self._frames = frames.FrameBuffer(frames.MAX_FRAME)
        self._waiting: list[dict[str, Any]] = []
        self._hello: dict[str, Any] = {}
        self._cancelled: set[int] = set()
        self._found: frozenset[str] = frozenset()
        self._is_clean = True

    def serve(self) -> None:
        """Until the parent hangs up."""
        self._hello = self._next()
        self._prepare()
        frames.write_frame(self._output, {"ready": self._about()})
        while True:
            message = self._next()
            if "check" in message:
                self._answer(message["number"], message["check"])
            if not self._is_clean:
                return  # a fresh sandbox takes over

    def _next(self) -> dict[str, Any]:
        while not self._waiting:
            data = os.read(self._input, 1 << 16)
            if not data:
                sys.exit(0)
            self._waiting += self._frames.feed(data)
        return self._waiting.pop(0)

    def _prepare(self) -> None:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        if confinement.can_filter():
            confinement.hide_from_siblings()
        sys.path[0] = os.path.join(HERE, "standin")
        if self._hello["cwd_on_path"]:
            sys.path.insert(0, self._hello["invocation_dir"])
        self._found = frozenset(_scratch_paths())
        self._new_scratch()
        warm.warm_up()

    def _about(self) -> dict[str, Any]:
        version = sys.version_info
        return {
            "python": f"{version.major}.{version.minor}.{version.micro}",
            "pytest": pytest.__version__,
            "uid": os.getuid(),
            "filter": confinement.can_filter(),
        }

    def _answer(self, number: int, check: dict[str, Any]) -> None:
        outcome = _outcome(self._run_clean(number, check))
        if check["control"] and _all_passed(outcome):
            control = self._run_clean(number, {**check, "kind": "control", "max_failures": 0})
            outcome["control"] = _items(control)
            outcome["cancelled"] = outcome["cancelled"] or control.cancelled
        self._cancelled.discard(number)
        frames.write_frame(self._output, {"outcome": outcome, "number": number})

    def _run_clean(self, number: int, check: dict[str, Any]) -> Watched:
        """Run a check and leave nothing of it behind."""
        watched = self._run(number, check)
        self._sweep()
        self._new_scratch()
        return watched

    def _run(self, number: int, check: dict[str, Any]) -> Watched:
        generated = check["kind"] == "generated"
        run = generated_checks.run if generated else project_tests.run
        limits = dict(check["limits"])
        collecting = limits.get("", LINKING if check["kind"] == "link" else COLLECTING)
        return watch(
            lambda send: run(self._hello, check, send),
            confinement.Profile.PROJECT,
            confinement.Limits(),
            first_limit=collecting,
            item_limit=check["timeout"] + (KILLING if generated else 0.0),
            longer=limits,
            total=check["total"],
            pulse=lambda: self._pulse(number),
        )

    def _pulse(self, number: int) -> bool:
        """Tell the parent that we live; hear whether it still wants this check."""
        frames.write_frame(self._output, {"beat": number})
        os.set_blocking(self._input, False)
        try:
            data = os.read(self._input, 1 << 16)
            if not data:
                os._exit(0)
            self._waiting += self._frames.feed(data)
        except BlockingIOError:
            pass
        finally:
            os.set_blocking(self._input, True)
        self._cancelled |= {message["cancel"] for message in self._waiting if "cancel" in message}
        self._waiting = [message for message in self._waiting if "cancel" not in message]
        return number in self._cancelled

    def _sweep(self) -> None:
        """No process of the last check is left: as PID 1 this is atomic against forks."""
        if os.getpid() != 1:
            return
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            return

    def _new_scratch(self) -> None:
        """A home and temporary directory of its own for every check, and nothing else there."""
        try:
            for path in _scratch_paths():
                if path not in self._found:
                    _remove(path)
            self._is_clean = self._found.issuperset(_scratch_paths())
        except (OSError, RecursionError):
            self._is_clean = False
        scratch = tempfile.mkdtemp(prefix="supercharge-", dir=SCRATCH)
        os.environ["HOME"] = os.environ["TMPDIR"] = scratch
        tempfile.tempdir = None


def _scratch_paths() -> list[str]:
    """All that lies in the scratch folder but mounts: the project may be below it."""
    device = os.lstat(SCRATCH).st_dev
    found: list[str] = []
    for folder, folders, files in os.walk(SCRATCH):
        paths = [os.path.join(folder, name) for name in (*folders, *files)]
        ours = {path for path in paths if _device(path) == device}
        folders[:] = [name for name in folders if os.path.join(folder, name) in ours]
        found += ours
    return found


def _device(path: str) -> int:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return -1  # gone


def _remove(path: str) -> None:
    """Whatever its permissions; what is gone already is no error."""
    if os.path.islink(path) or not os.path.isdir(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        return
    os.chmod(path, 0o700)
    for folder, folders, _ in os.walk(path):
        for name in folders:
            inner = os.path.join(folder, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)
    shutil.rmtree(path)


def _all_passed(outcome: dict[str, Any]) -> bool:
    items = outcome["items"]
    return bool(outcome["finished"] and items and all(i["verdict"] == "passed" for i in items))


def _items(watched: Watched) -> list[dict[str, Any]]:
    return [event["item"] for event in watched.events if "item" in event]


def _outcome(watched: Watched) -> dict[str, Any]:
    items = _items(watched)
    ends = [event["end"] for event in watched.events if "end" in event]
    troubles = [event["trouble"] for event in watched.events if "trouble" in event]
    end = ends[-1] if watched.finished and ends else {}
    if watched.started and not watched.finished:
        items.append(
            {
                "id": watched.started,
                "verdict": watched.verdict,
                "seconds": watched.seconds,
                "detail": watched.detail,
            }
        )
    return {
        "cancelled": watched.cancelled,
        "finished": watched.finished,
        "verdict": watched.verdict,
        "seconds": watched.seconds,
        "items": items,
        "detail": "\n".join([watched.detail, *troubles]).strip(),
        "output": watched.output.decode(errors="replace"),
        "end": end,
    }


if __name__ == "__main__":
    Server().serve()
