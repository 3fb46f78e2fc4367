"""How a sandbox is started with bubblewrap.

The user's own Python runs in namespaces of its own, on a file system put together from
read-only binds. Started by an ordinary user, the user namespace keeps the caller's uid. Started
by root there is no user namespace, because a uid in one that root made is root outside: root
sets up the mounts and ``sandbox/enter.py`` then becomes uid 65532 for good. When pytest itself
is killed, the kernel ends the sandboxes of an ordinary user; those of root end with their input.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_supercharger.bundled import sandbox_dir
from pytest_supercharger.exceptions import SandboxError, SandboxUnavailable
from pytest_supercharger.sandboxes.base import Project, SandboxInfo
from pytest_supercharger.sandboxes.bwrap import OLDEST, bwrap_version, find_bwrap
from pytest_supercharger.sandboxes.bwrap_remedy import remedy
from pytest_supercharger.sandboxes.confinement import test_confinement
from pytest_supercharger.sandboxes.environment import inspect_environment
from pytest_supercharger.sandboxes.mounts import (
    HIDDEN,
    INSIDE,
    NOBODY,
    SCRATCH,
    Mounts,
    ancestors,
    is_under,
    plan_mounts,
    project_folders,
    project_trees,
    replaced_targets,
)

SCRATCH_BYTES = 256 << 20
NESTED = (0, 8)  # --disable-userns
_STDERR = 8192  # last bytes kept of what a sandbox complains about
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives",
    "ca-certificates",
    "fonts",
    "gai.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "pki/tls/certs",
    "pki/ca-trust",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)


class BubblewrapLauncher:
    """Starts one bwrap per sandbox.

    ``python``: the user's interpreter. ``folder``: what to mount in place of ``sandbox/``.
    Raises SandboxUnavailable, with this system's remedy, when there is no bwrap or when what it
    makes does not pass the self-test.

    A sandbox dies with the thread that launched it (the kernel's parent-death signal is one of
    threads), so launch from a thread that lives as long as the sandbox is needed.
    """

    def __init__(
        self,
        project: Project,
        *,
        python: str = sys.executable,
        bwrap: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        self._project = project
        self._bwrap = bwrap or find_bwrap()
        self._version = bwrap_version(self._bwrap) or OLDEST
        self._folder = folder or sandbox_dir()
        self._environment = inspect_environment(python)
        self.info = SandboxInfo(
            backend="bubblewrap",
            version=".".join(map(str, self._version)),
            python=self._environment.version,
            workers=1,
        )
        self._probe()

    def launch(self, replaced: Mapping[str, Path]) -> BubblewrapTransport:
        """A fresh sandbox with the runner in it.

        ``replaced``: path relative to the rootdir -> host file mounted over it, which everybody
        must be able to read when pytest was started by root.
        """
        return self._start([f"{INSIDE}/runner.py"], replaced)

    def close(self) -> None:
        """Nothing is left: a sandbox lives in its processes only."""

    def _probe(self) -> None:
        try:
            test_confinement(
                lambda arguments: self._start([f"{INSIDE}/selftest.py", *arguments], {}),
                self._project,
                uid=os.getuid() or NOBODY,
                gid=os.getgid() if os.getuid() else NOBODY,
            )
        except (SandboxUnavailable, SandboxError) as error:
            # Complaints of bwrap's own are about what this system lets it do.
            advice = f"\n{remedy()}" if "bwrap: " in str(error) else ""
            raise SandboxUnavailable(f"bubblewrap: {error}{advice}") from error
        plan = self._plan({})
        if plan.unreadable:
            self.info = replace(self.info, notes=(_unreadable_note(plan.unreadable),))

    def _start(self, script: Sequence[str], replaced: Mapping[str, Path]) -> BubblewrapTransport:
        python = [self._environment.executable, "-B", *script]
        if os.getuid() == 0:
            enter = f"{INSIDE}/enter.py"
            python = [python[0], "-I", "-S", "-B", enter, str(NOBODY), *python]
        options = [*self._namespaces(), *self._files(self._plan(replaced))]
        return _start_bwrap([str(self._bwrap), *python], options, self._variables())

    def _plan(self, replaced: Mapping[str, Path]) -> Mounts:
        project, environment = self._project, self._environment
        own = project_trees(project)
        installed = (*environment.trees, *environment.editable, *self._python_path())
        real = map(os.path.realpath, (environment.executable, *installed))
        others = (path for path in (*installed, *real) if not _is_system(path))
        return plan_mounts(
            (*own, *others),
            folders=(path for path in project_folders(project) if not _is_system(path)),
            private=(*own, *environment.editable),
            replaced=replaced_targets(project, replaced),
            reader=NOBODY if os.getuid() == 0 else None,
        )

    def _python_path(self) -> tuple[str, ...]:
        """Folders of a PYTHONPATH that was let in."""
        paths = dict(self._project.env).get("PYTHONPATH", "").split(os.pathsep)
        return tuple(path for path in paths if os.path.isabs(path) and os.path.isdir(path))

    def _namespaces(self) -> Iterator[str]:
        yield from ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
        yield from ("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1")
        yield from ("--hostname", "sandbox", "--cap-drop", "ALL")
        if os.getuid() == 0:
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                yield from ("--cap-add", capability)
        else:
            yield "--unshare-user"
            if self._version >= NESTED:
                yield "--disable-userns"

    def _files(self, plan: Mounts) -> Iterator[str]:
        """Parents before children; what is a tmpfs only to hold mount points is closed last."""
        yield from _system_files()
        yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
        yield from ("--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", SCRATCH)
        shown = [*plan.folders, *(target for _, target in plan.binds)]
        links = self._links(shown)
        folders = {*plan.folders, *_stepping_stones(shown)}
        yield from _made_folders(folders, (*shown, *links))
        for link in links:
            yield from ("--symlink", os.readlink(link), link)
        for source, target in plan.binds:
            yield from ("--ro-bind", source, target)
        yield from ("--ro-bind", str(self._folder), INSIDE)
        for path in plan.hidden_folders:
            yield from ("--perms", "0555", "--size", "4096", "--tmpfs", path)
            yield from ("--remount-ro", path)
        for path in plan.hidden_files:
            yield from ("--ro-bind", str(self._folder / HIDDEN), path)
        for folder in (*sorted(folders), "/"):
            yield from ("--remount-ro", folder)
        yield from ("--chdir", self._project.rootdir)

    def _links(self, shown: Sequence[str]) -> list[str]:
        """Symbolic links on the way to what is installed, where no mount shows them."""
        environment = self._environment
        ways = (environment.executable, *environment.trees, *environment.editable)
        links = dict.fromkeys(link for path in ways for link in links_on_the_way(path))
        return [
            link
            for link in links
            if not _is_system(link)
            and not any(is_under(link, top) or is_under(top, link) for top in shown)
        ]

    def _variables(self) -> dict[str, str]:
        """The whole environment inside. Not given as options: those any user can list."""
        folder = os.path.dirname(self._environment.executable)
        variables = {
            "HOME": SCRATCH,
            "LANG": "C.UTF-8",
            "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": SCRATCH,
        }
        if self._environment.user_base:
            variables["PYTHONUSERBASE"] = self._environment.user_base
        return variables | dict(self._project.env)


class BubblewrapTransport:
    """The pipes of one sandbox, and its end."""

    def __init__(self, process: subprocess.Popen[bytes], pipes: _Pipes, first: int | None) -> None:
        self._process = process
        self._pipes = pipes
        self._first = first  # pid descriptor of the first process inside; None: it has ended
        self._heard = [pipes.stdout, pipes.stderr]
        self._complaints = b""
        # Not closed by kill: another thread may be reading at that moment.
        descriptors = (pipes.stdin, pipes.stdout, pipes.stderr, first)
        weakref.finalize(self, _close, [fd for fd in descriptors if fd is not None])

    def send(self, data: bytes) -> None:
        """All of it. SandboxError when the sandbox is gone."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._pipes.stdin, view) :]
        except OSError as error:
            raise SandboxError(f"the sandbox has ended. {self._last_words()}") from error

    def receive(self, size: int, deadline: float | None) -> bytes:
        """Up to ``size`` bytes, b"" at the end; TimeoutError at ``deadline`` (monotonic).

        SandboxError instead of b"" where the sandbox left a complaint.
        """
        while self._pipes.stdout not in (ready := _wait_for(self._heard, deadline)):
            if not ready:
                raise TimeoutError
            self._keep_complaint()
        data = os.read(self._pipes.stdout, size)
        if not data and (words := self._last_words()):
            raise SandboxError(f"the sandbox has ended. {words}")
        return data

    def kill(self) -> None:
        """Returns when no process of the sandbox is left."""
        if self._first is None:
            self._process.kill()
        else:
            # The first process inside takes all others with it; bwrap then ends by itself.
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
        self._process.wait()

    def _keep_complaint(self) -> None:
        text = os.read(self._pipes.stderr, _STDERR)
        self._complaints = (self._complaints + text)[-_STDERR:]
        if not text:
            self._heard = [self._pipes.stdout]

    def _last_words(self) -> str:
        """What stands on stderr. Only for a sandbox that has ended."""
        self.kill()
        while len(self._heard) > 1:
            self._keep_complaint()
        return self._complaints.decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pipes:
    """The host's ends."""

    stdin: int
    stdout: int
    stderr: int


def _start_bwrap(
    command: Sequence[str], options: Iterable[str], variables: Mapping[str, str]
) -> BubblewrapTransport:
    """Start bwrap, ``command[0]``, and wait until it says which process is the first inside."""
    with ExitStack() as ours_no_more:
        stdin, to_stdin = _pipe(ours_no_more, child_reads=True)
        from_stdout, stdout = _pipe(ours_no_more, child_reads=False)
        from_stderr, stderr = _pipe(ours_no_more, child_reads=False)
        from_info, info = _pipe(ours_no_more, child_reads=False)
        files = {path: _filled_pipe(ours_no_more, text) for path, text in _accounts().items()}
        process = subprocess.Popen(
            [command[0], "--info-fd", str(info), *_texts(files), *options, "--", *command[1:]],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=dict(variables),
            pass_fds=[info, *files.values()],
        )
    first = _first_process(from_info)
    os.close(from_info)
    pipes = _Pipes(stdin=to_stdin, stdout=from_stdout, stderr=from_stderr)
    return BubblewrapTransport(process, pipes, first)


def _pipe(ours_no_more: ExitStack, *, child_reads: bool) -> tuple[int, int]:
    """(read end, write end); the child's one is closed here once the child has it."""
    read, write = os.pipe()
    ours_no_more.callback(os.close, read if child_reads else write)
    return read, write


def _filled_pipe(ours_no_more: ExitStack, text: str) -> int:
    """The read end of a pipe that holds ``text``, which is far below what a pipe takes."""
    read, write = os.pipe()
    ours_no_more.callback(os.close, read)
    os.write(write, text.encode())
    os.close(write)
    return read


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _first_process(info: int) -> int | None:
    """Descriptor of the first process inside, as bwrap tells; None when there is none."""
    told = b""
    while b"}" not in told and (data := os.read(info, 4096)):
        told += data
    try:
        return os.pidfd_open(json.loads(told)["child-pid"])
    except (ValueError, OSError):
        return None


def _wait_for(descriptors: Sequence[int], deadline: float | None) -> set[int]:
    """Those that can be read or have ended; empty at the deadline."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
    return {descriptor for descriptor, _ in poll.poll(left)}


def _texts(files: Mapping[str, int]) -> Iterator[str]:
    for path, descriptor in files.items():
        yield from ("--perms", "0444", "--ro-bind-data", str(descriptor), path)


def _accounts() -> dict[str, str]:
    """The files of /etc that are made, not shown: path inside -> text."""
    uid, gid = os.getuid() or NOBODY, os.getgid() if os.getuid() else NOBODY
    return {
        "/etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nuser:x:{uid}:{gid}::{SCRATCH}:\n",
        "/etc/group": f"root:x:0:\nuser:x:{gid}:\n",
        "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    }


def _system_files() -> Iterator[str]:
    """/usr and what belongs to it; of /etc only what programs and libraries need."""
    for path in _SYSTEM:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        elif os.path.isdir(path):
            yield from ("--ro-bind", path, path)
    pythons = (path.name for path in Path("/etc").glob("python3*"))
    for name in (*_ETC, *pythons):
        if os.path.exists(path := f"/etc/{name}"):
            yield from ("--ro-bind", path, path)


def _is_system(path: str) -> bool:
    return any(is_under(path, os.path.realpath(top)) or is_under(path, top) for top in _SYSTEM)


def _made_folders(closed: set[str], targets: Iterable[str]) -> Iterator[str]:
    """Every folder on the way to ``targets``; those in ``closed`` are mounts of their own.

    bwrap makes missing parents by itself, but so that only the user who starts it may enter.
    """
    for path in sorted({*closed, *(way for target in targets for way in ancestors(target))}):
        if path in closed:
            yield from ("--perms", "0755", "--size", "1048576", "--tmpfs", path)
        elif path not in ("/", SCRATCH) and not _is_system(path):
            yield from ("--perms", "0755", "--dir", path)


def _stepping_stones(targets: Iterable[str]) -> Iterator[str]:
    """First folders on the way to mounts in the scratch folder.

    They become mounts of their own: an ordinary folder there could be renamed by a check, and
    another tree put into its place for the next one.
    """
    for target in targets:
        if target.startswith(f"{SCRATCH}/"):
            yield "/".join(target.split("/")[:3])


def links_on_the_way(path: str) -> list[str]:
    """The symbolic links that are followed from the root to ``path``, in order."""
    links: list[str] = []
    here, rest = "/", path.strip("/").split("/")
    while rest and len(links) < 40:
        step = os.path.normpath(os.path.join(here, rest.pop(0)))
        if os.path.islink(step):
            links.append(step)
            target = os.readlink(step)
            here = "/" if target.startswith("/") else here
            rest = target.strip("/").split("/") + rest
        else:
            here = step
    return links


def _unreadable_note(paths: Sequence[str]) -> str:
    return (
        f"{len(paths)} files of yours are missing inside, only their owner may read them: "
        f"{', '.join(paths[:3])}"
    )
