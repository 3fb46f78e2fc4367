"""One TOML of presets, read and checked: the package's own, or the user's of the same shape."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.exceptions import ModelUnavailable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GB = 1_000_000_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_RESERVED = ("auto", "tiny")
_REQUIRED = ("name", "repository", "files", "size_gb", "memory_gb")
_KINDS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "repository": (str,),
    "files": (list,),
    "size_gb": (int, float),
    "about": (bool,),
    "memory_gb": (int, float),
    "context": (int,),
    "licence": (str,),
    "commercial": (bool,),
    "scores": (str,),
    "source": (str,),
    "note": (str,),
}
_WORDS = {str: "a text", list: "a list of texts", int: "a number", float: "a number"}
_WORDS |= {bool: "true or false", dict: "a table of numbers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A GGUF with a name, and what is known of it."""

    name: str
    repository: str  # ORG/REPO on the hub
    files: tuple[str, ...]  # the parts of a split GGUF in order, else one
    size: int  # bytes of all files together
    about: bool = False  # the size is a round figure
    memory: int  # bytes a machine or its GPUs should have for it
    context: int = 0  # tokens it was trained for; 0: not known
    licence: str = "not known"
    commercial: bool = True  # the licence allows commercial use
    scores: str = ""  # as published
    source: str = ""  # where the scores were published
    note: str = ""


def read_presets(path: Path) -> dict[str, Preset]:
    """The presets of a file by name, in its order.

    :raises ModelUnavailable: the file cannot be read or holds something else; the message names
        file, preset and key.
    """
    data = _load(path)
    unknown = data.keys() - {"preset"}
    if unknown:
        raise ModelUnavailable(
            f"{path}: unknown key {min(unknown)!r} at the top: each preset is a [[preset]]"
        )
    rows = data.get("preset", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ModelUnavailable(f"{path}: preset must be a list: write [[preset]] above each")
    presets: dict[str, Preset] = {}
    for number, row in enumerate(rows, 1):
        preset = _Row(path, number, row).read()
        if preset.name in presets:
            raise ModelUnavailable(f"{path}: preset {preset.name!r} stands there twice: remove one")
        presets[preset.name] = preset
    return presets


def _load(path: Path) -> dict[str, object]:
    try:
        return dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as exc:
        raise ModelUnavailable(f"{path} cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ModelUnavailable(f"{path} is not TOML: {exc}") from exc


class _Row:
    """One [[preset]], as it was found."""

    def __init__(self, path: Path, number: int, row: dict[str, object]) -> None:
        self._row = row
        name = row.get("name")
        self._where = f"{path}: preset {name!r}" if name else f"{path}: preset number {number}"

    def read(self) -> Preset:
        self._check_keys()
        return Preset(
            name=self._matching("name", _NAME, "letters, digits, '.', '_' and '-'"),
            repository=self._matching("repository", _REPOSITORY, "ORG/REPO"),
            files=self._files(),
            size=self._bytes("size_gb"),
            about=bool(self._row.get("about", False)),
            memory=self._bytes("memory_gb"),
            context=int(self._number("context")) if "context" in self._row else 0,
            licence=self._text("licence") or "not known",
            commercial=bool(self._row.get("commercial", True)),
            scores=self._text("scores"),
            source=self._text("source"),
            note=self._text("note"),
        )

    def _check_keys(self) -> None:
        for key in _REQUIRED:
            if key not in self._row:
                raise self._error(f"{key} is missing")
        for key, value in self._row.items():
            kinds = _KINDS.get(key)
            if kinds is None:
                raise self._error(f"unknown key {key!r}: known are {', '.join(_KINDS)}")
            if not _is_one_of(value, kinds):
                raise self._error(f"{key} is {value!r}, it must be {_WORDS[kinds[0]]}")

    def _matching(self, key: str, pattern: re.Pattern[str], rule: str) -> str:
        text = self._text(key)
        if not pattern.fullmatch(text) or text in _RESERVED or text.lower().endswith(".gguf"):
            raise self._error(f"{key} is {text!r}, it must be {rule}, and no word in use already")
        return text

    def _files(self) -> tuple[str, ...]:
        names = self._row["files"]
        assert isinstance(names, list)
        fits = [isinstance(name, str) and _is_inside(name) for name in names]
        if not names or not all(fits):
            raise self._error(f"files is {names!r}, it must list .gguf files of the repository")
        return tuple(names)

    def _bytes(self, key: str) -> int:
        number = self._number(key)
        if not 0 < number < 1e6:
            raise self._error(f"{key} is {number}, it must be decimal gigabytes above 0")
        return round(number * GB)

    def _text(self, key: str) -> str:
        return str(self._row.get(key, ""))

    def _number(self, key: str) -> float:
        value = self._row[key]
        assert isinstance(value, (int, float))
        return value

    def _error(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(f"{self._where}: {what}")


def _is_one_of(value: object, kinds: tuple[type, ...]) -> bool:
    """``isinstance``, but True is no number."""
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _is_inside(name: str) -> bool:
    """A GGUF's name that does not lead out of its repository."""
    parts = name.split("/")
    return name.lower().endswith(".gguf") and not {"", ".", ".."} & set(parts) and "\\" not in name
