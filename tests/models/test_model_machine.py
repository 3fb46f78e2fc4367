"""The memory that ``auto`` chooses a preset by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_supercharger.models.machine import memory_for_models

GB = 1 << 30


def built_in() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def of_the_host(memory: int) -> int:
    return max(memory // 3, min(memory // 2, 4 * 10**9))


def put_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An ``nvidia-smi`` that is found first."""
    program = folder / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def test_all_cards_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_smi(tmp_path, monkeypatch, "echo 24576; echo 24576")
    assert memory_for_models(root=tmp_path) == 48 * GB


@pytest.mark.parametrize("script", ["echo 2048", "exit 9", "echo '[N/A]'", ":"])
def test_without_a_card_that_holds_a_model_the_host_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    put_smi(tmp_path, monkeypatch, script)
    assert memory_for_models(root=tmp_path) == of_the_host(built_in())


def test_gpu_off_does_not_look_at_the_cards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_smi(tmp_path, monkeypatch, f"echo 999999; touch {tmp_path}/asked")
    assert memory_for_models("off", root=tmp_path) == of_the_host(built_in())
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(
    "name", ["sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"]
)
def test_a_container_has_what_its_control_group_allows(tmp_path: Path, name: str) -> None:
    limit = tmp_path / name
    limit.parent.mkdir(parents=True)
    limit.write_text("1073741824\n")
    assert memory_for_models("off", root=tmp_path) == GB // 2
    limit.write_text("max\n")
    assert memory_for_models("off", root=tmp_path) == of_the_host(built_in())
