"""How a sandbox is started with Docker.

A sandbox is a container, without network, rights or anything to write to but a scratch folder.
Containers carry the session that made them, so that those of a killed one are removed by the
next.
"""

from __future__ import annotations

import os
import platform
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.types import LogConfig, Mount, Ulimit

from pytest_supercharger.bundled import sandbox_dir
from pytest_supercharger.exceptions import SandboxError, SandboxUnavailable
from pytest_supercharger.sandboxes.base import Project, SandboxInfo
from pytest_supercharger.sandboxes.confinement import test_confinement
from pytest_supercharger.sandboxes.docker_engine import connect, first_line, translated
from pytest_supercharger.sandboxes.docker_image import make_image
from pytest_supercharger.sandboxes.environment import inspect_environment
from pytest_supercharger.sandboxes.mounts import (
    HIDDEN,
    INSIDE,
    NOBODY,
    SCRATCH,
    Mounts,
    is_under,
    may_read,
    plan_mounts,
    project_folders,
    project_trees,
    replaced_targets,
)

SESSION_LABEL = "pytest-supercharger.session"
MEMORY = "2g"
PROCESSES = 256
SCRATCH_SIZE = "256m"
PYTHON = "/opt/venv/bin/python"
_STDERR = 8192  # last bytes kept of what a sandbox complains about


class DockerLauncher:
    """Starts one container per sandbox.

    ``image``: base image in place of the official Python one. ``runtime``: of the engine, such
    as "runsc". ``allow``: packages to install though undeclared. ``folder``: what to mount in
    place of ``sandbox/``. Raises SandboxUnavailable with the remedy when no engine answers, the
    image cannot be made, or a container does not pass the self-test.
    """

    def __init__(
        self,
        project: Project,
        *,
        image: str | None = None,
        runtime: str | None = None,
        allow: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self._project = project
        self._runtime = runtime
        self._folder = folder or sandbox_dir()
        self._session = session_label()
        self._user = _user(project)
        self._plan({})  # a project that cannot be mounted needs no engine and no image
        self._client = connect()
        try:
            about = self._client.version()
            self._selinux = any("selinux" in one for one in _security_options(self._client))
            remove_stale_containers(self._client)
            with translated():
                self._image, missing = make_image(
                    self._client, Path(project.rootdir), base=image, allow=allow
                )
            self.info = SandboxInfo(
                backend="docker", version=str(about["Version"]), python="", workers=1, notes=missing
            )
            self._probe()
        except BaseException:
            self._client.close()
            raise

    def launch(self, replaced: Mapping[str, Path]) -> DockerTransport:
        """A fresh container with the runner in it.

        ``replaced``: path relative to the rootdir -> host file mounted over it, which everybody
        must be able to read.
        """
        return self._start([f"{INSIDE}/runner.py"], replaced)

    def close(self) -> None:
        """Remove the containers of this session."""
        with suppress(DockerException, OSError):
            for container in _containers(self._client, f"{SESSION_LABEL}={self._session}"):
                _remove(self._client, container["Id"])
        self._client.close()

    def _probe(self) -> None:
        uid, gid = self._user
        outside = inspect_environment().version
        inside = test_confinement(
            lambda arguments: self._start([f"{INSIDE}/selftest.py", *arguments], {}),
            self._project,
            uid=uid,
            gid=gid,
        ).python
        notes = list(self.info.notes)
        if inside.rpartition(".")[0] != outside.rpartition(".")[0]:
            notes.append(f"Python is {inside} inside and {outside} outside")
        if unreadable := self._plan({}).unreadable:
            notes.append(f"missing inside, only their owner may read them: {unreadable[:3]}")
        self.info = replace(self.info, python=inside, notes=tuple(notes))

    def _start(self, script: Sequence[str], replaced: Mapping[str, Path]) -> DockerTransport:
        plan = self._plan(replaced)
        api = self._client.api
        try:
            with translated():
                container = api.create_container(
                    self._image,
                    [PYTHON, "-B", *script],
                    stdin_open=True,
                    user="{}:{}".format(*self._user),
                    environment=self._variables(),
                    working_dir=self._project.rootdir,
                    labels={SESSION_LABEL: self._session},
                    network_disabled=True,
                    host_config=api.create_host_config(**self._confinement(), **self._files(plan)),
                )["Id"]
        except SandboxUnavailable as error:
            raise SandboxError(str(error)) from error
        return DockerTransport(self._client, container)

    def _confinement(self) -> dict[str, Any]:
        options = ["no-new-privileges:true"]
        if self._selinux:  # else it forbids to read the project, or the files must be relabelled
            options.append("label=disable")
        return {
            "network_mode": "none",
            "read_only": True,
            "mem_limit": MEMORY,
            "memswap_limit": MEMORY,
            "pids_limit": PROCESSES,
            "cap_drop": ["ALL"],
            "security_opt": options,
            "ipc_mode": "none",
            "ulimits": [Ulimit(name="core", soft=0, hard=0)],
            "log_config": LogConfig(type="none"),
            "auto_remove": True,
            "runtime": self._runtime,
        }

    def _files(self, plan: Mounts) -> dict[str, Any]:
        """The engine makes what lies above a mount by itself, and mounts parents first."""
        own = ((str(self._folder), INSIDE), *plan.binds)
        masks = ((str(self._folder / HIDDEN), path) for path in plan.hidden_files)
        targets = [target for _, target in plan.binds]
        bare = [one for one in plan.folders if not any(is_under(path, one) for path in targets)]
        nothing = "ro,nosuid,nodev,noexec,size=4k,mode=755"
        return {
            "tmpfs": {
                SCRATCH: f"rw,nosuid,nodev,size={SCRATCH_SIZE},mode=1777",
                **dict.fromkeys((*bare, *plan.hidden_folders), nothing),
            },
            "mounts": [
                Mount(type="bind", source=source, target=target, read_only=True)
                for source, target in (*own, *masks)
            ],
        }

    def _plan(self, replaced: Mapping[str, Path]) -> Mounts:
        own = project_trees(self._project)
        uid, _ = self._user
        return plan_mounts(
            own,
            folders=project_folders(self._project),
            private=own,
            replaced=replaced_targets(self._project, replaced),
            reader=uid if uid != os.getuid() else None,
        )

    def _variables(self) -> dict[str, str]:
        return {
            "HOME": SCRATCH,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": SCRATCH,
        } | dict(self._project.env)


class DockerTransport:
    """The streams of one container, and its end."""

    def __init__(self, client: Any, container: str) -> None:
        self._client = client
        self._container = container
        self._pending = bytearray()
        self._complaints = b""
        try:
            params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._response = client.api.attach_socket(container, params=params)
            self._socket = getattr(self._response, "_sock", self._response)
            client.api.start(container)
        except (DockerException, OSError) as error:
            _remove(client, container)
            raise SandboxError(f"the container does not start: {error}") from error

    def send(self, data: bytes) -> None:
        """All of it. SandboxError when the sandbox is gone."""
        try:
            self._socket.settimeout(None)
            self._socket.sendall(data)
        except OSError as error:
            raise SandboxError(f"the sandbox has ended. {self._last_words()}") from error

    def receive(self, size: int, deadline: float | None) -> bytes:
        """Up to ``size`` bytes, b"" at the end; TimeoutError at ``deadline`` (monotonic).

        SandboxError instead of b"" where the sandbox left a complaint.
        """
        while not (data := self._take_output(size)):
            more = self._read(deadline)
            if not more:
                if words := self._last_words():
                    raise SandboxError(f"the sandbox has ended. {words}")
                return b""
            self._pending += more
        return data

    def kill(self) -> None:
        """Returns when the container is gone."""
        _remove(self._client, self._container)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._response.close()

    def _read(self, deadline: float | None) -> bytes:
        left = None if deadline is None else max(0.001, deadline - time.monotonic())
        try:
            self._socket.settimeout(left)
            return bytes(self._socket.recv(1 << 16))
        except TimeoutError:
            raise
        except OSError:  # reset by the engine, or closed by kill
            return b""

    def _take_output(self, size: int) -> bytes:
        """Standard output out of the engine's frames: stream, three zeros, length, bytes."""
        while len(self._pending) >= 8:
            stream, length = struct.unpack_from("!BxxxI", self._pending)
            have = min(length, len(self._pending) - 8)
            if stream == 1 and have:
                return self._take(min(size, have), length)
            if have < length:
                return b""
            self._complaints = (self._complaints + self._pending[8 : 8 + length])[-_STDERR:]
            del self._pending[: 8 + length]
        return b""

    def _take(self, count: int, length: int) -> bytes:
        """``count`` bytes of the first frame; what is left of it keeps a header of its own."""
        data = bytes(self._pending[8 : 8 + count])
        rest = struct.pack("!BxxxI", 1, length - count) if count < length else b""
        self._pending[: 8 + count] = rest
        return data

    def _last_words(self) -> str:
        return self._complaints.decode("utf-8", "replace").strip()


def _user(project: Project) -> tuple[int, int]:
    """uid and gid inside: nobody's, unless only the caller, an ordinary user, may read the tree."""
    caller = os.getuid(), os.getgid()
    seen = [project.rootdir, *filter(None, [project.ini_file])]
    return caller if caller[0] and not all(may_read(one, NOBODY) for one in seen) else (NOBODY,) * 2


def _security_options(client: Any) -> list[str]:
    return [str(one) for one in client.info().get("SecurityOptions") or ()]


def session_label(pid: int | None = None) -> str:
    """machine/pid/start of a process: who a container belongs to."""
    pid = pid or os.getpid()
    return f"{_machine()}/{pid}/{_started(pid)}"


def _machine() -> str:
    """This boot of this machine, and the namespace that process ids count in."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}-{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def _started(pid: int) -> str:
    """When a process started, so that a reused number is not taken for it; "" when it is gone."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
        )
    except OSError:
        told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True)
        return told.stdout.decode("ascii", "replace").strip()


def remove_stale_containers(client: Any) -> None:
    """Those whose session, on this machine, runs no more."""
    for container in _containers(client, SESSION_LABEL):
        owner = str(container["Labels"].get(SESSION_LABEL, ""))
        machine, pid, started = (*owner.rsplit("/", 2), "", "")[:3]
        if machine == _machine() and pid.isdigit() and started != _started(int(pid)):
            _remove(client, container["Id"])


def _containers(client: Any, label: str) -> list[dict[str, Any]]:
    return list(client.api.containers(all=True, filters={"label": label}))


def _remove(client: Any, container: str) -> None:
    """Kill and remove; waits where the engine is at it already."""
    for _ in range(100):
        try:
            client.api.remove_container(container, force=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 409:  # "removal is already in progress"
                raise SandboxError(f"Docker: {first_line(error)}") from error
        time.sleep(0.02)
