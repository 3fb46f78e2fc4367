"""What a forked check may still do: resource limits and two system-call profiles.

The namespaces are made outside, by bubblewrap or Docker. Neither limits one check against the
next, and bubblewrap has no system-call filter of its own, so every child brings both.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
from dataclasses import dataclass
from enum import Enum

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 4, 38, 22
SECCOMP_MODE_FILTER = 2
SIGKILL = 9

GIB, MIB = 1 << 30, 1 << 20


class Profile(Enum):
    """Which system calls are left."""

    STRICT = "strict"  # generated checks: no sockets, no processes
    PROJECT = "project"  # the project's tests: loopback, socketpairs and processes work


@dataclass(frozen=True)
class Limits:
    """Bounds of one process. Memory is address space, in bytes; cpu in seconds."""

    memory: int = 4 * GIB
    file_size: int = 128 * MIB
    open_files: int = 1024
    processes: int = 512
    cpu: int = 0  # 0: the watchdog alone


# x86-64 numbers. Refused with EPERM in both profiles: nothing a test has a use for.
_DENIED = {
    101, 310, 311, 438, 129, 297, 130,  # ptrace, process_vm_*, pidfd_getfd, rt_sigqueueinfo
    165, 166, 155, 161, 272, 308, 429, 428, 430, 431, 432, 433, 442,  # mounts and namespaces
    321, 298, 323, 425, 426, 427,  # bpf, perf, userfaultfd, io_uring
    250, 248, 249, 175, 313, 176, 246, 320, 169, 167, 168,  # keys, modules, kexec, reboot, swap
    227, 164, 159, 305, 170, 171, 172, 173, 135, 163, 179, 303, 304,  # clock, names, ports
}  # fmt: skip
_STRICT_DENIED = {
    41, 42, 53, 57, 58, 59, 322, 200, 424, 434,  # sockets, fork, exec, tkill, pidfd_*
    133, 259, 29, 64, 68, 240, 141, 203,  # mknod, System V objects, priorities
}  # fmt: skip
_KILL, _TGKILL, _CLONE, _CLONE3 = 62, 234, 56, 435
_CLONE_THREAD = 0x10000
_X32 = 0x40000000
_ARCH_X86_64 = 0xC000003E

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("operand", ctypes.c_uint),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


_libc = ctypes.CDLL(None, use_errno=True)


def can_filter() -> bool:
    """Whether the system-call numbers of this machine are known."""
    return platform.machine() == "x86_64"


def hide_from_siblings() -> None:
    """No ptrace, no /proc/PID/mem, environ or fd for other processes of the same user."""
    _prctl(PR_SET_DUMPABLE, 0)


def confine(profile: Profile, limits: Limits) -> None:
    """Put this process under ``limits`` and the profile's filter, for good.

    Raises OSError when the kernel refuses: a check must not run half confined.
    """
    _prctl(PR_SET_PDEATHSIG, SIGKILL)
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_CORE, 0),
    ):
        _lower(kind, value)
    if limits.cpu:
        _lower(resource.RLIMIT_CPU, limits.cpu)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if can_filter():
        _install(_program(profile, os.getpid()))


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _prctl(option: int, value: int) -> None:
    arguments = [ctypes.c_ulong(number) for number in (option, value, 0, 0, 0)]
    if _libc.prctl(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


def _program(profile: Profile, pid: int) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump if true, jump if false, operand)."""
    program = [
        (_LOAD, 0, 0, 4),  # seccomp_data.arch
        (_JEQ, 1, 0, _ARCH_X86_64),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, 0),  # seccomp_data.nr
        (_JGE, 0, 1, _X32),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    denied = set(_DENIED)
    if profile is Profile.STRICT:
        denied |= _STRICT_DENIED
        program += _threads_only() + _signals_to_itself_only(pid)
    for number in sorted(denied):
        program += [(_JEQ, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _threads_only() -> list[tuple[int, int, int, int]]:
    return [
        (_JEQ, 0, 1, _CLONE3),  # its flags are behind a pointer; libc falls back to clone
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
        (_JEQ, 0, 4, _CLONE),
        (_LOAD, 0, 0, 16),  # first argument, low half
        (_JSET, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
    ]


def _signals_to_itself_only(pid: int) -> list[tuple[int, int, int, int]]:
    program = []
    for number in (_KILL, _TGKILL):
        program += [
            (_JEQ, 0, 4, number),
            (_LOAD, 0, 0, 16),
            (_JEQ, 0, 1, pid),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _ERRNO | _EPERM),
        ]
    return program


def _install(program: list[tuple[int, int, int, int]]) -> None:
    instructions = (_Instruction * len(program))(*[_Instruction(*step) for step in program])
    loaded = _Program(len(program), ctypes.cast(instructions, ctypes.POINTER(_Instruction)))
    mode = ctypes.c_ulong(SECCOMP_MODE_FILTER)
    if _libc.prctl(ctypes.c_ulong(PR_SET_SECCOMP), mode, ctypes.byref(loaded), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the system-call filter was refused")
