"""What ``python -m pytest_supercharger`` says: the table of models, and how a fetch goes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.models.hub.cache import FETCH, describe_size, gigabytes
from pytest_supercharger.models.hub.fetch import Plan
from pytest_supercharger.models.hub.preset import GB, Preset
from pytest_supercharger.models.hub.transfer import Remote

_COLUMNS = "{mark:2}{memory:>6}  {name:24}{size:>12}  {disk:8}{licence}"
_INDENT = " " * 10
_BUNDLED = "knows small, common functions, and nothing of your project; needs no fetching, no GPU"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTable:
    """The presets as this machine sees them."""

    presets: tuple[Preset, ...]
    on_disk: frozenset[str]  # names
    memory: int  # bytes this machine has for a model
    best: Preset | None  # what auto takes
    recommended: Preset | None
    user_file: Path
    bundled: int | None  # bytes of the bundled model; None: it is not there


def render_models(table: ModelTable, width: int) -> Iterator[str]:
    """One line for each preset, what is known of it below, and what ``auto`` takes."""
    head = {"mark": "", "memory": "memory", "name": "name", "size": "size", "disk": "on disk"}
    yield _COLUMNS.format(**head, licence="licence")
    if table.bundled is not None:
        yield _bundled_row(table, table.bundled)
        yield from _wrapped(_BUNDLED, width, _INDENT)
    for preset in table.presets:
        yield _row(table, preset)
        yield from _wrapped(_known(preset), width, _INDENT)
    yield ""
    yield from _wrapped(_choice(table), width)
    better = table.recommended
    if better and not (table.best and better.name == table.best.name):
        yield f"Better here: {FETCH} {better.name}"
    yield f"Presets of your own: {table.user_file}"


def _bundled_row(table: ModelTable, size: int) -> str:
    return _COLUMNS.format(
        mark="" if table.best else "*",
        memory="any",
        name="tiny",
        size=gigabytes(size),
        disk="bundled",
        licence="MIT",
    )


def _row(table: ModelTable, preset: Preset) -> str:
    licence = preset.licence if preset.commercial else f"{preset.licence}, not for commercial use"
    return _COLUMNS.format(
        mark="*" if table.best and preset.name == table.best.name else "",
        memory=f"{preset.memory / GB:g} GB",
        name=preset.name,
        size=describe_size(preset),
        disk="yes" if preset.name in table.on_disk else "no",
        licence=licence,
    ).rstrip()


def _known(preset: Preset) -> str:
    scores = f"{preset.scores} ({preset.source or 'no source given'})" if preset.scores else ""
    return "; ".join(part for part in (scores, preset.note) if part)


def _choice(table: ModelTable) -> str:
    here = f"This machine has {gigabytes(table.memory)} for a model"
    if table.best:
        return f"{here}: auto takes {table.best.name} (*), the best on disk."
    if table.bundled is None:
        return f"{here}: no preset on disk fits, and the bundled model is missing: auto finds none."
    return f"{here}: no preset on disk fits, so auto takes tiny (*), the bundled model."


class FetchLines:
    """Says in lines how a fetch goes; the bar of a file is drawn elsewhere, on a terminal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def planned(self, plan: Plan) -> None:
        for trouble in plan.discarded:
            self._say(f"{trouble}: deleted, it is fetched anew")
        for file in plan.files:
            self._say(f"{plan.repo}: {file.name}, {gigabytes(file.size)}")
        if not plan.missing:
            self._say("all of it is on disk already and is what the hub has")
            return
        there = f", {gigabytes(plan.have)} of {gigabytes(plan.size)} are there" if plan.have else ""
        self._say(f"fetching {gigabytes(plan.missing)} to {plan.folder}{there}")

    def broken(self, remote: Remote, have: int, cause: str) -> None:
        self._say(
            f"{remote.name}: the line broke at {gigabytes(have)} of {gigabytes(remote.size)} "
            f"({cause}): asking for the rest"
        )

    def unasked(self, path: Path, cause: str) -> None:
        self._say(f"{cause}; not compared with the hub, but on disk already")


def fetched(path: Path, name: str) -> Iterable[str]:
    """The file, and how to use it."""
    return (str(path), f"use it: pytest --supercharge --supercharge-model {name}")


def nothing_to_fetch() -> str:
    """Said where the bundled model is to be fetched."""
    return "tiny is the bundled model: it came with pytest-supercharger and needs no fetching"


def licence_note(preset: Preset) -> str:
    """Said before a preset is fetched."""
    limit = "" if preset.commercial else ": NOT for commercial use"
    return f"{preset.name} ({describe_size(preset)}), licence {preset.licence}{limit}"


def interrupted(name: str) -> str:
    """Said after Ctrl-C."""
    return (
        f"interrupted; what has come is kept: run the same command again to resume: {FETCH} {name}"
    )


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        max(width, 60),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
