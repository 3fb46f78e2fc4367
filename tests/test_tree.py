"""The user's files as they would be."""

from __future__ import annotations

from pathlib import Path

import pytest
from specimens import body, stubs_in

from pytest_supercharger.stubs import Stub, read_source
from pytest_supercharger.tree import Tree

A = "def one():\n    raise NotImplementedError\n\n\ndef two():\n    raise NotImplementedError\n"
B = "def three():\n    raise NotImplementedError\n"
MARK = "__supercharge_reached__"


@pytest.fixture
def stubs(tmp_path: Path) -> dict[str, Stub]:
    return {stub.name: stub for stub in stubs_in(tmp_path, {"a.py": A, "b.py": B})}


@pytest.fixture
def tree(tmp_path: Path, stubs: dict[str, Stub]) -> Tree:
    sources = {path: read_source(tmp_path / path) for path in ("a.py", "b.py")}
    return Tree(sources, list(stubs.values()))


ONE = body("return 1", "a.py::one")
OTHER_ONE = body("return 11", "a.py::one")
TWO = body("return 2", "a.py::two")


def test_a_file_as_the_user_has_it(tree: Tree) -> None:
    assert tree.source("a.py") == A
    assert tree.spliced("a.py", {}) == A


def test_taken_bodies_are_in_place(tree: Tree) -> None:
    text = tree.spliced("a.py", {"a.py::one": ONE, "a.py::two": TWO})
    assert text == "def one():\n    return 1\n\n\ndef two():\n    return 2\n"


def test_only_files_that_change_are_delivered(tree: Tree) -> None:
    assert tree.files({}) == ()
    assert [path for path, _ in tree.files({"a.py::one": ONE})] == ["a.py"]
    assert MARK not in dict(tree.files({"a.py::one": ONE}))["a.py"]


def test_for_a_search_all_other_open_stubs_tell_that_they_are_reached(
    tree: Tree, stubs: dict[str, Stub]
) -> None:
    files = dict(tree.open_for(stubs["one"], {}))
    assert list(files) == ["a.py", "b.py"]
    assert "def one():\n    raise NotImplementedError\n" in files["a.py"]
    assert f'{MARK}("a.py::two")' in files["a.py"]
    assert f'{MARK}("b.py::three")' in files["b.py"]
    assert "a.py::one" not in files["a.py"]


def test_for_a_search_taken_bodies_are_in_place_and_not_open(
    tree: Tree, stubs: dict[str, Stub]
) -> None:
    files = dict(tree.open_for(stubs["two"], {"a.py::one": ONE}))
    assert "return 1" in files["a.py"]
    assert MARK not in files["a.py"]


def test_what_was_made_for_one_body_is_not_given_for_another(
    tree: Tree, stubs: dict[str, Stub]
) -> None:
    first = tree.open_for(stubs["two"], {"a.py::one": ONE})
    assert tree.open_for(stubs["two"], {"a.py::one": ONE}) == first
    assert "return 11" in dict(tree.open_for(stubs["two"], {"a.py::one": OTHER_ONE}))["a.py"]
    assert tree.open_for(stubs["three"], {"a.py::one": ONE}) != first


def test_a_file_is_the_same_whichever_stub_of_another_file_is_searched(
    tree: Tree, stubs: dict[str, Stub]
) -> None:
    of_one, of_two = tree.open_for(stubs["one"], {}), tree.open_for(stubs["two"], {})
    assert dict(of_one)["b.py"] is dict(of_two)["b.py"]  # made once
