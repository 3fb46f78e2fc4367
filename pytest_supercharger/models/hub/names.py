"""Which of a repository's files is meant by a name, a quantisation or nothing? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

PREFERRED = ("Q4_K_M", "Q4_0", "Q8_0", "F16")  # when nothing is said, in this order

_PART = re.compile(r"(?P<stem>.+)-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf", re.IGNORECASE)
_NO_MODEL = ("mmproj", "imatrix")  # GGUF files that are only beside a model


def choose_files(names: Iterable[str], wanted: str = "") -> tuple[str, ...]:
    """The file that ``wanted`` means, as all its parts in order; () where none or no one does.

    ``wanted`` is a file's name, with or without its folder, any part of a split file, a
    quantisation such as ``Q4_K_M`` in any case, or "": then the usual ones are preferred, else
    there must be only one. Split files of which a part is missing are left out.
    """
    models = _whole_models(names)
    if wanted.lower().endswith(".gguf"):
        named = [files for files in models if _is_named(files, wanted)]
        return named[0] if len(named) == 1 else ()
    if wanted:
        return _of_kind(models, wanted)
    usual = (found for kind in PREFERRED if (found := _of_kind(models, kind)))
    return next(usual, models[0] if len(models) == 1 else ())


def _whole_models(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Each model as its files, split ones after those in one piece, short names first."""
    there = {name for name in names if name.lower().endswith(".gguf") and not _is_beside(name)}
    firsts = sorted(there, key=lambda name: (_PART.fullmatch(name) is not None, len(name), name))
    models = (parts_of(name) for name in firsts)
    return list(dict.fromkeys(files for files in models if there.issuperset(files)))


def parts_of(name: str) -> tuple[str, ...]:
    """All files of the model that ``name`` is a part of."""
    match = _PART.fullmatch(name)
    if not match:
        return (name,)
    end = name[-len(".gguf") :]
    count = range(1, int(match["parts"]) + 1)
    return tuple(f"{match['stem']}-{part:05}-of-{match['parts']}{end}" for part in count)


def _is_beside(name: str) -> bool:
    return any(word in name.rpartition("/")[2].lower() for word in _NO_MODEL)


def _is_named(files: tuple[str, ...], wanted: str) -> bool:
    return any(name == wanted or name.endswith(f"/{wanted}") for name in files)


def _of_kind(models: list[tuple[str, ...]], kind: str) -> tuple[str, ...]:
    of_kind = (files for files in models if _ends_in(files[0], kind))
    return next(of_kind, ())


def _ends_in(name: str, kind: str) -> bool:
    match = _PART.fullmatch(name)
    stem = (match["stem"] if match else name[: -len(".gguf")]).rpartition("/")[2].lower()
    return stem == kind.lower() or stem.endswith(tuple(f"{sign}{kind.lower()}" for sign in "-._"))
