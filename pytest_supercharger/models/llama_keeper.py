"""One llama.cpp process that has a model loaded, as long as there is hope.

It is started in the way that is known to work on this machine, in another one when it dies of that,
and anew when it has died or ended by itself.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.models.builds import Builds, Known, identity_of
from pytest_supercharger.models.frames import IDLE, Frame
from pytest_supercharger.models.llama_child import (
    DIED,
    Child,
    Died,
    Unfit,
    device,
    name_of_end,
    offloaded_layers,
)

_MOST_DEATHS = 4  # of the process, in one session


class Keeper:
    """Keeps one process running, as long as there is hope."""

    def __init__(
        self, path: Path, options: dict[str, Any], idle_seconds: float, builds: Builds
    ) -> None:
        self.info: ModelInfo  # there is one as soon as a process was started
        self._path = path
        self._options = options
        self._idle_seconds = idle_seconds
        self._builds = builds
        self._child: Child | None = None
        self._starting: Child | None = None  # has not loaded the model yet
        self._closed = False
        self._lock = threading.RLock()
        self._deaths: list[str] = []
        self._last_death: Died | None = None  # None: something has come since
        self._busy = 0.0  # seconds, of this process
        self._busy_before = 0.0  # of those before it

    def child(self) -> Child:
        """A process that runs and has the model loaded.

        :raises ModelUnavailable: it is closed, or cannot be started.
        """
        with self._lock:
            if self._closed:
                raise ModelUnavailable(f"the model {self._path} is closed")
            if self._child is not None and self._child.is_gone:
                self.bury(self._child)
            if self._child is None:
                self._child = self._start()
            return self._child

    def bury(self, child: Child) -> None:
        """As ``mourn``, of a process that was seen to be gone."""
        try:
            child.raise_for({"event": DIED})
        except Died as death:
            self.mourn(child, death)

    def mourn(self, child: Child, death: Died) -> None:
        """Take note that a process has died; the next one is started when it is asked for.

        :raises Died: there is no point in starting it again.
        """
        with self._lock:
            if self._closed:
                raise ModelUnavailable(f"the model {self._path} is closed")
            if child is not self._child:
                return  # somebody else has seen it before
            self._child = None
            child.stop()
            self._busy_before, self._busy = self.busy_seconds, 0.0
            if death.code == IDLE:
                return
            self._deaths.append(name_of_end(death.code))
            if self._last_death or len(self._deaths) > _MOST_DEATHS:
                raise death
            self._last_death = death
            if death.code == -signal.SIGKILL:  # mostly for want of memory
                self._options["slots"] = max(1, self.info.slots // 2)

    def noted(self, child: Child, event: Frame) -> None:
        """Something has come of a call: it lives, unless it has died since."""
        if child is not self._child:
            return
        self._last_death = None
        self._busy = event["busy"]

    @property
    def pid(self) -> int | None:
        child = self._child
        return None if child is None or child.is_gone else child.pid

    @property
    def busy_seconds(self) -> float:
        return self._busy_before + self._busy

    def stop(self) -> None:
        self._closed = True
        starting = self._starting
        if starting is not None:  # by another thread, which holds the lock until that is over
            starting.stop()
        with self._lock:
            if self._child is not None:
                self._child.stop()

    # --- starting

    def _start(self) -> Child:
        """In the way that is known to work, else in the first one that does.

        :raises Died: it dies in every way.
        """
        child = self._starting = Child(self._path)
        try:
            key = key_of(child, str(self._options["gpu"]), self._path)
            way: Known | None = self._builds.recall(*key) or Known()
            is_certain = True
            while way is not None:
                try:
                    layers = self._load(child, way)
                except (Died, Unfit) as failure:
                    child.stop()
                    is_certain = is_certain and _is_lasting(failure)
                    way = _next_way(way, failure)
                    if way is None or self._closed:
                        raise
                    child = self._starting = Child(self._path)
                else:
                    if is_certain:
                        self._builds.remember(replace(way, checked=layers), *key)
                    return child
        except BaseException:
            child.stop()
            raise
        finally:
            self._starting = None
        raise AssertionError("a way that failed was the last one")

    def _load(self, child: Child, way: Known) -> int:
        """Layers that are on the GPU, as planned."""
        digests: list[str] = []
        ready = child.ask(
            "load",
            until="ready",
            meanwhile=lambda: digests.append(self._builds.digest(self._path)),
            options=as_options(self._options, way),
            idle_seconds=self._idle_seconds,
        )
        log = child.log()
        self.info = info_of(
            self._path,
            ready,
            digest=digests[0],
            backend=f"llama.cpp {device(log)}",
            gpu_layers=offloaded_layers(log),
            remarks=(*way.remarks, *self._restarts()),
        )
        return int(ready["gpu_layers"])

    def _restarts(self) -> Iterator[str]:
        if self._deaths:
            yield f"llama.cpp was started again after {', '.join(self._deaths)}"


def key_of(child: Child, gpu: str, path: Path) -> tuple[str, ...]:
    """What it depends on how llama.cpp is to be started."""
    hello = child.ask("hello", until="hello")
    return (hello["build"], hello["cpu"], gpu, *identity_of(path))


def _is_lasting(failure: Died | Unfit) -> bool:
    """Whether it would fail the same way tomorrow: llama.cpp aborts for want of memory, too."""
    return isinstance(failure, Unfit) or -failure.code in (signal.SIGSEGV, signal.SIGILL)


def _next_way(way: Known, failure: Died | Unfit) -> Known | None:
    """What to try next: with something switched off, as a rule; None: nothing would help."""
    if isinstance(failure, Died):
        if not failure.is_crash:
            return None
        reason = f"this build of llama.cpp dies with them ({name_of_end(failure.code)})"
    else:
        reason = str(failure)
    if way.checked is not None:  # it did work: this once it may have been something else
        return replace(way, checked=None)
    if way.extra_buffers:
        remark = f"extra buffer types off: {reason}"
        return Known(extra_buffers=False, batched=way.batched, remarks=(*way.remarks, remark))
    if way.batched:
        remark = f"one completion at a time: {reason}"
        return Known(extra_buffers=False, batched=False, remarks=(*way.remarks, remark))
    return None


def as_options(options: dict[str, Any], way: Known) -> dict[str, Any]:
    """The fields of the engine's Options."""
    return {
        **options,
        "extra_buffers": way.extra_buffers,
        "batched": way.batched,
        "checked": way.checked,
    }


def info_of(
    path: Path,
    found: Frame,
    *,
    digest: str,
    backend: str,
    gpu_layers: int,
    remarks: tuple[str, ...] = (),
) -> ModelInfo:
    """What the process has told of a model, in the terms of the start line and the report."""
    return ModelInfo(
        name=path.stem,
        source=str(path),
        digest=digest,
        backend=backend,
        gpu_layers=gpu_layers,
        context=found["context"],
        slots=found["slots"],
        remarks=(*found["remarks"], *remarks),
        family=found["family"],
    )
