"""Which isolated place is there? Docker or bubblewrap; never the host."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.base import Project
from pytest_supercharger.sandboxes.bubblewrap import BubblewrapLauncher
from pytest_supercharger.sandboxes.worker import Launcher

_REMEDIES = """\
Debian, Ubuntu: sudo apt install bubblewrap (or docker.io)
Fedora:         sudo dnf install bubblewrap (or moby-engine)
any Linux:      python -m pip install 'pytest-supercharger[bubblewrap]'
macOS:          install and start Docker Desktop, or colima
Windows:        run pytest inside WSL2, then as on Linux"""


def choose_sandbox_launcher(
    setting: str,
    project: Project,
    *,
    python: str = sys.executable,
    image: str | None = None,
    runtime: str | None = None,
    allow: Sequence[str] = (),
) -> Launcher:
    """The launcher for "docker", "bubblewrap" or "auto".

    "auto" is Docker where an engine answers and can make the image, else bubblewrap.
    SandboxUnavailable, with what was tried and the remedies, when there is none.
    """
    if setting == "bubblewrap":
        return BubblewrapLauncher(project, python=python)
    try:
        from pytest_supercharger.sandboxes.docker import DockerLauncher

        return DockerLauncher(project, image=image, runtime=runtime, allow=allow)
    except SandboxUnavailable as no_docker:
        if setting == "docker":
            raise
        return _bubblewrap_instead(project, python, no_docker)


def _bubblewrap_instead(
    project: Project, python: str, no_docker: SandboxUnavailable
) -> BubblewrapLauncher:
    try:
        return BubblewrapLauncher(project, python=python)
    except SandboxUnavailable as no_bubblewrap:
        raise SandboxUnavailable(
            "no sandbox, and candidate code never runs without one.\n"
            f"{no_docker}\n{no_bubblewrap}\n{_REMEDIES}"
        ) from no_bubblewrap
