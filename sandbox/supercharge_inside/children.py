"""Interpreters that a test starts see the candidate, too, and tell which stubs they came to.

They know of it by their environment: the stand-in's folder holds a ``sitecustomize`` that every
Python imports at its start. A test that starts one with an environment of its own sees the tree
as it is on disk.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile

from . import overlay
from .reached import Reached

FILES = "SUPERCHARGE_FILES"
REACHED = "SUPERCHARGE_REACHED"


def hand_down(files: dict[str, str], standin: str) -> str:
    """Let children of this process see ``files``; returns the file that they log stubs in."""
    folder = tempfile.mkdtemp(prefix="supercharge-children-")
    path, log = os.path.join(folder, "files.json"), os.path.join(folder, "reached")
    with open(path, "w") as file:
        json.dump(files, file)
    os.environ[FILES], os.environ[REACHED] = path, log
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{standin}{os.pathsep}{inherited}" if inherited else standin
    return log


def take_over() -> None:
    """In a child: serve what was handed down."""
    path = os.environ.get(FILES)
    if not path:
        return
    try:
        with open(path) as file:
            files = json.load(file)
    except OSError:
        return  # started by something that outlived its check
    overlay.serve(files)
    Reached(os.environ.get(REACHED, ""), elsewhere=True)


def run_next_sitecustomize(folder: str) -> None:
    """The environment's own ``sitecustomize``, which ours in ``folder`` hides."""
    path = [entry for entry in sys.path if os.path.abspath(entry) != folder]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
