"""Is a user's file always the old one or the new one, and only ours to change?"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from pytest_supercharger.exceptions import SourceChanged, SourceError
from pytest_supercharger.splice import write_source

OLD = b"x = 1\r\n"
NEW = b"x = 2\r\n# caf\xe9\n"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tree" / "m.py"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


def alone(file: Path) -> bool:
    """Whether nothing was left beside the file."""
    return list(file.parent.iterdir()) == [file]


def test_the_bytes_are_replaced(file: Path) -> None:
    write_source(file, digest(OLD), NEW)
    assert file.read_bytes() == NEW
    assert alone(file)


def test_a_file_changed_meanwhile_is_left_alone(file: Path) -> None:
    file.write_bytes(b"mine\n")
    with pytest.raises(SourceChanged, match="changed after it was read"):
        write_source(file, digest(OLD), NEW)
    assert file.read_bytes() == b"mine\n"
    assert alone(file)


def test_a_file_removed_meanwhile_does_not_come_back(file: Path) -> None:
    file.unlink()
    with pytest.raises(SourceChanged, match="removed"):
        write_source(file, digest(OLD), NEW)
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o664])
def test_the_mode_stays(file: Path, mode: int) -> None:
    file.chmod(mode)
    write_source(file, digest(OLD), NEW)
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser may give a file away")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 12345, 23456)
    write_source(file, digest(OLD), NEW)
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)


def test_extended_attributes_stay(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"kept")
    except OSError as exc:
        pytest.skip(f"the file system has none: {exc}")
    write_source(file, digest(OLD), NEW)
    assert os.getxattr(file, "user.note") == b"kept"


def test_a_symbolic_link_stays_and_its_target_is_written(file: Path) -> None:
    link = file.parent.parent / "elsewhere.py"
    link.symlink_to("tree/m.py")
    write_source(link, digest(OLD), NEW)
    assert link.is_symlink()
    assert file.read_bytes() == NEW
    assert alone(file)


def test_another_hard_link_keeps_the_old_content(file: Path) -> None:
    other = file.parent.parent / "other.py"
    other.hardlink_to(file)
    write_source(file, digest(OLD), NEW)
    assert (file.read_bytes(), other.read_bytes()) == (NEW, OLD)


def test_a_file_without_write_permission_is_read_only_on_purpose(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(SourceError, match=r"is read-only: chmod u\+w") as caught:
        write_source(file, digest(OLD), NEW)
    assert not isinstance(caught.value, SourceChanged)
    assert file.read_bytes() == OLD
    assert alone(file)


def test_a_directory_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a regular file"):
        write_source(tmp_path, digest(b""), NEW)


# --- trouble that the system makes, in a process of its own ------------------------------------

WRITE = """
import hashlib, sys
from pathlib import Path
from pytest_supercharger.exceptions import SourceChanged, SourceError
from pytest_supercharger.splice import write_source

path = Path(sys.argv[1])
def write(data):
    try:
        write_source(path, hashlib.sha256(path.read_bytes()).hexdigest(), data)
    except SourceError as exc:
        cause = exc.__cause__
        name = Path(cause and cause.filename or "").name[:13]
        print(type(exc).__name__, exc, cause and cause.errno, name, sep="|")
"""


def run_python(code: str, path: Path, *wrapped_in: str) -> str:
    program = WRITE + textwrap.dedent(code)
    command = [*wrapped_in, sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def in_namespace(script: str) -> list[str]:
    """A shell with a mount namespace of its own, in which ``script`` runs before the command."""
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    trial = "mount -t tmpfs none /mnt"
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    if subprocess.run([*command, "sh", "-c", trial], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are forbidden here")
    return [*command, "sh", "-ec", f'{script}\nexec "$@"', "sh"]


def test_a_full_disk_leaves_the_file_as_it_was(file: Path) -> None:
    place = file.parent
    shell = in_namespace(
        f"mount -t tmpfs -o size=64k none {place}\nprintf 'x = 1\\r\\n' > {place}/m.py"
    )
    said, old, names = run_python(
        """
        write(b"#" * 1_000_000)
        print(path.read_bytes())
        print([each.name for each in path.parent.iterdir()])
        """,
        file,
        *shell,
    ).splitlines()
    assert said.startswith(f"SourceError|{file}: cannot be written, it is as it was: ")
    assert said.endswith(f"|{errno.ENOSPC}|")
    assert (old, names) == (repr(OLD), "['m.py']")


def test_a_read_only_file_system_leaves_the_file_as_it_was(file: Path) -> None:
    place = file.parent
    shell = in_namespace(f"mount --bind {place} {place}\nmount -o remount,bind,ro {place}")
    said = run_python("write(b'new')", file, *shell)
    assert said.startswith("SourceError|")
    assert "on a read-only file system" in said
    assert file.read_bytes() == OLD
    assert alone(file)


def test_a_file_size_limit_leaves_the_file_as_it_was(file: Path) -> None:
    said = run_python(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write(b"#" * 1_000_000)
        """,
        file,
    )
    assert said.endswith(f"|{errno.EFBIG}|")
    assert file.read_bytes() == OLD
    assert alone(file)


def test_a_directory_one_may_not_write_to_leaves_the_file_as_it_was() -> None:
    with tempfile.TemporaryDirectory() as place:  # not below tmp_path: others may not enter that
        file = Path(place, "m.py")
        file.write_bytes(OLD)
        file.chmod(0o666)
        Path(place).chmod(0o555)
        said = run_python(
            """
            import os
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            write(b"new")
            """,
            file,
        )
        Path(place).chmod(0o755)
        assert said.startswith("SourceError|")
        assert f"the permissions of {place}" in said
        assert said.endswith(f"|{errno.EACCES}|.supercharge-")
        assert file.read_bytes() == OLD
        assert alone(file)


def test_killed_at_any_instant_the_file_is_old_or_new(file: Path) -> None:
    versions = [bytes([letter]) * 300_000 for letter in b"ab"]
    file.write_bytes(versions[0])
    code = WRITE + textwrap.dedent("""
        versions = [bytes([letter]) * 300_000 for letter in b"ab"]
        print("ready", flush=True)
        while True:
            for data in reversed(versions):
                write(data)
        """)
    seen = set()
    for attempt in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.003 * attempt)
            process.send_signal(signal.SIGKILL)
            process.wait()
        data = file.read_bytes()
        assert data in versions
        seen.add(data)
    assert all(path.name.startswith((".supercharge-", "m.py")) for path in file.parent.iterdir())
