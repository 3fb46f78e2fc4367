"""What can be seen and done from inside: started in place of the runner, answers with one JSON.

The host judges (``sandboxes/confinement.py``); this only tries. Its argument is a JSON object:
``outside`` and ``needed`` are lists of paths, ``writable`` of folders, ``port`` one on which the
host listens on loopback.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> None:
    """Print the facts."""
    asked = json.loads(sys.argv[1])
    facts = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "uids": os.getresuid(),
        "gids": os.getresgid(),
        "groups": os.getgroups(),
        "pid": os.getpid(),
        "status": status(),
        "seen": [path for path in asked["outside"] if can_read(path)],
        "missing": [path for path in asked["needed"] if not can_read(path)],
        "written": [path for path in asked["writable"] if can_write(path)],
        "scratch": can_write("/tmp"),
        "network": can_connect(asked["port"]),
        "interfaces": interfaces(),
    }
    print(json.dumps(facts))


def status() -> dict[str, str]:
    """The lines of /proc/self/status about privileges."""
    names = ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs")
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        fields = dict(line.rstrip("\n").split(":", 1) for line in lines)
    return {name: fields.get(name, "").strip() for name in names}


def can_read(path: str) -> bool:
    """A file's first byte, or a folder's list."""
    try:
        if os.path.isdir(path):
            os.listdir(path)
        else:
            with open(path, "rb") as file:
                file.read(1)
    except OSError:
        return False
    return True


def can_write(folder: str) -> bool:
    """A new file, removed again."""
    path = os.path.join(folder, f".supercharger-{os.getpid()}")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(path)
    except OSError:
        return False
    return True


def can_connect(port: int) -> bool:
    """To the host's loopback: the nearest thing outside."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def interfaces() -> list[str]:
    """Network interfaces but the loopback one, and the kernel's tunnel templates, all down."""
    with open("/proc/net/route", encoding="ascii") as routes:
        return sorted({line.split()[0] for line in routes.readlines()[1:]})


if __name__ == "__main__":
    main()
