"""What does the user see while it works? Events, as lines or as one live display.

On a terminal rich keeps a line per stub in work at the bottom and takes it away at the end;
everywhere else each event is one plain line. rich is imported only for a terminal.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.reporting.report import StubReport
from pytest_supercharger.reporting.terminal import (
    COLOURS,
    count,
    describe_facts,
    describe_model,
    describe_sandbox,
    duration,
    visible,
)
from pytest_supercharger.sandboxes.base import SandboxInfo

if TYPE_CHECKING:
    from rich.console import RenderableType

QUIET_SECONDS = 10.0  # without a terminal: at most one line in so long about checked candidates
LIVE_STUBS = 4  # lines of the live display


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The model and the sandbox answer: what really runs."""

    stubs: int
    model: ModelInfo | None
    sandbox: SandboxInfo | None
    then: ModelInfo | None = None  # asked for what the first one leaves open
    judge: ModelInfo | None = None  # None: who writes judges as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """The project's tests run once on the stubs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """Who reaches what is known."""

    tests: int  # that ran
    stubs: int  # that at least one test belongs to
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StubStarted:
    stub: str  # Stub.id, here and below
    number: int  # 1 for the first
    of: int
    tests: int  # project tests that belong to it


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundStarted:
    stub: str
    number: int  # 1 for the first
    of: int
    purpose: str = ""  # "repairing", "improving", ...; "" for plain sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One more candidate has its outcome."""

    stub: str
    checked: int  # candidates so far
    of: int  # candidates known so far, grows while the model answers; at most checked: not known
    best_passed: int  # tests that the best one passes
    best_of: int  # 0: nothing to pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StubWaits:
    """A body was found whose tests stop at other stubs: its turn comes again after theirs."""

    stub: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StubLeft:
    """Nothing good enough was found; a bigger model is asked once the others had their turn."""

    stub: str
    model: str  # the bigger one's name


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedOn:
    """The bigger model answers from here on."""

    stubs: int  # that are left for it
    model: ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class StubDone:
    report: StubReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirming:
    """All winners together, in a fresh sandbox."""

    stubs: int
    purpose: str = ""  # "which one broke tests/test_a.py::test_b?", while bisecting


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    path: str
    stubs: int  # bodies that go into this file


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Anything that should be said at once: a warning, something that takes long."""

    text: str


Event = (
    Started
    | Linking
    | Linked
    | StubStarted
    | RoundStarted
    | Checked
    | StubWaits
    | StubLeft
    | MovedOn
    | StubDone
    | Confirming
    | Writing
    | Note
)


class Progress(Protocol):
    """Is told what happens; from any thread. Entered around the work, left in any way."""

    def __enter__(self) -> Progress: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def tell(self, event: Event) -> None: ...


def open_progress(
    stream: TextIO,
    *,
    verbosity: int = 0,
    color: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Progress:
    """Live on a terminal that can, plain lines elsewhere, first and last things with ``-q``.

    ``color`` is pytest's ``--color`` (None for auto); ``NO_COLOR`` also takes the colours away.
    """
    if verbosity < 0:
        return Plain(stream, quiet=True)
    if not stream.isatty() or environ.get("TERM", "") in ("", "dumb", "unknown"):
        return Plain(stream)
    return Live(stream, color=not environ.get("NO_COLOR") if color is None else color)


def describe(event: Event) -> tuple[str, ...]:
    """The event in words, usually one line; () where another event says it."""
    if isinstance(event, Started):
        return _started(event)
    if isinstance(event, StubDone):
        return (_done(event.report),)
    if isinstance(event, Linking):
        return ("running your tests once to learn which of them reach which stub",)
    if isinstance(event, Linked):
        ran = f"{count(event.tests, 'test')} run in {duration(event.seconds)}"
        return (f"{ran}, {_with_tests(event.stubs)}",)
    if isinstance(event, StubStarted):
        tests = count(event.tests, "test") if event.tests else "no tests"
        return (f"[{event.number}/{event.of}] {visible(event.stub)}  {tests}",)
    if isinstance(event, RoundStarted):
        plain_first = event.number == 1 and not event.purpose  # StubStarted has said it
        return () if plain_first else (f"{visible(event.stub)}  {_round(event)}",)
    if isinstance(event, Checked):
        return (f"{visible(event.stub)}  {_checked(event)}",)
    if isinstance(event, StubWaits):
        others = ", ".join(map(visible, event.others))
        return (f"{visible(event.stub)}  waits for {others}",)
    if isinstance(event, StubLeft):
        return (f"{visible(event.stub)}  left for {visible(event.model)}",)
    if isinstance(event, MovedOn):
        left = f"{count(event.stubs, 'stub')} left, asking"
        return (f"{left} {describe_model(event.model)}",)
    if isinstance(event, Confirming):
        return (_confirming(event),)
    if isinstance(event, Writing):
        return (f"writing {visible(event.path)}: {count(event.stubs, 'function')}",)
    return (visible(event.text),)


def _started(event: Started) -> tuple[str, ...]:
    lines = [f"supercharge: {count(event.stubs, 'stub')}"]
    for role, model in (("model", event.model), ("then", event.then), ("judge", event.judge)):
        if model:
            lines.append(f"{role}: {describe_model(model)}")
    if event.sandbox:
        lines.append(f"sandbox: {describe_sandbox(event.sandbox)}")
    return tuple(lines)


def _with_tests(stubs: int) -> str:
    if stubs == 0:
        return "no stub has tests that fail because of it"
    if stubs == 1:
        return "1 stub has tests that fail because of it"
    return f"{stubs:,} stubs have tests that fail because of them"


def _done(report: StubReport) -> str:
    reason = visible(" ".join(report.reason.split()))
    return f"{report.status.value}  {visible(report.id)}  {describe_facts(report)}" + (
        f": {reason}" if reason else ""
    )


def _round(event: RoundStarted) -> str:
    purpose = f": {visible(event.purpose)}" if event.purpose else ""
    return f"round {event.number}/{event.of}{purpose}"


def _checked(event: Checked) -> str:
    best = f", best {event.best_passed}/{event.best_of}" if event.best_of else ""
    of = f"/{event.of}" if event.of > event.checked else ""
    return f"{event.checked}{of} checked{best}"


def _confirming(event: Confirming) -> str:
    if event.stubs == 1:
        what = "confirming 1 body"
    else:
        what = f"confirming {event.stubs:,} bodies together"
    return f"{what}: {visible(event.purpose)}" if event.purpose else what


class Plain:
    """One line per event; of checked candidates only so many that a log shows life."""

    def __init__(
        self,
        stream: TextIO,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._quiet = quiet
        self._clock = clock
        self._spoke = clock()
        self._lock = threading.Lock()

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        """Every line has been flushed already."""

    def tell(self, event: Event) -> None:
        with self._lock:
            if self._quiet and not isinstance(event, (Started, Note)):
                return
            if isinstance(event, Checked) and self._clock() - self._spoke < QUIET_SECONDS:
                return
            self._spoke = self._clock()
            for line in describe(event):
                self._stream.write(_encodable(line, self._stream) + "\n")
            self._stream.flush()


def _encodable(text: str, stream: TextIO) -> str:
    """A log under LANG=C takes ASCII only; an id with an umlaut must not end the run."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What the live display says of one stub."""

    place: str  # "[1/5]"
    stub: str
    round: str = ""
    checked: str = ""
    since: float = field(default_factory=time.monotonic)

    def line(self, width: int) -> str:
        """All of it in one line; a long id loses its front, the function's name stays."""
        spent = duration(time.monotonic() - self.since)
        behind = "".join(f"  {part}" for part in (self.round, self.checked, spent) if part)
        return f"{self.place} {_tail(self.stub, width - len(self.place) - 1 - len(behind))}{behind}"


class Live:
    """Lasting lines above, what is going on below; the terminal is restored however it ends."""

    def __init__(self, stream: TextIO, *, color: bool = True) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive
        from rich.spinner import Spinner

        self._console = Console(
            file=stream, force_terminal=True, no_color=not color, highlight=False
        )
        self._spinner = Spinner("line")  # the one that is ASCII
        self._lock = threading.Lock()  # never held while rich is called: rich calls us locked
        self._doing = ""
        self._work: dict[str, _Work] = {}
        self._live = RichLive(
            console=self._console,
            transient=True,
            refresh_per_second=8,
            redirect_stdout=False,  # pytest's capture owns these two
            redirect_stderr=False,
            get_renderable=self._render,
        )

    def __enter__(self) -> Live:
        try:
            self._live.start()
        except BaseException:  # Ctrl-C just here: the cursor may be hidden already
            self._live.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def tell(self, event: Event) -> None:
        with self._lock:
            self._remember(event)
        if isinstance(event, (Started, Linked, MovedOn, StubDone, Writing, Note)):
            self._print(event)

    def _remember(self, event: Event) -> None:
        """Keep what the display shows until the next event about the same."""
        if isinstance(event, StubStarted):
            place = f"[{event.number}/{event.of}]"
            self._doing = ""
            self._work[event.stub] = _Work(place=place, stub=visible(event.stub))
        elif isinstance(event, (RoundStarted, Checked)):
            self._update(event)
        elif isinstance(event, (StubWaits, StubLeft)):
            self._work.pop(event.stub, None)
        elif isinstance(event, StubDone):
            self._work.pop(event.report.id, None)
        elif isinstance(event, (Linking, Confirming)):
            (self._doing,) = describe(event)
        elif isinstance(event, (Linked, Writing)):
            self._doing = ""

    def _update(self, event: RoundStarted | Checked) -> None:
        work = self._work.get(event.stub)
        if work is None:  # a straggler: the stub is done
            return
        if isinstance(event, RoundStarted):
            work = replace(work, round=_round(event), checked="")
        else:
            work = replace(work, checked=_checked(event))
        self._work[event.stub] = work

    def _print(self, event: Event) -> None:
        from rich.text import Text

        style = COLOURS[event.report.status] if isinstance(event, StubDone) else ""
        for line in describe(event):
            self._console.print(Text(line, style=style))

    def _render(self) -> RenderableType:
        from rich.text import Text

        frame = self._spinner.render(self._console.get_time())
        lines = Text(overflow="ellipsis", no_wrap=True)
        for number, line in enumerate(self._lines()):
            lines.append("\n" if number else "").append_text(Text(f"{frame} {line}"))
        return lines

    def _lines(self) -> list[str]:
        """What is going on now, at most ``LIVE_STUBS`` stubs and how many more."""
        with self._lock:
            doing, work = self._doing, list(self._work.values())
        width = self._console.width - 2  # the spinner's
        lines = [doing] if doing else []
        lines += [each.line(width) for each in work[:LIVE_STUBS]]
        if len(work) > LIVE_STUBS:
            lines.append(f"and {count(len(work) - LIVE_STUBS, 'stub')} more")
        return lines


def _tail(text: str, width: int) -> str:
    return text if len(text) <= width else "..." + text[len(text) - max(width - 3, 12) :]
