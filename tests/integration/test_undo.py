"""``--supercharge-undo`` puts back what the last run wrote, and nothing else."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from example_project import Project, Run, code
from shops import FILLED, GOOD, ONE, OPEN, RIGHT

pytestmark = pytest.mark.bubblewrap


def undo(run: Run, *options: str) -> Run:
    """No model and no sandbox can be had."""
    return run.project.run(
        *("--supercharge-undo", *options), folder=run.folder, model="nowhere.gguf", sandbox="docker"
    )


def test_an_undo_puts_back_every_byte_and_a_second_one_has_nothing_to_do() -> None:
    latin = b"# -*- coding: latin-1 -*-\r\n# \xe9\r\ndef total(prices):\r\n"
    latin += b"    raise NotImplementedError\r\n"
    project = ONE.with_files({"shop.py": latin})
    written = project.run()
    assert written.project.files["shop.py"] == latin.replace(
        b"raise NotImplementedError", b"return sum(prices)"
    )
    undone = undo(written)
    assert undone.returncode == 0, undone.output
    assert undone.project.files["shop.py"] == latin
    assert "put back  shop.py" in undone.output
    again = undo(written)
    assert (again.returncode, "nothing to undo" in again.output) == (0, True)
    assert again.project.files["shop.py"] == latin


def test_a_file_changed_since_is_refused_and_the_way_back_is_a_patch() -> None:
    run = GOOD.run()
    file = run.folder / "src/shop.py"
    file.write_text("# mine\n" + FILLED)
    refused = undo(run)
    assert refused.returncode == 1, refused.output
    assert "refused   src/shop.py: it was changed since" in refused.output
    assert "supercharge.patch" in refused.output
    assert file.read_text() == "# mine\n" + FILLED
    subprocess.run(["git", "apply", "supercharge.patch"], cwd=run.folder, check=True)
    assert file.read_text() == "# mine\n" + OPEN


def test_what_was_not_written_is_not_undone() -> None:
    run = ONE.run("--supercharge-mode=diff")
    assert "nothing to undo" in undo(run).output


def test_undo_and_options_that_contradict_it_are_exit_4() -> None:
    run = ONE.run("--supercharge-undo", "--supercharge-fresh")
    assert run.returncode == 4
    assert "leave out --supercharge-fresh" in run.output


MANY = 6
KILLED = Project(  # killed at the first sign of a file being replaced
    {
        "conftest.py": """\
            import os
            import signal
            import threading


            def watch(folder):
                while not any(name.startswith(".supercharge-") for name in os.listdir(folder)):
                    pass
                os.kill(os.getpid(), signal.SIGKILL)


            def pytest_supercharge_stubs(config, stubs):
                if len(stubs) == 6:
                    threading.Thread(target=watch, args=[config.rootpath], daemon=True).start()
            """,
        **{
            f"shop{number}.py": "def total(prices):\n    raise NotImplementedError\n"
            for number in range(MANY)
        },
        "test_shop.py": """\
            import importlib

            import pytest


            @pytest.mark.parametrize("number", range(6))
            def test_total(number):
                assert importlib.import_module(f"shop{number}").total([1, 2, 3]) == 6
            """,
    }
).answering(*(code(f"shop{number}.py::total", RIGHT) for number in range(MANY)))


def test_killed_while_writing_every_file_is_old_or_new_and_an_undo_puts_all_back() -> None:
    killed = KILLED.run("--supercharge-final=none")
    assert killed.returncode == -signal.SIGKILL, killed.output
    old = "def total(prices):\n    raise NotImplementedError\n"
    new = "def total(prices):\n    return sum(prices)\n"
    assert set(sources(killed.folder)) <= {old, new}
    assert old in sources(killed.folder)
    undone = undo(killed)
    assert undone.returncode == 0, undone.output
    assert set(sources(killed.folder)) == {old}


def test_killed_while_writing_the_next_run_fills_the_rest() -> None:
    killed = KILLED.run()
    (killed.folder / "conftest.py").unlink()
    KILLED.run(folder=killed.folder)
    assert set(sources(killed.folder)) == {"def total(prices):\n    return sum(prices)\n"}


def sources(folder: Path) -> list[str]:
    return [(folder / f"shop{number}.py").read_text() for number in range(MANY)]
