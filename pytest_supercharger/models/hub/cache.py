"""Models of the Hugging Face hub on this machine: found in its cache, never fetched from here.

Nothing here touches the network; :mod:`.fetch` does, and only when a user asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub.names import choose_files
from pytest_supercharger.models.hub.preset import GB, Preset

FETCH = "python -m pytest_supercharger fetch"

_SPEC = re.compile(r"hf:(?P<repo>[A-Za-z0-9][\w.-]*/[\w.-]+)(?::(?P<file>.*))?")
_FILE = re.compile(r"[\w.+-]+(?:/[\w.+-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A GGUF of a repository, named more or less exactly."""

    repo: str  # ORG/REPO
    file: str = ""  # its name, a quantisation such as Q4_K_M, or "": the usual one
    revision: str = "main"

    def __str__(self) -> str:
        return f"hf:{self.repo}:{self.file}" if self.file else f"hf:{self.repo}"


Wanted = HubFile | Preset


def parse_hub_spec(text: str) -> HubFile:
    """Take ``hf:ORG/REPO[:FILE-or-quant]`` apart.

    :raises ModelUnavailable: it is none.
    """
    match = _SPEC.fullmatch(text.strip())
    file = (match["file"] or "") if match else ""
    dots = {".", ".."} & set(file.split("/"))
    if not match or dots or (match["file"] is not None and not _FILE.fullmatch(file)):
        raise ModelUnavailable(
            f"{text!r} names no file of a hub: write hf:ORG/REPO, hf:ORG/REPO:FILE.gguf or"
            " hf:ORG/REPO:Q4_K_M"
        )
    return HubFile(repo=match["repo"], file=file)


def repository_of(wanted: Wanted) -> str:
    """ORG/REPO."""
    return wanted.repository if isinstance(wanted, Preset) else wanted.repo


def revision_of(wanted: Wanted) -> str:
    """Branch, tag or commit."""
    return "main" if isinstance(wanted, Preset) else wanted.revision


def name_of(wanted: Wanted) -> str:
    """As it is given on the command line."""
    return wanted.name if isinstance(wanted, Preset) else str(wanted)


def files_of(wanted: Wanted, names: list[str]) -> tuple[str, ...]:
    """Those of ``names`` that are wanted, the first part first; () if not all are there."""
    if isinstance(wanted, Preset):
        return wanted.files if set(wanted.files) <= set(names) else ()
    return choose_files(names, wanted.file)


def locate(wanted: Wanted) -> Path | None:
    """The file to load, of a split GGUF the first part; None: not all of it is on disk.

    :raises ModelUnavailable: huggingface_hub is missing.
    """
    for snapshot in _snapshots(repository_of(wanted), revision_of(wanted)):
        paths = (path for path in snapshot.rglob("*") if path.suffix.lower() == ".gguf")
        names = [path.relative_to(snapshot).as_posix() for path in paths if path.is_file()]
        chosen = files_of(wanted, names)
        if chosen:
            return snapshot / chosen[0]
    return None


def missing_message(wanted: Wanted) -> str:
    """Said where a model is wanted that is not on disk: its size and the command for it."""
    if isinstance(wanted, Preset):
        what = f"the preset {wanted.name} ({describe_size(wanted)}) is not on disk"
        return f"{what}: fetch it once with `{FETCH} {wanted.name}`"
    return (
        f"{wanted} is not on disk: fetch it once with `{FETCH} {wanted}`, which says its size"
        " before it starts"
    )


def describe_size(preset: Preset) -> str:
    """``4.68 GB``, ``about 8 GB``."""
    return f"about {gigabytes(preset.size)}" if preset.about else gigabytes(preset.size)


def gigabytes(size: int) -> str:
    """Bytes as decimal units: ``18.56 GB``, ``512 KB``, ``12 bytes``."""
    for unit, factor in (("GB", GB), ("MB", 1_000_000), ("KB", 1000)):
        if size >= factor:
            return f"{size / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{size} bytes"


def repository_folder(repo: str) -> Path:
    """Where the hub's cache keeps a repository; HF_HOME and HF_HUB_CACHE move it.

    :raises ModelUnavailable: huggingface_hub is missing.
    """
    try:
        from huggingface_hub.constants import HF_HUB_CACHE
    except ImportError as exc:
        raise ModelUnavailable(
            f"models of the hub need huggingface_hub, which cannot be imported ({exc}): "
            'pip install "pytest-supercharger[llama]"'
        ) from exc
    return Path(HF_HUB_CACHE).expanduser() / f"models--{repo.replace('/', '--')}"


def _snapshots(repo: str, revision: str) -> Iterator[Path]:
    """The revision's first, then all others, the newest first.

    Other programs move the revision on when they read as much as the README of a newer commit;
    the weights of an older one are as good as they were.
    """
    folder = repository_folder(repo)
    reference = folder / "refs" / revision
    commit = reference.read_text("ascii").strip() if reference.is_file() else revision
    snapshots = [path for path in (folder / "snapshots").glob("*") if path.is_dir()]
    yield from sorted(snapshots, key=lambda path: (path.name != commit, -path.stat().st_mtime))
