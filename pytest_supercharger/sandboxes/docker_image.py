"""Which image holds the project's dependencies? Built once per set of them, then kept."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from docker.errors import BuildError, DockerException, ImageNotFound

from pytest_supercharger.bundled import sandbox_dir
from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.docker_engine import engine_problem, first_line
from pytest_supercharger.sandboxes.requirements import find_pins, find_requirements
from pytest_supercharger.sandboxes.wheels import download_wheels

REPOSITORY = "pytest-supercharger"  # images are REPOSITORY:<hash>
MISSING_LABEL = "pytest-supercharger.missing"


def make_image(
    client: Any, rootdir: Path, *, base: str | None, allow: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """The image for the project's dependencies, and what is missing in it.

    Built once per Dockerfile, base image, dependencies and versions; found again by its tag.
    """
    found = find_requirements(rootdir, allow)
    wanted = (*found.declared, f"pytest=={metadata.version('pytest')}", "pip")
    pins = find_pins(wanted)
    dockerfile = (sandbox_dir() / "Dockerfile").read_text("utf-8")
    base_name, base_id = _find_base(client, base)
    parts = (dockerfile, base_id, _python(), platform.machine(), *wanted, *pins)
    tag = f"{REPOSITORY}:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
    try:
        image = client.images.get(tag)
    except ImageNotFound:
        image = _build(client, dockerfile, tag, base_name, wanted, pins, own_base=base is not None)
    no_wheel = json.loads(image.labels.get(MISSING_LABEL, "[]"))
    return tag, tuple(f"not installed inside: {one}" for one in (*found.unresolved, *no_wheel))


def _python() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _find_base(client: Any, base: str | None) -> tuple[str, str]:
    """Name and id of the base image; pulled where the engine does not have it."""
    name = base or f"python:{_python()}-slim-bookworm"
    try:
        return name, str(client.images.get(name).id)
    except ImageNotFound:
        pass
    try:
        return name, str(client.images.pull(name).id)
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(
            f"Docker: the engine has no image {name} and cannot pull it: docker pull {name} where "
            "there is a network, or name another base image that has Python with "
            f"--supercharge-sandbox-image ({first_line(error)})"
        ) from error


def _build(
    client: Any,
    dockerfile: str,
    tag: str,
    base: str,
    wanted: Sequence[str],
    pins: Sequence[str],
    *,
    own_base: bool,
) -> Any:
    machine = str(client.info()["Architecture"])
    python = _python_of(client, base) if own_base else _python()
    with tempfile.TemporaryDirectory(prefix="supercharge-") as name:
        context = Path(name, "context")
        (context / "wheels").mkdir(parents=True)
        wheels = download_wheels(wanted, pins, context / "wheels", python=python, machine=machine)
        (context / "Dockerfile").write_text(dockerfile, "utf-8")
        (context / "requirements.txt").write_text("\n".join(wheels.requirements), "utf-8")
        try:
            image, _ = client.images.build(
                path=str(context),
                tag=tag,
                buildargs={"BASE": base},
                labels={MISSING_LABEL: json.dumps(wheels.missing)},
                network_mode="none",
                rm=True,
                forcerm=True,
            )
        except BuildError as error:
            said = "".join(part.get("stream", "") for part in error.build_log)
            raise SandboxUnavailable(f"{engine_problem(error)}\n{said[-1000:]}") from error
    return image


def _python_of(client: Any, base: str) -> str:
    """The "3.12" of a base image that the user named."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        told = client.containers.run(
            base, ["-c", ask], entrypoint="python3", network_mode="none", remove=True
        )
        return str(told.decode("ascii").split()[-1])
    except (DockerException, IndexError, UnicodeDecodeError) as error:
        raise SandboxUnavailable(
            f"Docker: the base image {base} must have python3 ({first_line(error)})"
        ) from error
