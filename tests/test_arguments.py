"""What of the user's pytest arguments goes into the sandbox."""

from __future__ import annotations

import shlex

import pytest

from pytest_supercharger.arguments import Arguments, take_apart, without_ours


def apart(line: str, *paths: str) -> Arguments:
    return take_apart(shlex.split(line), paths)


@pytest.mark.parametrize(
    "line",
    [
        "-p no:randomly",
        "-o xfail_strict=true",
        "-c other.ini",
        "--import-mode=importlib",
        "--rootdir=.",
        "-W error",
        "--doctest-modules",
        "--strict-markers",
        "--their-own=1",
        "--their-own 1",
        "-p my_plugin --their-flag",
    ],
)
def test_an_option_that_is_not_listed_is_kept_with_its_value(line: str) -> None:
    taken = apart(line)
    assert taken.options == tuple(shlex.split(line))
    assert (taken.dropped, taken.selecting, taken.positional) == ((), (), ())


@pytest.mark.parametrize(
    "line",
    [
        "--cov",
        "--cov=src",
        "--cov src",
        "--cov-report term-missing",
        "--cov-report=html:out",
        "--cov-fail-under=90",
        "--no-cov",
        "-n 4",
        "-n4",
        "-n auto",
        "--numprocesses=2",
        "--dist loadfile",
        "--random-order",
        "--reruns 3",
        "--timeout 5",
        "--timeout=5",
        "--junitxml=out.xml",
        "--junitxml out.xml",
        "--html report.html",
        "--durations 10",
        "--tb short",
        "--tb=no",
        "--color=yes",
        "-rA",
        "-r fE",
        "-x",
        "--exitfirst",
        "--maxfail 2",
        "--ff",
        "--sw",
        "--pdb",
        "--capture=no",
        "--basetemp=/somewhere",
        "--benchmark-only",
        "--benchmark-min-rounds=3",
    ],
)
def test_what_reports_measures_or_stops_is_dropped_with_its_value(line: str) -> None:
    taken = apart(f"-p before {line} --after")
    assert taken.options == ("-p", "before", "--after")
    assert taken.dropped == (line,)


@pytest.mark.parametrize("line", ["-q", "-vv", "-xvs", "-s", "-l", "--co", "--collect-only"])
def test_how_much_is_shown_is_dropped_without_a_word(line: str) -> None:
    taken = apart(line)
    assert (taken.options, taken.dropped) == ((), ())


@pytest.mark.parametrize(
    "line",
    [
        "-k 'one and not two'",
        "-kone",
        "-m slow",
        "-mslow",
        "-m 'not slow'",
        "--lf",
        "--last-failed",
        "--lfnf none",
        "--deselect tests/test_a.py::test_b",
        "--deselect=tests/test_a.py::test_b",
        "--ignore tests/old",
        "--ignore-glob=*_old.py",
    ],
)
def test_what_chooses_tests_is_kept_apart(line: str) -> None:
    taken = apart(f"{line} --their-flag")
    assert taken.selecting == tuple(shlex.split(line))
    assert taken.options == ("--their-flag",)


@pytest.mark.parametrize(
    "line",
    [
        "--supercharge",
        "--supercharge-fresh",
        "--supercharge-undo",
        "--supercharge-mode diff",
        "--supercharge-mode=diff",
        "--supercharge-model tiny --supercharge",
        "--supercharge-only a.py --supercharge-only b.py",
    ],
)
def test_our_own_options_are_not_named_as_dropped(line: str) -> None:
    taken = apart(f"{line} --theirs", "a.py", "b.py")
    assert taken.options == ("--theirs",)
    assert (taken.dropped, taken.positional) == ((), ())


@pytest.mark.parametrize(
    ("line", "options", "selecting", "dropped"),
    [
        ("-xk one", (), ("-k", "one"), ()),
        ("-vkone", (), ("-kone",), ()),
        ("-vrA", (), (), ("-rA",)),
        ("-qn 4", (), (), ("-n 4",)),
        ("-vp no:randomly", ("-p", "no:randomly"), (), ()),
    ],
)
def test_flags_before_a_short_option_do_not_hide_it(
    line: str, options: tuple[str, ...], selecting: tuple[str, ...], dropped: tuple[str, ...]
) -> None:
    taken = apart(line)
    assert (taken.options, taken.selecting, taken.dropped) == (options, selecting, dropped)


def test_paths_are_those_that_pytest_took_for_paths() -> None:
    taken = apart("tests --their value tests/test_a.py::test_b", "tests", "tests/test_a.py::test_b")
    assert taken.positional == ("tests", "tests/test_a.py::test_b")
    assert taken.options == ("--their", "value")


def test_a_path_after_an_option_with_an_optional_value_stays_a_path() -> None:
    taken = apart("--cov tests", "tests")
    assert (taken.dropped, taken.positional) == (("--cov",), ("tests",))


def test_a_value_after_an_option_with_an_optional_value_goes_with_it() -> None:
    taken = apart("--cov src tests", "tests")
    assert (taken.dropped, taken.positional) == (("--cov src",), ("tests",))


def test_an_option_after_an_option_with_an_optional_value_is_its_own() -> None:
    taken = apart("--cov --strict-markers")
    assert (taken.dropped, taken.options) == (("--cov",), ("--strict-markers",))


def test_the_value_of_a_selecting_option_may_look_like_a_path() -> None:
    taken = apart("--ignore tests tests", "tests")
    assert taken.selecting == ("--ignore", "tests")
    assert taken.positional == ("tests",)


def test_a_value_that_looks_like_an_option_stays_with_its_option() -> None:
    taken = apart("-k -x")
    assert (taken.selecting, taken.dropped) == (("-k", "-x"), ())


def test_a_last_option_without_its_value_is_no_crash() -> None:
    assert apart("--maxfail").dropped == ("--maxfail",)


def test_nothing_gives_nothing() -> None:
    assert take_apart([]) == Arguments(options=(), selecting=(), positional=(), dropped=())


@pytest.mark.parametrize(
    ("variable", "options", "selecting", "dropped"),
    [
        ("-p no:cacheprovider -q --cov=src", ("-p", "no:cacheprovider"), (), ("--cov=src",)),
        ("-m 'not slow' -n 4", (), ("-m", "not slow"), ("-n 4",)),
        ('-k "a or b" --tb=short', (), ("-k", "a or b"), ("--tb=short",)),
        ("", (), (), ()),
    ],
)
def test_addopts_of_the_environment(
    variable: str, options: tuple[str, ...], selecting: tuple[str, ...], dropped: tuple[str, ...]
) -> None:
    taken = apart(variable)
    assert (taken.options, taken.selecting, taken.dropped) == (options, selecting, dropped)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("--supercharge -x tests", "-x tests"),
        ("-n 4 --supercharge --cov", "-n 4 --cov"),
        ("--supercharge-mode diff tests", "tests"),
        ("--supercharge-mode=diff tests", "tests"),
        ("--supercharge-undo tests", "tests"),
        ("-k 'a b' --supercharge-fresh", "-k 'a b'"),
    ],
)
def test_for_the_host_only_our_own_options_are_left_out(line: str, kept: str) -> None:
    assert without_ours(shlex.split(line)) == tuple(shlex.split(kept))
