"""Give up root, then become the runner: ``enter.py UID COMMAND...``, as the first process.

For a sandbox that root set up without a user namespace. (In a namespace that root makes, every
uid is root outside.) Started with -I -S: nothing that was installed for the user runs before
the drop, and nothing of root's is left after it.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
LINUX_CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 63  # of those a kernel can ever know with version 3; unknown ones are refused


def main() -> None:
    """Drop and exec; any failure ends the process before foreign code could run."""
    uid, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    drop_capabilities(libc)
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    # A parent-death signal would be of no use: bwrap, then a root without capabilities, may not
    # send one to another uid. What ends an orphaned sandbox is the end of its standard input.
    check_dropped(uid)
    os.execv(command[0], command)


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Empty the effective, permitted and inheritable sets."""
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    must(libc.capset(header, (ctypes.c_uint32 * 6)()))


def check_dropped(uid: int) -> None:
    """Ask the kernel, not what was called."""
    if os.getresuid() != (uid,) * 3 or os.getresgid() != (uid,) * 3 or os.getgroups():
        sys.exit(f"still uid {os.getresuid()}, gid {os.getresgid()}, groups {os.getgroups()}")
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        fields = dict(line.split(":", 1) for line in status)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if int(fields.get(name, "0"), 16):
            sys.exit(f"{name} is still {fields[name].strip()}")


def must(result: int) -> None:
    """End the process when a call failed."""
    if result != 0:
        sys.exit(f"cannot drop privileges: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
