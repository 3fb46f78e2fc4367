"""The chosen bodies in the files, in the ledger and as a patch."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from specimens import body, stubs_in

from pytest_supercharger.deliver import UNDO_PATCH, diffs_of, save_patch, write_all
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.stubs import read_source
from pytest_supercharger.tree import Tree

A = "def one():\n    raise NotImplementedError\n"
B = "def two():\n    raise NotImplementedError\n"
TAKEN = {"a.py::one": body("return 1", "a.py::one"), "b.py::two": body("return 2", "b.py::two")}


@pytest.fixture
def rootdir(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.fixture
def tree(rootdir: Path) -> Tree:
    stubs = stubs_in(rootdir, {"a.py": A, "b.py": B})
    return Tree({path: read_source(rootdir / path) for path in ("a.py", "b.py")}, stubs)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "state" / "p.sqlite", fresh=False) as opened:
        opened.begin_run("write", (), "", "")
        yield opened


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_every_file_is_written_and_can_be_put_back(
    rootdir: Path, tree: Tree, ledger: Ledger
) -> None:
    (rootdir / "b.py").chmod(0o640)
    assert write_all(tree, TAKEN, rootdir=rootdir, ledger=ledger, run=1) == ()
    assert (rootdir / "a.py").read_text() == "def one():\n    return 1\n"
    assert (rootdir / "b.py").read_text() == "def two():\n    return 2\n"
    writes = {write.path: write for write in ledger.last_writes()}
    assert writes["a.py"].before == A.encode()
    assert writes["b.py"].after_digest == digest("def two():\n    return 2\n")
    assert writes["b.py"].mode == 0o640
    assert (rootdir / "b.py").stat().st_mode & 0o777 == 0o640
    assert all(write.written for write in writes.values())


def test_a_file_without_a_body_is_not_touched(rootdir: Path, tree: Tree, ledger: Ledger) -> None:
    before = (rootdir / "b.py").stat()
    write_all(tree, {"a.py::one": TAKEN["a.py::one"]}, rootdir=rootdir, ledger=ledger, run=1)
    assert (rootdir / "b.py").stat() == before
    assert [write.path for write in ledger.last_writes()] == ["a.py"]


def test_a_file_that_changed_meanwhile_is_a_conflict_and_the_others_are_written(
    rootdir: Path, tree: Tree, ledger: Ledger
) -> None:
    (rootdir / "a.py").write_text("# mine\n")
    (refused,) = write_all(tree, TAKEN, rootdir=rootdir, ledger=ledger, run=1)
    assert (refused.path, refused.conflict) == ("a.py", True)
    assert refused.reason
    assert (rootdir / "a.py").read_text() == "# mine\n"
    assert "return 2" in (rootdir / "b.py").read_text()
    assert [write.path for write in ledger.last_writes()] == ["b.py"]


def test_a_file_that_is_gone_is_a_conflict(rootdir: Path, tree: Tree, ledger: Ledger) -> None:
    (rootdir / "a.py").unlink()
    (refused,) = write_all(tree, TAKEN, rootdir=rootdir, ledger=ledger, run=1)
    assert (refused.path, refused.conflict) == ("a.py", True)
    assert not (rootdir / "a.py").exists()


def test_the_way_back_is_kept_as_a_patch(rootdir: Path, tree: Tree, ledger: Ledger) -> None:
    write_all(tree, TAKEN, rootdir=rootdir, ledger=ledger, run=1)
    patches = [each.data["patch"] for each in ledger.decisions(1) if each.kind == UNDO_PATCH]
    assert len(patches) == 2
    for patch in patches:
        apply(rootdir, str(patch).encode("latin-1"))
    assert (rootdir / "a.py").read_text() == A
    assert (rootdir / "b.py").read_text() == B


def test_the_patch_brings_about_what_would_be_written(
    rootdir: Path, tree: Tree, tmp_path: Path
) -> None:
    save_patch(tmp_path / "out.patch", diffs_of(tree, TAKEN).values())
    assert (rootdir / "a.py").read_text() == A
    apply(rootdir, (tmp_path / "out.patch").read_bytes())
    assert (rootdir / "a.py").read_text() == "def one():\n    return 1\n"
    assert (rootdir / "b.py").read_text() == "def two():\n    return 2\n"


def test_nothing_taken_is_no_diff(tree: Tree) -> None:
    assert diffs_of(tree, {}) == {}


def apply(rootdir: Path, patch: bytes) -> None:
    subprocess.run(["git", "apply", "-p1", "-"], cwd=rootdir, input=patch, check=True)
