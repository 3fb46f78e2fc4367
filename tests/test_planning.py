"""Which stubs are filled, and in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from specimens import links, stubs_in

from pytest_supercharger.planning import Plan, dotted_path, make_plan, matches
from pytest_supercharger.stubs import Stub

SHOP = """\
def price(name):
    raise NotImplementedError


def total(names):
    # sum of price(name)
    raise NotImplementedError


class Cart:
    def add(self, name):
        raise NotImplementedError
"""
PRICE, TOTAL, ADD = "src/shop.py::price", "src/shop.py::total", "src/shop.py::Cart.add"
OTHER = "src/store/other.py::other"


@pytest.fixture
def stubs(tmp_path: Path) -> tuple[Stub, ...]:
    other = "def other():\n    raise NotImplementedError\n"
    return stubs_in(
        tmp_path, {"src/shop.py": SHOP, "src/store/__init__.py": "", "src/store/other.py": other}
    )


def plan(stubs: tuple[Stub, ...], *only: str, narrowed: bool = False, **shown: Any) -> Plan:
    return make_plan(stubs, links(**shown), only=only, narrowed=narrowed)


def order(found: Plan) -> list[str]:
    return [stub.id for stub in found.order]


def test_without_tests_the_order_is_that_of_the_files(stubs: tuple[Stub, ...]) -> None:
    assert order(plan(stubs)) == [PRICE, TOTAL, OTHER]


def test_stubs_with_tests_come_first(stubs: tuple[Stub, ...]) -> None:
    assert order(plan(stubs, tests={OTHER: ("t.py::a",)})) == [OTHER, PRICE, TOTAL]


def test_one_that_another_speaks_of_comes_before_it(tmp_path: Path) -> None:
    reversed_shop = "\n\n".join(reversed(SHOP.split("\n\n\n")[:2])) + "\n"
    stubs = stubs_in(tmp_path, {"src/shop.py": reversed_shop})
    tests = {TOTAL: ("t.py::a",), PRICE: ("t.py::b",)}
    assert [stub.id for stub in stubs] == [TOTAL, PRICE]
    assert order(plan(stubs, tests=tests)) == [PRICE, TOTAL]


def test_two_that_speak_of_each_other_are_no_endless_loop(tmp_path: Path) -> None:
    source = (
        "def even(n):\n    # odd_(n - 1)\n    raise NotImplementedError\n\n\n"
        "def odd_(n):\n    # even(n - 1)\n    raise NotImplementedError\n"
    )
    stubs = stubs_in(tmp_path, {"a.py": source})
    tests = {stub.id: ("t.py::a",) for stub in stubs}
    assert sorted(order(plan(stubs, tests=tests))) == ["a.py::even", "a.py::odd_"]


class TestPerhapsStubs:
    def test_an_unmarked_method_without_tests_is_left_alone_with_the_reason(
        self, stubs: tuple[Stub, ...]
    ) -> None:
        found = plan(stubs)
        assert [each.stub.id for each in found.left_alone] == [ADD]
        assert all(each.reason for each in found.left_alone)

    def test_a_test_that_belongs_to_it_makes_it_a_stub(self, stubs: tuple[Stub, ...]) -> None:
        found = plan(stubs, tests={ADD: ("t.py::a",)})
        assert order(found)[0] == ADD
        assert found.left_alone == ()

    def test_a_test_that_only_reaches_it_does_not(self, stubs: tuple[Stub, ...]) -> None:
        found = plan(stubs, reached=frozenset([ADD]), vacuous={ADD: ("t.py::a",)})
        assert [each.stub.id for each in found.left_alone] == [ADD]

    @pytest.mark.parametrize("name", [ADD, "Cart.add", "shop.Cart.add", "src/shop.py::Cart.*"])
    def test_its_name_makes_it_a_stub(self, stubs: tuple[Stub, ...], name: str) -> None:
        assert ADD in order(plan(stubs, name))

    @pytest.mark.parametrize("target", ["src/shop.py", "src", "shop"])
    def test_the_name_of_its_file_does_not(self, stubs: tuple[Stub, ...], target: str) -> None:
        found = plan(stubs, target)
        assert ADD not in order(found)
        assert [each.stub.id for each in found.left_alone] == [ADD]


class TestNarrowing:
    def test_where_the_user_chose_tests_only_reached_stubs_count(
        self, stubs: tuple[Stub, ...]
    ) -> None:
        found = plan(stubs, narrowed=True, reached=frozenset([TOTAL]))
        assert order(found) == [TOTAL]

    def test_without_a_choice_all_count(self, stubs: tuple[Stub, ...]) -> None:
        assert len(order(plan(stubs, reached=frozenset([TOTAL])))) == 3

    def test_targets_narrow_the_stubs(self, stubs: tuple[Stub, ...]) -> None:
        assert order(plan(stubs, "src/store")) == [OTHER]
        assert order(plan(stubs, "src/store", TOTAL)) == [TOTAL, OTHER]

    def test_a_target_without_a_stub_leaves_nothing(self, stubs: tuple[Stub, ...]) -> None:
        assert plan(stubs, "src/elsewhere.py").order == ()


@pytest.mark.parametrize(
    "target",
    [
        "src/shop.py",
        "./src/shop.py",
        "src",
        "src/",
        "shop",
        "shop.total",
        "total",
        TOTAL,
        "src/*.py",
        "src/shop.py::t*",
        "sho?.total",
        "*total",
        "company.shop",
        "company",
    ],
)
def test_a_target_that_covers_a_stub(stubs: tuple[Stub, ...], target: str) -> None:
    total = next(stub for stub in stubs if stub.id == TOTAL)
    modules = {"src/shop.py": "company.shop"} if target.startswith("company") else {}
    assert matches(target, total, modules)


@pytest.mark.parametrize(
    "target", ["src/sho", "hop", "tota", "otal", "shop.tot", "Total", "src/store", "other", "sr"]
)
def test_a_target_that_does_not(stubs: tuple[Stub, ...], target: str) -> None:
    total = next(stub for stub in stubs if stub.id == TOTAL)
    assert not matches(target, total, {})


@pytest.mark.parametrize(
    ("path", "dotted"),
    [
        ("src/shop/cart.py", "shop.cart"),
        ("lib/shop.py", "shop"),
        ("shop/__init__.py", "shop"),
        ("src/shop/__init__.py", "shop"),
        ("src.py", "src"),
        ("app/src/shop.py", "app.src.shop"),
    ],
)
def test_the_dotted_form_of_a_path(path: str, dotted: str) -> None:
    assert dotted_path(path) == dotted
