"""Do git and patch make of a diff what was meant?"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.reporting.patch import unified_diff, write_patch

CASES = {
    "in the middle": (b"a\nb\nc\nd\ne\nf\ng\nh\n", b"a\nb\nc\nd\nE\nE\nf\ng\nh\n"),
    "far apart": (b"x\n" + b"same\n" * 30 + b"y\n", b"X\n" + b"same\n" * 30 + b"Y\n"),
    "no final newline before": (b"a\nb", b"a\nb\nc\n"),
    "no final newline after": (b"a\nb\n", b"a\nc"),
    "no final newline at all": (b"a\nb", b"a\nc"),
    "no final newline, elsewhere changed": (b"a\nb", b"c\nb"),
    "CRLF": (b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nc\r\n"),
    "mixed line ends": (b"a\r\nb\nc\rd\n", b"a\r\nB\nc\rd\n"),
    "CRLF, no final newline": (b"a\r\nb", b"a\r\nB"),
    "Latin-1": (b"# caf\xe9\nx = 1\n", b"# caf\xe9\nx = '\xfc'\n"),
    "BOM": (b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbfx = 2\n"),
    "form feed": (b"x = 1\n\x0c\ny = 1\n", b"x = 1\n\x0c\ny = 2\n"),
    "lines that look like a head": (b"-- a\n++ b\n@@ c\n", b"-- a\n++ B\n@@ c\n"),
    "lines that look like a removed head": (b"-- a/x\nz\n", b"++ b/x\nz\n"),
}
NAMES = ["src/m.py", "my file.py", "deep er/pa th.py", "naïve.py", 'say "x".py', "back\\slash.py"]


def git_apply(tree: Path, patch: Path) -> None:
    for arguments in (["--check"], []):
        subprocess.run(
            ["git", "apply", "--whitespace=nowarn", *arguments, str(patch)],
            cwd=tree,
            check=True,
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)},
        )


def gnu_patch(tree: Path, patch: Path) -> None:
    if shutil.which("patch") is None:
        pytest.skip("needs GNU patch")
    subprocess.run(["patch", "-p1", "--binary", "-s", "-i", str(patch)], cwd=tree, check=True)


@pytest.fixture(params=[git_apply, gnu_patch], ids=["git apply", "patch -p1"])
def apply(request: pytest.FixtureRequest):
    return request.param


def tree_with(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root / "tree"


@pytest.mark.parametrize("case", CASES)
def test_the_applied_patch_gives_the_new_file(case: str, tmp_path: Path, apply) -> None:
    before, after = CASES[case]
    tree = tree_with(tmp_path, {"src/m.py": before})
    write_patch(tmp_path / "supercharge.patch", [unified_diff("src/m.py", before, after)])
    apply(tree, tmp_path / "supercharge.patch")
    assert (tree / "src/m.py").read_bytes() == after
    assert [path.name for path in tree.rglob("*") if path.is_file()] == ["m.py"]


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_is_found(name: str, tmp_path: Path, apply) -> None:
    tree = tree_with(tmp_path, {name: b"x = 1\n"})
    write_patch(tmp_path / "p", [unified_diff(name, b"x = 1\n", b"x = 2\n")])
    apply(tree, tmp_path / "p")
    assert (tree / name).read_bytes() == b"x = 2\n"


def test_several_files_stand_in_one_patch(tmp_path: Path, apply) -> None:
    files = {f"m{number}.py": b"x = 1\n" for number in range(3)}
    tree = tree_with(tmp_path, files)
    diffs = [unified_diff(name, data, data.replace(b"1", b"2")) for name, data in files.items()]
    write_patch(tmp_path / "p", diffs)
    apply(tree, tmp_path / "p")
    assert [(tree / name).read_bytes() for name in files] == [b"x = 2\n"] * 3


def test_the_head_is_plain() -> None:
    diff = unified_diff("src/m.py", "x = 1\n", "x = 2\n")
    assert diff == "--- a/src/m.py\n+++ b/src/m.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"


def test_a_missing_final_newline_is_said() -> None:
    diff = unified_diff("m.py", "x", "y\n")
    assert diff.splitlines()[3:] == ["-x", "\\ No newline at end of file", "+y"]


def test_nothing_changed_is_nothing() -> None:
    assert unified_diff("m.py", b"x\r\ny", b"x\r\ny") == ""


def test_an_empty_patch_is_an_empty_file_that_git_takes(tmp_path: Path) -> None:
    write_patch(tmp_path / "p", [])
    assert (tmp_path / "p").read_bytes() == b""
    command = ["git", "apply", "--allow-empty", str(tmp_path / "p")]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_text_and_bytes_give_the_same_diff() -> None:
    assert unified_diff("m.py", "é\n", "ü\n") == unified_diff(
        "m.py", "é\n".encode(), "ü\n".encode()
    )


def test_a_patch_replaces_an_older_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("old")
    write_patch(tmp_path / "p", ["new\n"])
    assert (tmp_path / "p").read_text() == "new\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "p"]


def test_a_patch_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "touched").touch()
    write_patch(tmp_path / "p", [])
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("touched", "p")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("place", ["nowhere/p", "."])
def test_a_place_that_cannot_be_written_is_named(place: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--supercharge-patch"):
        write_patch(tmp_path / place, ["x"])
    assert list(tmp_path.iterdir()) == []
