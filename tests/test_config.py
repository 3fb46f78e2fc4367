from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_supercharger import config, options
from pytest_supercharger.config import Engine, FinalRun, Gpu, Mode, Require, Settings


class Declaring:
    """A plugin that declares the options and does nothing else."""

    @staticmethod
    def pytest_addoption(parser: pytest.Parser) -> None:
        options.declare(parser)


@pytest.fixture
def parse(pytester: pytest.Pytester):
    """Parse a command line in a project of its own; the installed plugin stands aside."""
    pytester.plugins.append(Declaring())

    def parse(*args: str) -> pytest.Config:
        return pytester.parseconfig("-p", "no:supercharger", *args)

    return parse


@pytest.fixture
def read(parse):
    return lambda *args: config.read_settings(parse("--supercharge", *args))


def refused(read, *args: str) -> str:
    with pytest.raises(pytest.UsageError) as error:
        read(*args)
    return str(error.value)


def test_without_options_the_settings_are_the_defaults(read, pytester):
    settings = read()
    assert settings == Settings(patch=pytester.path / "supercharge.patch")
    assert (settings.mode, settings.candidates, settings.threshold) == (Mode.WRITE, 16, 0.8)


def test_every_setting_has_an_option_and_every_option_a_setting():
    names = {option.name for option in options.OPTIONS} - {""}
    assert names == {each.name for each in fields(Settings)}


@pytest.mark.parametrize("option", [option for option in options.OPTIONS if option.default])
def test_the_default_in_the_help_is_that_of_the_settings(option):
    default = getattr(Settings(), option.name)
    assert str(getattr(default, "value", default)) in (option.default, f"{option.default}.0")


def test_command_line_wins_over_ini_and_ini_over_default(read, pytester):
    pytester.makeini("[pytest]\nsupercharge_rounds = 7\nsupercharge_seed = 3")
    settings = read("--supercharge-rounds=9")
    assert (settings.rounds, settings.seed, settings.tests) == (9, 3, 8)


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("--supercharge-mode=diff", "mode", Mode.DIFF),
        ("--supercharge-only=src/shop", "only", ("src/shop",)),
        ("--supercharge-gpu=require", "gpu", Gpu.REQUIRE),
        ("--supercharge-judge=qwen-0.5b", "judge", "qwen-0.5b"),
        ("--supercharge-context=4096", "context", 4096),
        ("--supercharge-temperature=0", "temperature", 0.0),
        ("--supercharge-sandbox=bubblewrap", "sandbox", Engine.BUBBLEWRAP),
        ("--supercharge-sandbox-env=LANG", "sandbox_env", ("LANG",)),
        ("--supercharge-sandbox-allow=numpy", "sandbox_allow", ("numpy",)),
        ("--supercharge-sandbox-image=python:3.12", "sandbox_image", "python:3.12"),
        ("--supercharge-sandbox-runtime=runsc", "sandbox_runtime", "runsc"),
        ("--supercharge-tests=0", "tests", 0),
        ("--supercharge-seconds=1.5", "seconds", 1.5),
        ("--supercharge-tokens=5000", "tokens", 5000),
        ("--supercharge-timeout=3", "timeout", 3.0),
        ("--supercharge-threshold=1", "threshold", 1.0),
        ("--supercharge-require=tests", "require", Require.TESTS),
        ("--supercharge-final=none", "final", FinalRun.NONE),
        ("--supercharge-fresh", "fresh", True),
        ("--supercharge-undo", "undo", True),
    ],
)
def test_option_is_read(read, option, field, value):
    assert getattr(read(option), field) == value


def test_paths_on_the_command_line_are_relative_to_where_pytest_was_started(read, pytester):
    settings = read(
        "--supercharge-report=out/a.json",
        "--supercharge-report=b.json",
        "--supercharge-record=r.jsonl",
        "--supercharge-state-dir=state",
        "--supercharge-sandbox-mount=.",
    )
    here = pytester.path
    assert settings.report == (here / "out/a.json", here / "b.json")
    assert settings.record == here / "r.jsonl"
    assert settings.state_dir == here / "state"
    assert settings.sandbox_mount == (here,)


def test_paths_in_an_ini_file_are_relative_to_that_file(read, pytester, monkeypatch):
    pytester.makeini(
        "[pytest]\nsupercharge_patch = out.patch\nsupercharge_model = models/a.gguf\n"
        "supercharge_report =\n    one.json\n    two.json"
    )
    root = pytester.path
    monkeypatch.chdir(pytester.mkdir("deeper"))
    settings = read()
    assert settings.patch == root / "out.patch"
    assert settings.model == str(root / "models/a.gguf")
    assert settings.report == (root / "one.json", root / "two.json")


def test_numbers_may_be_numbers_in_a_native_toml_file(read, pytester):
    if pytest.version_tuple < (9, 0):
        pytest.skip("this pytest reads no native TOML")
    pytester.makefile(
        ".toml",
        pytest="[pytest]\nsupercharge_candidates = 4\nsupercharge_seconds = 2\n"
        'supercharge_only = ["a.py", "b.py"]',
    )
    settings = read()
    assert (settings.candidates, settings.seconds) == (4, 2.0)
    assert settings.only == ("a.py", "b.py")


@pytest.mark.parametrize(
    ("spec", "kept"),
    [("auto", "auto"), ("hf:org/repo:Q4_K_M", "hf:org/repo:Q4_K_M"), ("qwen-0.5b", "qwen-0.5b")],
)
def test_model_names_stay_as_they_are(read, spec, kept):
    assert read(f"--supercharge-model={spec}").model == kept
    assert read(f"--supercharge-judge={spec}").judge == kept


@pytest.mark.parametrize("spec", ["replay:a.jsonl", "a.gguf", "dir/a.bin"])
def test_relative_paths_in_a_model_spec_become_absolute(read, pytester, spec):
    path = spec.removeprefix("replay:")
    expected = spec.replace(path, str(pytester.path / path))
    assert read(f"--supercharge-model={spec}").model == expected
    assert read(f"--supercharge-judge={spec}").judge == expected


def test_the_paths_of_both_models_become_absolute(read, pytester):
    settings = read("--supercharge-model=replay:a.jsonl,then:b.gguf")
    assert settings.model == f"replay:{pytester.path / 'a.jsonl'},then:{pytester.path / 'b.gguf'}"


def test_a_file_may_be_named_like_a_preset(read, pytester):
    (pytester.path / "coder").write_bytes(b"GGUF")
    assert read("--supercharge-model=coder").model == str(pytester.path / "coder")


def test_patch_on_the_command_line_selects_mode_patch(read, pytester):
    settings = read("--supercharge-patch=x.patch")
    assert (settings.mode, settings.patch) == (Mode.PATCH, pytester.path / "x.patch")


def test_patch_in_an_ini_file_sets_only_the_path(read, pytester):
    pytester.makeini("[pytest]\nsupercharge_patch = x.patch")
    settings = read()
    assert (settings.mode, settings.patch) == (Mode.WRITE, pytester.path / "x.patch")


def test_patch_on_the_command_line_wins_over_a_mode_in_an_ini_file(read, pytester):
    pytester.makeini("[pytest]\nsupercharge_mode = diff")
    assert read("--supercharge-patch=x.patch").mode is Mode.PATCH


def test_collect_only_means_mode_list_whatever_the_ini_says(read, pytester):
    pytester.makeini("[pytest]\nsupercharge_mode = patch")
    assert read("--co").mode is Mode.LIST


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--supercharge-mode=review"], "'review' is unknown: choose one of write, diff"),
        (["--supercharge-candidates=many"], "'many' is not a whole number"),
        (["--supercharge-candidates=0"], "'0' is too small: use 1 or more"),
        (["--supercharge-seed=-1"], "'-1' is too small"),
        (["--supercharge-tokens=0"], "'0' is too small"),
        (["--supercharge-seconds=0"], "'0' is out of range: use a number above 0"),
        (["--supercharge-timeout=nan"], "'nan' is out of range"),
        (["--supercharge-timeout=inf"], "'inf' is out of range"),
        (["--supercharge-threshold=1.2"], "'1.2' is out of range: use a number from 0 to 1"),
        (["--supercharge-temperature=hot"], "'hot' is not a number"),
        (["--supercharge-report=a.html"], "no HTML report yet, use .json"),
        (["--supercharge-report=a.txt"], "use .json"),
        (["--supercharge-record=."], "is a directory"),
        (["--supercharge-sandbox=host"], "'host' is unknown: choose one of auto, docker"),
        (["--supercharge-sandbox-mount=nowhere"], "'nowhere' does not exist"),
        (["--supercharge-sandbox-env=A=1"], "'A=1' is not the name of an environment variable"),
        (["--supercharge-sandbox-env=SUPERCHARGE_API_KEY"], "stays outside"),
        (["--supercharge-sandbox-allow=--index-url=x"], "must begin with a letter or digit"),
        (["--supercharge-only="], "--supercharge-only: the value is empty"),
        (["--supercharge-model=replay:"], "names no recording"),
        (["--supercharge-model=a.gguf,then:"], "an empty name"),
        (["--supercharge-judge=a.gguf,then:b.gguf"], "names two models: a judge is one"),
        (["--supercharge-gpu=on"], "'on' is unknown: choose one of auto, off, require"),
        (
            ["--supercharge-judge=http://[::1/v1"],
            "--supercharge-judge: an address of a server is none",
        ),
    ],
)
def test_bad_value_is_named_with_what_to_do(read, args, words):
    message = refused(read, *args)
    assert words in message
    assert message.startswith("--supercharge-")


def test_bad_value_in_an_ini_file_is_named_with_the_file(read, pytester):
    pytester.makeini("[pytest]\nsupercharge_rounds = few")
    assert "supercharge_rounds in tox.ini" in refused(read)


@pytest.mark.parametrize(
    "args",
    [
        ["--supercharge-mode=list", "--supercharge-patch=x.patch"],
        ["--supercharge-mode=write", "--supercharge-patch=x.patch"],
        ["--co", "--supercharge-mode=diff"],
        ["--co", "--supercharge-patch=x.patch"],
        ["--co", "--supercharge-record=x.jsonl"],
        ["--co", "--supercharge-undo"],
        ["--supercharge-undo", "--supercharge-fresh"],
        ["--supercharge-undo", "--supercharge-record=x.jsonl"],
        ["--supercharge-undo", "--supercharge-patch=x.patch"],
        ["--supercharge-undo", "--supercharge-mode=diff"],
        ["--supercharge-mode=diff", "--supercharge-final=host"],
        ["--supercharge-sandbox=bubblewrap", "--supercharge-sandbox-image=python:3.12"],
        ["--supercharge-sandbox=bubblewrap", "--supercharge-sandbox-runtime=runsc"],
        ["--supercharge-model=replay:x.jsonl", "--supercharge-record=x.jsonl"],
        ["--supercharge-model=a.gguf,then:replay:x.jsonl", "--supercharge-record=x.jsonl"],
        ["--supercharge-judge=replay:x.jsonl", "--supercharge-record=x.jsonl"],
    ],
)
def test_contradictory_options_are_refused(read, args):
    message = refused(read, *args)
    assert "leave out" in message or "give one" in message or "name another" in message


def test_ini_settings_that_do_not_fit_the_command_line_just_lose(read, pytester):
    pytester.makeini(
        "[pytest]\nsupercharge_final = host\nsupercharge_sandbox_image = python:3.12\n"
        "supercharge_patch = x.patch"
    )
    assert read("--supercharge-mode=diff").mode is Mode.DIFF
    assert read("--supercharge-sandbox=bubblewrap").sandbox is Engine.BUBBLEWRAP
    assert read("--supercharge-undo").undo


REMOTE = "https://models.example.org/v1#coder"


def test_remote_server_from_the_command_line_is_accepted(read):
    assert read(f"--supercharge-model={REMOTE}").model == REMOTE
    assert read("--supercharge-model", REMOTE).model == REMOTE
    assert read("-o", f"supercharge_model={REMOTE}").model == REMOTE
    assert read(f"--supercharge-judge={REMOTE}").judge == REMOTE


def test_a_remote_server_behind_a_path_is_accepted_from_the_command_line(read, pytester):
    spec = read(f"--supercharge-model=small.gguf,then:{REMOTE}").model
    assert spec == f"{pytester.path / 'small.gguf'},then:{REMOTE}"


def test_remote_server_from_the_environment_is_accepted(read, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", f"--supercharge-model={REMOTE}")
    assert read().model == REMOTE


@pytest.mark.parametrize(
    "line",
    [
        f"supercharge_model = {REMOTE}",
        f"addopts = --supercharge-model={REMOTE}",
        f"supercharge_model = http://127.0.0.1:8080/v1#a,{REMOTE}",
        f"supercharge_model = small.gguf,then:{REMOTE}",
        f"supercharge_model = http://127.0.0.1:8080/v1,then:{REMOTE}",
        f"supercharge_judge = {REMOTE}",
        f"addopts = --supercharge-judge={REMOTE}",
        "supercharge_model = HTTP://10.0.0.1/v1",
        "supercharge_model = http://localhost.example.org/v1",
        "supercharge_model = http://localhost@example.org/v1",
    ],
)
def test_remote_server_from_a_file_of_the_repository_is_refused(read, pytester, line):
    pytester.makeini(f"[pytest]\n{line}")
    assert "must not send your code away" in refused(read)


def test_a_password_in_what_is_no_address_is_not_repeated(read):
    message = refused(read, "--supercharge-model=http://me:se[cret@127.0.0.1/v1")
    assert "write http://HOST:PORT/v1#MODEL" in message
    assert "cret" not in message


def test_a_server_typed_for_one_option_is_not_accepted_for_the_other(read, pytester):
    pytester.makeini(f"[pytest]\nsupercharge_judge = {REMOTE}")
    message = refused(read, f"--supercharge-model={REMOTE}")
    assert "supercharge_judge names the server 'models.example.org'" in message


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "127.9.9.9", "[::1]:1234"])
def test_loopback_server_from_an_ini_file_is_accepted(read, pytester, host):
    pytester.makeini(f"[pytest]\nsupercharge_model = http://{host}/v1")
    assert read().model == f"http://{host}/v1"


def test_undo_is_wanted_without_supercharge(parse):
    assert options.is_wanted(parse("--supercharge-undo"))
    assert options.is_wanted(parse("--supercharge"))
    assert not options.is_wanted(parse("--supercharge-fresh"))


def test_actions_have_no_ini_twin():
    names = dict(options.ini_options())
    for action in ("supercharge", "supercharge_undo", "supercharge_fresh", "supercharge_record"):
        assert action not in names
    assert names["supercharge_only"] == "linelist"
    assert names["supercharge_candidates"] == "string"


def test_help_names_the_defaults(pytester):
    pytester.makeconftest(
        "from pytest_supercharger import options\n"
        "def pytest_addoption(parser): options.declare(parser)\n"
    )
    result = pytester.runpytest_inprocess("-p", "no:supercharger", "--help")
    text = " ".join(result.stdout.str().split())
    assert "rounds per stub (default: 4)" in text
    assert "derived from it (default: 0)" in text
    assert "supercharge_mode (string):" in text
    assert "supercharge_undo" not in text


def test_a_bad_value_ends_pytest_with_exit_code_4(pytester):
    pytester.makeconftest(
        "from pytest_supercharger.config import read_settings\n"
        "from pytest_supercharger.options import declare\n"
        "def pytest_addoption(parser): declare(parser)\n"
        "def pytest_configure(config): read_settings(config)\n"
    )
    result = pytester.runpytest_inprocess("-p", "no:supercharger", "--supercharge-seed=x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--supercharge-seed: 'x' is not a whole number" in result.stderr.str()


def test_config_loads_nothing_heavy():
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import pytest_supercharger.config, pytest_supercharger.hookspecs;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    root = Path(options.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "['pytest_supercharger']"
