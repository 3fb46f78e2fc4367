"""The engine: found or not, the image, and containers that outlive their session."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from places import Place

from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes import docker_engine
from pytest_supercharger.sandboxes.docker import (
    SESSION_LABEL,
    remove_stale_containers,
    session_label,
)
from pytest_supercharger.sandboxes.docker_engine import connect
from pytest_supercharger.sandboxes.docker_image import REPOSITORY, make_image

pytestmark = pytest.mark.docker
OpenPlace = Callable[..., Place]


@pytest.fixture
def client(why_missing: dict[str, str]) -> Iterator[Any]:
    if why_missing["docker"]:
        pytest.skip(why_missing["docker"])
    engine = connect()
    yield engine
    engine.close()


class TestNoEngine:
    def test_no_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
        with pytest.raises(SandboxUnavailable, match=r"there is no engine at .*install one"):
            connect()

    def test_nobody_listens(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = str(tmp_path / "dead.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(SandboxUnavailable, match="does not answer"):
            connect()

    def test_something_else_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            monkeypatch.setenv("DOCKER_HOST", address)
            monkeypatch.setattr(docker_engine, "_PING_SECONDS", 0.3)
            with pytest.raises(SandboxUnavailable, match="does not answer"):
                connect()

    @pytest.mark.skipif(os.getuid() != 0, reason="becoming another user needs root")
    def test_no_permission(self, tmp_path: Path) -> None:
        path = f"/var/tmp/closed-{os.getpid()}.sock"
        program = (
            "import os, sys\n"
            "from pytest_supercharger.sandboxes.docker_engine import connect\n"
            "from pytest_supercharger.exceptions import SandboxUnavailable\n"
            "os.setgroups([]); os.setresgid(1234, 1234, 1234); os.setresuid(1234, 1234, 1234)\n"
            "try:\n    connect()\nexcept SandboxUnavailable as error:\n    print(error)\n"
        )
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            os.chmod(path, 0o600)
            environment = {**os.environ, "DOCKER_HOST": f"unix://{path}"}
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, env=environment
            )
        os.unlink(path)
        assert "no permission to speak to the engine" in done.stdout, done.stderr


class TestImage:
    def test_is_built_once_and_found_again(self, client: Any, tmp_path: Path) -> None:
        tag, missing = make_image(client, tmp_path, base=None, allow=())
        built = client.images.get(tag).id
        assert tag.startswith(f"{REPOSITORY}:")
        assert missing == ()
        assert make_image(client, tmp_path, base=None, allow=()) == (tag, ())
        assert client.images.get(tag).id == built

    def test_declared_dependencies_are_inside(self, open_place: OpenPlace, tmp_path: Path) -> None:
        rootdir = tmp_path / "project"
        rootdir.mkdir()
        (rootdir / "requirements.txt").write_text("iniconfig\nno-such-package-of-ours-at-all\n")
        place = open_place("docker", rootdir=rootdir)
        assert "no-such-package-of-ours-at-all" in " ".join(place.launcher.info.notes)
        told = place.tell("import json, iniconfig; print(json.dumps(iniconfig.__file__))")
        assert told.startswith("/opt/venv/")

    def test_no_setting_of_a_package_index_is_in_a_layer(
        self, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://user:hush@127.0.0.1:9/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        (tmp_path / "requirements.txt").write_text("pluggy\n")
        tag, _ = make_image(client, tmp_path, base=None, allow=("iniconfig",))
        history = repr(client.images.get(tag).history()) + repr(client.images.get(tag).attrs)
        grep = ["-c", "grep -rl user:hush /opt /etc /root 2>/dev/null; true"]
        found = client.containers.run(
            tag, grep, entrypoint="/bin/sh", network_mode="none", remove=True
        )
        assert "hush" not in history
        assert found == b""
        client.images.remove(tag)

    def test_an_unknown_base_is_told_with_the_remedy(self, client: Any, tmp_path: Path) -> None:
        with pytest.raises(SandboxUnavailable, match="supercharge-sandbox-image"):
            make_image(client, tmp_path, base="127.0.0.1:9/nothing:none", allow=())

    def test_a_base_of_the_users_choice(self, client: Any, tmp_path: Path) -> None:
        base = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim-bookworm"
        client.images.get(base).tag("base-of-mine", "latest")
        try:
            tag, _ = make_image(client, tmp_path, base="base-of-mine:latest", allow=())
            assert client.images.get(tag)
        finally:
            client.images.remove("base-of-mine:latest")


def test_an_unknown_runtime_is_told(open_place: OpenPlace) -> None:
    with pytest.raises(SandboxUnavailable, match="none-such"):
        open_place("docker", options=(("runtime", "none-such"),))


def test_the_container_is_as_closed_as_it_says(open_place: OpenPlace, client: Any) -> None:
    place = open_place("docker")
    place.start("import time; time.sleep(60)")
    [container] = client.api.containers(filters={"label": f"{SESSION_LABEL}={session_label()}"})
    attrs = client.api.inspect_container(container["Id"])
    host = attrs["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["Memory"] == host["MemorySwap"] == 2 << 30
    assert host["PidsLimit"] == 256
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["IpcMode"] == "none"
    assert host["LogConfig"]["Type"] == "none"
    assert host["Privileged"] is False
    assert attrs["Config"]["User"] == "65532:65532"
    assert not [one for one in attrs["Mounts"] if one["RW"]]


def test_close_removes_what_is_left(open_place: OpenPlace, client: Any) -> None:
    place = open_place("docker")
    place.start("import time; time.sleep(60)")
    place.launcher.close()
    label = f"{SESSION_LABEL}={session_label()}"
    assert client.api.containers(all=True, filters={"label": label}) == []


def test_containers_of_dead_sessions_are_swept_and_only_those(
    open_place: OpenPlace, client: Any
) -> None:
    place = open_place("docker")
    place.start("import time; time.sleep(60)")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owners = {"dead": session_label(child.pid), "elsewhere": "another-machine/1/1"}
    child.communicate(b"\n")
    tag = client.images.list(REPOSITORY)[0].id
    made = {
        name: client.containers.create(tag, labels={SESSION_LABEL: owner}, network_mode="none")
        for name, owner in owners.items()
    }
    remove_stale_containers(client)
    left = {one["Id"] for one in client.api.containers(all=True)}
    made["elsewhere"].remove()
    assert made["dead"].id not in left
    assert made["elsewhere"].id in left
    [own] = client.api.containers(filters={"label": f"{SESSION_LABEL}={session_label()}"})
    assert own["Id"] in left
