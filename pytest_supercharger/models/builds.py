"""What was learned about a build of llama.cpp on this machine with one model, kept for next time.

A self-check may end the process that makes it, so it is made once: at the first use of a build, a
CPU and a file together. The file's digest is kept as well: it costs a minute for a large one.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How a build was found to work, or what is to be tried first."""

    extra_buffers: bool = True  # weights are laid out anew for this CPU
    batched: bool = True  # many sequences are decoded together
    checked: bool = False  # it has passed the self-check like this
    remarks: tuple[str, ...] = ()  # what was switched off and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """A folder of small files, one for each thing that is known."""

    folder: Path

    def recall(self, *key: str) -> Known | None:
        """What is known; None: nothing, or it cannot be read."""
        data = self._read("build", key)
        remarks = data.get("remarks")
        if not isinstance(remarks, list):
            return None
        return Known(
            extra_buffers=bool(data.get("extra_buffers")),
            batched=bool(data.get("batched")),
            checked=bool(data.get("checked")),
            remarks=tuple(map(str, remarks)),
        )

    def remember(self, known: Known, *key: str) -> None:
        self._write("build", key, asdict(known))

    def digest(self, path: Path) -> str:
        """The sha256 of a file; from the store as long as its size and times are the same."""
        stat = path.stat()
        key = (*map(str, (path.resolve(), stat.st_size, stat.st_mtime_ns, stat.st_ino)),)
        data = self._read("digest", key)
        digest = str(data.get("sha256", "")) if data else ""
        if not digest:
            digest = _sha256(path)
            self._write("digest", key, {"sha256": digest})
        return digest

    def _read(self, kind: str, key: tuple[str, ...]) -> dict[str, object]:
        try:
            data = json.loads(self._path(kind, key).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

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


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
