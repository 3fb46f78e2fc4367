from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.reporting.progress import (
    QUIET_SECONDS,
    Checked,
    Confirming,
    Event,
    Linked,
    Linking,
    Live,
    MovedOn,
    Note,
    Plain,
    RoundStarted,
    Started,
    StubDone,
    StubLeft,
    StubStarted,
    StubWaits,
    Writing,
    describe,
    open_progress,
)
from pytest_supercharger.reporting.report import Nearest, Seconds, Status, StubReport
from pytest_supercharger.sandboxes.base import SandboxInfo

ROOT = Path(__file__).parents[2]
STUB = "src/shop/cart.py::Cart.total"
DONE = StubReport(
    id=STUB,
    status=Status.UNFILLED,
    reason="budget used up:\n300 seconds",
    project_tests=("a", "b", "c"),
    candidates=64,
    rounds=4,
    nearest=Nearest(source="", passed=2, total=3, failure=None),
    seconds=Seconds(total=300.2),
)
EVENTS: tuple[Event, ...] = (
    Started(
        stubs=2,
        model=ModelInfo(
            name="tiny.gguf",
            source="/m/tiny.gguf",
            digest="0123456789abcdef",
            backend="llama.cpp CPU",
            gpu_layers=3,
            context=4096,
            slots=16,
        ),
        sandbox=SandboxInfo(backend="docker", version="27.1", python="3.12.1", workers=1),
    ),
    Linking(),
    Linked(tests=1240, stubs=1, seconds=3.21),
    StubStarted(stub=STUB, number=1, of=2, tests=3),
    RoundStarted(stub=STUB, number=1, of=4),
    Checked(stub=STUB, checked=1, of=16, best_passed=2, best_of=3),
    RoundStarted(stub=STUB, number=2, of=4, purpose="repairing 3 bodies"),
    StubWaits(stub=STUB, others=("src/shop/cart.py::Cart.add",)),
    StubDone(report=DONE),
    Confirming(stubs=1),
    Confirming(stubs=2, purpose="which one broke tests/test_a.py::test_b?"),
    Writing(path="src/shop/text.py", stubs=2),
    Note(text="the ledger was set aside"),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_each_event_is_a_plain_line() -> None:
    stream = io.StringIO()
    with open_progress(stream) as progress:
        for event in EVENTS:
            progress.tell(event)
    assert stream.getvalue().splitlines() == [
        "supercharge: 2 stubs",
        "model: tiny.gguf (sha256 0123456789ab), llama.cpp CPU, 3 layers on the GPU, "
        "context 4096, 16 slots",
        "sandbox: docker 27.1, Python 3.12.1, 1 worker",
        "running your tests once to learn which of them reach which stub",
        "1,240 tests run in 3.2s, 1 stub has tests that fail because of it",
        "[1/2] src/shop/cart.py::Cart.total  3 tests",
        "src/shop/cart.py::Cart.total  round 2/4: repairing 3 bodies",
        "src/shop/cart.py::Cart.total  waits for src/shop/cart.py::Cart.add",
        "unfilled  src/shop/cart.py::Cart.total  2/3 tests, 64 candidates, 4 rounds, 5m 00s: "
        "budget used up: 300 seconds",
        "confirming 1 body",
        "confirming 2 bodies together: which one broke tests/test_a.py::test_b?",
        "writing src/shop/text.py: 2 functions",
        "the ledger was set aside",
    ]


def test_checked_candidates_are_told_only_when_a_log_has_been_silent() -> None:
    now = 0.0
    stream = io.StringIO()
    plain = Plain(stream, clock=lambda: now)
    for number in range(1, 101):
        now += QUIET_SECONDS / 20
        plain.tell(Checked(stub=STUB, checked=number, of=100, best_passed=0, best_of=0))
    assert stream.getvalue().splitlines() == [
        f"{STUB}  {checked} checked" for checked in ("20/100", "40/100", "60/100", "80/100", "100")
    ]


def test_quiet_says_only_what_runs_and_what_is_wrong() -> None:
    stream = io.StringIO()
    with open_progress(stream, verbosity=-1) as progress:
        for event in EVENTS:
            progress.tell(event)
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == [
        *("supercharge:", "model:", "sandbox:", "the")
    ]


def test_a_stream_that_takes_ascii_only_gets_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Plain(stream).tell(Note(text="src/größe.py"))
    assert raw.getvalue().decode().rstrip() == "src/gr\\xf6\\xdfe.py"


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_cannot_gets_plain_lines(term: str) -> None:
    assert isinstance(open_progress(Terminal(), environ={"TERM": term}), Plain)
    assert isinstance(open_progress(Terminal(), environ={"TERM": "xterm"}), Live)


def live_text(environ: dict[str, str], color: bool | None = None) -> str:
    stream = Terminal()
    with open_progress(stream, environ={"TERM": "xterm", **environ}, color=color) as progress:
        for event in EVENTS:
            progress.tell(event)
    return stream.getvalue()


def test_live_keeps_what_lasts_and_restores_the_cursor() -> None:
    text = live_text({})
    lasting = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", text)
    assert "unfilled  src/shop/cart.py::Cart.total  2/3 tests" in lasting
    assert "writing src/shop/text.py: 2 functions" in lasting
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_no_color_takes_the_colours_away() -> None:
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9]m")
    assert coloured.search(live_text({}))
    assert not coloured.search(live_text({"NO_COLOR": "1"}))
    assert not coloured.search(live_text({}, color=False))
    assert coloured.search(live_text({"NO_COLOR": "1"}, color=True))


def test_brackets_and_control_characters_are_shown_as_they_are() -> None:
    stream = Terminal()
    with open_progress(stream, environ={"TERM": "xterm"}) as progress:
        progress.tell(Note(text="test[bold] [/] :smile: \x1b[2J"))
    assert "test[bold] [/] :smile: \\x1b[2J" in stream.getvalue()


def test_live_lines_show_stub_round_count_and_best_within_the_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    live = Live(Terminal())
    long = f"src/{'deep/' * 30}module.py::Class.method"
    for number, stub in enumerate((STUB, long, "c", "d", "e", "f"), start=1):
        live.tell(StubStarted(stub=stub, number=number, of=6, tests=3))
    live.tell(RoundStarted(stub=STUB, number=1, of=4))
    live.tell(Checked(stub=STUB, checked=3, of=16, best_passed=2, best_of=3))
    live.tell(Checked(stub="gone", checked=3, of=16, best_passed=2, best_of=3))
    lines = live._lines()
    assert lines[0] == f"[1/6] {STUB}  round 1/4  3/16 checked, best 2/3  0.0s"
    assert re.fullmatch(r"\[2/6\] \.\.\..*module\.py::Class\.method  0\.\ds", lines[1])
    assert max(map(len, lines)) <= 78
    assert lines[4:] == ["and 2 stubs more"]


def test_many_threads_may_tell() -> None:
    stream = Terminal()
    with open_progress(stream, environ={"TERM": "xterm"}) as progress:

        def work(name: str) -> None:
            progress.tell(StubStarted(stub=name, number=1, of=9, tests=0))
            for number in range(50):
                progress.tell(Checked(stub=name, checked=number, of=50, best_passed=0, best_of=1))
            progress.tell(StubDone(report=StubReport(id=name, status=Status.AGREED)))

        threads = [threading.Thread(target=work, args=(f"a.py::f{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
            assert not thread.is_alive()
    assert sum(f"agreed  a.py::f{n}" in stream.getvalue() for n in range(8)) == 8


INTERRUPTED = """
import os, signal, sys, time
from pytest_supercharger.reporting.progress import Linking, open_progress
with open_progress(sys.stdout) as progress:
    progress.tell(Linking())
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
"""


def test_ctrl_c_on_a_real_terminal_gives_the_cursor_back() -> None:
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=child,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
    )
    os.close(child)
    shown = b""
    try:
        while part := os.read(parent, 65536):
            shown += part
    except OSError:  # Linux: the other end of the terminal has been closed
        pass
    os.close(parent)
    assert process.wait() != 0
    assert b"running your tests once" in shown
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")


def test_rich_stays_unloaded_without_a_terminal() -> None:
    code = (
        "import io, sys\n"
        "from pytest_supercharger.reporting.progress import Linking, open_progress\n"
        "with open_progress(io.StringIO()) as progress: progress.tell(Linking())\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('rich', 'pytest')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "[]\n"


def test_the_start_says_which_servers_are_sent_the_code() -> None:
    servers = "http://127.0.0.1:8080/v1#coder, https://gpu.example.org/v1#coder"
    model = ModelInfo(
        name="coder",
        source=servers,
        digest="",
        backend="server (vLLM)",
        gpu_layers=0,
        context=0,
        slots=64,
    )
    lines = describe(Started(stubs=1, model=model, sandbox=None))
    assert lines[1] == f"model: coder at {servers}, server (vLLM), 64 slots"


def test_every_model_has_its_line_at_the_start_with_what_was_switched_off() -> None:
    small = ModelInfo(
        name="small",
        source="",
        digest="",
        backend="llama.cpp CPU",
        gpu_layers=0,
        context=0,
        slots=1,
        remarks=("extra buffers off: wrong results", "2 of 4 GPUs"),
    )
    big, judge = replace(small, name="big", remarks=()), replace(small, name="judge", remarks=())
    assert describe(Started(stubs=1, model=small, then=big, judge=judge, sandbox=None)) == (
        "supercharge: 1 stub",
        "model: small, llama.cpp CPU; remarks: extra buffers off: wrong results; 2 of 4 GPUs",
        "then: big, llama.cpp CPU",
        "judge: judge, llama.cpp CPU",
    )
    assert describe(StubLeft(stub=STUB, model="big")) == (f"{STUB}  left for big",)
    assert describe(MovedOn(stubs=2, model=big)) == ("2 stubs left, asking big, llama.cpp CPU",)


def test_live_takes_a_stub_that_is_left_for_another_model_off_the_display() -> None:
    live = Live(io.StringIO())
    live.tell(StubStarted(stub=STUB, number=1, of=1, tests=3))
    assert len(live._lines()) == 1
    live.tell(StubLeft(stub=STUB, model="big"))
    assert live._lines() == []
