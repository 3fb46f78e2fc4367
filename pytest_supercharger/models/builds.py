"""What was learned about a build of llama.cpp on this machine with one model, kept for next time.

A self-check may end the process that makes it, so it is made once: at the first use of a build, a
CPU and a file together. The file's digest is kept as well: it costs a minute for a large one.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_OLD = 30 * 24 * 3600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How a build was found to work, or what is to be tried first."""

    extra_buffers: bool = True  # weights are laid out anew for this CPU
    batched: bool = True  # many sequences are decoded together
    checked: int | None = None  # layers on the GPU with which it passed the self-check like this
    remarks: tuple[str, ...] = ()  # what was switched off and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """A folder of small files, one for each thing that is known."""

    folder: Path

    def recall(self, *key: str) -> Known | None:
        """What is known; None: nothing, or it cannot be read.

        What was switched off is tried again after a month: it may have been something else.
        """
        data = self._read("build", key)
        remarks, checked = data.get("remarks"), data.get("checked")
        if not isinstance(remarks, list) or (remarks and self._is_old("build", key)):
            return None
        return Known(
            extra_buffers=bool(data.get("extra_buffers")),
            batched=bool(data.get("batched")),
            checked=checked if isinstance(checked, int) else None,
            remarks=tuple(map(str, remarks)),
        )

    def remember(self, known: Known, *key: str) -> None:
        self._write("build", key, asdict(known))

    def digest(self, path: Path) -> str:
        """The sha256 of a file with all its parts; stored for as long as none of them changes."""
        key = identity_of(path)
        digest = str(self._read("digest", key).get("sha256", ""))
        if not digest:
            digest = _sha256(parts_of(path))
            self._write("digest", key, {"sha256": digest})
        return digest

    def _read(self, kind: str, key: tuple[str, ...]) -> dict[str, object]:
        try:
            data = json.loads(self._path(kind, key).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _is_old(self, kind: str, key: tuple[str, ...]) -> bool:
        return time.time() - self._path(kind, key).stat().st_mtime > _OLD

    def _write(self, kind: str, key: tuple[str, ...], data: dict[str, object]) -> None:
        path = self._path(kind, key)
        part = path.with_suffix(f".{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(data), "utf-8")
            part.replace(path)
        except OSError:
            pass  # a full or read-only cache only means that it is found out again

    def _path(self, kind: str, key: tuple[str, ...]) -> Path:
        name = hashlib.sha256("\0".join(key).encode()).hexdigest()[:32]
        return self.folder / f"{kind}-{name}.json"


def default_folder() -> Path:
    """In the user's cache."""
    from platformdirs import user_cache_path

    return user_cache_path("pytest-supercharger") / "llama.cpp"


def parts_of(path: Path) -> Sequence[Path]:
    """All files of a GGUF that was split, its first one given; else that one."""
    head, mark, count = path.name.rpartition("-00001-of-")
    wanted = f"{glob.escape(head)}-?????-of-{glob.escape(count)}"
    return sorted(path.parent.glob(wanted)) if mark else [path]


def identity_of(path: Path) -> tuple[str, ...]:
    """What changes when a model file, or a part of it, is replaced."""
    stats = [(part.resolve(), part.stat()) for part in parts_of(path)]
    return tuple(f"{name} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}" for name, stat in stats)


def _sha256(parts: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
