from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_supercharger import ledger as ledger_module
from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.ledger import (
    Ledger,
    completion_key,
    ledger_path,
    outcome_key,
    tree_fingerprint,
)
from pytest_supercharger.models.base import Completion
from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    Control,
    ItemOutcome,
    Outcome,
    Reach,
    Verdict,
)

ROOT = Path(__file__).parents[1]

CHECK = Check(id="1", kind=CheckKind.PROJECT, files=(("a.py", "x = 1\n"),), args=("tests",))
OUTCOME = Outcome(check="1", verdict=Verdict.PASSED, seconds=0.25)
PROMPT = Prompt(
    kind=RequestKind.CODE,
    messages=(Message(role="user", content="write f"),),
    continuation="def f():",
    stop=("\ndef ",),
    sampling=Sampling(),
)


def completion(index: int = 0, text: str = "return 1") -> Completion:
    return Completion(
        stub="a.py::f",
        kind=RequestKind.CODE,
        text=text,
        index=index,
        seed=7,
        prompt_tokens=10,
        tokens=3,
        finish="stop",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "p.supercharge.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path, fresh=False) as opened:
        yield opened


def begin(ledger: Ledger) -> int:
    return ledger.begin_run("write", ("--supercharge",), "tiny", "bubblewrap")


# Where it is


def test_each_rootdir_has_a_file_of_its_own_named_after_it(tmp_path: Path) -> None:
    one = ledger_path(tmp_path, Path("/home/a/shop"))
    other = ledger_path(tmp_path, Path("/home/b/shop"))
    assert one != other
    assert one.parent == other.parent == tmp_path
    assert one.name.startswith("shop-")


def test_a_link_to_the_rootdir_leads_to_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert ledger_path(tmp_path, tmp_path / "link") == ledger_path(tmp_path, tmp_path / "real")


def test_the_default_place_is_the_users_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if not sys.platform.startswith("linux"):
        pytest.skip("XDG_STATE_HOME is Linux only")
    found = ledger_path(None, tmp_path / "odd näme!")
    assert found.parent == tmp_path / "state" / "pytest-supercharger"
    assert not found.parent.exists()
    assert found.name.isascii()


def test_a_root_directory_without_a_name_has_a_ledger_too(tmp_path: Path) -> None:
    assert ledger_path(tmp_path, Path("/")).name.startswith("root-")


# Keys


@pytest.mark.parametrize(
    "other",
    [
        replace(CHECK, kind=CheckKind.GENERATED),
        replace(CHECK, control=True),
        replace(CHECK, files=(("a.py", "x = 2\n"),)),
        replace(CHECK, files=(("b.py", "x = 1\n"),)),
        replace(CHECK, args=()),
        replace(CHECK, tests=("assert f()",)),
        replace(CHECK, timeout=20.0),
        replace(CHECK, max_failures=1),
    ],
)
def test_whatever_is_in_a_check_changes_its_key(other: Check) -> None:
    assert outcome_key(other, "tree") != outcome_key(CHECK, "tree")


def test_the_id_of_a_check_is_not_in_its_key_and_the_tree_is() -> None:
    assert outcome_key(replace(CHECK, id="2"), "tree") == outcome_key(CHECK, "tree")
    assert outcome_key(CHECK, "other tree") != outcome_key(CHECK, "tree")


def test_model_seed_words_and_sampling_are_in_a_completions_key() -> None:
    keys = {
        completion_key("model", PROMPT, 1),
        completion_key("other", PROMPT, 1),
        completion_key("model", PROMPT, 2),
        completion_key("model", replace(PROMPT, sampling=Sampling(temperature=0.1)), 1),
        completion_key("model", replace(PROMPT, continuation="def g():"), 1),
        completion_key("model", replace(PROMPT, suffix="x = 1"), 1),
        completion_key("model", replace(PROMPT, wanted="def f"), 1),
        completion_key("model", replace(PROMPT, level=0), 1),
    }
    assert len(keys) == 8
    assert completion_key("model", replace(PROMPT, dropped=("callers",)), 1) in keys


# Memory


def test_completions_come_back_in_the_order_of_their_index(ledger: Ledger) -> None:
    run = begin(ledger)
    for index in (2, 0, 10, 1):
        ledger.record_completion("key", completion(index), run=run)
    ledger.record_completion("another key", completion(5), run=run)
    assert ledger.recall_completions("key") == [completion(i) for i in (0, 1, 2, 10)]
    assert ledger.recall_completions("unknown") == []


def test_an_outcome_comes_back_as_it_was(ledger: Ledger) -> None:
    item = ItemOutcome(
        id="tests/test_a.py::test_[\ud800\x00é]",
        verdict=Verdict.ERROR,
        seconds=0.1,
        phase="setup",
        reached=(Reach(stub="a.py::f", phase="setup"), Reach(stub="a.py::g", phase="call")),
        raised_by="a.py::f",
        returned="{'a': 1}",
    )
    outcome = Outcome(
        check="7",
        verdict=Verdict.ERROR,
        seconds=1.5,
        items=(item, replace(item, id="x", returned=None)),
        control=Control.CHEATED,
        exit_code=1,
        modules=(("src/a.py", "a"),),
        warnings=("-n is not used",),
    )
    ledger.record_outcome("key", outcome, run=begin(ledger))
    assert ledger.recall_outcome("key") == outcome
    assert ledger.recall_outcome("unknown") is None


@given(outcome=st.from_type(Outcome), answer=st.from_type(Completion))
def test_every_outcome_and_completion_round_trips(outcome: Outcome, answer: Completion) -> None:
    for value in (outcome, answer):
        stored = json.loads(ledger_module._encode(value))
        assert repr(ledger_module._decode(type(value), stored)) == repr(value)


def test_a_sandbox_that_went_down_is_not_remembered(ledger: Ledger) -> None:
    run = begin(ledger)
    ledger.record_outcome("whole", replace(OUTCOME, verdict=Verdict.SANDBOX_DOWN), run=run)
    item = ItemOutcome(id="t", verdict=Verdict.SANDBOX_DOWN, seconds=0.0)
    ledger.record_outcome("item", replace(OUTCOME, items=(item,)), run=run)
    assert ledger.recall_outcome("whole") is None
    assert ledger.recall_outcome("item") is None


def test_an_outcome_recorded_twice_is_the_last_one(ledger: Ledger) -> None:
    run = begin(ledger)
    ledger.record_outcome("key", OUTCOME, run=run)
    ledger.record_outcome("key", replace(OUTCOME, seconds=9.0), run=run)
    assert ledger.recall_outcome("key") == replace(OUTCOME, seconds=9.0)


def test_fresh_hides_earlier_runs_but_neither_this_one_nor_undo(path: Path) -> None:
    with Ledger.open(path, fresh=False) as ledger:
        run = begin(ledger)
        ledger.record_completion("key", completion(0, "old"), run=run)
        ledger.record_completion("key", completion(1, "old"), run=run)
        ledger.record_outcome("key", OUTCOME, run=run)
        ledger.record_write(run, "a.py", b"before", "digest", 0o644)
    with Ledger.open(path, fresh=True) as ledger:
        assert ledger.recall_completions("key") == []
        assert ledger.recall_outcome("key") is None
        assert [write.before for write in ledger.last_writes()] == [b"before"]
        ledger.record_completion("key", completion(0, "new"), run=begin(ledger))
        assert [found.text for found in ledger.recall_completions("key")] == ["new"]
    with Ledger.open(path, fresh=False) as ledger:
        assert [found.text for found in ledger.recall_completions("key")] == ["new", "old"]
        assert ledger.recall_outcome("key") == OUTCOME


def test_decisions_come_back_in_order_for_their_run_only(ledger: Ledger) -> None:
    first, second = begin(ledger), begin(ledger)
    ledger.record_decision(first, "a.py::f", "rejected", {"reason": "no code", "at": [1, 2]})
    ledger.record_decision(second, "a.py::f", "chosen", {})
    ledger.record_decision(first, "a.py::\udcff", "chosen", {"status": "verified"})
    found = ledger.decisions(first)
    assert [(one.stub, one.kind, one.data) for one in found] == [
        ("a.py::f", "rejected", {"reason": "no code", "at": [1, 2]}),
        ("a.py::\\udcff", "chosen", {"status": "verified"}),
    ]
    assert found[0].at <= found[1].at


# Undo


def test_writes_of_the_last_run_come_newest_first(ledger: Ledger) -> None:
    old, new = begin(ledger), begin(ledger)
    begin(ledger)  # wrote nothing
    ledger.record_write(old, "a.py", b"0", "one", 0o644)
    ledger.record_write(new, "a.py", b"1", "two", 0o644)
    ledger.record_write(new, "odd\udcff.py", b"\x00\xff", "three", 0o600)
    ledger.mark_written(new, "a.py")
    found = ledger.last_writes()
    assert [(w.path, w.before, w.after_digest, w.mode, w.written) for w in found] == [
        ("odd\udcff.py", b"\x00\xff", "three", 0o600, False),
        ("a.py", b"1", "two", 0o644, True),
    ]
    assert {write.run for write in found} == {new}


def test_what_is_undone_is_not_offered_again_and_the_run_before_is(ledger: Ledger) -> None:
    old, new = begin(ledger), begin(ledger)
    ledger.record_write(old, "a.py", b"0", "one", 0o644)
    ledger.record_write(new, "a.py", b"1", "two", 0o644)
    ledger.record_write(new, "b.py", b"1", "two", 0o644)
    ledger.mark_undone(new, "a.py")
    assert [write.path for write in ledger.last_writes()] == ["b.py"]
    ledger.mark_undone(new)
    assert [write.run for write in ledger.last_writes()] == [old]
    ledger.mark_undone(old)
    assert ledger.last_writes() == ()


def test_a_replacement_that_failed_is_nothing_to_undo(ledger: Ledger) -> None:
    run = begin(ledger)
    ledger.record_write(run, "a.py", b"1", "two", 0o644)
    ledger.drop_write(run, "a.py")
    assert ledger.last_writes() == ()


# Death, damage, company

CHILD = """
import hashlib, os, pathlib, sys
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.models.base import Completion
from pytest_supercharger.prompts import RequestKind

path, source = map(pathlib.Path, sys.argv[1:])
ledger = Ledger.open(path, fresh=False)
run = ledger.begin_run("write", (), "tiny", "bubblewrap")
for number in range(10**9):
    ledger.record_completion("key", Completion(
        stub="a.py::f", kind=RequestKind.CODE, text="x" * 2000, index=number, seed=None,
        prompt_tokens=0, tokens=0, finish="stop"), run=run)
    before, after = source.read_bytes(), b"# version %d\\n" % number * 500
    ledger.record_write(run, "a.py", before, hashlib.sha256(after).hexdigest(), 0o644)
    source.with_suffix(".tmp").write_bytes(after)
    os.replace(source.with_suffix(".tmp"), source)
    print(number, flush=True)
    ledger.mark_written(run, "a.py")
"""


def child(path: Path, source: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(source)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("writes", [1, 7, 40])
def test_all_that_was_committed_survives_kill_9_in_mid_write(
    path: Path, tmp_path: Path, writes: int
) -> None:
    source = tmp_path / "a.py"
    source.write_bytes(b"# the user's own\n")
    with child(path, source) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(writes)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    done = len([line for line in said if line.endswith("\n")])

    with Ledger.open(path, fresh=False) as ledger:
        assert ledger.warnings == ()
        assert len(ledger.recall_completions("key")) >= done
        found = ledger.last_writes()
        assert len(found) >= done
        assert found[-1].before == b"# the user's own\n"
        states = {write.after_digest for write in found}
        states.add(hashlib.sha256(found[-1].before).hexdigest())
        assert hashlib.sha256(source.read_bytes()).hexdigest() in states
        assert begin(ledger) > found[0].run


def test_two_processes_write_one_new_ledger_at_once(path: Path, tmp_path: Path) -> None:
    children = []
    for name in ("one.py", "two.py", "three.py"):
        (tmp_path / name).write_bytes(b"")
        children.append(child(path, tmp_path / name))
    for process in children:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(20)][-1] == "19\n"
    for process in children:
        process.kill()
        process.communicate()
    with Ledger.open(path, fresh=False) as ledger:
        writes = ledger.last_writes()
        for run in range(1, 4):
            ledger.mark_undone(run)
    assert len(writes) >= 20
    with sqlite3.connect(path) as database:
        counted = database.execute("SELECT run, count(*) FROM writes GROUP BY run").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert [run for run, count in counted if count >= 20] == [1, 2, 3]


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    run = begin(ledger)

    def work(thread: int) -> None:
        for index in range(50):
            ledger.record_completion(f"key {thread}", completion(index), run=run)
            ledger.record_write(run, f"{thread}.py", b"", "", 0)
            assert len(ledger.recall_completions(f"key {thread}")) == index + 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(ledger.recall_completions(f"key {number}")) for number in range(4)] == [50] * 4
    assert len(ledger.last_writes()) == 200


def damaged(path: Path, how: str) -> bytes:
    with Ledger.open(path, fresh=False) as ledger:
        run = begin(ledger)
        for index in range(300):
            ledger.record_completion(f"key {index}", completion(index, "x" * 500), run=run)
    whole = path.read_bytes()
    middle = len(whole) // 2 // 4096 * 4096
    return {
        "rubbish": b"this is no database" * 500,
        "header": b"\x00" * 100 + whole[100:],
        "schema": whole[:100] + b"\xff" * 3996 + whole[4096:],
        "cut": whole[:middle],
        "hole": whole[:middle] + b"\xff" * 8192 + whole[middle + 8192 :],
    }[how]


@pytest.mark.parametrize("how", ["rubbish", "header", "schema", "cut", "hole"])
def test_a_damaged_ledger_is_set_aside_with_a_warning(path: Path, how: str) -> None:
    content = damaged(path, how)
    path.write_bytes(content)
    with Ledger.open(path, fresh=False) as ledger:
        (warning,) = ledger.warnings
        assert f"set aside as {path}.corrupt" in warning
        ledger.record_outcome("key", OUTCOME, run=begin(ledger))
        assert ledger.recall_outcome("key") == OUTCOME
    assert Path(f"{path}.corrupt").read_bytes() == content
    with Ledger.open(path, fresh=False) as ledger:
        assert ledger.warnings == ()


def test_a_second_damaged_ledger_does_not_replace_the_first(path: Path) -> None:
    path.parent.mkdir()
    for number in (1, 2):
        path.write_bytes(b"rubbish %d " % number * 1000)
        Ledger.open(path, fresh=False).close()
    assert Path(f"{path}.corrupt").read_bytes().startswith(b"rubbish 1")
    assert Path(f"{path}.corrupt1").read_bytes().startswith(b"rubbish 2")


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with Ledger.open(path, fresh=True) as ledger:
        assert ledger.warnings == ()
        assert begin(ledger) == 1


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    Ledger.open(path, fresh=False).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    with pytest.raises(SetupError, match=r"schema 99, this one knows 1\): upgrade"):
        Ledger.open(path, fresh=False)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE bookmarks (url)")
    database.close()
    with pytest.raises(SetupError, match="another program"):
        Ledger.open(path, fresh=False)
    database = sqlite3.connect(path)
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    database.close()


def test_a_migration_keeps_what_the_older_schema_stored(path: Path) -> None:
    with Ledger.open(path, fresh=False) as ledger:
        ledger.record_outcome("key", OUTCOME, run=begin(ledger))
    newer = (*ledger_module.MIGRATIONS, "ALTER TABLE runs ADD COLUMN note TEXT;")
    with Ledger(path, ledger_module._connect(path, newer), fresh=False) as ledger:
        assert ledger.recall_outcome("key") == OUTCOME
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT note FROM runs").fetchall() == [(None,)]
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()


def test_a_place_that_cannot_be_made_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="--supercharge-state-dir"):
        Ledger.open(tmp_path / "file" / "state" / "x.sqlite", fresh=False)


def test_a_full_disk_is_a_setup_error_and_loses_nothing(ledger: Ledger) -> None:
    run = begin(ledger)
    ledger.record_completion("key", completion(0), run=run)
    pages = ledger._database.execute("PRAGMA page_count").fetchone()[0]
    ledger._database.execute(f"PRAGMA max_page_count = {pages + 2}")  # SQLite's own full disk
    with pytest.raises(SetupError, match=r"disk is full\): make room"):
        ledger.record_completion("key", completion(1, "x" * 100_000), run=run)
    assert ledger.recall_completions("key") == [completion(0)]


def test_what_is_stored_is_for_its_owner_only(ledger: Ledger) -> None:
    assert ledger.path.parent.stat().st_mode & 0o077 == 0


# The tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("src/a.py", "tests/data/x.csv", ".config/settings.ini"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return root


@pytest.mark.parametrize("name", ["src/a.py", "tests/data/x.csv", ".config/settings.ini"])
def test_a_changed_file_changes_the_fingerprint(tree: Path, name: str) -> None:
    before = tree_fingerprint(tree)
    assert tree_fingerprint(tree) == before
    os.utime(tree / name, ns=(1, 1))
    touched = tree_fingerprint(tree)
    assert touched != before
    (tree / name).rename(tree / "elsewhere")
    assert tree_fingerprint(tree) not in (before, touched)


@pytest.mark.parametrize(
    "name",
    [
        ".git/index",
        "src/__pycache__/a.cpython-311.pyc",
        ".pytest_cache/lastfailed",
        ".mypy_cache/x",
        "node_modules/x/index.js",
        ".coverage",
        "state/p-0123.supercharge.sqlite-wal",
        "build/lib/a.py",
        "out/supercharge.patch",
    ],
)
def test_what_no_test_depends_on_leaves_the_fingerprint_alone(tree: Path, name: str) -> None:
    def fingerprint() -> str:
        return tree_fingerprint(tree, ("build",), (tree / "out" / "supercharge.patch",))

    before = fingerprint()
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("new")
    assert fingerprint() == before


def test_a_virtual_environment_of_any_name_is_left_out(tree: Path) -> None:
    (tree / "my env").mkdir()
    (tree / "my env" / "pyvenv.cfg").touch()
    before = tree_fingerprint(tree)
    (tree / "my env" / "module.py").touch()
    assert tree_fingerprint(tree) == before


def test_links_that_lead_nowhere_or_in_a_circle_end(tree: Path) -> None:
    (tree / "circle").symlink_to(tree)
    (tree / "nowhere").symlink_to("missing")
    before = tree_fingerprint(tree)
    (tree / "circle").unlink()
    (tree / "circle").symlink_to(tree / "src")
    assert tree_fingerprint(tree) != before
