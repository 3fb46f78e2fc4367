from __future__ import annotations

import io
import shlex
from dataclasses import replace
from textwrap import dedent

import pytest
from _pytest._io import TerminalWriter  # the writer that pytest hands us

from pytest_supercharger.bundled import tiny_model
from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.models.hub.preset import Preset
from pytest_supercharger.models.upgrade import Upgrade
from pytest_supercharger.reporting.report import (
    Chosen,
    Failure,
    FileDiff,
    FinalRun,
    Nearest,
    Report,
    Seconds,
    Skipped,
    Status,
    StubReport,
    Tokens,
)
from pytest_supercharger.reporting.terminal import (
    count,
    describe_facts,
    describe_model,
    duration,
    next_steps,
    render_report,
    report_lines,
    visible,
)
from pytest_supercharger.sandboxes.base import SandboxInfo

CHOSEN = Chosen(
    source="def initials(name): ...",
    origin="sampled",
    repairs=("import re added",),
    project_tests_passed=1,
    generated_tests_passed=5,
    agreement=0.714,
    judge=0.9,
    control="passed",
)
VERIFIED = StubReport(
    id="src/shop/text.py::initials",
    status=Status.VERIFIED,
    project_tests=("tests/test_text.py::test_initials",),
    vacuous=("tests/test_text.py::test_smoke",),
    candidates=12,
    generated_tests=5,
    rounds=1,
    chosen=CHOSEN,
    seconds=Seconds(total=3.6),
)
AGREED = StubReport(
    id="src/shop/text.py::slug",
    status=Status.AGREED,
    reason="not covered by your tests",
    candidates=9,
    generated_tests=5,
    rounds=1,
    chosen=CHOSEN,
    seconds=Seconds(total=4.14),
)
UNFILLED = StubReport(
    id="src/shop/cart.py::Cart.total",
    status=Status.UNFILLED,
    reason="budget used up: 300 seconds",
    project_tests=("a", "b", "c"),
    candidates=1064,
    rounds=4,
    seconds=Seconds(total=300.1),
    nearest=Nearest(
        source="def total(self):\n    return sum(self.prices)\n",
        passed=2,
        total=3,
        failure=Failure(
            id="tests/test_cart.py::test_discount[10 %]",
            message="assert 90 == 81\n +  where 90 = total()",
        ),
    ),
)
GREEN = FinalRun(where="sandbox", passed=124, failed=1, skipped=2, seconds=3.14)
REPORT = Report(mode="write", exit=1, stubs=(UNFILLED, VERIFIED, AGREED), seconds=48.2)


def text_of(report: Report, verbosity: int = 0, width: int = 80) -> str:
    lines = report_lines(report, width=width, verbosity=verbosity)
    return "".join(f"{line.text}\n" for line in lines)


def test_a_whole_section_in_pytests_own_writer() -> None:
    stream = io.StringIO()
    writer = TerminalWriter(stream)
    writer.fullwidth = 80
    report = replace(REPORT, final=GREEN, command=("pytest", "--supercharge", "-k", "not slow"))
    render_report(report, writer)
    shown = stream.getvalue()
    assert shown == dedent(
        """\
        ================================= supercharge ==================================
        1 verified, 1 agreed, 1 unfilled in 48.2s
        verified  src/shop/text.py::initials  1/1 tests, 12 candidates, 3.6s
                  1 test reached it unfilled and passed all the same (-v lists them)
        agreed    src/shop/text.py::slug
                  5/5 generated tests, 9 candidates, agreement 0.71, 4.1s
                  not covered by your tests
        unfilled  src/shop/cart.py::Cart.total
                  2/3 tests, 1,064 candidates, 4 rounds, 5m 00s
                  budget used up: 300 seconds
                  nearest candidate:
                    def total(self):
                        return sum(self.prices)
                  fails tests/test_cart.py::test_discount[10 %]
                    assert 90 == 81
                     +  where 90 = total()
        final run 124 passed, 1 failed, 2 skipped in the sandbox in 3.1s; nothing that
                  was green is red
        next      to put the sources back: pytest --supercharge-undo
        next      to try harder for what is open:
                  pytest --supercharge -k 'not slow' --supercharge-only=src/shop/cart.py::Cart.total --supercharge-candidates=64
        """  # noqa: E501
    )


def test_colours_are_pytests_markup() -> None:
    stream = io.StringIO()
    writer = TerminalWriter(stream)
    writer.hasmarkup = True
    render_report(replace(REPORT, stubs=(VERIFIED,), exit=0), writer)
    assert "\x1b[32m\x1b[1m1 verified in 48.2s\x1b[0m" in stream.getvalue()


def test_verbose_adds_tests_repairs_tokens_model_and_sandbox() -> None:
    report = replace(
        REPORT,
        stubs=(VERIFIED,),
        model=ModelInfo(
            name="tiny",
            source="",
            digest="",
            backend="recording",
            gpu_layers=0,
            context=0,
            slots=1,
        ),
        sandbox=SandboxInfo(backend="bubblewrap", version="0.11.0", python="3.11.4", workers=2),
    )
    shown = text_of(report, 1)
    for line in (
        "          sampled, control passed, judge 0.90\n          repaired: import re added\n",
        "          generating 0.0s, checking 0.0s, 0 + 0 tokens\n",
        "          its tests:\n            tests/test_text.py::test_initials\n",
        "          1 test reached it unfilled and passed all the same:\n"
        "            tests/test_text.py::test_smoke\n",
        "model     tiny, recording\n",
        "sandbox   bubblewrap 0.11.0, Python 3.11.4, 2 workers\n",
    ):
        assert line in shown
        assert line not in text_of(report)


def test_quiet_leaves_counts_lines_and_commands() -> None:
    report = replace(
        REPORT, notes=("coverage is off",), skipped=(Skipped(id="x", reason="a method"),)
    )
    shown = text_of(report, -1)
    assert "nearest" not in shown
    assert "coverage" not in shown
    assert "skipped" not in shown
    assert "unfilled  src/shop/cart.py::Cart.total" in shown
    assert shown.endswith("--supercharge-candidates=64\n")


def test_long_ids_and_sources_and_messages_stay_bounded_and_whole() -> None:
    long = "src/" + "deep/" * 40 + "module.py::Class.method"
    assert UNFILLED.nearest is not None
    nearest = replace(
        UNFILLED.nearest,
        source="\n".join(f"line_{n} = {n}" for n in range(100)),
        failure=Failure(id="t", message="x" * 10_000 + "\n" + "more\n" * 50),
    )
    report = replace(REPORT, stubs=(replace(UNFILLED, id=long, nearest=nearest),))
    lines = text_of(report).splitlines()
    assert f"unfilled  {long}" in lines
    assert "            ... 76 more lines" in lines
    assert "            ... 41 more lines" in lines
    assert len(lines) < 50
    own = [line for line in lines if long not in line and "xxx" not in line]
    assert max(map(len, own)) <= 80
    assert "line_99 = 99" in text_of(report, 1)


@pytest.mark.parametrize("width", [1, 40, 80, 200])
def test_what_we_say_wraps_at_any_width(width: int) -> None:
    report = replace(REPORT, notes=("word " * 100,), final=GREEN)
    notes = [line for line in text_of(report, 0, width).splitlines() if "word" in line]
    assert max(map(len, notes)) <= max(width, 40)
    assert " ".join(notes).split().count("word") == 100


def test_what_a_model_wrote_cannot_command_the_terminal() -> None:
    assert UNFILLED.nearest is not None
    nearest = replace(UNFILLED.nearest, source="return '\x1b[2J\u202e\r'  # é 漢\tx")
    shown = text_of(replace(REPORT, stubs=(replace(UNFILLED, nearest=nearest),)))
    assert "return '\\x1b[2J\\u202e\\r'  # é 漢" in shown
    assert shown.replace("\n", "").isprintable()
    assert visible("plain\ttext") == "plain   text"


def test_few_skipped_are_named_and_many_are_folded() -> None:
    few = tuple(Skipped(id=f"a.py::C{n}.m", reason="an unmarked method") for n in range(3))
    shown = text_of(replace(REPORT, skipped=few))
    assert "skipped   a.py::C2.m  an unmarked method\n" in shown
    many = few * 300 + (Skipped(id="b.py", reason="syntax error at line 3"),)
    shown = text_of(replace(REPORT, skipped=many))
    assert "skipped   a.py::C0.m and 899 more  an unmarked method\n" in shown
    assert "skipped   b.py  syntax error at line 3\n" in shown
    assert shown.count("skipped ") == 2
    assert "(-v lists all)" in shown
    assert text_of(replace(REPORT, skipped=many), 1).count("skipped ") == 901
    reasons = tuple(Skipped(id=f"{n}.py", reason=f"syntax error at line {n}") for n in range(9))
    shown = text_of(replace(REPORT, skipped=reasons))
    assert "skipped   4.py  syntax error at line 4\nskipped   4 more for other reasons\n" in shown


def test_what_was_red_or_impossible_before_is_told_apart() -> None:
    report = replace(
        REPORT,
        already_failing=tuple(f"tests/test_old.py::test_{n}" for n in range(7)),
        environment_failures=(Failure(id="tests/t.py::net", message="OSError: no network\nx"),),
        collection_errors=(Failure(id="tests/u.py", message="No module named 'legacy'"),),
        notes=("not used: --cov", "not used: --cov"),
        sandbox=SandboxInfo(
            backend="docker", version="1", python="3", workers=1, notes=("not used: --cov",)
        ),
    )
    shown = text_of(report)
    assert (
        "before    7 tests failed already, not because of a stub:\n"
        "            tests/test_old.py::test_0\n"
        "            tests/test_old.py::test_1\n"
        "            tests/test_old.py::test_2\n"
        "            and 4 more (-v lists them)\n"
        "before    1 test cannot run in the sandbox:\n"
        "            tests/t.py::net\n"
        "              OSError: no network\n"
        "before    1 test file cannot be collected, not because of a stub:\n"
        "            tests/u.py\n"
        "              No module named 'legacy'\n"
    ) in shown
    assert shown.count("not used: --cov") == 1
    assert "tests/test_old.py::test_6" in text_of(report, 1)


def test_a_red_final_run_names_what_broke() -> None:
    broken = (Failure(id="tests/t.py::x", message="assert 1 == 2\nmore"),)
    shown = text_of(replace(REPORT, final=replace(GREEN, newly_failing=broken)))
    assert "green before and red now" in " ".join(shown.split())
    assert "            tests/t.py::x\n              assert 1 == 2\n" in shown
    shown = text_of(replace(REPORT, final=replace(GREEN, where="host", trouble="exit 3")))
    assert "on the host" in shown
    assert "it did not end as it should: exit 3" in " ".join(shown.split())


def test_mode_list_shows_tests_and_prompt_sizes_only() -> None:
    listed = replace(UNFILLED, prompt_tokens=1812, reason="", nearest=None)
    report = replace(
        REPORT,
        mode="list",
        stubs=(listed, replace(listed, id="b.py::f", project_tests=())),
        command=("pytest", "--supercharge", "--co", "--supercharge-mode", "list", "-q"),
    )
    assert text_of(report) == dedent(
        """\
        2 stubs to fill in 48.2s
        stub      src/shop/cart.py::Cart.total  3 tests, prompt of 1,812 tokens
                    a
                    b
                    c
        stub      b.py::f  no tests, prompt of 1,812 tokens
        next      to fill them in: pytest --supercharge -q
        """
    )


def test_mode_diff_shows_the_diff_before_the_command() -> None:
    diff = (
        "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-    raise NotImplementedError\n+    return 1\x0c\n"
    )
    report = replace(
        REPORT,
        mode="diff",
        stubs=(VERIFIED,),
        diffs=(FileDiff(path="x.py", text=diff),),
        command=("pytest", "--supercharge", "--supercharge-mode=diff"),
    )
    shown = text_of(report)
    assert "1 verified in 48.2s, nothing is written" in shown
    assert shown.endswith(
        "\n" + diff.replace("\x0c", "\\x0c") + "\nnext      to write this: pytest --supercharge\n"
    )
    markup = {line.text: line.markup for line in report_lines(report)}
    assert markup["+    return 1\\x0c"] == ("green",)
    assert markup["-    raise NotImplementedError"] == ("red",)
    assert markup["--- a/x.py"] == ("bold",)


def commands(report: Report) -> list[str]:
    return [step.command for step in next_steps(report)]


def test_the_command_to_go_on_fits_how_the_run_ended() -> None:
    mine = replace(REPORT, command=("python", "-m", "pytest", "--supercharge", "tests"))
    assert commands(replace(mine, interrupted=True)) == ["python -m pytest --supercharge tests"]
    assert commands(replace(mine, stubs=(VERIFIED,))) == ["python -m pytest --supercharge-undo"]
    assert commands(replace(mine, stubs=())) == []
    patch = replace(mine, mode="patch", patch="my fixes.patch", stubs=(VERIFIED,))
    assert commands(patch) == ["git apply 'my fixes.patch'"]
    conflict = replace(VERIFIED, status=Status.CONFLICT)
    assert commands(replace(mine, stubs=(conflict,), patch="p.patch")) == ["git apply p.patch"]
    hopeless = replace(UNFILLED, more_may_help=False)
    assert commands(replace(mine, stubs=(hopeless,))) == []


def test_undo_looks_where_the_run_stored() -> None:
    words = ("pytest", "--supercharge", "--supercharge-state-dir", "s t", "--rootdir=r", "-k", "x")
    report = replace(REPORT, stubs=(VERIFIED,), command=words)
    assert commands(report) == [
        "pytest --supercharge-state-dir 's t' --rootdir=r --supercharge-undo"
    ]


def test_to_try_harder_replaces_the_earlier_options() -> None:
    words = ("pytest", "--supercharge", "--supercharge-candidates", "8", "--supercharge-only=a*")
    report = replace(REPORT, stubs=(UNFILLED,), command=words, candidates=8)
    only = "--supercharge-only=src/shop/cart.py::Cart.total"
    assert commands(report) == [f"pytest --supercharge {only} --supercharge-candidates=32"]
    nested = replace(UNFILLED, id="a.py::f.<locals>.g")
    (command,) = commands(replace(report, stubs=(nested,)))
    assert "--supercharge-only=a.py::f.<locals>.g" in shlex.split(command)
    many = replace(report, stubs=(UNFILLED,) * 20)
    assert commands(many) == [
        "pytest --supercharge '--supercharge-only=a*' --supercharge-candidates=32"
    ]


def test_an_interrupted_run_says_so_first_and_how_to_resume_last() -> None:
    shown = text_of(replace(REPORT, interrupted=True, stubs=(VERIFIED,))).splitlines()
    assert shown[0] == "interrupted: 1 verified in 48.2s"
    assert shown[-1].endswith("to go on from there: pytest --supercharge")


def test_mode_patch_says_where_the_patch_is() -> None:
    report = replace(REPORT, mode="patch", patch="out/my.patch", stubs=(VERIFIED,))
    assert text_of(report).startswith("1 verified in 48.2s, see out/my.patch\n")
    assert "see" not in text_of(replace(report, patch="")).splitlines()[0]


def test_no_stub_is_said() -> None:
    assert text_of(Report(mode="write", exit=0, stubs=())) == "no stubs to fill in 0.0s\n"


def test_a_pass_without_a_control_run_is_named() -> None:
    weak = replace(VERIFIED, chosen=replace(CHOSEN, control="none"))
    assert describe_facts(weak) == "1/1 tests, 12 candidates, no control run, 3.6s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0s"),
        (59.94, "59.9s"),
        (59.96, "1m 00s"),
        (125.4, "2m 05s"),
        (3599.6, "1h 00m"),
        (7380, "2h 03m"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts_have_their_plural() -> None:
    assert [count(n, "stub") for n in (0, 1, 2, 1234)] == [
        *("0 stubs", "1 stub", "2 stubs", "1,234 stubs")
    ]


def test_decoded_tokens_are_told_beside_those_that_were_used() -> None:
    spent = replace(VERIFIED, tokens=Tokens(prompt=512, completion=830, spent=1234))
    told = text_of(replace(REPORT, stubs=(spent,)), verbosity=1)
    assert "512 + 830 tokens, 1,234 decoded" in told


def test_with_two_models_it_is_told_how_many_bodies_came_from_each() -> None:
    small, big = (
        ModelInfo(name=name, source="", digest="", backend="b", gpu_layers=0, context=0, slots=1)
        for name in ("small", "big")
    )
    by_small = replace(VERIFIED, chosen=replace(CHOSEN, model="small"))
    by_big = replace(AGREED, chosen=replace(CHOSEN, model="big"))
    report = replace(REPORT, model=small, then=big, stubs=(by_small, by_big, by_big, UNFILLED))
    assert "models    1 body by small, 2 bodies by big\n" in text_of(report)
    assert "models " not in text_of(replace(report, then=None))
    assert "models " not in text_of(replace(report, stubs=(UNFILLED,)))


# --- the bundled model

PRESET = Preset(
    name="coder-7b",
    repository="maker/Coder",
    files=("coder.gguf",),
    size=4_680_000_000,
    memory=8_000_000_000,
)
UPGRADE = Upgrade(bundled=9_707_616, preset=PRESET, memory=8_430_000_000)


def test_what_the_bundled_model_leaves_is_said_with_the_two_commands_that_serve() -> None:
    text = text_of(replace(REPORT, upgrade=UPGRADE))
    assert text.endswith(
        dedent(
            """\
            model     tiny, the bundled model of 9.71 MB, knows small, common functions, and
                      nothing of your project: it left 1 stub. On this machine coder-7b
                      would serve
            next      to put the sources back: pytest --supercharge-undo
            next      to fetch it, once, 4.68 GB:
                      python -m pytest_supercharger fetch coder-7b
            next      to fill the rest with it:
                      pytest --supercharge --supercharge-model coder-7b
            """
        )
    )


def test_it_is_said_with_every_verbosity_and_once() -> None:
    for verbosity in (-1, 0, 1):
        text = text_of(replace(REPORT, upgrade=UPGRADE), verbosity)
        assert text.count("the bundled model") == 1
        assert text.count("fetch coder-7b") == 1


def test_a_better_model_that_is_on_disk_is_not_fetched_again() -> None:
    steps = commands(replace(REPORT, upgrade=replace(UPGRADE, on_disk=True)))
    assert steps[-1] == "pytest --supercharge --supercharge-model coder-7b"
    assert not [step for step in steps if "fetch" in step]


def test_the_run_with_a_better_model_is_the_one_that_was_started() -> None:
    command = ("python", "-m", "pytest", "--supercharge", "--supercharge-model=tiny", "-k", "a b")
    steps = commands(replace(REPORT, upgrade=UPGRADE, command=command))
    assert steps[-1] == ("python -m pytest --supercharge -k 'a b' --supercharge-model coder-7b")


@pytest.mark.parametrize(
    ("upgrade", "words"),
    [
        (replace(UPGRADE, preset=None, memory=1_900_000_000), "No preset fits the 1.9 GB that"),
        (replace(UPGRADE, preset=None, trouble="presets.toml, x: no"), "known: presets.toml, x"),
    ],
)
def test_without_a_preset_that_serves_more_candidates_are_offered(
    upgrade: Upgrade, words: str
) -> None:
    report = replace(REPORT, upgrade=upgrade)
    assert words in " ".join(text_of(report).split())
    assert "--supercharge-candidates=64" in commands(report)[-1]


def test_what_does_not_fit_is_left_to_a_better_model_and_not_to_more_candidates() -> None:
    long = replace(UNFILLED, id="long.py::f", fits=False)
    report = replace(REPORT, stubs=(long,), upgrade=UPGRADE)
    assert "it left 1 stub" in " ".join(text_of(report).split())
    assert "coder-7b" in commands(report)[-1]
    none = replace(report, upgrade=replace(UPGRADE, preset=None))
    assert commands(none) == []
    (step,) = commands(replace(none, stubs=(long, UNFILLED)))
    assert "--supercharge-only=src/shop/cart.py::Cart.total" in step
    assert "long.py" not in step


def test_the_bundled_model_is_called_so() -> None:
    model = ModelInfo(
        name="tiny",
        source=str(tiny_model()),
        digest="0123456789abcdef",
        backend="llama.cpp CPU",
        gpu_layers=0,
        context=1024,
        slots=16,
    )
    said = "tiny (bundled) (sha256 0123456789ab), llama.cpp CPU, context 1024, 16 slots"
    assert describe_model(model) == said
    assert "(bundled)" not in describe_model(replace(model, source="/models/tiny.gguf"))


def test_of_tests_that_are_not_trusted_only_the_calls_are_told() -> None:
    stub = replace(AGREED, trusts_tests=False)
    assert describe_facts(stub) == "5 generated calls, 9 candidates, agreement 0.71, 4.1s"
