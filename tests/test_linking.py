"""Sorting the items of a linking run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_supercharger.linking import Links, as_argument, instrumented, is_environment, read_links
from pytest_supercharger.planning import make_plan
from pytest_supercharger.sandboxes.base import ItemOutcome, Outcome, Reach, Verdict
from pytest_supercharger.stubs import Stub, find_stubs_in

TWO = """\
def a():
    raise NotImplementedError


def b():
    raise NotImplementedError


class Base:
    def c(self):
        raise NotImplementedError
"""
A, B, C = "m.py::a", "m.py::b", "m.py::Base.c"
NOWHERE = Path("/nowhere")


@pytest.fixture(scope="module")
def stubs() -> list[Stub]:
    return list(find_stubs_in(TWO, "m.py"))


def item(name: str, verdict: str = "error", reached: str = "", **changes: Any) -> ItemOutcome:
    """An item that came to the stubs of ``m.py`` named in ``reached``, one letter each."""
    ids = {"a": A, "b": B, "c": C}
    reaches = tuple(Reach(stub=ids[letter], phase="call") for letter in reached)
    base: dict[str, Any] = {"seconds": 0.1, "reached": reaches}
    return ItemOutcome(id=name, verdict=Verdict(verdict), **(base | changes))


def links(stubs: list[Stub], *items: ItemOutcome, rootdir: Path = NOWHERE, **changes: Any) -> Links:
    base: dict[str, Any] = {"verdict": Verdict.FAILED, "seconds": 1.0, "exit_code": 1}
    return read_links(
        Outcome(check="link", items=items, **(base | changes)), stubs, rootdir=rootdir
    )


def test_a_failing_test_belongs_to_the_stub_that_raised(stubs: list[Stub]) -> None:
    found = links(stubs, item("t.py::x", reached="ab", raised_by=B))
    assert found.tests == {B: ("t.py::x",)}
    assert found.reached == {A, B}


def test_a_failing_assertion_belongs_to_every_stub_that_was_reached(stubs: list[Stub]) -> None:
    found = links(stubs, item("t.py::x", "failed", "ab"))
    assert found.tests == {A: ("t.py::x",), B: ("t.py::x",)}


@pytest.mark.parametrize("verdict", ["failed", "error", "blocked", "timeout", "crashed"])
def test_however_it_fails_it_belongs(stubs: list[Stub], verdict: str) -> None:
    assert links(stubs, item("t.py::x", verdict, "a")).tests == {A: ("t.py::x",)}


def test_a_test_that_reaches_a_stub_and_passes_is_vacuous(stubs: list[Stub]) -> None:
    found = links(stubs, item("t.py::x", "passed", "a"))
    assert (found.tests, found.vacuous) == ({}, {A: ("t.py::x",)})
    assert found.passed == {"t.py::x"}


@pytest.mark.parametrize("verdict", ["passed", "failed", "skipped", "blocked"])
def test_a_test_that_expects_the_exception_is_out_of_the_gate(
    stubs: list[Stub], verdict: str
) -> None:
    found = links(stubs, item("t.py::x", verdict, "a", xfail=True))
    assert (found.tests, found.vacuous, found.expecting) == ({}, {}, {A: ("t.py::x",)})
    assert found.passed == frozenset()


def test_a_skipped_test_says_nothing(stubs: list[Stub]) -> None:
    found = links(stubs, item("t.py::x", "skipped", "a"))
    assert (found.tests, found.vacuous, found.expecting) == ({}, {}, {})


def test_a_file_that_reaches_a_stub_at_import_belongs_as_a_whole(stubs: list[Stub]) -> None:
    found = links(stubs, item("t.py", reached="a", phase="collect", raised_by=A), exit_code=2)
    assert found.tests == {A: ("t.py",)}
    assert found.problem == ""


def test_a_file_that_only_comes_past_a_stub_at_import_is_no_test(stubs: list[Stub]) -> None:
    found = links(stubs, item("t.py", "passed", "a", phase="collect"))
    assert (found.tests, found.vacuous, found.passed) == ({}, {}, frozenset())
    assert found.reached == {A}


def test_a_conftest_that_reaches_a_stub_makes_everything_belong(stubs: list[Stub]) -> None:
    found = links(stubs, item("", reached="a", phase="collect"), exit_code=4)
    assert found.tests == {A: ("",)}
    assert found.problem == ""


@pytest.mark.parametrize(
    ("exception", "detail", "environment"),
    [
        ("ModuleNotFoundError", "No module named 'x'", True),
        ("gaierror", "Temporary failure in name resolution", True),
        ("FileNotFoundError", "No such file", True),
        ("OSError", "[Errno 101] Network is unreachable", True),
        ("OSError", "[Errno 30] Read-only file system: '/src'", True),
        ("AssertionError", "assert 1 == 2", False),
        ("SyntaxError", "invalid syntax", False),
        ("NotImplementedError", "", False),
    ],
)
def test_what_the_environment_lacks_is_told_from_what_is_red(
    stubs: list[Stub], exception: str, detail: str, environment: bool
) -> None:
    broken = item("t.py::x", exception=exception, detail=detail)
    found = links(stubs, broken)
    assert is_environment(broken) is environment
    assert [trouble.test for trouble in found.environment] == ["t.py::x"] * environment
    assert [trouble.test for trouble in found.red] == ["t.py::x"] * (not environment)
    assert found.tests == {}


def test_a_trouble_has_the_last_line_of_the_error_and_where(stubs: list[Stub]) -> None:
    detail = "t.py:1: in <module>\n    import x\nE   ModuleNotFoundError: No module named 'x'"
    broken = item("t.py", exception="ModuleNotFoundError", detail=detail, phase="collect")
    (trouble,) = links(stubs, broken).environment
    assert trouble.reason == "ModuleNotFoundError: No module named 'x' (while collecting)"


def test_a_stub_cannot_run_when_all_tests_of_its_module_cannot(
    stubs: list[Stub], tmp_path: Path
) -> None:
    (tmp_path / "m.py").write_text(TWO)
    (tmp_path / "t.py").write_text("from m import a\n")
    broken = [
        item(f"t.py::{name}", exception="gaierror", detail="no name resolution") for name in "xy"
    ]
    found = links(stubs, *broken, rootdir=tmp_path)
    assert found.cannot_run == dict.fromkeys((A, B, C), "gaierror: no name resolution")
    assert links(stubs, broken[0], item("t.py::y", "passed"), rootdir=tmp_path).cannot_run == {}


@pytest.mark.parametrize(
    "files",
    [
        {"t.py": "import pkg.m\n"},
        {"t.py": "from pkg import m\n"},
        {"t.py": "from pkg.m import a\n"},
        {"t.py": "from pkg import a\n", "src/pkg/__init__.py": "from pkg.m import a\n"},
        {"t.py": "import pkg\n", "src/pkg/__init__.py": "from .m import a\n"},
        {"t.py": "import pkg\n", "src/pkg/__init__.py": "from . import m\n"},
        {"t.py": "", "conftest.py": "from pkg.m import a\n"},
        {"t.py": "from helpers import a\n", "helpers.py": "def a():\n    import pkg.m\n"},
    ],
)
def test_a_module_may_be_imported_through_others(tmp_path: Path, files: dict[str, str]) -> None:
    stubs = list(find_stubs_in(TWO, "src/pkg/m.py"))
    for path, text in {"src/pkg/m.py": TWO, "src/pkg/__init__.py": "", **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = links(stubs, item("t.py::x", exception="gaierror"), rootdir=tmp_path)
    assert set(found.cannot_run) == {stub.id for stub in stubs}


def test_a_module_is_known_by_the_name_under_which_it_was_imported(
    stubs: list[Stub], tmp_path: Path
) -> None:
    (tmp_path / "t.py").write_text("import plugin.of_ours\n")
    broken = item("t.py::x", exception="gaierror")
    assert links(stubs, broken, rootdir=tmp_path).cannot_run == {}
    modules = (("m.py", "plugin.of_ours"),)
    assert len(links(stubs, broken, rootdir=tmp_path, modules=modules).cannot_run) == 3


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"exit_code": 5}, ""),
        ({"exit_code": 0}, ""),
        ({"exit_code": 4, "detail": "unknown option --x"}, "unknown option --x"),
        ({"exit_code": None, "verdict": Verdict.CRASHED}, "crashed"),
    ],
)
def test_a_run_without_items_is_a_problem_unless_there_are_no_tests(
    stubs: list[Stub], changes: dict[str, Any], problem: str
) -> None:
    found = links(stubs, **changes)
    assert found.problem.endswith(problem)
    assert bool(found.problem) is bool(problem)


def test_collecting_is_what_the_tests_did_not_take(stubs: list[Stub]) -> None:
    items = [item("t.py::x", "passed", seconds=1.5), item("t.py", "error", phase="collect")]
    found = links(stubs, *items, seconds=4.0)
    assert found.seconds == {"t.py::x": 1.5}
    assert found.collecting == pytest.approx(2.5)


def test_every_stub_of_a_file_is_instrumented(stubs: list[Stub]) -> None:
    ((path, text),) = instrumented({"m.py": TWO}, stubs)
    assert path == "m.py"
    assert [text.count(f'__supercharge_reached__("{name}")') for name in (A, B, C)] == [1, 1, 1]
    assert len(text.splitlines()) == len(TWO.splitlines())


def test_a_node_id_is_given_with_its_whole_path() -> None:
    assert as_argument("t.py::x[a/b]", Path("/home/me/shop")) == "/home/me/shop/t.py::x[a/b]"


# --- what the links mean for the plan


def test_a_method_is_left_alone_unless_a_test_fails_because_of_it(stubs: list[Stub]) -> None:
    red = links(stubs, item("t.py::x", reached="c", raised_by=C))
    assert {stub.id for stub in make_plan(stubs, red, only=(), narrowed=False).order} == {A, B, C}
    vacuous = links(stubs, item("t.py::x", "passed", "c"))
    plan = make_plan(stubs, vacuous, only=(), narrowed=False)
    assert {stub.id for stub in plan.order} == {A, B}
    assert [each.stub.id for each in plan.left_alone] == [C]


@pytest.mark.parametrize(
    ("only", "chosen"),
    [("m.py::Base.c", {C}), ("m.py", {A, B}), ("m.Base.c", {C}), ("m.py::*", {A, B, C})],
)
def test_a_target_that_names_a_method_includes_it(
    stubs: list[Stub], only: str, chosen: set[str]
) -> None:
    plan = make_plan(stubs, links(stubs), only=(only,), narrowed=False)
    assert {stub.id for stub in plan.order} == chosen


def test_chosen_tests_leave_the_others_for_later(stubs: list[Stub]) -> None:
    chosen = links(stubs, item("t.py::x", reached="a", raised_by=A))
    plan = make_plan(stubs, chosen, only=(), narrowed=True)
    assert [stub.id for stub in plan.order] == [A]
    assert [stub.id for stub in plan.optional] == [B, C]
    assert [stub.id for stub in plan.joined_by({B}).order] == [A, B]
