"""Which places are there on this machine; a test of one that is not is skipped with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from places import Place, obedient_folder, project_at

from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.bubblewrap import BubblewrapLauncher
from pytest_supercharger.sandboxes.docker import DockerLauncher
from pytest_supercharger.sandboxes.docker_engine import connect
from pytest_supercharger.sandboxes.worker import Launcher

BACK_ENDS: dict[str, Callable[..., Launcher]] = {
    "bubblewrap": BubblewrapLauncher,
    "docker": DockerLauncher,
}


@pytest.fixture(scope="session")
def runner_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return obedient_folder(tmp_path_factory.mktemp("inside") / "sandbox")


@pytest.fixture(scope="session")
def why_missing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Back end -> why it cannot be used here; "" where it can."""
    reasons = dict.fromkeys(BACK_ENDS, "")
    try:
        connect().close()
    except SandboxUnavailable as error:
        reasons["docker"] = str(error)
    try:
        BubblewrapLauncher(project_at(tmp_path_factory.mktemp("probe")))
    except SandboxUnavailable as error:
        reasons["bubblewrap"] = str(error)
    return reasons


@pytest.fixture
def open_place(
    runner_folder: Path, why_missing: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., Place]]:
    """Makes a place: name of the back end, then changes to its project."""
    places: list[Place] = []

    def open_one(
        back_end: str, *, rootdir: Path | None = None, options: Any = (), **changes: Any
    ) -> Place:
        if why_missing[back_end]:
            pytest.skip(why_missing[back_end])
        rootdir = rootdir or tmp_path / "project"
        rootdir.mkdir(exist_ok=True)
        project = project_at(rootdir, **changes)
        launcher = BACK_ENDS[back_end](project, folder=runner_folder, **dict(options))
        places.append(Place(launcher, rootdir))
        return places[-1]

    yield open_one
    for place in places:
        place.close()


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in BACK_ENDS])
def back_end(request: pytest.FixtureRequest) -> str:
    return str(request.param)
