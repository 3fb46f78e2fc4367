"""``python -m pytest_supercharger``, in a process of its own, against a hub on localhost."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from gguf_files import RandomModel
from local_hub import COMMIT, LocalHub, environment, git_sha1, local_hub

import pytest_supercharger
from pytest_supercharger.bundled import tiny_model

Ran = subprocess.CompletedProcess[str]

REPO = "maker/Model-GGUF"
FILE = "model-Q4_0.gguf"
SPEC = f"hf:{REPO}:{FILE}"
MB = 1 << 20


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real GGUF of a few megabytes, its end padded so that there is something to cut."""
    path = RandomModel().write(tmp_path_factory.mktemp("gguf") / "model.gguf")
    return path.read_bytes() + os.urandom(3 * MB)


@pytest.fixture
def hub(payload: bytes) -> Iterator[LocalHub]:
    with local_hub({REPO: {"README.md": b"#", FILE: payload}}) as hub:
        yield hub


class Machine:
    """Where the command runs: a home of its own, and one hub."""

    def __init__(self, home: Path, hub: LocalHub) -> None:
        self.home = home
        self.hub = hub
        self.folder = home / "hf" / "hub" / f"models--{REPO.replace('/', '--')}"

    @property
    def blobs(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "blobs").glob("*"))

    def start(
        self,
        *words: str,
        prefix: tuple[str, ...] = (),
        limit: int = 0,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        **env: str,
    ) -> subprocess.Popen[str]:
        def before() -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        command = [sys.executable, "-W", "error", "-m", "pytest_supercharger", *words]
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("HF_")}
        return subprocess.Popen(
            [*prefix, *command],
            env={**inherited, **environment(self.hub, self.home, **env)},
            stdout=stdout,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            text=True,
            preexec_fn=before,
        )

    def run(self, *words: str, prefix: tuple[str, ...] = (), limit: int = 0, **env: str) -> Ran:
        process = self.start(*words, prefix=prefix, limit=limit, **env)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        return Ran(words, process.returncode, out, err)

    def fetch(self, spec: str = SPEC, *, limit: int = 0, **env: str) -> Ran:
        return self.run("fetch", spec, limit=limit, **env)

    def path(self, run: Ran) -> Path:
        assert run.returncode == 0, run.stderr
        return Path(run.stdout.splitlines()[0])


@pytest.fixture
def machine(tmp_path: Path, hub: LocalHub) -> Machine:
    return Machine(tmp_path, hub)


def flat(text: str) -> str:
    return " ".join(text.split())


def ranges(hub: LocalHub) -> list[str]:
    return [asked.range for asked in hub.asked]


def refused(run: Ran) -> str:
    """The error of a command that could not do it."""
    assert run.returncode == 4, run.stderr
    assert run.stdout == ""
    return run.stderr


# --- it works ------------------------------------------------------------------------------------


def test_a_file_is_fetched_whole_and_its_size_said_first(machine: Machine, payload: bytes) -> None:
    run = machine.fetch()
    path = machine.path(run)
    assert path == machine.folder / "snapshots" / COMMIT / FILE
    assert path.read_bytes() == payload
    assert ranges(machine.hub) == [""]
    assert run.stderr.splitlines() == [
        f"{REPO}: {FILE}, {len(payload) / 1e6:.2f} MB",
        f"fetching {len(payload) / 1e6:.2f} MB to {machine.folder}",
    ]
    assert run.stdout.splitlines()[1] == (
        f"use it: pytest --supercharge --supercharge-model {SPEC}"
    )
    assert machine.blobs == [hashlib.sha256(payload).hexdigest()]
    assert (machine.folder / "refs" / "main").read_text() == COMMIT


def test_nothing_but_the_model_is_asked_for(machine: Machine) -> None:
    machine.path(machine.fetch())
    model = f"/{REPO}/resolve/{COMMIT}/{FILE}"
    assert {path.partition("?")[0] for path in machine.hub.seen} == {
        f"/api/models/{REPO}/revision/main",
        model,
    }


def test_a_second_fetch_asks_for_no_content(machine: Machine) -> None:
    first = machine.path(machine.fetch())
    again = machine.fetch()
    assert machine.path(again) == first
    assert len(machine.hub.asked) == 1
    assert "on disk already and is what the hub has" in again.stderr


def test_other_programs_find_the_file_in_the_cache(machine: Machine) -> None:
    path = machine.path(machine.fetch())
    program = (
        "from huggingface_hub import try_to_load_from_cache, hf_hub_download\n"
        f"print(try_to_load_from_cache({REPO!r}, {FILE!r}))\n"
        f"print(hf_hub_download({REPO!r}, {FILE!r}))"
    )
    env = {**os.environ, **environment(None, machine.home, HF_HUB_OFFLINE="1")}
    out = subprocess.check_output(
        [sys.executable, "-W", "error", "-c", program], env=env, text=True
    )
    assert out.splitlines() == [str(path)] * 2


def test_a_split_file_comes_with_all_its_parts(machine: Machine) -> None:
    parts = {f"m-Q8_0-0000{i}-of-00003.gguf": os.urandom(1000 + i) for i in (1, 2, 3)}
    machine.hub.repositories[REPO].update(parts)
    path = machine.path(machine.fetch(f"hf:{REPO}:Q8_0"))
    assert path.name == "m-Q8_0-00001-of-00003.gguf"
    assert {name: (path.parent / name).read_bytes() for name in parts} == parts


def test_a_small_file_is_checked_by_what_git_calls_it(machine: Machine, payload: bytes) -> None:
    machine.hub.small = True
    assert machine.path(machine.fetch()).read_bytes() == payload
    assert machine.blobs == [git_sha1(payload)]


def test_a_preset_is_fetched_by_its_name_and_then_found_offline(
    machine: Machine, payload: bytes
) -> None:
    presets = machine.home / "config" / "pytest-supercharger" / "presets.toml"
    presets.parent.mkdir(parents=True)
    presets.write_text(
        f'[[preset]]\nname = "mine"\nrepository = "{REPO}"\nfiles = ["{FILE}"]\n'
        'size_gb = 0.004\nmemory_gb = 0.01\nlicence = "Own"\ncommercial = false\n'
    )
    run = machine.fetch("mine")
    assert machine.path(run).read_bytes() == payload
    assert "mine (4 MB), licence Own: NOT for commercial use" in run.stderr
    listed = machine.run("models", HF_HUB_OFFLINE="1")
    (row,) = (line for line in listed.stdout.splitlines() if "GB  mine " in line)
    assert row.split()[:6] == ["*", "0.01", "GB", "mine", "4", "MB"]
    assert "yes" in row
    assert "auto takes mine (*), the best on disk" in listed.stdout


def test_the_table_needs_no_network_and_names_the_next_command(machine: Machine) -> None:
    run = machine.run("models", HF_HUB_OFFLINE="1")
    assert run.returncode == 0
    assert run.stderr == ""
    assert machine.hub.seen == []
    assert "no preset on disk fits, so auto takes tiny (*), the bundled" in flat(run.stdout)
    assert "Better here: python -m pytest_supercharger fetch " in run.stdout
    assert "Qwen research licence, not for commercial use" in run.stdout


def test_a_reader_that_leaves_ends_it_quietly(machine: Machine) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = machine.start("models", stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode == 141


def test_the_bundled_model_needs_no_fetching(machine: Machine) -> None:
    run = machine.run("fetch", "tiny")
    assert machine.path(run) == tiny_model()
    assert "use it: pytest --supercharge --supercharge-model tiny" in run.stdout
    assert "tiny is the bundled model" in run.stderr
    assert "needs no fetching" in run.stderr
    assert machine.hub.seen == []


def test_the_bundled_model_comes_first_in_the_table(machine: Machine) -> None:
    first = machine.run("models").stdout.splitlines()[1]
    assert first.split()[:3] == ["*", "any", "tiny"]
    assert "bundled" in first


def test_without_the_bundled_file_the_presets_are_listed_all_the_same(machine: Machine) -> None:
    package = Path(pytest_supercharger.__file__).parent
    place = machine.home / "incomplete"
    left_out = shutil.ignore_patterns("__pycache__", "_bundled")
    shutil.copytree(package, place / package.name, ignore=left_out)
    run = machine.run("models", prefix=("env", "-C", str(place)))
    assert run.returncode == 0
    assert not [line for line in run.stdout.splitlines() if " tiny " in line]
    assert "and the bundled model is missing: auto finds none" in flat(run.stdout)
    assert "Better here: python -m pytest_supercharger fetch " in run.stdout


def test_auto_is_answered_with_what_to_fetch_instead(machine: Machine) -> None:
    named = re.search(r"Better here: (.*)", machine.run("models").stdout)
    assert named
    error = refused(machine.run("fetch", "auto"))
    assert "auto is no model" in error
    assert error.rstrip().endswith(named[1])
    assert machine.hub.seen == []


def test_what_was_fetched_is_enough_when_the_hub_is_gone(tmp_path: Path, payload: bytes) -> None:
    with local_hub({REPO: {FILE: payload}}) as hub:
        machine = Machine(tmp_path, hub)
        path = machine.path(machine.fetch())
    gone = machine.fetch()
    assert machine.path(gone) == path
    assert "does not answer" in gone.stderr
    assert "on disk already" in gone.stderr
    assert machine.path(machine.fetch(HF_HUB_OFFLINE="1")) == path


def test_a_terminal_shows_a_bar(machine: Machine, payload: bytes) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = machine.start("fetch", SPEC, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 1 << 16):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    process.communicate(timeout=30)
    assert process.returncode == 0, shown
    assert b"model-Q4_0.gguf: 100%|" in shown


# --- the line breaks -----------------------------------------------------------------------------


def test_after_a_cut_only_the_rest_is_asked_for(machine: Machine, payload: bytes) -> None:
    machine.hub.cuts = [MB + 17]
    run = machine.fetch()
    assert machine.path(run).read_bytes() == payload
    assert ranges(machine.hub) == ["", f"bytes={MB + 17}-"]
    assert "the line broke at 1.05 MB" in run.stderr


def test_many_cuts_with_progress_are_no_reason_to_give_up(machine: Machine, payload: bytes) -> None:
    machine.hub.repositories[REPO][FILE] = payload[:7000]
    machine.hub.cuts = [1000] * 6
    program = transfer_program(machine, 7000, payload[:7000])
    assert program == "whole"
    assert ranges(machine.hub) == ["", *(f"bytes={1000 * i}-" for i in range(1, 7))]


def test_it_gives_up_after_six_answers_without_content(machine: Machine, payload: bytes) -> None:
    machine.hub.cuts = [MB] + [0] * 20
    said = transfer_program(machine, len(payload), payload)
    assert "nothing has come in 6 attempts" in said
    assert "1.05 MB of" in said
    assert ranges(machine.hub) == ["", *[f"bytes={MB}-"] * 6]


def transfer_program(machine: Machine, size: int, content: bytes) -> str:
    """Transfer one file without a pause between the attempts: "whole", or the error."""
    program = f"""
import sys
from pathlib import Path
from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub.transfer import Remote, check, transfer

class Deaf:
    def broken(self, remote, have, cause): ...

url = "{machine.hub.files_address}/{REPO}/{FILE}"
remote = Remote(name="m", size={size}, digest="{hashlib.sha256(content).hexdigest()}", url=url)
part = Path(sys.argv[1])
try:
    transfer(remote, part, {{}}, watcher=Deaf(), timeout=5, pause=0)
    print(check(part, remote) or "whole")
except ModelUnavailable as exc:
    print(exc)
"""
    return subprocess.check_output(
        [sys.executable, "-W", "error", "-c", program, str(machine.home / "part")],
        env={**os.environ, **environment(machine.hub, machine.home)},
        text=True,
        timeout=60,
    ).strip()


def test_a_silent_line_is_left_and_the_rest_asked_for(machine: Machine, payload: bytes) -> None:
    machine.hub.stall = 4.0
    run = machine.fetch(HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert machine.path(run).read_bytes() == payload
    assert ranges(machine.hub) == ["", f"bytes={MB}-"]
    assert "ReadTimeout" in run.stderr


def test_a_slow_line_is_no_broken_one(machine: Machine, payload: bytes) -> None:
    machine.hub.slice, machine.hub.pause = MB // 8, 0.05
    assert machine.path(machine.fetch(HF_HUB_DOWNLOAD_TIMEOUT="1")).read_bytes() == payload
    assert ranges(machine.hub) == [""]


def test_a_busy_server_is_asked_again(machine: Machine, payload: bytes) -> None:
    machine.hub.statuses = [503, 429]
    run = machine.fetch()
    assert machine.path(run).read_bytes() == payload
    assert "the server answers 503" in run.stderr
    assert "the server answers 429" in run.stderr


def test_two_fetches_at_once_ask_for_the_content_once(machine: Machine, payload: bytes) -> None:
    machine.hub.slice, machine.hub.pause = MB // 4, 0.05
    both = [machine.start("fetch", SPEC) for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert told[0][0] == told[1][0]
    assert Path(told[0][0].splitlines()[0]).read_bytes() == payload
    assert ranges(machine.hub) == [""]


def test_a_server_that_sends_all_again_spoils_nothing(machine: Machine, payload: bytes) -> None:
    machine.hub.cuts, machine.hub.ignores_range = [MB], True
    assert machine.path(machine.fetch()).read_bytes() == payload


def test_ctrl_c_keeps_what_has_come_and_the_same_command_goes_on(
    machine: Machine, payload: bytes
) -> None:
    machine.hub.slice, machine.hub.pause = MB // 4, 0.3
    process = machine.start("fetch", SPEC)
    part = machine.folder / "blobs" / f"{hashlib.sha256(payload).hexdigest()}.incomplete"
    assert machine.hub.sent.wait(30)
    while not part.exists() or part.stat().st_size < MB // 4:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, ""), err
    assert (
        f"run the same command again to resume: python -m pytest_supercharger fetch {SPEC}" in err
    )
    assert "Traceback" not in err
    kept = part.stat().st_size
    machine.hub.pause = 0.0
    again = machine.fetch()
    assert machine.path(again).read_bytes() == payload
    assert ranges(machine.hub) == ["", f"bytes={kept}-"]
    assert "are there" in again.stderr


# --- what comes is wrong -------------------------------------------------------------------------


def test_a_size_that_is_not_the_listed_one_is_refused_at_once(machine: Machine) -> None:
    machine.hub.listed = lambda content: content + b"more"
    error = refused(machine.fetch())
    assert "lists model-Q4_0.gguf with" in error
    assert "nothing of it is kept" in error
    assert machine.blobs == []


def test_more_than_the_listed_size_is_deleted(machine: Machine) -> None:
    machine.hub.listed = lambda content: content[:-1000]
    machine.hub.announces = False
    assert "sends more; what came is deleted" in refused(machine.fetch())
    assert machine.blobs == []


def test_content_of_another_checksum_is_deleted_and_never_found(machine: Machine) -> None:
    machine.hub.listed = lambda content: content[:-1] + bytes([content[-1] ^ 1])
    error = refused(machine.fetch())
    assert "came with sha256" in error
    assert "it is deleted" in error
    assert machine.blobs == []
    assert not (machine.folder / "snapshots").exists()


def test_a_spoiled_file_on_disk_is_noticed_and_fetched_anew(
    machine: Machine, payload: bytes
) -> None:
    path = machine.path(machine.fetch())
    path.resolve().write_bytes(payload[:-1] + bytes([payload[-1] ^ 1]))
    run = machine.fetch()
    assert machine.path(run).read_bytes() == payload
    assert f"{FILE} on disk has sha256" in run.stderr
    assert ranges(machine.hub) == ["", ""]


def test_a_checksum_that_is_a_path_deletes_nothing(machine: Machine) -> None:
    """It would be the name of a file in the cache, which is deleted where it differs."""
    mine = machine.home / "mine"
    mine.write_text("as it was")
    (machine.folder / "blobs").mkdir(parents=True)
    way = os.path.relpath(mine, machine.folder / "blobs")
    up, name = way.rsplit("/", 1)
    machine.hub.checksum = f"{up}{'/' * (64 - len(up) - len(name))}{name}"
    assert "gives no size or checksum" in refused(machine.fetch())
    assert mine.read_text() == "as it was"


def test_a_part_that_is_too_long_is_thrown_away(machine: Machine, payload: bytes) -> None:
    part = machine.folder / "blobs" / f"{hashlib.sha256(payload).hexdigest()}.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(payload + b"more")
    run = machine.fetch()
    assert machine.path(run).read_bytes() == payload
    assert "longer than the whole" in run.stderr


# --- the hub says no -----------------------------------------------------------------------------


def test_a_token_is_shown_to_the_hub_only_and_never_printed(
    machine: Machine, payload: bytes
) -> None:
    machine.hub.token = "hf_secretsecret"
    error = refused(machine.fetch())
    assert "401" in error
    assert "run `hf auth login` or set HF_TOKEN" in error
    wrong = refused(machine.fetch(HF_TOKEN="hf_wrongwrong"))
    assert "hf_wrongwrong" not in wrong
    run = machine.fetch(HF_TOKEN="hf_secretsecret")
    assert machine.path(run).read_bytes() == payload
    assert "secretsecret" not in run.stdout + run.stderr
    assert [asked.authorization for asked in machine.hub.asked] == [""]


def test_a_gated_repository_says_how_to_get_in(machine: Machine) -> None:
    machine.hub.gated = True
    error = refused(machine.fetch())
    assert "accepted its terms (403)" in error
    assert "hf auth login" in error


def test_a_repository_that_is_not_there_is_named(machine: Machine) -> None:
    assert "no repository maker/Nothing to show (404)" in refused(machine.fetch("hf:maker/Nothing"))


@pytest.mark.parametrize("file", ["other.gguf", "Q2_K"])
def test_a_file_that_is_not_there_is_answered_with_those_that_are(
    machine: Machine, file: str
) -> None:
    machine.hub.repositories[REPO]["model-F16.gguf"] = b"x"
    error = refused(machine.fetch(f"hf:{REPO}:{file}"))
    assert f"it holds model-F16.gguf, model-Q4_0.gguf: name one, hf:{REPO}:FILE" in error


def test_a_repository_without_gguf_says_so(machine: Machine) -> None:
    machine.hub.repositories["maker/Model"] = {"model.safetensors": b"x"}
    assert "holds no GGUF file" in refused(machine.fetch("hf:maker/Model"))


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    with local_hub({}) as hub:
        machine = Machine(tmp_path, hub)
    error = refused(machine.fetch())
    assert f"{hub.address.removeprefix('http://')} does not answer (ConnectError" in error
    assert "HF_HUB_OFFLINE forbids" in refused(machine.fetch(HF_HUB_OFFLINE="1"))


def test_something_that_is_no_hub_is_recognised(machine: Machine) -> None:
    machine.hub.page = b"<html>please log in to this network</html>"
    assert "does not answer like a hub" in refused(machine.fetch())


@pytest.mark.parametrize("words", [("fetch", "nonsense"), ("fetch", "hf:x"), ("fetch",), ("fly",)])
def test_a_bad_command_line_ends_with_4(machine: Machine, words: tuple[str, ...]) -> None:
    refused(machine.run(*words))
    assert machine.hub.seen == []


# --- the disk is full ----------------------------------------------------------------------------


def can_mount() -> bool:
    unshare = shutil.which("unshare")
    words = [unshare or "", "-Urm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(unshare) and subprocess.run(words, capture_output=True).returncode == 0


needs_a_small_disk = pytest.mark.skipif(
    not can_mount(), reason="no tmpfs can be mounted in a user namespace"
)


def on_a_disk_of(megabytes: int, home: Path, meanwhile: str = "") -> tuple[str, ...]:
    """Words before a command that run it with HF_HOME on a disk of its own."""
    (home / "hf").mkdir()
    script = f'mount -t tmpfs -o size={megabytes}m none "$HF_HOME"; {meanwhile} exec "$@"'
    return ("unshare", "-Urm", "sh", "-c", script, "sh")


@needs_a_small_disk
def test_a_disk_too_small_is_noticed_before_the_first_byte(machine: Machine) -> None:
    error = refused(machine.run("fetch", SPEC, prefix=on_a_disk_of(1, machine.home)))
    assert "more are needed on the disk of" in error
    assert "set HF_HOME to a folder on a larger disk" in error
    assert machine.hub.asked == []


@needs_a_small_disk
def test_a_disk_that_fills_up_meanwhile_is_named(machine: Machine) -> None:
    machine.hub.slice, machine.hub.pause = MB // 16, 0.05
    fill = (
        '( while ! ls "$HF_HOME"/hub/*/blobs/*.incomplete; do sleep 0.02; done; '
        'head -c 9m /dev/zero > "$HF_HOME/filler" ) >/dev/null 2>&1 &'
    )
    error = refused(machine.run("fetch", SPEC, prefix=on_a_disk_of(8, machine.home, fill)))
    assert "is full (No space left on device)" in error
    assert "the same command goes on with it" in error


def test_a_limit_on_the_size_of_files_is_named_and_what_came_is_kept(
    machine: Machine, payload: bytes
) -> None:
    error = refused(machine.fetch(limit=MB))
    assert "may not grow further (File too large)" in error
    run = machine.fetch()
    assert machine.path(run).read_bytes() == payload
    assert ranges(machine.hub)[1].startswith("bytes=")


def test_a_folder_that_cannot_be_written_is_named(machine: Machine) -> None:
    (machine.home / "hf").write_text("a file where the folder should be")
    assert "cannot write to" in refused(machine.fetch())
