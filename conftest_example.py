"""A conftest to copy from: each hook of pytest-supercharger once.

Keep the ones you need in your project's ``conftest.py``. They are called by
``pytest --supercharge``, in the pytest process, never inside the sandbox; every one may be left
out, and one that returns None leaves things as they are. ``optionalhook`` lets the same
conftest work where the plugin is not installed.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_supercharger import (
        CodeCandidate,
        Evidence,
        Filled,
        Model,
        NotFilled,
        Prompt,
        RequestKind,
        Sandbox,
        Stub,
    )


@pytest.hookimpl(optionalhook=True)
def pytest_supercharge_stubs(config: pytest.Config, stubs: list[Stub]) -> None:
    """Leave out what people should write themselves; the list is changed in place."""
    stubs[:] = [stub for stub in stubs if "by hand" not in stub.comments]


@pytest.hookimpl(optionalhook=True)
def pytest_supercharge_prompt(
    config: pytest.Config, stub: Stub, request: RequestKind, prompt: Prompt
) -> Prompt | None:
    """Tell the model a rule of the house, in the last message of the chat."""
    if not prompt.messages:
        return None
    *earlier, last = prompt.messages
    rule = "\n\nUse the standard library only."
    longer = dataclasses.replace(last, content=last.content + rule)
    return dataclasses.replace(prompt, messages=(*earlier, longer))


@pytest.hookimpl(optionalhook=True)
def pytest_supercharge_model(config: pytest.Config) -> Model | None:
    """Bring a model of your own: on the CI machine, the recording that lies in the repository."""
    recording = config.rootpath / "tests" / "recorded.jsonl"
    if not os.environ.get("CI") or not recording.exists():
        return None
    from pytest_supercharger.models.open import open_model

    return open_model(f"replay:{recording}", rootdir=config.rootpath)


@pytest.hookimpl(optionalhook=True)
def pytest_supercharge_sandbox(config: pytest.Config) -> Sandbox | None:
    """Bring a sandbox of your own: any object with the methods of ``Sandbox``."""
    return None  # the one that --supercharge-sandbox names


@pytest.hookimpl(optionalhook=True)
def pytest_supercharge_reject(
    config: pytest.Config, stub: Stub, candidate: CodeCandidate
) -> str | None:
    """Refuse a body before it is run; the reason is counted in the report."""
    if "print(" in candidate.body:
        return "it prints"
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_supercharge_select(config: pytest.Config, stub: Stub, evidence: Evidence) -> str | None:
    """Choose by a rule of your own: the shortest body, where two or more pass your tests."""
    passing = [
        code.candidate
        for code in evidence.codes
        if code.project is not None and code.project.verdict.value == "passed"
    ]
    if len(passing) < 2:
        return None
    return min(passing, key=lambda candidate: len(candidate.body)).id


@pytest.hookimpl(optionalhook=True)
def pytest_supercharge_filled(
    config: pytest.Config, stub: Stub, result: Filled | NotFilled
) -> None:
    """Learn what became of each stub; here, a line per stub in a file of the project."""
    with open(config.rootpath / "supercharge.log", "a", encoding="utf-8") as log:
        log.write(f"{stub.id}: {type(result).__name__}\n")
