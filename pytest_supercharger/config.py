"""What did the user ask for? The options and ini settings, read and checked.

Command line and ini give text, read by the same functions. Loaded only once something is asked
for; what every pytest run loads is :mod:`.options`.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.spec import Source, parse_spec
from pytest_supercharger.options import OPTIONS


class Mode(str, Enum):
    """What becomes of the chosen bodies."""

    WRITE = "write"  # source files are changed in place
    DIFF = "diff"  # shown, nothing is changed
    PATCH = "patch"  # written as one unified diff, the sources stay as they are
    LIST = "list"  # stubs, their tests and prompt sizes; no model is called


class Gpu(str, Enum):
    """Whether a GGUF runs on the GPU."""

    AUTO = "auto"  # as many layers as fit; a CPU where there is none
    OFF = "off"
    REQUIRE = "require"  # an error when the GPU would stay unused


class Engine(str, Enum):
    """Where candidate code runs. Never on the host unisolated: there is no such member."""

    AUTO = "auto"  # Docker if an engine answers, else bubblewrap, else exit 4
    DOCKER = "docker"
    BUBBLEWRAP = "bubblewrap"


class Require(str, Enum):
    """What a stub must have behind it to be filled."""

    AGREEMENT = "agreement"  # stubs that no project test reaches are filled by agreement
    TESTS = "tests"  # only stubs that the project's own tests reach are filled


class FinalRun(str, Enum):
    """The run on the written tree that decides the exit code."""

    SANDBOX = "sandbox"  # the confirmation in a fresh sandbox is the final run
    HOST = "host"  # besides, a child pytest: the one place where chosen code runs outside
    NONE = "none"  # none: the exit code tells of the stubs only


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run's settings, checked; each field is the option's name without ``supercharge``.

    Paths are absolute once read. The values here are the defaults; ``options.py`` says the same
    in its help texts.
    """

    mode: Mode = Mode.WRITE
    patch: Path = Path("supercharge.patch")  # read_settings puts it into the rootdir
    only: tuple[str, ...] = ()  # paths, dotted modules, stub names, globs; (): all stubs
    model: str = "auto"  # a SPEC; paths in it are absolute
    judge: str | None = None  # a SPEC of one model; None: the model that writes judges as well
    gpu: Gpu = Gpu.AUTO
    context: int | None = None  # tokens; None: the model's own
    temperature: float | None = None  # of the first round; None: the prompt file's
    sandbox: Engine = Engine.AUTO
    sandbox_mount: tuple[Path, ...] = ()  # further paths, mounted read-only
    sandbox_env: tuple[str, ...] = ()  # names of environment variables let in
    sandbox_allow: tuple[str, ...] = ()  # packages that may be installed though undeclared
    sandbox_image: str | None = None  # Docker base image; None: the built-in choice
    sandbox_runtime: str | None = None  # Docker runtime such as runsc; None: the engine's
    candidates: int = 16  # bodies asked for per round
    tests: int = 8  # test completions asked for per round
    rounds: int = 4  # per stub
    seconds: float = 300.0  # wall clock per stub
    tokens: int | None = None  # completion tokens per stub; None: no limit
    timeout: float = 10.0  # seconds for one test item in the sandbox
    threshold: float = 0.8  # judge's score from which a pair is good enough, 0 to 1
    require: Require = Require.AGREEMENT
    final: FinalRun = FinalRun.SANDBOX
    seed: int = 0  # every completion's own seed is derived from it
    report: tuple[Path, ...] = ()  # files to write, the suffix decides the format
    record: Path | None = None  # recording to append every completion to
    fresh: bool = False  # ignore what earlier runs stored
    undo: bool = False  # put back what the last writing run replaced, and do nothing else
    state_dir: Path | None = None  # where the ledger lives; None: the user's state directory


def read_settings(config: pytest.Config) -> Settings:
    """Read and check every option: command line, else ini, else default.

    Raises pytest.UsageError (exit 4) for a bad value or for options that contradict each
    other; the message names the value and says what to do.
    """
    settings = _read(_Reader(config), Settings())
    for name in ("model", "judge"):
        _check_origin(config, name, getattr(settings, name))
    for problem in _contradictions(config, settings):
        raise pytest.UsageError(problem)
    return settings


def _read(read: _Reader, default: Settings) -> Settings:
    return Settings(
        mode=_mode(read),
        patch=read.file("patch") or read.config.rootpath / default.patch,
        only=read.texts("only"),
        model=_spec(read, "model") or default.model,
        judge=_judge(read),
        gpu=read.choice("gpu", default.gpu),
        context=read.whole("context", None, least=1),
        temperature=read.real("temperature", None),
        sandbox=read.choice("sandbox", default.sandbox),
        sandbox_mount=read.existing("sandbox_mount"),
        sandbox_env=read.variables("sandbox_env"),
        sandbox_allow=read.names("sandbox_allow"),
        sandbox_image=next(iter(read.names("sandbox_image")), None),
        sandbox_runtime=next(iter(read.names("sandbox_runtime")), None),
        candidates=read.whole("candidates", default.candidates, least=1),
        tests=read.whole("tests", default.tests),
        rounds=read.whole("rounds", default.rounds, least=1),
        seconds=read.real("seconds", default.seconds, zero=False),
        tokens=read.whole("tokens", None, least=1),
        timeout=read.real("timeout", default.timeout, zero=False),
        threshold=read.real("threshold", default.threshold, most=1),
        require=read.choice("require", default.require),
        final=read.choice("final", default.final),
        seed=read.whole("seed", default.seed),
        report=read.reports("report"),
        record=read.file("record"),
        fresh=read.config.option.supercharge_fresh,
        undo=read.config.option.supercharge_undo,
        state_dir=read.directory("state_dir"),
    )


_ByName = {option.name: option for option in OPTIONS}
_Choice = TypeVar("_Choice", bound=Enum)
_Default = TypeVar("_Default", int, float, None)


class _Given(NamedTuple):
    """What the user wrote for one option, and where."""

    texts: tuple[str, ...]
    where: str  # "--supercharge-seed" or "supercharge_seed in pyproject.toml"
    base: Path  # what relative paths in it are relative to
    from_ini: bool

    def refuse(self, text: str, remedy: str) -> pytest.UsageError:
        """The error for one bad value."""
        return pytest.UsageError(f"{self.where}: {text!r} {remedy}")

    def path(self, text: str) -> Path:
        """``text`` as an absolute path, with ``~`` expanded."""
        return Path(os.path.abspath(self.base / os.path.expanduser(text)))


class _Reader:
    """Turns the text of each option into a checked value."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def given(self, name: str) -> _Given | None:
        """What was written for an option: command line, else ini, else None."""
        found = self.from_command_line(name) or self.from_ini(name)
        if found is not None and not all(text.strip() for text in found.texts):
            raise pytest.UsageError(f"{found.where}: the value is empty: give one or leave it out")
        return found

    def from_command_line(self, name: str) -> _Given | None:
        """The option's text; pytest puts ``addopts`` and PYTEST_ADDOPTS here as well."""
        option = _ByName[name]
        value = self.config.getoption(option.dest)
        if value is None:
            return None
        texts = tuple(value) if option.take == "append" else (value,)
        base = self.config.invocation_params.dir
        return _Given(texts=texts, where=option.flag, base=base, from_ini=False)

    def from_ini(self, name: str) -> _Given | None:
        """The ini twin's text; numbers of a native TOML file become text again."""
        option = _ByName[name]
        if not option.ini:
            return None
        path = self.config.inipath
        where = f"{option.dest} in {path.name if path else 'the ini settings'}"
        try:
            value = self.config.getini(option.dest)
        except (TypeError, ValueError, pytest.UsageError) as exc:
            raise pytest.UsageError(f"{where}: {exc}") from exc
        if value is None or value == []:
            return None
        texts = tuple(value) if option.take == "append" else (str(value),)
        base = path.parent if path else self.config.invocation_params.dir
        return _Given(texts=texts, where=where, base=base, from_ini=True)

    def texts(self, name: str) -> tuple[str, ...]:
        given = self.given(name)
        return given.texts if given else ()

    def choice(self, name: str, default: _Choice) -> _Choice:
        given = self.given(name)
        if given is None:
            return default
        members = {member.value: member for member in type(default)}
        if given.texts[0] not in members:
            raise given.refuse(given.texts[0], f"is unknown: choose one of {', '.join(members)}")
        return members[given.texts[0]]

    def whole(self, name: str, default: _Default, *, least: int = 0) -> int | _Default:
        given = self.given(name)
        if given is None:
            return default
        try:
            value = int(given.texts[0])
        except ValueError:
            raise given.refuse(given.texts[0], "is not a whole number") from None
        if value < least:
            raise given.refuse(given.texts[0], f"is too small: use {least} or more")
        return value

    def real(
        self, name: str, default: _Default, *, zero: bool = True, most: float = math.inf
    ) -> float | _Default:
        given = self.given(name)
        if given is None:
            return default
        try:
            value = float(given.texts[0])
        except ValueError:
            raise given.refuse(given.texts[0], "is not a number") from None
        if math.isfinite(value) and (0 < value <= most or (zero and value == 0)):
            return value
        low = "from 0" if zero else "above 0"
        high = "" if most == math.inf else f" to {most:g}"
        raise given.refuse(given.texts[0], f"is out of range: use a number {low}{high}")

    def file(self, name: str) -> Path | None:
        given = self.given(name)
        return _file(given, given.texts[0]) if given else None

    def reports(self, name: str) -> tuple[Path, ...]:
        given = self.given(name)
        return tuple(_report(given, text) for text in given.texts) if given else ()

    def existing(self, name: str) -> tuple[Path, ...]:
        given = self.given(name)
        return tuple(_existing(given, text) for text in given.texts) if given else ()

    def directory(self, name: str) -> Path | None:
        given = self.given(name)
        if given is None:
            return None
        path = given.path(given.texts[0])
        if path.exists() and not path.is_dir():
            raise given.refuse(given.texts[0], "is not a directory: name one, or a new path")
        return path

    def names(self, name: str) -> tuple[str, ...]:
        """Names handed on to another program, which must not take them for its options."""
        given = self.given(name)
        for text in given.texts if given else ():
            if given and not re.match(r"[A-Za-z0-9]", text):
                raise given.refuse(text, "is not a name: it must begin with a letter or digit")
        return given.texts if given else ()

    def variables(self, name: str) -> tuple[str, ...]:
        given = self.given(name)
        return tuple(_variable(given, text) for text in given.texts) if given else ()


def _file(given: _Given, text: str) -> Path:
    path = given.path(text)
    if path.is_dir():
        raise given.refuse(text, "is a directory: name a file in it")
    return path


def _report(given: _Given, text: str) -> Path:
    path = _file(given, text)
    if path.suffix == ".html":
        raise given.refuse(text, "cannot be written: there is no HTML report yet, use .json")
    if path.suffix != ".json":
        raise given.refuse(text, "has no suffix that names a report: use .json")
    return path


def _existing(given: _Given, text: str) -> Path:
    path = given.path(text)
    if not path.exists():
        raise given.refuse(text, f"does not exist (looked for {path}): name an existing path")
    return path


def _variable(given: _Given, text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise given.refuse(text, "is not the name of an environment variable: give NAME only")
    if text == "SUPERCHARGE_API_KEY":
        raise given.refuse(text, "stays outside: candidate code must not see the key")
    return text


def _mode(read: _Reader) -> Mode:
    """The mode: ``--co`` means list, ``--supercharge-patch`` on the command line means patch."""
    mode = read.choice("mode", Mode.WRITE)
    typed = read.from_command_line("mode") is not None
    patch = read.from_command_line("patch")
    if patch and typed and mode is not Mode.PATCH:
        raise pytest.UsageError(
            f"--supercharge-patch={patch.texts[0]} and --supercharge-mode={mode.value}"
            " contradict each other: give one of them"
        )
    if read.config.option.collectonly and (patch or (typed and mode is not Mode.LIST)):
        other = (
            f"--supercharge-patch={patch.texts[0]}" if patch else f"--supercharge-mode={mode.value}"
        )
        raise pytest.UsageError(f"--collect-only means mode list: leave out it or {other}")
    if read.config.option.collectonly:
        return Mode.LIST
    return Mode.PATCH if patch else mode


def _contradictions(config: pytest.Config, settings: Settings) -> Iterator[str]:
    """What the command line says twice; where command line and ini differ, one just wins."""
    read = _Reader(config)
    typed = {name for name in _ByName if name and read.from_command_line(name)}
    if settings.undo:
        yield from _with_undo(settings, typed, collect_only=config.option.collectonly)
    if settings.mode is Mode.LIST and settings.record:
        yield (
            "--supercharge-record has nothing to record: mode list calls no model;"
            " leave out one of the two"
        )
    if settings.mode is not Mode.WRITE and "final" in typed and settings.final is FinalRun.HOST:
        yield (
            f"--supercharge-final=host runs the written tree, and mode {settings.mode.value}"
            " writes none: leave out one of the two"
        )
    if settings.sandbox is Engine.BUBBLEWRAP:
        for name in ("sandbox_image", "sandbox_runtime"):
            if name in typed:
                yield (
                    f"{_ByName[name].flag} is for Docker, and the sandbox is bubblewrap:"
                    " leave out one of the two"
                )
    if settings.record and str(settings.record) in _replayed(settings):
        yield f"--supercharge-record={settings.record} is what is being replayed: name another file"


def _with_undo(settings: Settings, typed: set[str], *, collect_only: bool) -> Iterator[str]:
    refused = {"fresh": settings.fresh, "record": settings.record, "patch": "patch" in typed}
    for name in (name for name, given in refused.items() if given):
        yield f"--supercharge-undo only puts files back: leave out --supercharge-{name}"
    if settings.mode is not Mode.WRITE and "mode" in typed:
        mode = settings.mode.value
        yield f"--supercharge-undo changes files: leave out --supercharge-mode={mode}"
    elif collect_only:
        yield "--supercharge-undo changes files: leave out --collect-only"


def _spec(read: _Reader, name: str) -> str | None:
    """The SPEC of an option, with the relative paths in it made absolute."""
    given = read.given(name)
    if given is None:
        return None
    try:
        spec = parse_spec(given.texts[0], is_file=lambda text: given.path(text).is_file())
    except ModelUnavailable as exc:
        raise pytest.UsageError(f"{given.where}: {exc}") from exc
    return str(spec.located(given.path))


def _judge(read: _Reader) -> str | None:
    spec = _spec(read, "judge")
    given = read.given("judge")
    if spec and given and parse_spec(spec).then:
        raise given.refuse(given.texts[0], "names two models: a judge is one")
    return spec


def _replayed(settings: Settings) -> set[str]:
    """The recordings that are answered from."""
    specs = [parse_spec(text) for text in (settings.model, settings.judge) if text]
    models = [one for spec in specs for one in spec.models]
    return {one.value for one in models if one.source is Source.RECORDING}


def _check_origin(config: pytest.Config, name: str, spec: str | None) -> None:
    """Refuse a remote server that a file of the repository chose: it would receive the code."""
    addresses = parse_spec(spec).addresses if spec else ()
    remote = [address for address in addresses if not _is_loopback(address, name)]
    if remote and not set(remote) <= _addresses_typed(config, name):
        raise pytest.UsageError(
            f"supercharge_{name} names the server {_host(remote[0], name)!r}, and this setting"
            f" comes from {config.inipath or 'a file'}: a cloned repository must not send your"
            f" code away. If you want it, give --supercharge-{name} on the command line or in"
            f" PYTEST_ADDOPTS."
        )


def _addresses_typed(config: pytest.Config, name: str) -> set[str]:
    """Servers on the real command line or in PYTEST_ADDOPTS, without those of ``addopts``.

    pytest merges all three into one, so the two trusted ones are read again here.
    """
    parser = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, fromfile_prefix_chars="@", exit_on_error=False
    )
    parser.add_argument(f"--supercharge-{name}", action="append", default=[], dest="specs")
    parser.add_argument("-o", "--override-ini", action="append", default=[])
    args = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.invocation_params.args]
    known, _ = parser.parse_known_args([str(arg) for arg in args])
    ini = [text.partition("=") for text in known.override_ini]
    overrides = [value for key, _, value in ini if key == f"supercharge_{name}"]
    return {each for text in (*known.specs, *overrides) for each in _addresses(text)}


def _addresses(text: str) -> tuple[str, ...]:
    """The servers in a SPEC; none in one that a later one has replaced and that is no SPEC."""
    try:
        return parse_spec(text).addresses
    except ModelUnavailable:
        return ()


def _host(address: str, name: str) -> str:
    from urllib.parse import urlsplit

    try:
        return urlsplit(address).hostname or ""
    except ValueError as exc:
        # Not the address: what is wrong with it may be its password.
        raise pytest.UsageError(
            f"--supercharge-{name}: an address of a server is none ({exc}):"
            " write http://HOST:PORT/v1#MODEL"
        ) from None


def _is_loopback(address: str, name: str) -> bool:
    from ipaddress import ip_address

    host = _host(address, name)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
