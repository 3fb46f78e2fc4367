"""What is to be done on this system so that bubblewrap works?"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path


def remedy() -> str:
    """What to do on this system so that bubblewrap works."""
    if sys.platform != "linux":
        return "bubblewrap is for Linux: use Docker (on Windows: start pytest inside WSL2)"
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return (
            "This is a container, where making namespaces is usually forbidden: start the "
            "container with --privileged, or give it an engine's socket and use "
            "--supercharge-sandbox=docker, or run pytest outside of it"
        )
    return "\n".join((_install_remedy(), *_forbidden_remedies()))


def _install_remedy() -> str:
    system = _os_release()
    wheel = "or, without root: python -m pip install 'pytest-supercharger[bubblewrap]'"
    if system & {"debian", "ubuntu"}:
        return f"Install it: sudo apt install bubblewrap, {wheel}"
    if system & {"fedora", "rhel"}:
        return f"Install it: sudo dnf install bubblewrap, {wheel}"
    return f"Install the package bubblewrap of your distribution, {wheel}"


def _forbidden_remedies() -> Iterator[str]:
    """For each kernel setting that forbids an ordinary user to make namespaces."""
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        yield (
            "AppArmor forbids user namespaces here (Ubuntu 23.10 and later): add a profile for "
            "bwrap (sudo apt install apparmor-profiles, then link bwrap-userns-restrict into "
            "/etc/apparmor.d and reload), or sudo sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if _setting("kernel/unprivileged_userns_clone") == "0":
        yield "User namespaces are off: sudo sysctl kernel.unprivileged_userns_clone=1"
    if _setting("user/max_user_namespaces") == "0":
        yield "User namespaces are off: sudo sysctl user.max_user_namespaces=10000"


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text("ascii").strip()
    except OSError:
        return ""


def _os_release() -> set[str]:
    """Names of this distribution and of those it is like."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return set()
    return {release["ID"], *release.get("ID_LIKE", "").split()}
