"""``python -m pytest_supercharger``: which models there are, and fetching one.

Apart from pytest, because a test run never downloads anything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from pytest_supercharger.bundled import tiny_model
from pytest_supercharger.exceptions import SetupError

if TYPE_CHECKING:
    from pytest_supercharger.models.hub.cache import Wanted

_INTERRUPTED = 2
_NOT_READ = 141  # as of a command that SIGPIPE ends
_SETUP = 4  # as pytest's exit code for what the user must mend


class _Parser(argparse.ArgumentParser):
    """Ends with pytest's exit code for a bad command line; argparse's own is ours for Ctrl-C."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_SETUP, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    options = _parser().parse_args(arguments)
    # Before huggingface_hub is imported, which reads it once: nothing is told to anybody.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        code = _fetch(options.model) if options.command == "fetch" else _models()
        sys.stdout.flush()  # here, not when Python ends: it would complain there
    except SetupError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return _SETUP
    except BrokenPipeError:
        _leave_pipe()
        return _NOT_READ
    return code


def _leave_pipe() -> None:
    """Nobody reads any more: Python's last flush goes nowhere, as its manual advises."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m pytest_supercharger")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    fetch = commands.add_parser(
        "fetch",
        help="fetch a model once; runs use it offline",
        description="Fetch a model into the Hugging Face cache (HF_HOME moves it). An interrupted "
        "fetch goes on where it was. Exit codes: 0 it is there and checked, 2 interrupted, 4 it "
        "cannot be had, with the reason.",
    )
    fetch.add_argument(
        "model",
        metavar="NAME|hf:ORG/REPO[:FILE-or-quant]",
        help="a preset, or a GGUF file of a repository: by its name, by its quantisation such as "
        "Q4_K_M, or the usual one",
    )
    commands.add_parser(
        "models", help="list the models there are, and which one this machine would take"
    )
    return parser


def _fetch(name: str) -> int:
    from pytest_supercharger.models.hub.fetch import fetch
    from pytest_supercharger.reporting.fetching import (
        FetchLines,
        fetched,
        interrupted,
        nothing_to_fetch,
    )

    if name == "tiny":
        path = tiny_model()
        _say(nothing_to_fetch())
        return _use(fetched(path, name))
    wanted = _wanted(name)
    try:
        path = fetch(wanted, watcher=FetchLines(_say))
    except KeyboardInterrupt:
        _say(f"\n{interrupted(name)}")
        return _INTERRUPTED
    return _use(fetched(path, name))


def _use(lines: Iterable[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _wanted(name: str) -> Wanted:
    from pytest_supercharger.models.hub.cache import parse_hub_spec
    from pytest_supercharger.models.hub.presets import load_presets
    from pytest_supercharger.reporting.fetching import licence_note

    if name.startswith("hf:"):
        return parse_hub_spec(name)
    presets = load_presets()
    if name == "auto":
        raise SetupError(
            "auto is no model, it takes the best preset on disk, else tiny; nothing was fetched: "
            f"{_advice()}"
        )
    if name not in presets:
        raise SetupError(
            f"there is no preset {name!r}: presets are {', '.join(presets)}; any other GGUF of the "
            "hub is hf:ORG/REPO[:FILE-or-quant]"
        )
    _say(licence_note(presets[name]))
    return presets[name]


def _advice() -> str:
    """Which preset to fetch instead."""
    from pytest_supercharger.models.hub.cache import FETCH, describe_size, gigabytes
    from pytest_supercharger.models.hub.presets import recommended
    from pytest_supercharger.models.machine import memory_for_models

    memory = memory_for_models()
    best = recommended(memory)
    if best is None:
        return f"no preset fits this machine ({gigabytes(memory)} for a model)"
    return f"for this machine {best.name} ({describe_size(best)}) is best: {FETCH} {best.name}"


def _models() -> int:
    from pytest_supercharger.models.hub.cache import locate
    from pytest_supercharger.models.hub.presets import (
        best_on_disk,
        load_presets,
        recommended,
        user_file,
    )
    from pytest_supercharger.models.machine import memory_for_models
    from pytest_supercharger.reporting.fetching import ModelTable, render_models

    presets = tuple(load_presets().values())
    memory = memory_for_models()
    table = ModelTable(
        presets=presets,
        on_disk=frozenset(preset.name for preset in presets if locate(preset)),
        memory=memory,
        best=best_on_disk(memory),
        recommended=recommended(memory),
        user_file=user_file(),
        bundled=_bundled_size(),
    )
    for line in render_models(table, shutil.get_terminal_size().columns):
        print(line)
    return 0


def _bundled_size() -> int | None:
    """Bytes; None where the file is missing, which leaves the presets."""
    try:
        return tiny_model().stat().st_size
    except SetupError:
        return None


def _say(text: str) -> None:
    """To stderr: stdout holds the result alone."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
