"""``pytest --supercharge``, from pytest's configuration to an exit code.

The only place besides :mod:`.plugin` that knows pytest's objects, and the only one that makes
concrete models and sandboxes: everything after it is handed protocols.
"""

from __future__ import annotations

import fnmatch
import os
import shlex
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_supercharger import __version__
from pytest_supercharger.arguments import Arguments, take_apart, without_ours
from pytest_supercharger.bundled import prompts_dir
from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.config import FinalRun, Mode, Settings
from pytest_supercharger.deliver import save_patch
from pytest_supercharger.evidence import Evidence
from pytest_supercharger.fill import Filled, NotFilled
from pytest_supercharger.ledger import Ledger, ledger_path, tree_fingerprint
from pytest_supercharger.memory import RememberingModel, RememberingSandbox
from pytest_supercharger.models.base import Model
from pytest_supercharger.models.unasked import UnaskedModel
from pytest_supercharger.options import ini_options
from pytest_supercharger.prompts import Prompt, Prompts, RequestKind, load_prompts
from pytest_supercharger.reporting.json import write_json
from pytest_supercharger.reporting.notices import render_nothing, render_undo
from pytest_supercharger.reporting.progress import Note, Progress, Started, open_progress
from pytest_supercharger.reporting.report import Report
from pytest_supercharger.reporting.terminal import Writer, render_report
from pytest_supercharger.roles import Bigger, Foreseen, Roles, foresee, open_roles
from pytest_supercharger.run import Inputs, Rooms, run
from pytest_supercharger.sandboxes.base import Project, Sandbox
from pytest_supercharger.sandboxes.choose import choose_sandbox_launcher
from pytest_supercharger.sandboxes.worker import PooledSandbox
from pytest_supercharger.stubs import Found, SourceText, Stub, find_stubs, read_source
from pytest_supercharger.undo import undo_last_run

if TYPE_CHECKING:
    import pytest


def main(config: pytest.Config, settings: Settings, writer: Writer) -> int | None:
    """Do what ``settings`` ask for; None when there is nothing to do and pytest shall go on.

    Raises SetupError for what the user must mend first.
    """
    if settings.undo:
        return _undo(config, settings, writer)
    found = find_stubs(
        config.rootpath,
        norecurse=config.getini("norecursedirs"),
        python_files=config.getini("python_files"),
    )
    stubs = list(found.stubs)
    config.hook.pytest_supercharge_stubs(config=config, stubs=stubs)
    if not stubs:
        return _nothing_to_do(settings, found, writer)
    report = _fill(
        config, settings, Found(stubs=tuple(stubs), unreadable=found.unreadable, files=found.files)
    )
    render_report(report, writer, config.option.verbose)
    for path in settings.report:
        write_json(path, report)
    if settings.final is FinalRun.HOST and settings.mode is Mode.WRITE and not report.interrupted:
        return _final_on_host(config, settings, report, writer)
    return report.exit


def _final_on_host(
    config: pytest.Config, settings: Settings, report: Report, writer: Writer
) -> int:
    """The report files are there before it runs, and have its result afterwards."""
    code = _run_on_host(config, writer)
    note = f"the final run on the host ended with exit code {code}"
    exit_code = max(report.exit, 0 if code in (0, 5) else 1)
    for path in settings.report:
        write_json(path, replace(report, exit=exit_code, notes=(*report.notes, note)))
    return exit_code


def _nothing_to_do(settings: Settings, found: Found, writer: Writer) -> int | None:
    report = Report(mode=settings.mode.value, exit=0, stubs=())
    render_nothing(found, writer)
    for path in settings.report:
        write_json(path, report)
    if settings.mode is Mode.PATCH:
        save_patch(settings.patch, [])
    return None if settings.mode is Mode.WRITE else 0


def _undo(config: pytest.Config, settings: Settings, writer: Writer) -> int:
    path = ledger_path(settings.state_dir, config.rootpath)
    with Ledger.open(path, fresh=False) as ledger:
        undone = undo_last_run(ledger, config.rootpath, settings.patch)
    render_undo(undone.restored, undone.refused, undone.patch, writer)
    return 1 if undone.refused else 0


def _fill(config: pytest.Config, settings: Settings, found: Found) -> Report:
    """Open what a run needs, run it, and close everything whatever happens."""
    arguments, addopts = _arguments(config)
    with ExitStack() as stack:
        ledger = stack.enter_context(
            Ledger.open(ledger_path(settings.state_dir, config.rootpath), fresh=settings.fresh)
        )
        roles = stack.enter_context(_roles(config, settings))
        project = _project(config, settings, arguments, addopts)
        sandbox = stack.enter_context(closing(_sandbox(config, settings, project)))
        command = _command(config)
        number = ledger.begin_run(
            settings.mode.value, command, roles.writer.info.name, sandbox.info.backend
        )
        progress = stack.enter_context(_progress(config))
        who = _foreseen(config, settings, roles)
        _say_who(progress, who, len(found.stubs), sandbox)
        inputs = _inputs(config, settings, found, arguments, addopts, command)

        def remembering(model: Model) -> Model:
            return RememberingModel(model, ledger, run=number)

        rooms = Rooms(
            model=remembering(roles.writer),
            judge=remembering(roles.judge) if roles.judge else None,
            judge_info=roles.judge_info,
            bigger=_remembered(roles.bigger, remembering) if roles.bigger else None,
            sandbox=RememberingSandbox(
                sandbox, ledger, run=number, tree=_fingerprint(config, settings)
            ),
            prompts=_wording(settings, who),
            hooks=_ConftestHooks(config),
            ledger=ledger,
            ledger_run=number,
            progress=progress,
        )
        report = run(inputs, rooms)
        ledger.end_run(number, report.exit)
    if settings.mode is Mode.LIST:  # nobody was asked
        return replace(report, model=who.writer, then=who.bigger, judge=who.judge)
    return report


def _fingerprint(config: pytest.Config, settings: Settings) -> str:
    """What an outcome depends on besides its check: the tree, what is installed, and ourselves."""
    ours = [settings.patch, *settings.report, *([settings.record] if settings.record else [])]
    tree = tree_fingerprint(config.rootpath, config.getini("norecursedirs"), ours)
    packages = Path(sysconfig.get_path("purelib")).stat().st_mtime_ns  # changes with an install
    return f"{tree} {packages} {__version__}"


# --- what the run works with


@contextmanager
def _roles(config: pytest.Config, settings: Settings) -> Iterator[Roles]:
    if settings.mode is Mode.LIST:
        yield Roles(writer=UnaskedModel(), judge=None, judge_info=None, bigger=None, notes=())
        return
    with open_roles(settings, config.rootpath, _brought(config)) as roles:
        yield roles


def _brought(config: pytest.Config) -> Model | None:
    """A model from a conftest."""
    model: Model | None = config.hook.pytest_supercharge_model(config=config)
    return model


def _foreseen(config: pytest.Config, settings: Settings, roles: Roles) -> Foreseen:
    """Who runs; for a list, who would."""
    if settings.mode is Mode.LIST:
        brought = _brought(config)
        with closing(brought) if brought else nullcontext():
            return foresee(settings, config.rootpath, brought.info if brought else None)
    return Foreseen(
        writer=roles.writer.info,
        bigger=roles.bigger.info if roles.bigger else None,
        judge=roles.judge_info,
        notes=roles.notes,
    )


def _wording(settings: Settings, who: Foreseen) -> Prompts:
    """Of all families; for a list, that of the model which would be asked."""
    prompts = load_prompts(prompts_dir())
    if settings.mode is Mode.LIST and who.writer:
        return prompts.of(who.writer.family)
    return prompts


def _say_who(progress: Progress, who: Foreseen, stubs: int, sandbox: Sandbox) -> None:
    started = Started(
        stubs=stubs, model=who.writer, then=who.bigger, judge=who.judge, sandbox=sandbox.info
    )
    progress.tell(started)
    for note in who.notes:
        progress.tell(Note(text=note))


def _remembered(bigger: Bigger, remembering: Callable[[Model], Model]) -> Bigger:
    return replace(bigger, open=lambda: remembering(bigger.open()))


def _sandbox(config: pytest.Config, settings: Settings, project: Project) -> Sandbox:
    sandbox: Sandbox | None = config.hook.pytest_supercharge_sandbox(config=config)
    if sandbox is not None:
        return sandbox
    launcher = choose_sandbox_launcher(
        settings.sandbox.value,
        project,
        image=settings.sandbox_image,
        runtime=settings.sandbox_runtime,
        allow=settings.sandbox_allow,
    )
    return PooledSandbox(launcher, project, workers=len(os.sched_getaffinity(0)))


@contextmanager
def _progress(config: pytest.Config) -> Iterator[Progress]:
    color = {"yes": True, "no": False}.get(str(config.option.color))
    with open_progress(sys.stdout, verbosity=config.option.verbose, color=color) as progress:
        yield progress


class _ConftestHooks:
    """The Hooks protocol over the hooks of conftest files and plugins."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._hook = config.hook

    def prompt(self, stub: Stub, request: RequestKind, prompt: Prompt) -> Prompt:
        changed = self._hook.pytest_supercharge_prompt(
            config=self._config, stub=stub, request=request, prompt=prompt
        )
        return changed or prompt

    def reject(self, stub: Stub, candidate: CodeCandidate) -> str | None:
        reason: str | None = self._hook.pytest_supercharge_reject(
            config=self._config, stub=stub, candidate=candidate
        )
        return reason

    def select(self, stub: Stub, evidence: Evidence) -> str | None:
        chosen: str | None = self._hook.pytest_supercharge_select(
            config=self._config, stub=stub, evidence=evidence
        )
        return chosen

    def filled(self, stub: Stub, result: Filled | NotFilled) -> None:
        self._hook.pytest_supercharge_filled(config=self._config, stub=stub, result=result)


# --- from pytest's configuration


def _arguments(config: pytest.Config) -> tuple[Arguments, Arguments]:
    """The command line, and what stands before it: addopts and PYTEST_ADDOPTS."""
    positional = [str(path) for path in config.option.file_or_dir or ()]
    typed = _expanded(map(str, config.invocation_params.args))
    before = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.getini("addopts")]
    return take_apart(typed, positional), take_apart(before, positional)


def _expanded(words: Iterable[str]) -> Iterator[str]:
    """With the files of arguments (``@path``) taken in, one argument a line, as pytest does."""
    for word in words:
        if word.startswith("@") and os.path.isfile(word[1:]):
            yield from _expanded(Path(word[1:]).read_text("utf-8").splitlines())
        else:
            yield word


def _project(
    config: pytest.Config, settings: Settings, arguments: Arguments, addopts: Arguments
) -> Project:
    rootdir = config.rootpath
    python_path = [*(str(path) for path in config.getini("pythonpath")), str(rootdir)]
    return Project(
        rootdir=str(rootdir),
        invocation_dir=str(config.invocation_params.dir),
        ini_file=str(config.inipath or ""),
        args=(*addopts.options, *arguments.options),
        cwd_on_path="" in sys.path or str(config.invocation_params.dir) in sys.path,
        python_path=(*python_path, str(rootdir / "src")),
        options=ini_options(),
        mounts=tuple(map(str, settings.sandbox_mount)),
        env=tuple((name, os.environ[name]) for name in settings.sandbox_env if name in os.environ),
    )


def _inputs(
    config: pytest.Config,
    settings: Settings,
    found: Found,
    arguments: Arguments,
    addopts: Arguments,
    command: tuple[str, ...],
) -> Inputs:
    sources_named = [path for path in arguments.positional if _is_source(config, path)]
    tests_named = [path for path in arguments.positional if path not in sources_named]
    selecting = (*addopts.selecting, *arguments.selecting)
    return Inputs(
        settings=settings,
        rootdir=config.rootpath,
        found=found,
        sources=_read_sources(config.rootpath, found),
        only=(*settings.only, *(_relative(config, path) for path in sources_named)),
        selection=(*selecting, *addopts.positional, *tests_named),
        narrowed=bool(arguments.selecting) or _narrow(config, tests_named),
        command=command,
        notes=_dropped(arguments, addopts),
    )


def _narrow(config: pytest.Config, tests_named: Sequence[str]) -> bool:
    """Whether these paths leave any tests out: the rootdir, or all testpaths, do not."""
    here, rootdir = config.invocation_params.dir, config.rootpath
    whole = [rootdir / path for path in config.getini("testpaths")] or [rootdir]
    named = [Path(os.path.abspath(here / test)) for test in tests_named]
    covered = [any(each in (path, *path.parents) for each in named) for path in whole]
    return bool(named) and not all(covered)


def _dropped(arguments: Arguments, addopts: Arguments) -> tuple[str, ...]:
    dropped = [*addopts.dropped, *arguments.dropped]
    return (f"without effect in the sandbox: {' '.join(dropped)}",) if dropped else ()


def _read_sources(rootdir: Path, found: Found) -> dict[str, SourceText]:
    return {path: read_source(rootdir / path) for path in {stub.path for stub in found.stubs}}


def _is_source(config: pytest.Config, argument: str) -> bool:
    """Whether a positional argument names source rather than tests.

    A Python file that is no test file by ``python_files``, or a package without any.
    """
    path = config.invocation_params.dir / argument

    def is_test(name: str) -> bool:
        return any(fnmatch.fnmatch(name, pattern) for pattern in config.getini("python_files"))

    if path.suffix == ".py":
        return path.is_file() and not is_test(path.name)
    if not path.is_dir():
        return False
    names = [each.name for each in path.rglob("*.py")]
    return bool(names) and not any(map(is_test, names))


def _relative(config: pytest.Config, argument: str) -> str:
    path = Path(os.path.abspath(config.invocation_params.dir / argument))
    return os.path.relpath(path, config.rootpath).replace(os.sep, "/")


def _command(config: pytest.Config) -> tuple[str, ...]:
    """How to start the same run again."""
    started_as_module = Path(sys.argv[0]).name == "__main__.py"
    start = ("python", "-m", "pytest") if started_as_module else ("pytest",)
    return (*start, *map(str, config.invocation_params.args))


def _run_on_host(config: pytest.Config, writer: Writer) -> int:
    """The user's own pytest on the written tree: chosen code runs outside the sandbox here."""
    import subprocess

    words = without_ours(map(str, config.invocation_params.args))
    writer.sep("-", "final run on the host", bold=True)
    command = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(command, cwd=config.invocation_params.dir, check=False).returncode
