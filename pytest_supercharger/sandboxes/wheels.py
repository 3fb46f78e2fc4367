"""Which wheels go into an image: downloaded here, installed there without a network.

On the host, pip uses the user's own settings, keys of a private index included; what gets into
the image is only the files.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_supercharger.exceptions import SandboxUnavailable

_NEWEST_GLIBC, _OLDEST_GLIBC = 36, 5  # 2.36 is bookworm's
_NEEDED = ("pytest", "pip")  # without these there is no sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheels:
    """What was downloaded."""

    requirements: tuple[str, ...]  # to install, each satisfied by the wheels
    missing: tuple[str, ...]  # requirements for which there is no wheel, with the reason


def download_wheels(
    requirements: Iterable[str],
    pins: Iterable[str],
    folder: Path,
    *,
    python: str,
    machine: str,
) -> Wheels:
    """Wheels of ``requirements`` and all they need, in the pinned versions where there are such.

    ``python`` is the "3.12" inside, ``machine`` the engine's architecture as uname says it. What
    has no wheel is left out and told. SandboxUnavailable when pip cannot download at all.
    """
    wanted, kept_pins = [*requirements], [*pins]
    missing: list[str] = []
    while True:
        complaint = _download(wanted, kept_pins, folder, python=python, machine=machine)
        if complaint is None:
            return Wheels(requirements=tuple(wanted), missing=tuple(missing))
        blamed = {*_blamed(complaint), *_conflicting(complaint, wanted if not kept_pins else ())}
        if kept_pins and (loose := _without(kept_pins, blamed)) != kept_pins:
            kept_pins = loose
        elif kept_pins and "ResolutionImpossible" in complaint:
            kept_pins = []
        elif blamed & set(_names(wanted)) - set(_NEEDED):
            lost = set(wanted) - set(_without(wanted, blamed - set(_NEEDED)))
            wanted = [one for one in wanted if one not in lost]
            missing += [f"{one} (no wheel for Python {python}, {machine})" for one in sorted(lost)]
        else:
            raise SandboxUnavailable(
                "the sandbox's packages cannot be downloaded; pip says:\n" + _last_lines(complaint)
            )


def _download(
    requirements: Sequence[str], pins: Sequence[str], folder: Path, *, python: str, machine: str
) -> str | None:
    """None, or what pip complained about."""
    listed, pinned = folder.parent / "wanted.txt", folder.parent / "pins.txt"
    listed.write_text("\n".join(requirements))
    pinned.write_text("\n".join(pins))
    command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={platform}" for platform in _platforms(machine)]
    command += [f"--dest={folder}", f"--requirement={listed}", f"--constraint={pinned}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr + done.stdout if done.returncode else None


def _pip() -> list[str]:
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        pip = shutil.which("pip3") or shutil.which("pip")
        if pip is None:
            raise SandboxUnavailable(
                f"{sys.executable} has no pip to download the sandbox's packages with: "
                "python -m ensurepip, or --supercharge-sandbox=bubblewrap, which needs none"
            )
        return [pip]
    return [sys.executable, "-m", "pip"]


def _platforms(machine: str) -> list[str]:
    """pip takes each tag by its letter, so all that a glibc 2.36 can load are named."""
    newer = [f"manylinux_2_{minor}" for minor in range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)]
    names = [*newer, "manylinux2014", "manylinux2010", "manylinux1", "linux"]
    return [f"{name}_{machine}" for name in names]


def _blamed(complaint: str) -> Iterator[str]:
    """Names that pip found no wheel for, and the ones that asked for them."""
    for text in re.findall(r"No matching distribution found for ([\w.-]+)", complaint):
        yield canonicalize_name(text)
    for text in re.findall(r"satisfies the requirement .*?\(from ([^)]*)\)", complaint):
        for asking in re.split(r"->|,", text):
            if match := re.match(r"\s*([\w.-]+)", asking):
                yield canonicalize_name(match[1])


def _conflicting(complaint: str, wanted: Sequence[str]) -> Iterator[str]:
    """Names in the lines that cannot be had together; often for want of a wheel below them."""
    for text in re.findall(r"Cannot install (.*) because", complaint):
        lines = [int(number) - 1 for number in re.findall(r"\(line (\d+)\)", text)]
        yield from _names(wanted[line] for line in lines if line < len(wanted))


def _names(requirements: Iterable[str]) -> Iterator[str]:
    for text in requirements:
        yield canonicalize_name(Requirement(text).name)


def _without(requirements: Sequence[str], names: set[str]) -> list[str]:
    return [one for one in requirements if canonicalize_name(Requirement(one).name) not in names]


def _last_lines(text: str) -> str:
    """The end of it, without the user and password of an index."""
    lines = [line for line in text.splitlines() if line.strip()]
    return re.sub(r"//[^/@\s]*@", "//", "\n".join(lines[-6:]))
