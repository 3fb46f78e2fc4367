"""What code inside can see and do, tried from inside, in every back end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from places import Place, read_all

from pytest_supercharger.exceptions import SandboxError, SandboxUnavailable
from pytest_supercharger.sandboxes.mounts import NOBODY

OpenPlace = Callable[..., Place]

CAN_READ = """
import json, os
def can_read(path):
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path).read()
    except OSError:
        return None
"""


def test_the_project_is_read_at_its_own_path(back_end: str, open_place: OpenPlace) -> None:
    place = open_place(back_end)
    (place.rootdir / "pkg").mkdir()
    (place.rootdir / "pkg" / "mod.py").write_text("X = 1\n")
    path = place.rootdir / "pkg" / "mod.py"
    assert place.tell(f"{CAN_READ}print(json.dumps(can_read({str(path)!r})))") == "X = 1\n"


def test_nothing_can_be_written_but_the_scratch_folder(
    back_end: str, open_place: OpenPlace
) -> None:
    place = open_place(back_end)
    (place.rootdir / "mod.py").write_text("")
    tried = ["/", "/etc", "/usr", "/dev", "/root", "/.supercharger", "/dev/shm", "/var/tmp"]
    tried += [str(place.rootdir), str(place.rootdir.parent), sys.prefix, "/tmp"]
    written = place.tell(f"""
        import json, os
        def can_write(folder):
            try:
                open(os.path.join(folder, "new"), "w").close()
            except OSError:
                return False
            return True
        print(json.dumps([path for path in {tried!r} if can_write(path)]))
    """)
    assert written == ["/tmp"]


def test_files_of_the_tree_cannot_be_changed(back_end: str, open_place: OpenPlace) -> None:
    place = open_place(back_end)
    module = place.rootdir / "mod.py"
    module.write_text("X = 1\n")
    module.chmod(0o666)
    said = place.tell(f"""
        import json, os
        errors = []
        for change in (lambda p: open(p, "w"), os.unlink, lambda p: os.rename(p, p + "x")):
            try:
                change({str(module)!r})
            except OSError as error:
                errors.append(error.strerror)
        print(json.dumps(errors))
    """)
    assert len(said) == 3
    assert module.read_text() == "X = 1\n"


def test_a_folder_above_the_tree_cannot_be_swapped(back_end: str, open_place: OpenPlace) -> None:
    place = open_place(back_end)
    above = [str(path) for path in place.rootdir.parents if str(path) != "/"]
    renamed = place.tell(f"""
        import json, os
        done = []
        for path in {above!r}:
            try:
                os.rename(path, "/tmp/elsewhere")
                done.append(path)
            except OSError:
                pass
        print(json.dumps(done))
    """)
    assert renamed == []


def test_git_and_env_files_are_hidden(back_end: str, open_place: OpenPlace) -> None:
    place = open_place(back_end)
    (place.rootdir / ".git").mkdir()
    (place.rootdir / ".git" / "config").write_text("token")
    for name in (".env", ".env.local"):
        (place.rootdir / name).write_text("KEY=1")
    (place.rootdir / "secrets").write_text("KEY=2")
    (place.rootdir / ".env.linked").symlink_to("secrets")
    names = [".git", ".git/config", ".env", ".env.local", ".env.linked", "secrets"]
    paths = [str(place.rootdir / name) for name in names]
    seen = place.tell(f"{CAN_READ}print(json.dumps([can_read(path) for path in {paths!r}]))")
    assert not any(seen), seen


def test_a_virtual_environment_called_env_stays(back_end: str, open_place: OpenPlace) -> None:
    place = open_place(back_end)
    (place.rootdir / ".env").mkdir()
    (place.rootdir / ".env" / "pyvenv.cfg").write_text("home = /usr/bin")
    path = str(place.rootdir / ".env" / "pyvenv.cfg")
    assert place.tell(f"{CAN_READ}print(json.dumps(can_read({path!r})))") == "home = /usr/bin"


def test_a_git_file_of_a_worktree_is_hidden(back_end: str, open_place: OpenPlace) -> None:
    place = open_place(back_end)
    (place.rootdir / ".git").write_text("gitdir: /somewhere/else")
    path = str(place.rootdir / ".git")
    assert not place.tell(f"{CAN_READ}print(json.dumps(can_read({path!r})))")


def test_files_outside_are_not_seen(back_end: str, open_place: OpenPlace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("seen")
    outside.chmod(0o644)
    tried = [str(outside), "/etc/shadow", os.path.expanduser("~/.ssh"), str(tmp_path / "project2")]
    (tmp_path / "project2").mkdir()
    place = open_place(back_end)
    seen = place.tell(f"{CAN_READ}print(json.dumps([p for p in {tried!r} if can_read(p)]))")
    assert seen == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a file for root alone")
def test_a_file_for_root_alone_cannot_be_read_even_where_it_is_mounted(
    back_end: str, open_place: OpenPlace
) -> None:
    place = open_place(back_end)
    folder = place.rootdir / "private"
    folder.mkdir()
    (folder / "key").write_text("secret")
    (folder / "key").chmod(0o600)
    (folder / "open").write_text("not secret")
    paths = [str(folder / "key"), str(folder / "open")]
    seen = place.tell(f"{CAN_READ}print(json.dumps([can_read(path) for path in {paths!r}]))")
    assert seen == [None, "not secret"]


def test_no_user_rights_are_left(back_end: str, open_place: OpenPlace) -> None:
    told = open_place(back_end).tell("""
        import json, os
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        try:
            os.setuid(0)
            regained = True
        except OSError:
            regained = False
        names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
        print(json.dumps({
            "uids": os.getresuid(), "gids": os.getresgid(), "pid": os.getpid(),
            "caps": [int(status[name], 16) for name in names],
            "no_new": status["NoNewPrivs"].strip(), "regained": regained,
        }))
    """)
    uid = os.getuid() or NOBODY
    assert set(told["uids"]) <= {uid, NOBODY}
    assert 0 not in told["gids"] or os.getgid() == 0 != os.getuid()
    assert told["caps"] == [0, 0, 0, 0, 0]
    assert (told["no_new"], told["regained"], told["pid"]) == ("1", False, 1)


def test_the_hosts_loopback_is_out_of_reach(back_end: str, open_place: OpenPlace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = open_place(back_end).tell(f"""
            import json, socket
            def connects(address):
                try:
                    socket.create_connection(address, timeout=2).close()
                except OSError as error:
                    return str(error)
                return True
            print(json.dumps([connects(("127.0.0.1", {port})), connects(("192.0.2.1", 80))]))
        """)
    assert True not in told


def test_host_variables_stay_outside(
    back_end: str, open_place: OpenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "secret")
    place = open_place(back_end, env=(("LET_IN", "yes"),))
    variables = place.tell("import json, os; print(json.dumps(dict(os.environ)))")
    allowed = {"HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "LET_IN", "LC_CTYPE"}
    assert variables["LET_IN"] == "yes"
    assert variables["HOME"] == "/tmp"
    assert variables.keys() <= allowed | {"HOSTNAME", "PWD", "PYTHONUSERBASE"}


def test_an_allowed_variable_is_on_no_command_line(open_place: OpenPlace) -> None:
    place = open_place("bubblewrap", env=(("LET_IN", "hush-hush-value"),))
    place.start("import time; time.sleep(60)")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "hush-hush-value" not in listed


def test_processes_outside_are_not_seen(back_end: str, open_place: OpenPlace) -> None:
    told = open_place(back_end).tell("""
        import json, os
        print(json.dumps([name for name in os.listdir("/proc") if name.isdigit()]))
    """)
    assert told == ["1"]


def test_the_scratch_folder_is_small(back_end: str, open_place: OpenPlace) -> None:
    told = open_place(back_end).tell("""
        import json, os
        stat = os.statvfs("/tmp")
        print(json.dumps(stat.f_blocks * stat.f_frsize))
    """)
    assert told == 256 << 20


def test_an_invocation_folder_outside_of_the_tree_exists_and_is_empty(
    back_end: str, open_place: OpenPlace, tmp_path: Path
) -> None:
    (tmp_path / "private").write_text("mine")
    place = open_place(back_end, invocation_dir=str(tmp_path))
    (place.rootdir / "mod.py").write_text("")
    listed = place.tell(f"{CAN_READ}print(json.dumps(can_read({str(tmp_path)!r})))")
    assert listed == ["project"]


def test_further_mounts_are_read_only(back_end: str, open_place: OpenPlace, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "table.csv").write_text("1,2")
    place = open_place(back_end, mounts=(str(data),))
    told = place.tell(f"""{CAN_READ}
try:
    open({str(data / "new")!r}, "w")
except OSError:
    print(json.dumps(can_read({str(data / "table.csv")!r})))
""")
    assert told == "1,2"


def test_replaced_files_are_seen_instead(
    back_end: str, open_place: OpenPlace, tmp_path: Path
) -> None:
    place = open_place(back_end)
    (place.rootdir / "pkg").mkdir()
    (place.rootdir / "pkg" / "a.py").write_text("old")
    (place.rootdir / "pkg" / "b.py").write_text("other")
    new = tmp_path / "new"
    new.write_text("new")
    new.chmod(0o644)
    replaced = {"pkg/a.py": new, "pkg/deep/c.py": new}
    paths = [str(place.rootdir / "pkg" / name) for name in ("a.py", "b.py", "deep/c.py")]
    program = f"{CAN_READ}print(json.dumps([can_read(path) for path in {paths!r}]))"
    assert place.tell(program, replaced) == ["new", "other", "new"]
    assert place.tell(program) == ["old", "other", None]
    assert (place.rootdir / "pkg" / "a.py").read_text() == "old"


def test_a_project_in_a_folder_for_its_owner_alone_works(
    back_end: str, open_place: OpenPlace
) -> None:
    place = open_place(back_end)
    (place.rootdir / "mod.py").write_text("X = 1\n")
    (place.rootdir / ".env").write_text("KEY=1")
    (place.rootdir / "pkg").mkdir(mode=0o755)
    place.rootdir.chmod(0o700)
    path = str(place.rootdir)
    told = place.tell(f"{CAN_READ}print(json.dumps([can_read({path!r}), can_read('mod.py')]))")
    assert set(told[0]) - {".env"} == {"mod.py", "pkg"}
    assert told[1] == "X = 1\n"


def test_pytest_is_there(back_end: str, open_place: OpenPlace) -> None:
    place = open_place(back_end)
    told = place.tell("import json, pytest; print(json.dumps(pytest.__version__))")
    assert told == pytest.__version__


@pytest.mark.parametrize("path", ["/", "/tmp"])
def test_a_rootdir_that_the_sandbox_needs_for_itself_is_refused(
    back_end: str, open_place: OpenPlace, path: str
) -> None:
    with pytest.raises(SandboxUnavailable, match="folder of its own"):
        open_place(back_end, rootdir=Path(path))


class TestTransport:
    def test_what_is_sent_comes_back(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("""
            import os, sys
            while data := os.read(0, 1 << 16):
                os.write(1, data)
        """)
        # Read and write side by side: either pipe alone would be full.
        data = os.urandom(1 << 20)
        sending = threading.Thread(target=transport.send, args=[data])
        sending.start()
        received = b""
        while len(received) < len(data):
            received += transport.receive(4096, time.monotonic() + 20)
        sending.join()
        assert received == data

    def test_the_deadline_passes(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("import time; time.sleep(60)")
        before = time.monotonic()
        with pytest.raises(TimeoutError):
            transport.receive(10, before + 0.3)
        assert 0.25 < time.monotonic() - before < 5

    def test_the_end_is_empty_bytes(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("print('bye', flush=True)")
        assert read_all(transport) == b"bye\n"
        assert transport.receive(10, None) == b""

    def test_a_complaint_is_told(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("raise RuntimeError('no such thing')")
        with pytest.raises(SandboxError, match="RuntimeError: no such thing"):
            read_all(transport)

    def test_a_closed_stderr_changes_nothing(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("""
            import os, time
            os.close(2)
            time.sleep(0.2)
            os.write(1, b"still here")
        """)
        assert read_all(transport) == b"still here"

    def test_a_flood_of_complaints_is_bounded(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("""
            import sys
            sys.stderr.write("x" * 5_000_000)
            raise SystemExit("the end")
        """)
        with pytest.raises(SandboxError, match="the end") as caught:
            read_all(transport)
        assert len(str(caught.value)) < 10_000

    def test_kill_leaves_no_process_and_can_be_repeated(
        self, back_end: str, open_place: OpenPlace
    ) -> None:
        place = open_place(back_end)
        transport = place.start("""
            import os, signal, time
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            if os.fork() and os.fork():
                os.write(1, b"ready")
            os.setsid() if os.getpid() != 1 else None
            time.sleep(600)
        """)
        assert transport.receive(5, time.monotonic() + 20) == b"ready"
        assert len(_processes_in(place.rootdir)) >= 3
        transport.kill()
        assert _processes_in(place.rootdir) == []
        transport.kill()

    def test_kill_wakes_a_reader(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("import time; time.sleep(60)")
        heard: list[object] = []

        def listen() -> None:
            try:
                heard.append(transport.receive(10, None))
            except SandboxError as error:
                heard.append(error)

        reader = threading.Thread(target=listen)
        reader.start()
        time.sleep(0.2)
        transport.kill()
        reader.join(10)
        assert not reader.is_alive()
        assert heard == [b""] or isinstance(heard[0], SandboxError)

    def test_sending_to_the_dead_is_an_error(self, back_end: str, open_place: OpenPlace) -> None:
        transport = open_place(back_end).start("import time; time.sleep(60)")
        transport.kill()
        with pytest.raises(SandboxError):
            transport.send(b"x" * (1 << 20))


def _processes_in(folder: Path) -> list[int]:
    """Processes, in whatever namespace, whose current folder has this name."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if os.readlink(f"/proc/{name}/cwd") == str(folder):
                found.append(int(name))
    return found
