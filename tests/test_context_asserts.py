"""Which lines of the tests does a model see that is too small to read a test?"""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_supercharger.context import asserts_about


def about(name: str, *tests: str, is_method: bool = False, **most: int) -> list[str]:
    return list(asserts_about(name, map(dedent, tests), is_method=is_method, **most))


def test_calls_with_values_are_taken_in_order_and_once() -> None:
    test = """
        def test_double():
            assert double(1) == 2
            assert double(2) == 4, "twice"
        """
    assert about("double", test, test) == ["assert double(1) == 2", "assert double(2) == 4"]


def test_there_are_no_more_than_asked_for() -> None:
    test = "\n".join(f"assert double({n}) == {2 * n}" for n in range(9))
    assert len(about("double", test)) == 4
    assert about("double", test, most=1) == ["assert double(0) == 0"]


def test_several_tests_are_read() -> None:
    assert about("f", "assert f(1)", "assert f(2)") == ["assert f(1)", "assert f(2)"]


def test_the_same_line_is_taken_once() -> None:
    assert about("f", "assert f(1), 'a'\nassert f(1), 'b'") == ["assert f(1)"]


def test_a_methods_object_is_not_taken_for_a_module() -> None:
    assert about("total", "assert basket.total(0) == 1", is_method=True) == []
    line = "assert Basket().total(0) == 1"
    assert about("total", line, is_method=True) == [line]


def test_a_call_through_the_module_is_written_without_it() -> None:
    assert about("f", "assert shop.f(1) == 2") == ["assert f(1) == 2"]


def test_a_variables_method_of_the_same_name_is_not_the_function() -> None:
    test = """
        def test_total(cart):
            order = Order()
            assert order.total(1) == 99
            assert cart.total(2) == 98
            assert shop.total(3) == 6
        """
    assert about("total", test) == ["assert total(3) == 6"]


@pytest.mark.parametrize(
    "line",
    [
        "assert Basket([1]).total() == 1",
        "assert Basket.empty().total() == 0",
        "assert sorted(total({1, 2})) == [1, 2]",
        "assert all((total(n) == n for n in range(3)))",
        "assert not total([])",
        "assert total(date(2024, 1, 1)) == date(2024, 1, 2)",
        "assert total(0.1) == pytest.approx(0.1)",
    ],
)
def test_what_stands_alone_is_taken(line: str) -> None:
    assert about("total", line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "assert total(prices) == 3",
        "assert basket.count() == 3",
        "assert basket.total() == wanted",
        "assert count(3)",
        "total(3)",
        "assert total(",
        f"assert total({'1' * 120}) == 1",
        'assert total("""a\nb""")' + " == '" + "c" * 90 + "'",
    ],
)
def test_what_needs_more_is_left_out(line: str) -> None:
    assert about("total", line) == []


def test_a_parametrised_test_has_no_values_of_its_own() -> None:
    test = """
        @pytest.mark.parametrize("n", [1, 2])
        def test_total(n):
            assert total(n) == n
        """
    assert about("total", test) == []
