"""Fork, confine, watch, kill: one function run in a child, judged by what the parent sees.

A child has finished only if it sent its last message with the nonce that it was given and then
left with the agreed exit code, before its deadline. Time is kept here, never in the child.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .confinement import Limits, Profile, confine
from .frames import FrameBuffer, write_frame

AGREED_EXIT = 42
OUTPUT = 8000  # last bytes of stdout and stderr kept
MESSAGE = 4 << 20  # bytes of one message of a child

Send = Callable[[dict[str, Any]], None]


@dataclass
class Watched:
    """What the parent saw."""

    events: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    verdict: str = "crashed"  # when it did not finish: "timeout", "crashed", "out of memory"
    detail: str = ""
    seconds: float = 0.0
    started: str = ""  # id of the item that had started and not ended
    output: bytes = b""
    cancelled: bool = False


def watch(
    body: Callable[[Send], None],
    profile: Profile,
    limits: Limits,
    *,
    first_limit: float,
    item_limit: float = 0.0,
    longer: Mapping[str, float] | None = None,
    total: float = 0.0,
    pulse: Callable[[], bool] | None = None,
    hear: Send | None = None,
) -> Watched:
    """Run ``body`` in a child.

    ``first_limit`` seconds until the first item starts (or for all of it, without items), then
    ``item_limit`` or ``longer[id]`` for each item; ``total`` over all. ``pulse`` is called about
    every half second; once it returns True the child is cancelled. ``hear`` is given each event as
    it comes.
    """
    nonce = os.urandom(16).hex()
    messages, message_end = os.pipe()
    output, output_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(messages)
        os.close(output)
        _child(body, profile, limits, nonce, message_end, output_end)
    os.close(message_end)
    os.close(output_end)
    watcher = _Watcher(child, messages, output, nonce, hear)
    try:
        watcher.follow(first_limit, item_limit, longer or {}, total, pulse)
    finally:
        watcher.end()
    return watcher.watched


def _child(
    body: Callable[[Send], None],
    profile: Profile,
    limits: Limits,
    nonce: str,
    messages: int,
    output: int,
) -> None:
    status = 43
    try:
        os.setsid()
        silence = os.open(os.devnull, os.O_RDONLY)
        os.dup2(silence, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        kept = os.dup2(messages, 3) if messages != 3 else 3
        os.closerange(4, 4096)
        confine(profile, limits)
        body(lambda event: write_frame(kept, {"nonce": nonce, **event}))
        write_frame(kept, {"nonce": nonce, "done": True})
        status = AGREED_EXIT
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode(errors="replace")[-OUTPUT:])
    finally:
        os._exit(status)


class _Watcher:
    def __init__(
        self, child: int, messages: int, output: int, nonce: str, hear: Send | None
    ) -> None:
        self.watched = Watched()
        self._hear = hear
        self._child = child
        self._messages = messages
        self._output = output
        self._nonce = nonce
        self._frames = FrameBuffer(MESSAGE)
        self._began = time.monotonic()
        self._deadline = self._began
        self._done = False
        self._bad = ""

    def follow(
        self,
        first_limit: float,
        item_limit: float,
        longer: Mapping[str, float],
        total: float,
        pulse: Callable[[], bool] | None,
    ) -> None:
        self._deadline = self._began + first_limit
        end = self._began + total if total else float("inf")
        exited = os.pidfd_open(self._child)
        poll = select.poll()
        for fd in (exited, self._messages, self._output):
            poll.register(fd, select.POLLIN | select.POLLHUP)
        next_pulse = self._began + 0.5
        try:
            while not self._bad:
                now = time.monotonic()
                if now >= min(self._deadline, end):
                    self.watched.verdict = "timeout"
                    return
                if pulse and now >= next_pulse:
                    next_pulse = now + 0.5
                    if pulse():
                        self.watched.cancelled = True
                        return
                wait = min(self._deadline, end, next_pulse if pulse else float("inf")) - now
                ready = {fd for fd, _ in poll.poll(max(0.0, wait) * 1000 + 1)}
                self._read(ready, poll, item_limit, longer)
                if exited in ready:
                    self._drain(item_limit, longer)
                    return
        finally:
            os.close(exited)

    def _read(
        self, ready: set[int], poll: select.poll, item_limit: float, longer: Mapping[str, float]
    ) -> None:
        if self._output in ready:
            data = os.read(self._output, 1 << 16)
            self.watched.output = (self.watched.output + data)[-OUTPUT:]
            if not data:
                poll.unregister(self._output)
        if self._messages in ready:
            data = os.read(self._messages, 1 << 16)
            if data:
                self._take(data, item_limit, longer)
            else:
                poll.unregister(self._messages)

    def _drain(self, item_limit: float, longer: Mapping[str, float]) -> None:
        """What is left in the pipes; never waits, for a grandchild may hold them open."""
        for fd in (self._messages, self._output):
            os.set_blocking(fd, False)
            while not self._bad:
                try:
                    data = os.read(fd, 1 << 16)
                except BlockingIOError:
                    break
                if not data:
                    break
                if fd == self._messages:
                    self._take(data, item_limit, longer)
                else:
                    self.watched.output = (self.watched.output + data)[-OUTPUT:]

    def _take(self, data: bytes, item_limit: float, longer: Mapping[str, float]) -> None:
        try:
            for event in self._frames.feed(data):
                self._take_one(event, item_limit, longer)
        except ValueError as error:
            self._bad = str(error)

    def _take_one(self, event: Any, item_limit: float, longer: Mapping[str, float]) -> None:
        if self._bad or not isinstance(event, dict) or event.pop("nonce", "") != self._nonce:
            self._bad = self._bad or "a message that is not ours"
        elif "done" in event:
            self._done = True
        else:
            self._follow_items(event, item_limit, longer)
            self.watched.events.append(event)
            if self._hear:
                self._hear(event)

    def _follow_items(
        self, event: dict[str, Any], item_limit: float, longer: Mapping[str, float]
    ) -> None:
        if not item_limit:
            return
        if "start" in event:
            self.watched.started = str(event["start"])
            limit = longer.get(self.watched.started, item_limit)
            self._deadline = time.monotonic() + limit
        elif "item" in event:
            self.watched.started = ""
            self._deadline = time.monotonic() + max(item_limit, 10.0)  # fixtures, exit hooks

    def end(self) -> None:
        """Kill what is left of the child and settle how it ended."""
        try:
            os.killpg(self._child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            os.kill(self._child, signal.SIGKILL)
        except ProcessLookupError:
            pass
        _, status = os.waitpid(self._child, 0)
        os.close(self._messages)
        os.close(self._output)
        watched = self.watched
        watched.seconds = time.monotonic() - self._began
        code = os.waitstatus_to_exitcode(status)
        timed_out = watched.verdict == "timeout"
        watched.finished = self._done and code == AGREED_EXIT and not (timed_out or self._bad)
        if timed_out:
            watched.detail = f"stopped after {watched.seconds:.1f} s"
        elif not watched.finished:
            watched.detail = self._bad or _how_it_ended(code)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"left with exit code {code} before the checks were done"
