"""What a run writes, shows, reports and exits with, in every mode."""

from __future__ import annotations

import functools
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from example_project import Project, Run, code
from shops import DOUBLE, FILLED, GOOD, HALF, ONE, OPEN, RIGHT, TOTAL, TWICE, WRONG

pytestmark = pytest.mark.bubblewrap


@functools.cache
def good(mode: str) -> Run:
    return GOOD.run(f"--supercharge-mode={mode}")


@functools.cache
def half(mode: str) -> Run:
    return HALF.run(f"--supercharge-mode={mode}", "--supercharge-rounds=1")


def git_apply(run: Run, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "apply", *options, "supercharge.patch"],
        cwd=run.folder,
        capture_output=True,
        text=True,
        check=False,
    )


# --- exit codes, and what is written


@pytest.mark.parametrize(
    ("mode", "exit_code", "source"),
    [("write", 0, FILLED), ("patch", 0, OPEN), ("diff", 1, OPEN), ("list", 1, OPEN)],
)
def test_with_every_stub_filled(mode: str, exit_code: int, source: str) -> None:
    run = good(mode)
    assert run.returncode == run.report["exit"] == exit_code, run.output
    assert run.report["mode"] == mode
    assert (run.folder / "src/shop.py").read_text() == source
    assert (run.folder / "supercharge.patch").exists() is (mode == "patch")


@pytest.mark.parametrize("mode", ["write", "patch", "diff"])
def test_with_a_stub_unfilled_the_exit_code_is_1(mode: str) -> None:
    run = half(mode)
    assert run.returncode == run.report["exit"] == 1, run.output
    assert (run.status("::total"), run.status("::double")) == ("unfilled", "agreed")


def test_the_good_body_is_delivered_where_the_other_is_not() -> None:
    written = OPEN.replace(
        '8\n    """\n    raise NotImplementedError', '8\n    """\n    return 2 * number'
    )
    assert (half("write").folder / "src/shop.py").read_text() == written
    assert git_apply(half("patch")).returncode == 0
    assert (half("patch").folder / "src/shop.py").read_text() == written


def test_git_and_patch_take_the_patch() -> None:
    run = GOOD.run("--supercharge-patch=here.patch")
    file = run.folder / "src/shop.py"
    for command in ("git apply here.patch", "patch -s -p1 -i here.patch"):
        subprocess.run(command.split(), cwd=run.folder, check=True)
        assert file.read_text() == FILLED
        file.write_text(OPEN)
    text = (run.folder / "here.patch").read_text()
    assert text.startswith("--- a/src/shop.py\n+++ b/src/shop.py\n@@ ")
    assert "diff --git" not in text


def test_the_printed_command_applies_the_patch_from_where_the_run_was_started() -> None:
    run = GOOD.run("--supercharge-mode=patch", model="replay:../recording.jsonl", start_in="tests")
    (command,) = re.findall(r"git -C .*", run.output)
    subprocess.run(command.split(), cwd=run.folder / "tests", check=True)
    assert (run.folder / "src/shop.py").read_text() == FILLED


def test_the_diff_is_the_patch() -> None:
    patch = (good("patch").folder / "supercharge.patch").read_text()
    assert good("diff").report["diffs"] == [{"path": "src/shop.py", "text": patch}]
    assert patch in good("diff").output


def test_the_list_names_tests_and_prompt_sizes_and_asks_no_model() -> None:
    run = good("list")
    assert run.report["model"]["name"] == "recording.jsonl"  # it would be asked
    assert run.stub("::total")["project_tests"] == [
        "tests/test_shop.py::test_total",
        "tests/test_shop.py::test_one_price",
    ]
    assert run.stub("::total")["prompt_tokens"] > 100
    assert "  tests/test_shop.py::test_one_price" in run.output
    assert ONE.run("--supercharge-mode=list", model="auto").returncode == 1


def test_collect_only_lists() -> None:
    assert ONE.run("--co").report["mode"] == "list"


# --- nothing to fill


@pytest.mark.parametrize(
    ("test", "pytests_own"),
    [("def test(): pass", 0), ("def test(): assert 0", 1), ("", 5)],
)
def test_without_stubs_pytest_goes_on_with_its_own_exit_code(test: str, pytests_own: int) -> None:
    run = Project({"test_it.py": test}).run()
    assert run.returncode == pytests_own
    assert "no stubs in 1 Python file" in run.output


def test_without_stubs_a_patch_is_empty_and_git_takes_it() -> None:
    run = Project({"test_it.py": "def test(): assert 0"}).run("--supercharge-mode=patch")
    assert run.returncode == 0
    assert (run.folder / "supercharge.patch").read_bytes() == b""
    assert git_apply(run, "--allow-empty").returncode == 0


@pytest.mark.parametrize("mode", ["diff", "list"])
def test_without_stubs_there_is_nothing_open(mode: str) -> None:
    run = Project({"test_it.py": "def test(): assert 0"}).run(f"--supercharge-mode={mode}")
    assert run.returncode == 0
    assert run.report["stubs"] == []


def test_without_tests_a_stub_is_agreed_and_that_is_a_success() -> None:
    only_source = Project({"shop.py": OPEN.replace("double", "twice")})
    run = only_source.answering(code("shop.py::twice", TWICE)).run("--supercharge-only=twice")
    assert (run.returncode, run.status("::twice")) == (0, "agreed")
    assert "not covered by your tests" in run.output


def test_a_target_that_matches_nothing_is_said() -> None:
    run = ONE.run("--supercharge-only=shopp.py")
    assert (run.returncode, run.report["stubs"]) == (0, [])
    assert "--supercharge-only=shopp.py matches no stub" in run.output


# --- the JSON report


def test_the_json_report_has_the_contracts_shape_and_values() -> None:
    report = good("write").report
    keys = ["version", "mode", "model", "sandbox", "exit", "totals", "skipped", "stubs"]
    assert list(report)[:8] == keys
    assert report["version"] == 1
    assert report["sandbox"]["backend"] == "bubblewrap"
    assert report["totals"]["stubs"] == 2
    total = good("write").stub("::total")
    assert list(total)[:10] == [
        *("id", "status", "reason", "project_tests", "candidates", "generated_tests", "rounds"),
        *("chosen", "seconds", "tokens"),
    ]
    assert total["id"] == TOTAL
    assert (total["status"], total["reason"], total["rounds"]) == ("verified", "", 1)
    assert (total["candidates"], total["generated_tests"]) == (2, 0)
    assert total["chosen"] == {
        "source": "def total(prices: list[int]) -> int:\n    return sum(prices)",
        "origin": "sampled",
        "repairs": [],
        "project_tests_passed": 2,
        "generated_tests_passed": 0,
        "agreement": None,
        "judge": None,
        "control": "passed",
        "model": "recording.jsonl",
    }
    assert set(total["seconds"]) == {"generate", "check", "total"}
    assert set(total["tokens"]) == {"prompt", "completion", "spent"}


def test_an_agreed_stub_names_what_speaks_for_it() -> None:
    double = good("write").stub("::double")
    assert (double["status"], double["reason"]) == ("agreed", "not covered by your tests")
    assert (double["project_tests"], double["generated_tests"]) == ([], 0)
    assert (double["examples"], double["examples_passed"]) == (1, 1)
    assert (double["chosen"]["agreement"], double["chosen"]["judge"]) == (None, None)
    assert "1/1 docstring examples" in good("write").output


# --- statuses


SQUARE = Project({"shop.py": "def square(n):\n    raise NotImplementedError\n"}).answering(
    code("shop.py::square", "    return n * n\n", "    return n ** 2\n", "    return n + n\n"),
    code("shop.py::square", "assert square(3) == 9\nassert square(-4) == 16\n", kind="tests"),
)


def test_generated_tests_and_candidates_agree() -> None:
    run = SQUARE.run()
    assert (run.returncode, run.status("::square")) == (0, "agreed"), run.output
    stub = run.stub("::square")
    assert stub["chosen"]["generated_tests_passed"] == stub["generated_tests"] == 2
    assert 0.4 < stub["chosen"]["agreement"] < 1
    assert run.project.files["shop.py"] == "def square(n):\n    return n * n\n"


def test_nothing_is_filled_by_agreement_where_tests_are_required() -> None:
    run = SQUARE.run("--supercharge-require=tests")
    assert (run.returncode, run.status("::square")) == (1, "unfilled")
    assert "--supercharge-require=tests" in run.stub("::square")["reason"]
    assert run.project.files == SQUARE.files


@pytest.mark.parametrize(
    ("option", "budget"),
    [
        ("rounds=1", "its budget of 1 round is used up (--supercharge-rounds)"),
        ("seconds=0.001", "its budget of 0.001 s is used up (--supercharge-seconds)"),
        ("tokens=1", "its budget of 1 token is used up (--supercharge-tokens)"),
    ],
)
def test_an_unfilled_stub_names_the_budget_that_is_used_up(option: str, budget: str) -> None:
    run = ONE.answering(code("shop.py::total", WRONG)).run(f"--supercharge-{option}")
    assert run.returncode == 1
    assert run.stub("::total")["reason"].endswith(budget)


def test_an_unfilled_stub_shows_the_nearest_candidate_and_the_way_on() -> None:
    run = half("write")
    assert run.stub("::total")["nearest"]["passed"] == 1
    assert "no candidate passes its tests (best: 1 of 2 passed)" in " ".join(run.output.split())
    assert "            return prices[0]" in run.output
    assert f"--supercharge-only={TOTAL} --supercharge-candidates=64" in run.output


# --- what a pass is worth


def test_a_body_that_is_equal_to_everything_is_caught_by_the_control_run() -> None:
    cheat = "    from unittest import mock\n    return mock.ANY\n"
    run = ONE.answering(code("shop.py::total", cheat)).run()
    assert (run.returncode, run.status("::total")) == (1, "unfilled")
    assert "with changed expectations, too" in run.stub("::total")["reason"]
    assert run.project.files["shop.py"] == ONE.files["shop.py"]
    honest = ONE.answering(code("shop.py::total", cheat, RIGHT)).run()
    assert honest.status("::total") == "verified"
    assert "sum(prices)" in honest.stub("::total")["chosen"]["source"]


def test_a_pass_without_an_expectation_to_change_is_said_to_have_no_control_run() -> None:
    test = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2, 3]) > 5\n"
    run = ONE.with_files({"test_shop.py": test}).run()
    assert run.stub("::total")["chosen"]["control"] == "none"
    assert "no control run" in run.output


# --- the final run


def test_without_a_final_run_the_stubs_decide() -> None:
    run = ONE.run("--supercharge-final=none")
    assert (run.returncode, run.report["final"]) == (0, None)
    assert "final run" not in run.output


def test_a_final_run_on_the_host_runs_the_users_own_arguments_and_decides() -> None:
    only_here = """\
        import os


        def test_not_on_the_host():
            assert "ONLY_ON_THE_HOST" not in os.environ
        """
    project = ONE.with_files({"test_host.py": only_here})
    run = project.run("--supercharge-final=host", "-rA", env={"ONLY_ON_THE_HOST": "1"})
    assert run.returncode == run.report["exit"] == 1
    assert run.report["final"]["green"] is True  # in the sandbox
    assert "PASSED test_shop.py::test_total" in run.output
    assert "FAILED test_host.py::test_not_on_the_host" in run.output
    assert "the final run on the host ended with exit code 1" in run.report["notes"]


# --- what is shown


def test_without_a_terminal_each_event_is_a_line() -> None:
    lines = good("write").output.splitlines()
    assert lines[0] == "supercharge: 2 stubs"
    assert re.match(r"2 tests run in .*, 1 stub has tests that fail because of it$", lines[4])
    assert f"[1/2] {TOTAL}  2 tests" in lines
    assert f"[2/2] {DOUBLE}  no tests" in lines
    assert "writing src/shop.py: 2 functions" in lines
    assert "\x1b" not in good("write").output


def test_quietly_there_are_the_first_lines_and_the_result() -> None:
    lines = ONE.run("-q").output.splitlines()
    title = next(number for number, line in enumerate(lines) if "= supercharge =" in line)
    assert title == 3
    assert lines[title + 1].startswith("1 verified in ")


def test_verbosely_each_stub_says_what_it_cost_and_the_machine_what_it_is() -> None:
    output = ONE.run("-v").output
    assert "sampled, control passed" in output
    assert "tokens" in output
    assert "  test_shop.py::test_total" in output
    assert re.search(r"^sandbox +bubblewrap", output, re.MULTILINE)


def test_on_a_terminal_the_display_goes_and_the_result_stays(tmp_path: Path) -> None:
    folder = ONE.write(tmp_path)
    ours, theirs = pty.openpty()
    command = [
        *(sys.executable, "-m", "pytest", "--supercharge", f"--rootdir={folder}"),
        *("--supercharge-model=replay:recording.jsonl", "--supercharge-sandbox=bubblewrap"),
        *("--supercharge-state-dir=state", "--supercharge-report=report.json"),
    ]
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    run = subprocess.Popen(command, cwd=folder, env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = _all_of(ours)
    assert run.wait() == 0, output
    assert "running your tests once" in output
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")  # the cursor is back
    assert "1 verified in " in output[output.rindex("= supercharge =") :]
    assert json.loads((folder / "report.json").read_text())["exit"] == 0


def _all_of(terminal: int) -> str:
    data = b""
    try:
        while chunk := os.read(terminal, 1 << 16):
            data += chunk
    except OSError:  # the other side has been closed
        pass
    os.close(terminal)
    return data.decode()
