"""Threads and control groups, read from the file trees of several machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_supercharger.models.engine import cgroups
from pytest_supercharger.models.engine.threads import decoding_threads, physical_cores

V1 = "9:memory:/jobs/7\n3:cpu,cpuacct:/jobs/7\n0::/\n"
V2 = "0::/user.slice/job.scope\n"


def write(root: Path, **files: str) -> Path:
    """Files below ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def machine(root: Path, *siblings: str, name: str = "core_cpus_list") -> Path:
    """A machine whose logical core i shares its physical one with ``siblings[i]``."""
    files = {
        f"sys/devices/system/cpu/cpu{core}/topology/{name}": text
        for core, text in enumerate(siblings)
    }
    return write(root, **files)


@pytest.mark.parametrize("name", ["core_cpus_list", "thread_siblings_list"])
def test_hyper_threads_of_one_core_count_once(tmp_path: Path, name: str) -> None:
    pairs = [f"{i % 4},{i % 4 + 4}" for i in range(8)]
    assert physical_cores(machine(tmp_path, *pairs, name=name), range(8)) == 4
    assert decoding_threads(tmp_path, range(8)) == 3


def test_cores_that_are_not_allowed_do_not_count(tmp_path: Path) -> None:
    root = machine(tmp_path, *(f"{i % 4},{i % 4 + 4}" for i in range(8)))
    assert physical_cores(root, [0, 4, 1]) == 2


def test_without_a_topology_every_logical_core_is_one(tmp_path: Path) -> None:
    assert physical_cores(tmp_path, range(6)) == 6
    assert decoding_threads(tmp_path, range(6)) == 5


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (3, 2), (16, 15)])
def test_one_core_is_left_to_the_tests_where_there_are_three(
    tmp_path: Path, cores: int, threads: int
) -> None:
    assert decoding_threads(tmp_path, range(cores)) == threads


@pytest.mark.parametrize(
    ("limit", "threads"), [("max 100000", 15), ("400000 100000", 3), ("150000 100000", 1)]
)
def test_a_version_2_quota_limits_the_threads(tmp_path: Path, limit: str, threads: int) -> None:
    write(
        tmp_path,
        **{
            "proc/self/cgroup": V2,
            "sys/fs/cgroup/user.slice/job.scope/cpu.max": limit,
        },
    )
    assert decoding_threads(tmp_path, range(16)) == threads


@pytest.mark.parametrize(("quota", "threads"), [("-1", 15), ("600000", 5)])
def test_a_version_1_quota_limits_the_threads(tmp_path: Path, quota: str, threads: int) -> None:
    folder = "sys/fs/cgroup/cpu,cpuacct/jobs/7"
    write(
        tmp_path,
        **{
            "proc/self/cgroup": V1,
            f"{folder}/cpu.cfs_quota_us": quota,
            f"{folder}/cpu.cfs_period_us": "100000",
        },
    )
    assert decoding_threads(tmp_path, range(16)) == threads


def test_the_least_quota_of_all_groups_above_holds(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "proc/self/cgroup": V2,
            "sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
            "sys/fs/cgroup/user.slice/job.scope/cpu.max": "800000 100000",
        },
    )
    assert cgroups.processors(tmp_path) == 2


def test_in_a_container_the_limit_at_the_top_of_the_mount_holds(tmp_path: Path) -> None:
    """/proc/self/cgroup names the host's path, which is not mounted inside."""
    top = "sys/fs/cgroup/memory"
    write(
        tmp_path,
        **{
            "proc/self/cgroup": "4:memory:/docker/4fd8\n",
            f"{top}/memory.limit_in_bytes": "4000",
            f"{top}/memory.usage_in_bytes": "1500",
            f"{top}/memory.stat": "cache 800\ntotal_active_file 200\ntotal_inactive_file 300",
        },
    )
    assert cgroups.memory_limit(tmp_path) == 4000
    assert cgroups.memory_room(tmp_path) == 4000 - (1500 - 500)


def test_version_2_memory_counts_cached_files_as_free(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/user.slice/job.scope"
    write(
        tmp_path,
        **{
            "proc/self/cgroup": V2,
            f"{group}/memory.max": "9000",
            f"{group}/memory.current": "8000",
            f"{group}/memory.stat": "anon 1000\nactive_file 4000\ninactive_file 3000",
            "sys/fs/cgroup/user.slice/memory.max": "max",
        },
    )
    assert cgroups.memory_room(tmp_path) == 8000


def test_version_1_writes_a_huge_number_where_there_is_no_limit(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "proc/self/cgroup": V1,
            "sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/jobs/7/memory.usage_in_bytes": "5",
        },
    )
    assert cgroups.memory_limit(tmp_path) is None
    assert cgroups.memory_room(tmp_path) is None


def test_a_group_that_uses_more_than_its_limit_has_no_room(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/user.slice/job.scope"
    files = {f"{group}/memory.max": "10", f"{group}/memory.current": "11"}
    write(tmp_path, **{"proc/self/cgroup": V2, **files})
    assert cgroups.memory_room(tmp_path) == 0


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroups.memory_limit(tmp_path) is None
    assert cgroups.processors(tmp_path) is None


def test_this_machine_gives_a_number_of_threads_that_it_has() -> None:
    assert 1 <= decoding_threads() <= (os.cpu_count() or 1)


def test_a_very_small_model_is_decoded_by_one_thread() -> None:
    assert decoding_threads(allowed=range(8), weights=10_000_000) == 1
    assert decoding_threads(allowed=range(8), weights=15_000_000) > 1
