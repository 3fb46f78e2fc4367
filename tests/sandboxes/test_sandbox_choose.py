"""Docker or bubblewrap, never the host."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import project_at

from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.choose import choose_sandbox_launcher


@pytest.fixture
def no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


@pytest.fixture
def no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bwrap that says it may not, before the system's own on the path."""
    fake = tmp_path / "bwrap"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit\n'
        'echo "bwrap: No permissions to create new namespace" >&2; exit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.docker
def test_auto_takes_docker_where_an_engine_answers(
    tmp_path: Path, why_missing: dict[str, str]
) -> None:
    if why_missing["docker"]:
        pytest.skip(why_missing["docker"])
    launcher = choose_sandbox_launcher("auto", project_at(tmp_path))
    launcher.close()
    assert launcher.info.backend == "docker"


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("no_docker")
def test_auto_takes_bubblewrap_where_no_engine_answers(
    tmp_path: Path, why_missing: dict[str, str]
) -> None:
    if why_missing["bubblewrap"]:
        pytest.skip(why_missing["bubblewrap"])
    launcher = choose_sandbox_launcher("auto", project_at(tmp_path))
    assert launcher.info.backend == "bubblewrap"


@pytest.mark.usefixtures("no_docker", "no_bubblewrap")
def test_without_either_the_remedies_are_listed(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable) as caught:
        choose_sandbox_launcher("auto", project_at(tmp_path))
    said = str(caught.value)
    for system in ("Debian", "Fedora", "macOS", "Windows"):
        assert system in said
    assert "there is no engine at" in said
    assert "No permissions to create new namespace" in said


@pytest.mark.usefixtures("no_docker")
def test_docker_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="there is no engine at"):
        choose_sandbox_launcher("docker", project_at(tmp_path))


@pytest.mark.usefixtures("no_bubblewrap")
def test_bubblewrap_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="No permissions"):
        choose_sandbox_launcher("bubblewrap", project_at(tmp_path))
