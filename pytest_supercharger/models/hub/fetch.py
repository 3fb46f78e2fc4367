"""Models fetched from the hub into its cache, when a user asks for it and never otherwise."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_supercharger import __version__
from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub.cache import (
    Wanted,
    files_of,
    locate,
    repository_folder,
    repository_of,
    revision_of,
)
from pytest_supercharger.models.hub.transfer import BreakWatcher, Remote, check, transfer
from pytest_supercharger.models.hub.trouble import (
    NoAnswer,
    free_bytes,
    hub_errors,
    hub_name,
    no_room,
    no_such_file,
)

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # becomes a file's name in the cache
_LARGEST = 50_000_000_000  # bytes that the hub sends over plain HTTP; above, its own protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be fetched, said before it starts."""

    repo: str
    commit: str
    files: tuple[Remote, ...]
    folder: Path  # of the repository, in the cache
    have: int = 0  # bytes of them that are on disk already
    discarded: tuple[str, ...] = ()  # what was on disk, was wrong and is deleted: the reasons

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def missing(self) -> int:
        """Bytes still to come."""
        return self.size - self.have

    def blob(self, file: Remote) -> Path:
        """Where the cache keeps the content."""
        return self.folder / "blobs" / file.digest

    def part(self, file: Remote) -> Path:
        """Where it grows."""
        return self.folder / "blobs" / f"{file.digest}.incomplete"


class FetchWatcher(BreakWatcher, Protocol):
    """Is told how a fetch goes."""

    def planned(self, plan: Plan) -> None: ...

    def unasked(self, path: Path, cause: str) -> None:
        """The hub does not answer, and what is wanted is on disk."""


def fetch(wanted: Wanted, *, watcher: FetchWatcher) -> Path:
    """Bring what is missing, check all of it, and return the file to load.

    What is on disk already is checked against the hub as well. An interrupted fetch leaves its
    part; the next one goes on with it. Where the hub cannot be reached, what is on disk will do.

    :raises ModelUnavailable: huggingface_hub is missing, the hub refuses or does not answer, the
        file is not there or is not what the hub says, or the disk is full.
    """
    folder = repository_folder(repository_of(wanted))
    try:
        with hub_errors(repository_of(wanted), folder):
            commit, files = _listing(wanted)
    except NoAnswer as exc:
        path = locate(wanted)
        if path is None:
            raise
        watcher.unasked(path, str(exc))
        return path
    with hub_errors(repository_of(wanted), folder), _alone(folder):
        return _bring(_plan(wanted, commit, files, folder), revision_of(wanted), watcher)


def _listing(wanted: Wanted) -> tuple[str, tuple[Remote, ...]]:
    """The commit, and what is wanted of it."""
    from huggingface_hub import HfApi
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT

    repo, revision = repository_of(wanted), revision_of(wanted)
    try:
        info = HfApi().model_info(
            repo, revision=revision, files_metadata=True, timeout=HF_HUB_DOWNLOAD_TIMEOUT
        )
    except (ValueError, TypeError, KeyError) as exc:
        raise ModelUnavailable(
            f"{hub_name()} does not answer like a hub ({type(exc).__name__}): check HF_ENDPOINT"
        ) from exc
    there = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    names = files_of(wanted, list(there))
    if not names:
        raise ModelUnavailable(no_such_file(wanted, list(there)))
    commit = info.sha or revision
    return commit, tuple(_remote(repo, commit, there[name]) for name in names)


def _remote(repo: str, commit: str, sibling: RepoSibling) -> Remote:
    from huggingface_hub import hf_hub_url

    digest = (sibling.lfs.sha256 if sibling.lfs else sibling.blob_id) or ""
    size = (sibling.lfs.size if sibling.lfs else sibling.size) or 0
    name = sibling.rfilename
    if not _DIGEST.fullmatch(digest) or not size:
        raise ModelUnavailable(
            f"{hub_name()} gives no size or checksum for {name} of {repo}, so it could not be "
            "checked: fetch it in another way and name the file, PATH.gguf"
        )
    url = hf_hub_url(repo, name, revision=commit)
    return Remote(name=name, size=size, digest=digest, url=url)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two fetches of one repository at once would write into the same part."""
    from huggingface_hub.utils import WeakFileLock

    lock = folder.parent / ".locks" / folder.name / "pytest-supercharger.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        yield


def _plan(wanted: Wanted, commit: str, files: tuple[Remote, ...], folder: Path) -> Plan:
    plan = Plan(repo=repository_of(wanted), commit=commit, files=files, folder=folder)
    discarded = tuple(trouble for file in files if (trouble := _discard(plan, file)))
    return replace(plan, discarded=discarded, have=sum(_on_disk(plan, file) for file in files))


def _discard(plan: Plan, file: Remote) -> str:
    """Delete what cannot be right; what it was, or ""."""
    blob, part = plan.blob(file), plan.part(file)
    if blob.exists() and (wrong := check(blob, file)):
        blob.unlink()
        return f"{file.name} on disk has {wrong}"
    if part.exists() and part.stat().st_size > file.size:
        part.unlink()
        return f"the part of {file.name} on disk is longer than the whole"
    return ""


def _on_disk(plan: Plan, file: Remote) -> int:
    if plan.blob(file).exists():
        return file.size
    part = plan.part(file)
    return part.stat().st_size if part.exists() else 0


def _bring(plan: Plan, revision: str, watcher: FetchWatcher) -> Path:
    watcher.planned(plan)
    free = free_bytes(plan.folder)
    if plan.missing > free:
        raise ModelUnavailable(no_room(plan.missing, free, plan.folder))
    paths = [_bring_file(plan, file, watcher) for file in plan.files]
    _remember(plan, revision)
    return paths[0]


def _bring_file(plan: Plan, file: Remote, watcher: FetchWatcher) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT
    from huggingface_hub.utils import build_hf_headers

    blob, part = plan.blob(file), plan.part(file)
    if not blob.exists() and file.size <= _LARGEST:
        headers = build_hf_headers(library_name="pytest-supercharger", library_version=__version__)
        blob.parent.mkdir(parents=True, exist_ok=True)
        transfer(file, part, headers, watcher=watcher, timeout=HF_HUB_DOWNLOAD_TIMEOUT)
        _keep_only_if_right(part, file)
        part.replace(blob)
    try:  # it finds the content in place and makes the name for it, as the file system allows
        path = Path(hf_hub_download(plan.repo, file.name, revision=plan.commit))
    except ValueError as exc:  # too large for plain HTTP, and hf_xet is missing
        raise ModelUnavailable(f"{file.name} cannot be fetched: {exc}") from exc
    if file.size > _LARGEST:
        _keep_only_if_right(path.resolve(), file)
    return path


def _keep_only_if_right(path: Path, file: Remote) -> None:
    if wrong := check(path, file):
        path.unlink()
        raise ModelUnavailable(
            f"{file.name} came with {wrong}; it is deleted: run the same command again, and if it "
            f"comes like this once more, {hub_name()} or a proxy on the way spoils it"
        )


def _remember(plan: Plan, revision: str) -> None:
    """Note which commit the revision was, so that other programs find the file offline."""
    reference = plan.folder / "refs" / revision
    reference.parent.mkdir(parents=True, exist_ok=True)
    new = reference.with_name(f"{reference.name}.{os.getpid()}")
    new.write_text(plan.commit, "ascii")
    new.replace(reference)
