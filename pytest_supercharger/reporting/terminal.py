"""What does the user read at the end of a run? A section in pytest's manner.

Counts first, then one line per stub, what was left alone, the final run, and last the command
to go on with. Text that a model or a test wrote is shown with its control characters spelled
out: it cannot move the cursor or hide a line.
"""

from __future__ import annotations

import os
import shlex
import textwrap
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_supercharger.bundled import is_tiny
from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.models.hub.cache import FETCH, describe_size, gigabytes
from pytest_supercharger.models.hub.preset import Preset
from pytest_supercharger.models.upgrade import Upgrade
from pytest_supercharger.reporting.report import (
    Chosen,
    Failure,
    FinalRun,
    Nearest,
    Report,
    Skipped,
    Status,
    StubReport,
)
from pytest_supercharger.sandboxes.base import SandboxInfo

COLUMN = 10  # of what stands behind the status, or the label, of a line
FEW = 5  # skipped things, or ids in a list, up to which each one is shown
SOURCE_LINES = 24  # of a nearest candidate, without -v
MESSAGE_LINES = 10  # of a failure, without -v
VERBOSE_LINES = 200  # of either, with -v
LINE_LENGTH = 400  # characters of one line of a message

COLOURS = {
    Status.VERIFIED: "green",
    Status.AGREED: "yellow",
    Status.UNFILLED: "red",
    Status.CONFLICT: "red",
}
_PLACE = {"--supercharge-state-dir", "--rootdir", "-c", "--config-file"}  # where undo looks


class Writer(Protocol):
    """What we need of pytest's TerminalWriter."""

    @property
    def fullwidth(self) -> int: ...

    def line(self, s: str = "", **markup: bool) -> None: ...

    def sep(self, sepchar: str, title: str | None = None, **markup: bool) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line to show."""

    text: str
    markup: tuple[str, ...] = ()  # names of TerminalWriter's: "green", "bold", ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command that goes on from here."""

    purpose: str
    command: str  # quoted for a shell


def render_report(report: Report, writer: Writer, verbosity: int = 0) -> None:
    """Write the whole section. ``verbosity`` is pytest's: -1 for ``-q``, 1 for ``-v``."""
    writer.sep("=", "supercharge")
    for line in report_lines(report, width=writer.fullwidth, verbosity=verbosity):
        writer.line(line.text, **dict.fromkeys(line.markup, True))


def report_lines(report: Report, *, width: int = 80, verbosity: int = 0) -> Iterator[Line]:
    """The section's lines, wrapped at ``width``; ids, source and commands are never broken."""
    yield _counts(report)
    for stub in sorted(report.stubs, key=lambda stub: list(Status).index(stub.status)):
        yield from _stub(report, stub, width, verbosity)
    if verbosity >= 0:
        yield from _skipped(report.skipped, width, verbosity)
        yield from _baseline(report, width, verbosity)
        yield from _machine(report, width, verbosity)
    if report.final:
        yield from _final(report.final, width, verbosity)
    yield from _diff(report)
    yield from _labelled("error", report.error, width, "red")
    yield from _labelled("model", _limits(report), width, "yellow")
    yield from _next(next_steps(report), width)


def next_steps(report: Report) -> tuple[Step, ...]:
    """The commands that make sense now, the likeliest last."""
    if report.interrupted:
        purpose = "what was found is stored; to go on from there"
        return (Step(purpose=purpose, command=shlex.join(report.command)),)
    if report.mode == "list":
        return (_fill("to fill them in", report),) if report.stubs else ()
    filled = report.with_status(Status.VERIFIED, Status.AGREED)
    return tuple(
        step
        for wanted, step in (
            (filled and report.mode == "write", _undo(report)),
            (report.patch and filled and report.mode == "patch", _apply("to apply it", report)),
            (report.patch and report.mode == "write", _apply_kept(report)),
            (filled and report.mode == "diff", _fill("to write this", report)),
            (_within_reach(report) and not _offer(report), _more(report)),
        )
        if wanted
    ) + tuple(_to_better_model(report))


def describe_model(model: ModelInfo) -> str:
    """One line about the model that really runs."""
    facts = [model.backend]
    if model.gpu_layers:
        facts.append(f"{model.gpu_layers} layers on the GPU")
    if model.context:
        facts.append(f"context {model.context}")
    if model.slots > 1:
        facts.append(f"{model.slots} slots")
    digest = f" (sha256 {model.digest[:12]})" if model.digest else ""
    remarks = f"; remarks: {'; '.join(model.remarks)}" if model.remarks else ""
    address = f" at {model.source}" if "://" in model.source else ""  # where code is sent
    name = f"{model.name} (bundled)" if is_tiny(model.source) else model.name
    return visible(f"{name}{address}{digest}, {', '.join(facts)}{remarks}")


def describe_sandbox(sandbox: SandboxInfo) -> str:
    """One line about the sandbox that really runs."""
    version = f" {sandbox.version}" if sandbox.version else ""
    return (
        f"{sandbox.backend}{version}, Python {sandbox.python}, {count(sandbox.workers, 'worker')}"
    )


def describe_facts(stub: StubReport) -> str:
    """Tests n/n, candidates and seconds of one stub."""
    facts = [_tests(stub)]
    if stub.candidates:
        facts.append(count(stub.candidates, "candidate"))
    if stub.rounds > 1:
        facts.append(count(stub.rounds, "round"))
    facts += _worth(stub.chosen, bool(stub.project_tests)) if stub.chosen else []
    if stub.seconds.total:
        facts.append(duration(stub.seconds.total))
    return ", ".join(facts)


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 stub``, ``2 stubs``; ``plural`` for a noun that takes more than an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """``0.4s``, ``12.3s``, ``2m 05s``, ``1h 02m``."""
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def visible(text: str) -> str:
    """``text`` with tabs as spaces and every other unprintable character as an escape."""
    text = text.expandtabs(4)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode-escape").decode() for char in text
    )


def _counts(report: Report) -> Line:
    if not report.stubs:
        nothing = "before any stub had its turn" if report.interrupted else "no stubs to fill"
        text, colour = nothing, "yellow"
    elif report.mode == "list":
        text, colour = f"{count(len(report.stubs), 'stub')} to fill", "yellow"
    else:
        counts = report.counts
        text = ", ".join(f"{number} {status.value}" for status, number in counts.items() if number)
        open_ = counts[Status.UNFILLED] or counts[Status.CONFLICT]
        colour = "red" if open_ or report.exit else "green"
    if report.interrupted:
        text, colour = f"interrupted: {text}", "red"
    where = ", nothing is written" if report.mode == "diff" else ""
    if report.mode == "patch" and report.patch:
        where = f", see {report.patch}"
    return Line(text=f"{text} in {duration(report.seconds)}{where}", markup=(colour, "bold"))


def _stub(report: Report, stub: StubReport, width: int, verbosity: int) -> Iterator[Line]:
    if report.mode == "list":
        yield from _listed(stub, width, verbosity)
        return
    colour = COLOURS[stub.status]
    yield from _entry(stub.status.value, stub.id, describe_facts(stub), width, colour)
    yield from _paragraph(stub.reason, width)
    if verbosity > 0:
        yield from _details(stub, width)
    elif stub.vacuous and verbosity == 0:
        yield from _paragraph(f"{_reach_and_pass(stub)} (-v lists them)", width)
    if stub.nearest and verbosity >= 0:
        yield from _nearest(stub.nearest, verbosity)


def _listed(stub: StubReport, width: int, verbosity: int) -> Iterator[Line]:
    size = "" if stub.prompt_tokens is None else f", prompt of {count(stub.prompt_tokens, 'token')}"
    facts = f"{count(len(stub.project_tests), 'test') if stub.project_tests else 'no tests'}{size}"
    yield from _entry("stub", stub.id, facts, width, "")
    yield from _paragraph(stub.reason, width)
    yield from _ids(stub.project_tests, verbosity)


def _details(stub: StubReport, width: int) -> Iterator[Line]:
    """What ``-v`` adds to a stub."""
    if stub.chosen:
        control = f", control {stub.chosen.control}" if stub.chosen.control else ""
        judge = "" if stub.chosen.judge is None else f", judge {stub.chosen.judge:.2f}"
        yield from _paragraph(f"{stub.chosen.origin}{control}{judge}", width)
        for repair in stub.chosen.repairs:
            yield from _paragraph(f"repaired: {repair}", width)
    spent = f"generating {duration(stub.seconds.generate)}, checking {duration(stub.seconds.check)}"
    tokens = f"{stub.tokens.prompt:,} + {stub.tokens.completion:,} tokens"
    if stub.tokens.spent:
        tokens += f", {stub.tokens.spent:,} decoded"
    yield from _paragraph(f"{spent}, {tokens}", width)
    for title, ids in (
        ("its tests", stub.project_tests),
        (_reach_and_pass(stub), stub.vacuous),
        ("tests that expect its exception, left out", stub.expecting),
    ):
        if ids:
            yield from _paragraph(f"{title}:", width)
            yield from _ids(ids, 1)


def _reach_and_pass(stub: StubReport) -> str:
    return f"{count(len(stub.vacuous), 'test')} reached it unfilled and passed all the same"


def _tests(stub: StubReport) -> str:
    if stub.chosen and stub.project_tests:
        return f"{stub.chosen.project_tests_passed}/{len(stub.project_tests)} tests"
    if stub.chosen:
        return _agreed(stub.chosen, stub)
    if stub.nearest and stub.nearest.total:
        kind = "tests" if stub.project_tests else "checks" if stub.examples else "generated tests"
        return f"{stub.nearest.passed}/{stub.nearest.total} {kind}"
    return f"0/{len(stub.project_tests)} tests" if stub.project_tests else "no tests"


def _agreed(chosen: Chosen, stub: StubReport) -> str:
    """What speaks for a body that no project test reaches."""
    examples = f"{stub.examples_passed}/{stub.examples} docstring examples"
    generated = f"{chosen.generated_tests_passed}/{stub.generated_tests} generated tests"
    if not stub.trusts_tests:
        generated = count(stub.generated_tests, "generated call")
    told = [examples] if stub.examples else []
    return ", ".join([*told, generated] if stub.generated_tests else told) or "no tests"


def _worth(chosen: Chosen, has_tests: bool) -> list[str]:
    """How far the passes can be believed, where that is not a matter of course."""
    if has_tests:
        return ["no control run"] if chosen.control == "none" else []
    return [] if chosen.agreement is None else [f"agreement {chosen.agreement:.2f}"]


def _nearest(nearest: Nearest, verbosity: int) -> Iterator[Line]:
    source, message = (VERBOSE_LINES,) * 2 if verbosity > 0 else (SOURCE_LINES, MESSAGE_LINES)
    yield _indented("nearest candidate:")
    yield from _block(nearest.source, source, ())
    if nearest.failure:
        yield _indented(f"fails {visible(_first_line(nearest.failure.id))}")
        yield from _block(nearest.failure.message, message, ("red",))


def _skipped(skipped: Sequence[Skipped], width: int, verbosity: int) -> Iterator[Line]:
    if len(skipped) <= FEW or verbosity > 0:
        for one in skipped:
            yield from _entry("skipped", one.id, one.reason, width, "yellow")
        return
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in skipped:
        by_reason[one.reason].append(one.id)
    groups = sorted(by_reason.items(), key=lambda group: -len(group[1]))
    for reason, ids in groups[:FEW]:
        more = f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""
        yield from _entry("skipped", f"{ids[0]}{more}", reason, width, "yellow")
    rest = sum(len(ids) for _, ids in groups[FEW:])
    yield from _labelled("skipped", f"{rest:,} more for other reasons" if rest else "", width)
    if len(groups) < len(skipped):
        yield _indented("(-v lists all)")


def _baseline(report: Report, width: int, verbosity: int) -> Iterator[Line]:
    """What was not well before anything was filled."""
    red = report.already_failing
    if red:
        title = f"{count(len(red), 'test')} failed already, not because of a stub:"
        yield from _labelled("before", title, width)
        yield from _ids(red, verbosity)
    for failures, title in (
        (report.environment_failures, "cannot run in the sandbox:"),
        (report.collection_errors, "cannot be collected, not because of a stub:"),
    ):
        if failures:
            noun = "test" if any("::" in failure.id for failure in failures) else "test file"
            yield from _labelled("before", f"{count(len(failures), noun)} {title}", width)
            yield from _failures(failures, verbosity)


def _machine(report: Report, width: int, verbosity: int) -> Iterator[Line]:
    notes = (*(report.sandbox.notes if report.sandbox else ()), *report.notes)
    for note in dict.fromkeys(notes):
        yield from _labelled("note", note, width, "yellow")
    yield from _labelled("models", _who_wrote(report), width)
    roles = (("model", report.model), ("then", report.then), ("judge", report.judge))
    for role, model in roles if verbosity > 0 else ():
        yield from _labelled(role, describe_model(model) if model else "", width)
    if verbosity > 0 and report.sandbox:
        yield from _labelled("sandbox", describe_sandbox(report.sandbox), width)


def _who_wrote(report: Report) -> str:
    """How many bodies came from which model; "" where only one was asked."""
    if not (report.model and report.then):
        return ""
    wrote = Counter(stub.chosen.model for stub in report.stubs if stub.chosen)
    names = dict.fromkeys((report.model.name, report.then.name))
    told = [f"{count(wrote[name], 'body', 'bodies')} by {name}" for name in names if wrote[name]]
    return ", ".join(told)


def _final(final: FinalRun, width: int, verbosity: int) -> Iterator[Line]:
    yield from _labelled("final run", _final_text(final), width, "green" if final.green else "red")
    yield from _failures(final.newly_failing, verbosity)


def _final_text(final: FinalRun) -> str:
    named = (("passed", final.passed), ("failed", final.failed), ("skipped", final.skipped))
    ran = ", ".join(f"{number:,} {name}" for name, number in named if number) or "no tests"
    where = "in the sandbox" if final.where == "sandbox" else f"on the {final.where}"
    text = f"{ran} {where} in {duration(final.seconds)}"
    if final.trouble:
        return f"{text}; it did not end as it should: {final.trouble}"
    if final.newly_failing:
        return f"{text}; green before and red now:"
    return f"{text}; nothing that was green is red"


def _diff(report: Report) -> Iterator[Line]:
    for diff in report.diffs:
        yield Line(text="")
        for text in _lines(diff.text):
            yield Line(text=visible(text), markup=_diff_markup(text))
    if report.diffs:
        yield Line(text="")


def _diff_markup(text: str) -> tuple[str, ...]:
    if text.startswith(("---", "+++")):
        return ("bold",)
    return {"+": ("green",), "-": ("red",), "@": ("cyan",)}.get(text[:1], ())


def _next(steps: Sequence[Step], width: int) -> Iterator[Line]:
    for step in steps:
        start = f"{'next':<{COLUMN}}{step.purpose}:"
        if len(start) + 1 + len(step.command) <= width:
            yield Line(text=f"{start} {step.command}")
        else:
            yield Line(text=start)
            yield _indented(step.command)


def _entry(label: str, id_: str, facts: str, width: int, colour: str) -> Iterator[Line]:
    """A label, an id and what is said of it: on one line if that fits, else below the id."""
    markup = (colour,) if colour else ()
    start = f"{label:<{COLUMN}}{visible(id_)}"
    facts = visible(" ".join(facts.split()))
    if facts and len(start) + 2 + len(facts) <= width:
        yield Line(text=f"{start}  {facts}", markup=markup)
    else:
        yield Line(text=start, markup=markup)
        yield from _paragraph(facts, width)


def _labelled(label: str, text: str, width: int, colour: str = "") -> Iterator[Line]:
    for number, line in enumerate(_wrapped(text, width)):
        start = label if number == 0 else ""
        yield Line(text=f"{start:<{COLUMN}}{line}", markup=(colour,) if colour else ())


def _paragraph(text: str, width: int) -> Iterator[Line]:
    for line in _wrapped(text, width):
        yield _indented(line)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        visible(" ".join(text.split())),
        max(width - COLUMN, 30),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _ids(ids: Sequence[str], verbosity: int) -> Iterator[Line]:
    shown = ids if verbosity > 0 or len(ids) <= FEW else ids[: FEW - 2]
    for id_ in shown:
        yield _indented(f"  {visible(id_)}")
    if len(shown) < len(ids):
        yield _indented(f"  and {len(ids) - len(shown):,} more (-v lists them)")


def _failures(failures: Sequence[Failure], verbosity: int) -> Iterator[Line]:
    """Ids with the first line of each message, or with all of it."""
    shown = failures if verbosity > 0 or len(failures) <= FEW else failures[: FEW - 2]
    for failure in shown:
        yield _indented(f"  {visible(failure.id)}")
        message = failure.message if verbosity > 0 else _first_line(failure.message)
        for line in _block(message, VERBOSE_LINES, ("red",)):
            yield Line(text=f"  {line.text}", markup=line.markup)
    if len(shown) < len(failures):
        yield _indented(f"  and {len(failures) - len(shown):,} more (-v lists them)")


def _block(text: str, limit: int, markup: tuple[str, ...]) -> Iterator[Line]:
    """Source or a message: lines kept as they are, the first ``limit`` of them."""
    lines = _lines(text.strip("\n")) if text.strip() else []
    for line in lines[:limit]:
        cut = f"{line[:LINE_LENGTH]}..." if len(line) > LINE_LENGTH else line
        yield _indented(f"  {visible(cut)}", markup)
    if len(lines) > limit:
        yield _indented(f"  ... {count(len(lines) - limit, 'more line')}")


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


def _lines(text: str) -> list[str]:
    """Not ``str.splitlines``: a form feed inside a line of source does not end it."""
    return text.rstrip("\n").replace("\r\n", "\n").split("\n")


def _indented(text: str, markup: tuple[str, ...] = ()) -> Line:
    return Line(text=f"{' ' * COLUMN}{text}".rstrip(), markup=markup)


def _undo(report: Report) -> Step:
    _, place = _split(report.command, _PLACE)
    command = (*_program(report.command), *place, "--supercharge-undo")
    return Step(purpose="to put the sources back", command=shlex.join(command))


def _apply(purpose: str, report: Report) -> Step:
    words: tuple[str, ...] = ("git", "apply", report.patch)
    if report.rootdir:  # names in the patch are relative to it
        words = ("git", "-C", report.rootdir, "apply", os.path.abspath(report.patch))
    return Step(purpose=purpose, command=shlex.join(words))


def _apply_kept(report: Report) -> Step:
    return _apply("to apply what was kept back, once the file can take it", report)


def _fill(purpose: str, report: Report) -> Step:
    command, _ = _split(report.command, {"--supercharge-mode"})
    command = tuple(word for word in command if word not in ("--co", "--collect-only"))
    return Step(purpose=purpose, command=shlex.join(command))


def _limits(report: Report) -> str:
    """What the bundled model is, where it has left something; else ""."""
    upgrade = report.upgrade
    if upgrade is None:
        return ""
    left = count(len(report.worth_more), "stub")
    preset = _offer(report)
    serves = f"On this machine {preset.name} would serve" if preset else _no_offer(upgrade)
    return (
        f"tiny, the bundled model of {gigabytes(upgrade.bundled)}, knows small, common functions, "
        f"and nothing of your project: it left {left}. {serves}"
    )


def _no_offer(upgrade: Upgrade) -> str:
    if upgrade.trouble:
        return f"Which preset would serve is not known: {upgrade.trouble}"
    return (
        f"No preset fits the {gigabytes(upgrade.memory)} that this machine has for a model: name "
        "a server with --supercharge-model"
    )


def _offer(report: Report) -> Preset | None:
    return report.upgrade.preset if report.upgrade else None


def _to_better_model(report: Report) -> Iterator[Step]:
    """Fetch it, and run as before with it."""
    preset, upgrade = _offer(report), report.upgrade
    if preset is None or upgrade is None:
        return
    if not upgrade.on_disk:
        size = describe_size(preset)
        yield Step(purpose=f"to fetch it, once, {size}", command=f"{FETCH} {preset.name}")
    command, _ = _split(report.command, {"--supercharge-model"})
    command = (*command, "--supercharge-model", preset.name)
    yield Step(purpose="to fill the rest with it", command=shlex.join(command))


def _more(report: Report) -> Step:
    """The same run with more candidates, narrowed to the open stubs where they are few."""
    open_ = _within_reach(report)
    command, _ = _split(report.command, {"--supercharge-candidates"})
    if len(open_) <= FEW:
        command, _ = _split(command, {"--supercharge-only"})
        command = (*command, *(f"--supercharge-only={stub.id}" for stub in open_))
    command = (*command, f"--supercharge-candidates={report.candidates * 4}")
    return Step(purpose="to try harder for what is open", command=shlex.join(command))


def _within_reach(report: Report) -> tuple[StubReport, ...]:
    """Stubs left open that more candidates of the same model might fill."""
    return tuple(stub for stub in report.worth_more if stub.fits)


def _program(command: Sequence[str]) -> tuple[str, ...]:
    """The words that start pytest: ``pytest``, or ``python -m pytest``."""
    if "-m" in command[:3]:
        return tuple(command[: command.index("-m") + 2])
    return tuple(command[:1])


def _split(
    command: Iterable[str], names: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words without the options in ``names`` and their values, and these alone."""
    kept: list[str] = []
    taken: list[str] = []
    value_follows = False
    for word in command:
        name, equals, _ = word.partition("=")
        if value_follows or name in names:
            taken.append(word)
            value_follows = not value_follows and not equals
        else:
            kept.append(word)
    return tuple(kept), tuple(taken)
