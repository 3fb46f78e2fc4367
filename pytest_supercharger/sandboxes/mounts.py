"""Which of the user's folders are seen inside, and what in them is hidden.

The same for every back end: bubblewrap and Docker only write the plan down in their own way.
Everything is read-only and appears at its own path.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_supercharger.exceptions import SandboxError, SandboxUnavailable
from pytest_supercharger.sandboxes.base import Project

NOBODY = 65532  # uid and gid inside where the caller's own must not be used
INSIDE = "/.supercharger"  # where the folder sandbox/ is mounted
SCRATCH = "/tmp"  # the one place inside that can be written to
HIDDEN = "hidden"  # the empty file in sandbox/ that is mounted over what must not be read
_RESERVED = ("/", "/tmp", "/proc", "/dev", "/usr", "/etc", INSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """What to mount, in this order."""

    folders: tuple[str, ...]  # empty and read-only; what is below is bound one by one
    binds: tuple[tuple[str, str], ...]  # host path, path inside; read-only, parents first
    hidden_folders: tuple[str, ...]  # covered by an empty folder
    hidden_files: tuple[str, ...]  # covered by an empty file
    unreadable: tuple[str, ...]  # left out: only their owner may read them


def plan_mounts(
    trees: Iterable[str],
    *,
    folders: Iterable[str] = (),
    private: Sequence[str] = (),
    replaced: Mapping[str, Path] | None = None,
    reader: int | None = None,
) -> Mounts:
    """Where each of ``trees`` is bound, with ``replaced`` (path inside -> host file) on top.

    ``folders`` must exist inside, with nothing of their own. In the trees ``private`` secrets
    are hidden. ``reader`` is the uid inside where it differs from the caller's: a folder closed
    to it is opened by binding what it holds one by one, so that a project in a 0700 folder
    still works. The same opens a folder in which a replaced file is new: there is nothing to
    mount it over.
    """
    _refuse_unreadable(replaced or {}, reader)
    roots = outermost(trees)
    hidden = {path for root in private for path in find_secrets(root)}
    plan = _Plan(hidden=hidden, opened=_opened(roots, replaced or {}), reader=reader)
    for root in roots:
        plan.add(root)
    below = ((source, target) for source, target in plan.binds if target not in (replaced or {}))
    on_top = tuple((str(source), target) for target, source in (replaced or {}).items())
    covered = sorted(path for path in hidden if plan.shows(path))
    bare = [path for path in folders if not plan.shows(path) and path not in plan.folders]
    return Mounts(
        folders=tuple(sorted({*bare, *plan.folders})),
        binds=(*below, *on_top),
        hidden_folders=tuple(path for path in covered if os.path.isdir(path)),
        hidden_files=tuple(path for path in covered if not os.path.isdir(path)),
        unreadable=tuple(plan.unreadable),
    )


def project_trees(project: Project) -> tuple[str, ...]:
    """The user's own files: rootdir, ini file and further mounts.

    SandboxUnavailable when the rootdir is a folder that the sandbox needs for itself.
    """
    for path in (project.rootdir, *project.mounts):
        if os.path.normpath(path) in _RESERVED:
            raise SandboxUnavailable(
                f"{path} cannot be shown in the sandbox, which has a folder of its own there: "
                "move the project into a subfolder, or narrow supercharge_sandbox_mount"
            )
    wanted = (project.rootdir, *project.mounts, project.ini_file)
    return tuple(path for path in wanted if path and os.path.exists(path))


def project_folders(project: Project) -> tuple[str, ...]:
    """Where pytest was started: it must exist, but only what lies in the rootdir is shown."""
    here = os.path.normpath(project.invocation_dir)
    return () if here in _RESERVED else (here,)


def replaced_targets(project: Project, replaced: Mapping[str, Path]) -> dict[str, Path]:
    """Paths inside for paths relative to the rootdir; a symbolic link in the tree is followed."""
    targets = {}
    for path, source in replaced.items():
        target = os.path.join(project.rootdir, path)
        followed = _followed(target, project.rootdir) if os.path.islink(target) else target
        targets[followed if is_under(followed, project.rootdir) else target] = source
    return targets


def find_secrets(tree: str) -> Iterator[str]:
    """.git and .env* directly in ``tree``; a virtual environment that is called .env stays."""
    if not os.path.isdir(tree):
        return
    for entry in os.scandir(tree):
        if entry.name == ".git" or entry.name.startswith(".env"):
            path = _followed(entry.path, tree) if entry.is_symlink() else entry.path
            if not os.path.exists(os.path.join(path, "pyvenv.cfg")) and os.path.exists(path):
                yield path


def _followed(link: str, tree: str) -> str:
    """What a link means, by the name it has in ``tree`` where it lies in there."""
    real, top = os.path.realpath(link), os.path.realpath(tree)
    return os.path.normpath(os.path.join(tree, os.path.relpath(real, top)))


def outermost(paths: Iterable[str]) -> list[str]:
    """Without repetition and without what lies in another of them; parents before children."""
    kept: list[str] = []
    for path in sorted(set(map(os.path.normpath, paths))):
        if not any(is_under(path, other) for other in kept):
            kept.append(path)
    return kept


def is_under(path: str, folder: str) -> bool:
    """``path`` is ``folder`` or in it, by name alone."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def may_read(path: str, uid: int) -> bool:
    """A user of no groups can read the file, or list and enter the folder."""
    info = os.stat(path)
    wanted = 0o5 if stat.S_ISDIR(info.st_mode) else 0o4
    shift = 6 if info.st_uid == uid else 0
    return (info.st_mode >> shift) & wanted == wanted


@dataclass(slots=True, kw_only=True)
class _Plan:
    """Grows while the trees are looked at."""

    hidden: set[str]
    opened: set[str]
    reader: int | None
    folders: list[str] = field(default_factory=list)
    binds: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        closed = self.reader is not None and not may_read(path, self.reader)
        if os.path.isdir(path) and (closed or path in self.opened):
            self.folders.append(path)
            for entry in sorted(os.listdir(path)):
                self._add_entry(os.path.join(path, entry))
        elif closed:
            self.unreadable.append(path)
        else:
            self.binds.append((path, path))

    def _add_entry(self, path: str) -> None:
        if os.path.exists(path) and path not in self.hidden:
            self.add(path)

    def shows(self, path: str) -> bool:
        return any(is_under(path, target) for _, target in self.binds)


def _opened(roots: Iterable[str], targets: Iterable[str]) -> set[str]:
    """Folders in which a target has nothing to be mounted over, up to the root they lie in."""
    opened = set()
    for target in targets:
        for root in roots:
            if is_under(target, root) and not os.path.exists(target):
                opened |= {path for path in ancestors(target) if is_under(path, root)}
    return opened


def ancestors(path: str) -> Iterator[str]:
    """The folders ``path`` lies in, the nearest first."""
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent


def _refuse_unreadable(replaced: Mapping[str, Path], reader: int | None) -> None:
    for target, source in replaced.items():
        if reader is not None and not may_read(str(source), reader):
            raise SandboxError(f"{source}, to replace {target}, can be read by its owner only")
