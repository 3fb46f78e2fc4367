"""Whole runs with real llama.cpp, on GGUF files made to give known answers."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gguf_files import CHATML, F16, RandomModel, Shape
from numbers_project import NUMBERS, RIGHT, body, write

pytestmark = [
    pytest.mark.bubblewrap,
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]


def test_a_project_is_filled_by_a_model_that_really_decodes(tmp_path: Path) -> None:
    run = NUMBERS.run("-v", model=write(tmp_path))
    assert run.returncode == 0, run.output
    assert {run.status("::double"), run.status("::triple")} == {"verified"}
    model = run.report["model"]
    assert (model["name"], model["slots"], model["gpu_layers"]) == ("parrot", 16, 0)
    assert "model: parrot (sha256 " in run.output
    tokens = run.stub("::double")["tokens"]
    assert 0 < tokens["completion"] <= tokens["spent"]


def test_a_small_model_goes_first_and_a_bigger_one_does_the_rest(tmp_path: Path) -> None:
    small = write(tmp_path, (RIGHT[0], body("triple", "number")), "small")
    big = write(tmp_path, RIGHT, "big")
    run = NUMBERS.run("--supercharge-rounds=1", model=f"{small},then:{big}")
    assert run.returncode == 0, run.output
    chosen = {name: run.stub(f"::{name}")["chosen"]["model"] for name in ("double", "triple")}
    assert chosen == {"double": "small", "triple": "big"}


def test_a_list_shows_what_would_run_and_loads_nothing(tmp_path: Path) -> None:
    run = NUMBERS.run("--supercharge-mode=list", model=write(tmp_path))
    assert run.returncode == 1, run.output
    assert "model: parrot, llama.cpp CPU" in run.output
    assert "16 slots" in run.output


def nothing_on_disk(folder: Path, python_path: Path | None = None) -> dict[str, str]:
    """A user without a preset."""
    env = {"HF_HOME": str(folder / "hf"), "XDG_CONFIG_HOME": str(folder / "config")}
    return {**env, "PYTHONPATH": str(python_path)} if python_path else env


def test_a_list_without_a_preset_says_what_llama_cpp_has_here(tmp_path: Path) -> None:
    run = NUMBERS.run("--supercharge-mode=list", model="auto", env=nothing_on_disk(tmp_path))
    assert run.returncode == 1, run.output
    assert "no preset is on disk" in run.output
    assert "model: tiny (bundled), llama.cpp CPU" in run.output
    sizes = [int(size) for size in re.findall(r"prompt of (\d+) tokens", run.output)]
    assert sizes, run.output
    assert max(sizes) < 200  # its own short wording, not the general one
    (line,) = (line for line in run.output.splitlines() if line.startswith("llama.cpp: "))
    if "CPU only" in line:
        assert re.search(r"CPU only \(.+\), \d+ threads?, \d+\.\d GB of memory free", line), line
    else:
        assert re.search(r"\w+ \(.+\), \d+\.\d GB( of \d+\.\d GB)? free", line), line


def test_a_list_that_needs_a_gpu_is_exit_4_without_one_and_names_the_command(
    tmp_path: Path,
) -> None:
    run = NUMBERS.run(
        *("--supercharge-mode=list", "--supercharge-gpu=require"),
        model="auto",
        env=nothing_on_disk(tmp_path),
    )
    if run.report:
        assert "CPU only" not in run.output
        return
    assert run.returncode == 4, run.output
    assert "--supercharge-gpu=require, but llama.cpp finds no GPU" in run.output
    assert "pip install --force-reinstall" in run.output


def test_a_list_without_llama_cpp_says_so_and_goes_on(tmp_path: Path) -> None:
    missing = 'raise ModuleNotFoundError("No module named llama_cpp", name="llama_cpp")\n'
    (tmp_path / "llama_cpp.py").write_text(missing)
    env = nothing_on_disk(tmp_path, python_path=tmp_path)
    run = NUMBERS.run("--supercharge-mode=list", model="auto", env=env)
    assert run.returncode == 1, run.output
    (line,) = (line for line in run.output.splitlines() if line.startswith("llama.cpp: "))
    assert "llama-cpp-python, which is not installed" in line
    assert run.stub("::double")


def test_a_gpu_that_is_required_and_not_used_is_exit_4_with_the_command(tmp_path: Path) -> None:
    run = NUMBERS.run("--supercharge-gpu=require", model=write(tmp_path))
    if run.report:
        assert run.report["model"]["gpu_layers"] > 0
        return
    assert run.returncode == 4, run.output
    assert "--supercharge-gpu=require" in run.output
    assert "pip install --force-reinstall" in run.output


TWO_SESSIONS = """
import os, sys
import pytest

for folder in sys.argv[2:]:
    os.chdir(folder)
    for name in ("numbers_", "test_numbers"):
        sys.modules.pop(name, None)
    code = pytest.main(["--supercharge", f"--supercharge-model={sys.argv[1]}",
                        "--supercharge-sandbox=bubblewrap", f"--rootdir={folder}",
                        f"--supercharge-state-dir={folder}/.state"])
    assert code == 0, code
    children = open(f"/proc/self/task/{os.getpid()}/children").read()
    assert children == "", children
"""


def test_one_process_may_hold_two_sessions(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        NUMBERS.write(folder)
    command = [sys.executable, "-c", TWO_SESSIONS, write(tmp_path), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for folder in folders:
        assert "NotImplementedError" not in (folder / "numbers_.py").read_text()


def test_ctrl_c_while_it_decodes_ends_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    shape = Shape(width=512, heads=8, kv_heads=8, layers=8, inner=2048)
    slow = RandomModel(weights=F16, shape=shape, template=CHATML, context=8192, peak=2)
    model = slow.write(tmp_path / "slow.gguf")
    folder = tmp_path / "project"
    folder.mkdir()
    NUMBERS.write(folder)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "--supercharge", f"--supercharge-model={model}"),
            *("--supercharge-sandbox=bubblewrap", f"--supercharge-state-dir={tmp_path}/state"),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("[1/2]"):
            time.sleep(1)
            began = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    process.stdout.close()
    assert process.returncode == 2, "".join(lines)
    assert time.monotonic() - began < 5
    assert not _group(process.pid)


def _group(leader: int) -> list[str]:
    """Processes of a group that are still there."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(name)
    return found
