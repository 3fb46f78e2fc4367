"""How is a Docker engine reached, and what do its refusals mean?"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
from docker.context import ContextAPI
from docker.errors import DockerException

from pytest_supercharger.exceptions import SandboxUnavailable

_DEFAULT = "unix:///var/run/docker.sock"
_PING_SECONDS = 10
_BUILD_SECONDS = 900  # without a word from the engine


def connect() -> Any:
    """A client of the engine that DOCKER_HOST or the current context names.

    SandboxUnavailable with the remedy when none answers.
    """
    address = os.environ.get("DOCKER_HOST") or _address_of_context() or _DEFAULT
    try:
        _knock(address)
        if "DOCKER_HOST" in os.environ:
            client = docker.from_env(version="auto", timeout=_PING_SECONDS)
        else:
            client = docker.DockerClient(base_url=address, version="auto", timeout=_PING_SECONDS)
        client.ping()
    except (DockerException, OSError, ValueError) as error:
        raise SandboxUnavailable(_connection_problem(error, address)) from error
    client.api.timeout = _BUILD_SECONDS
    return client


def _knock(address: str) -> None:
    """Try a local engine's socket: the library would lose the system's error and leak one."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(_PING_SECONDS)
            knocking.connect(address.removeprefix("unix://"))


def _address_of_context() -> str:
    """Of a local engine that is not at the default place, such as Docker Desktop's."""
    try:
        context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    except (DockerException, OSError, ValueError):
        return ""
    address = str(context.Host) if context is not None else ""
    return address if address.startswith("unix://") else ""


def _connection_problem(error: BaseException, address: str) -> str:
    """What is wrong and what helps, told apart by the system's own error."""
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.EACCES, errno.EPERM):
        return (
            f"Docker: no permission to speak to the engine at {address}: sudo usermod -aG docker "
            "$USER and log in again (a member of that group is as good as root), or use "
            "rootless Docker"
        )
    if code == errno.ENOENT:
        return (
            f"Docker: there is no engine at {address}: install one (Debian, Ubuntu: sudo apt "
            "install docker.io; Fedora: sudo dnf install moby-engine; macOS, Windows: Docker "
            "Desktop), start it, or set DOCKER_HOST"
        )
    return (
        f"Docker: the engine at {address} does not answer: sudo systemctl start docker, or start "
        f"Docker Desktop ({first_line(error)})"
    )


def first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:300]


@contextmanager
def translated() -> Iterator[None]:
    """An engine's refusal as SandboxUnavailable."""
    try:
        yield
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(engine_problem(error)) from error


def engine_problem(error: BaseException) -> str:
    text = str(error)
    if "no space left" in text.lower():
        return "Docker: the engine's disk is full: docker system prune (" + text[-200:] + ")"
    if "bind source path does not exist" in text:
        return (
            "Docker: the engine cannot see the project, so it runs on another machine or its "
            f"sharing settings leave the folder out ({first_line(error)})"
        )
    if "runtime" in text and "nknown" in text:
        return f"Docker: the engine does not know this runtime ({first_line(error)})"
    return f"Docker: {text[-500:]}"
