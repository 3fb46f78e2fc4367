"""What becomes of a check inside a real sandbox: the same answer from either back end."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import py_compile
import textwrap
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from places import project_at

from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    Control,
    ItemOutcome,
    Outcome,
    Verdict,
)
from pytest_supercharger.sandboxes.choose import choose_sandbox_launcher
from pytest_supercharger.sandboxes.worker import PooledSandbox

FILES = {
    "pyproject.toml": """
        [tool.pytest.ini_options]
        pythonpath = ["src"]
        """,
    ".env": "SECRET=1",
    ".git/HEAD": "ref: refs/heads/main",
    "src/pkg/__init__.py": "from pkg.mod import double",
    "src/pkg/mod.py": """
        def double(number):
            raise NotImplementedError
        """,
    "src/pkg/registry.py": """
        import functools
        from pkg import double
        from pkg.mod import double as again

        TABLE = {"double": double}
        AT_IMPORT = double(4)

        @functools.lru_cache
        def quadruple(number):
            return double(again(number))
        """,
    "test_overlay.py": """
        import inspect, traceback
        import pytest
        import pkg
        import pkg.mod
        from pkg import double
        from pkg.registry import AT_IMPORT, TABLE, quadruple

        def test_names_bound_by_from_imports():
            assert (double(2), pkg.double(2), pkg.mod.double(2)) == (4, 4, 4)

        def test_registries_and_decorated_functions():
            assert (TABLE["double"](3), quadruple(3)) == (6, 12)

        def test_calls_at_import():
            assert AT_IMPORT == 8

        def test_source_and_traceback():
            assert "return number + number" in inspect.getsource(double)
            with pytest.raises(TypeError) as caught:
                double(None)
            last = traceback.extract_tb(caught.value.__traceback__)[-1]
            assert last.filename == pkg.mod.__file__
            assert last.line == "return number + number"

        def test_path_and_spec():
            assert pkg.mod.__file__.endswith("src/pkg/mod.py")
            assert pkg.mod.__spec__.origin == pkg.mod.__file__
        """,
    "test_double.py": """
        import os, subprocess, sys
        from pkg.mod import double

        def test_equal():
            assert double(2) == 4

        def test_truth():
            assert double(2)

        def test_seen_by_another_process():
            code = "import sys; sys.path.insert(0, 'src'); import pkg; print(pkg.double(21))"
            told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            assert told.stdout == "42\\n", told.stderr
        """,
    "test_verdicts.py": """
        import multiprocessing, os, signal, sys, threading, time
        import pytest

        def test_passed():
            pass

        def test_failed():
            assert 1 == 2

        def test_error():
            1 / 0

        def test_skipped():
            pytest.skip("not here")

        @pytest.mark.xfail
        def test_xfail():
            assert False

        def test_endless():
            while True:
                pass

        def test_endless_outside_of_python():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            time.sleep(600)

        @pytest.fixture
        def endless():
            time.sleep(600)

        def test_endless_fixture(endless):
            pass

        @pytest.fixture
        def broken():
            raise ValueError("no fixture")

        def test_broken_fixture(broken):
            pass

        @pytest.fixture
        def breaks_after():
            yield
            raise ValueError("no end")

        def test_broken_teardown(breaks_after):
            pass

        def test_signal():
            os.kill(os.getpid(), signal.SIGSEGV)

        def test_exit_0():
            os._exit(0)

        def test_exit_agreed():
            os._exit(42)

        def test_exit_in_a_thread():
            thread = threading.Thread(target=os._exit, args=(0,))
            thread.start()
            thread.join()

        def test_sys_exit():
            sys.exit(0)

        def test_pytest_exit():
            pytest.exit("enough", returncode=0)

        def test_keyboard_interrupt():
            raise KeyboardInterrupt

        def test_memory():
            bytearray(16 << 30)

        def test_fork_bomb():
            while True:
                try:
                    os.fork()
                except OSError:
                    time.sleep(0.01)

        def test_recursion():
            def again():
                again()
            again()

        def test_half_a_surrogate_pair():
            raise AssertionError("\\ud800")

        def test_much_output():
            for _ in range(3000):
                os.write(1, b"x" * 10000)

        def test_nonsense_in_its_messages():
            for fd in range(3, 100):
                try:
                    os.write(fd, b"nonsense" * 100)
                except OSError:
                    pass

        def test_deep_nonsense_in_its_messages():
            data = b"[" * 200_000
            for fd in range(3, 100):
                try:
                    os.write(fd, len(data).to_bytes(4, "big") + data)
                except OSError:
                    pass

        def test_huge_message():
            for fd in range(3, 100):
                try:
                    os.write(fd, b"\\xff" * 4)
                except OSError:
                    pass
        """,
    "exit_at_import/test_exit_0.py": "import os; os._exit(0)",
    "exit_at_import/test_sys_exit.py": "import sys; sys.exit(0)",
    "exit_at_import/test_skips.py": "import pytest; pytest.skip('all', allow_module_level=True)",
    "exit_at_import/test_syntax.py": "def test_it(:\n    pass\n",
    "exit_at_import/test_endless.py": "import time\ntime.sleep(600)\ndef test_it(): pass\n",
    "test_allowed.py": """
        import asyncio, os, socket, subprocess, sys
        import pytest

        def test_loopback():
            with socket.create_server(("127.0.0.1", 0)) as server:
                with socket.create_connection(server.getsockname()) as client:
                    accepted, _ = server.accept()
                    with accepted:
                        client.sendall(b"hello")
                        assert accepted.recv(5) == b"hello"

        def test_socketpair():
            one, other = socket.socketpair()
            with one, other:
                one.sendall(b"hello")
                assert other.recv(5) == b"hello"

        def test_asyncio():
            async def tell():
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", "print(7)", stdout=subprocess.PIPE
                )
                told, _ = await process.communicate()
                return told
            assert asyncio.run(tell()) == b"7\\n"

        def test_subprocess():
            assert subprocess.check_output(["/bin/sh", "-c", "echo hello"]) == b"hello\\n"

        def test_scratch(tmp_path):
            (tmp_path / "file").write_text("hello")
            assert (tmp_path / "file").read_text() == "hello"

        def test_no_network_outside():
            with pytest.raises(OSError):
                socket.create_connection(("192.0.2.1", 80), timeout=2)
        """,
    "test_leaves.py": """
        import os, subprocess, sys, tempfile, time
        from pathlib import Path

        def places():
            return [Path("/tmp"), Path.home(), Path(tempfile.gettempdir())]

        def processes():
            return [int(name) for name in os.listdir("/proc") if name.isdigit()]

        def test_leaves_much():
            for place in places():
                (place / "left").mkdir(exist_ok=True)
                (place / "left" / "file").write_text("left")
                (place / "left").chmod(0o500)
            sleeper = [sys.executable, "-c", "import time; time.sleep(600)", "left behind"]
            subprocess.Popen(sleeper, start_new_session=True)
            subprocess.Popen(["/bin/sh", "-c", "sleep 600 & sleep 600 &"], start_new_session=True)
            os.environ["LEFT"] = "1"
            time.sleep(0.1)

        def test_leaves_more_than_can_be_removed():
            os.chdir("/tmp")
            for _ in range(3000):
                os.mkdir("deep")
                os.chdir("deep")

        def test_finds_nothing():
            assert not Path("/tmp/deep").exists()
            assert [place for place in places() if (place / "left").exists()] == []
            assert "LEFT" not in os.environ
            for process in processes():
                told = Path(f"/proc/{process}/cmdline").read_bytes()
                assert b"left behind" not in told
                assert b"sleep\\x00600" not in told
        """,
    "test_secrets.py": """
        import os
        from pathlib import Path

        def test_nothing_to_be_seen():
            assert "SUPERCHARGE_TEST_SECRET" not in os.environ
            assert not Path(".git/HEAD").exists()
            assert not Path(".env").is_file() or Path(".env").read_text() == ""

        def test_changes_the_tree():
            for path in ("src/pkg/mod.py", "test_secrets.py", "new.py"):
                try:
                    Path(path).write_text("changed")
                except OSError:
                    pass
            assert Path("test_secrets.py").read_text() != "changed"
            assert not Path("new.py").exists()
        """,
}
STUB = "src/pkg/mod.py::double"
INSTRUMENTED = f"""
def double(number):
    __supercharge_reached__({STUB!r}); raise NotImplementedError
"""
DOUBLE = "def double(number):\n    return number + number\n"
LIAR = """
class Liar:
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 0


def double(number):
    return Liar()
"""
NEW_NUMBER = count(1)


class Bench:
    """One project, and one sandbox over it that all tests of a back end share."""

    def __init__(self, rootdir: Path, sandbox: PooledSandbox) -> None:
        self.rootdir = rootdir
        self.sandbox = sandbox

    def check(self, kind: CheckKind, **changes: Any) -> Outcome:
        check = Check(**({"id": str(next(NEW_NUMBER)), "kind": kind, "timeout": 20.0} | changes))
        (outcome,) = self.sandbox.run([check])
        return outcome

    def tests(self, *names: str, source: str = "", **changes: Any) -> Outcome:
        """Run these node ids, with ``source`` as the module under test."""
        files = (("src/pkg/mod.py", source),) if source else ()
        values = {"files": files, "kind": CheckKind.PROJECT} | changes
        return self.check(args=tuple(f"{self.rootdir}/{name}" for name in names), **values)

    def generated(self, *checks: str, source: str, **changes: Any) -> Outcome:
        values = {"files": (("src/pkg/mod.py", source),), "timeout": 2.0} | changes
        return self.check(CheckKind.GENERATED, module="src/pkg/mod.py", tests=checks, **values)


def write_files(folder: Path) -> Path:
    for path, text in FILES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"))
    return folder


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("bubblewrap", "docker")
    ],
)
def bench(
    request: pytest.FixtureRequest,
    why_missing: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    if why_missing[request.param]:
        pytest.skip(why_missing[request.param])
    rootdir = write_files(tmp_path_factory.mktemp(request.param) / "project")
    project = project_at(
        rootdir,
        ini_file=str(rootdir / "pyproject.toml"),
        python_path=(str(rootdir / "src"), str(rootdir)),
    )
    os.environ["SUPERCHARGE_TEST_SECRET"] = "1"
    sandbox = PooledSandbox(choose_sandbox_launcher(request.param, project), project, workers=1)
    yield Bench(rootdir, sandbox)
    sandbox.close()
    del os.environ["SUPERCHARGE_TEST_SECRET"]


def only_item(outcome: Outcome) -> ItemOutcome:
    assert len(outcome.items) == 1, outcome
    return outcome.items[0]


class TestVerdicts:
    @pytest.mark.parametrize(
        ("test", "verdict", "phase"),
        [
            ("test_passed", Verdict.PASSED, "call"),
            ("test_failed", Verdict.FAILED, "call"),
            ("test_error", Verdict.ERROR, "call"),
            ("test_skipped", Verdict.SKIPPED, "call"),
            ("test_xfail", Verdict.SKIPPED, "call"),
            ("test_broken_fixture", Verdict.ERROR, "setup"),
            ("test_broken_teardown", Verdict.ERROR, "teardown"),
            ("test_signal", Verdict.CRASHED, "call"),
            ("test_exit_0", Verdict.CRASHED, "call"),
            ("test_exit_agreed", Verdict.CRASHED, "call"),
            ("test_exit_in_a_thread", Verdict.CRASHED, "call"),
            ("test_sys_exit", Verdict.ERROR, "call"),
            ("test_memory", Verdict.OUT_OF_MEMORY, "call"),
            ("test_recursion", Verdict.ERROR, "call"),
            ("test_half_a_surrogate_pair", Verdict.FAILED, "call"),
            ("test_much_output", Verdict.PASSED, "call"),
            ("test_nonsense_in_its_messages", Verdict.CRASHED, "call"),
            ("test_deep_nonsense_in_its_messages", Verdict.CRASHED, "call"),
            ("test_huge_message", Verdict.CRASHED, "call"),
        ],
    )
    def test_of_one_test(self, bench: Bench, test: str, verdict: Verdict, phase: str) -> None:
        outcome = bench.tests(f"test_verdicts.py::{test}")
        assert only_item(outcome).id == f"test_verdicts.py::{test}"
        assert (outcome.verdict, only_item(outcome).verdict) == (verdict, verdict), outcome
        assert only_item(outcome).phase == phase

    @pytest.mark.parametrize(
        "test", ["test_endless", "test_endless_outside_of_python", "test_endless_fixture"]
    )
    def test_a_test_over_its_limit_is_a_timeout(self, bench: Bench, test: str) -> None:
        outcome = bench.tests(f"test_verdicts.py::{test}", timeout=0.5)
        assert (outcome.verdict, only_item(outcome).verdict) == (Verdict.TIMEOUT, Verdict.TIMEOUT)
        assert outcome.seconds < 5

    def test_a_limit_of_its_own_holds_for_one_test(self, bench: Bench) -> None:
        name = "test_verdicts.py::test_endless"
        outcome = bench.tests(name, timeout=60.0, limits=((name, 0.5),))
        assert outcome.verdict is Verdict.TIMEOUT

    def test_the_total_holds_for_all(self, bench: Bench) -> None:
        outcome = bench.tests("test_verdicts.py::test_endless", timeout=60.0, total=1.0)
        assert outcome.verdict is Verdict.TIMEOUT

    def test_an_import_over_the_limit_is_a_timeout(self, bench: Bench) -> None:
        outcome = bench.tests("exit_at_import/test_endless.py", limits=(("", 1.0),))
        assert (outcome.verdict, outcome.items) == (Verdict.TIMEOUT, ())
        assert outcome.detail

    @pytest.mark.parametrize("file", ["test_exit_0.py", "test_sys_exit.py", "test_syntax.py"])
    def test_a_file_that_cannot_be_imported_is_no_pass(self, bench: Bench, file: str) -> None:
        outcome = bench.tests(f"exit_at_import/{file}")
        assert outcome.verdict in (Verdict.CRASHED, Verdict.ERROR)
        assert outcome.detail or only_item(outcome).detail

    def test_a_skipped_file_is_no_pass(self, bench: Bench) -> None:
        assert bench.tests("exit_at_import/test_skips.py").verdict is Verdict.SKIPPED

    @pytest.mark.parametrize("test", ["test_pytest_exit", "test_keyboard_interrupt"])
    def test_a_session_that_is_ended_early_is_no_pass(self, bench: Bench, test: str) -> None:
        outcome = bench.tests(f"test_verdicts.py::{test}", "test_verdicts.py::test_passed")
        assert outcome.verdict not in (Verdict.PASSED, Verdict.SANDBOX_DOWN), outcome

    def test_a_candidate_that_leaves_at_import_is_no_pass(self, bench: Bench) -> None:
        outcome = bench.tests("test_double.py::test_equal", source="import os\nos._exit(0)\n")
        assert outcome.verdict is Verdict.CRASHED

    def test_no_test_is_no_pass(self, bench: Bench) -> None:
        outcome = bench.tests("src")
        assert (outcome.verdict, outcome.exit_code) == (Verdict.ERROR, 5)

    def test_an_unknown_test_is_no_pass(self, bench: Bench) -> None:
        outcome = bench.tests("test_verdicts.py::test_gone")
        assert (outcome.verdict, outcome.exit_code) == (Verdict.ERROR, 4)
        assert "test_gone" in outcome.detail

    def test_a_fork_bomb_ends_with_its_check(self, bench: Bench) -> None:
        outcome = bench.tests("test_verdicts.py::test_fork_bomb", timeout=1.0)
        assert outcome.verdict is not Verdict.PASSED
        assert bench.tests("test_verdicts.py::test_passed").verdict is Verdict.PASSED

    def test_many_items_keep_their_own_verdicts(self, bench: Bench) -> None:
        names = ["test_passed", "test_failed", "test_error", "test_skipped"]
        outcome = bench.tests(*(f"test_verdicts.py::{name}" for name in names))
        verdicts = [item.verdict.value for item in outcome.items]
        assert verdicts == ["passed", "failed", "error", "skipped"]
        assert outcome.verdict is Verdict.FAILED

    def test_after_enough_failures_the_rest_is_left(self, bench: Bench) -> None:
        names = ["test_failed", "test_error", "test_passed"]
        outcome = bench.tests(*(f"test_verdicts.py::{name}" for name in names), max_failures=1)
        assert [item.verdict for item in outcome.items] == [Verdict.FAILED]

    def test_a_failure_tells_the_values(self, bench: Bench) -> None:
        item = only_item(bench.tests("test_verdicts.py::test_failed"))
        assert "assert 1 == 2" in item.detail
        assert item.exception == "AssertionError"
        assert item.line.endswith("test_verdicts.py:8")

    def test_a_test_that_stops_at_an_open_stub_is_blocked(self, bench: Bench) -> None:
        outcome = bench.tests("test_double.py::test_equal", source=INSTRUMENTED)
        assert outcome.verdict is Verdict.BLOCKED
        assert only_item(outcome).raised_by == STUB

    def test_a_blocked_test_is_none_of_the_failures_after_which_the_rest_is_left(
        self, bench: Bench
    ) -> None:
        names = ["test_double.py::test_equal", "test_verdicts.py::test_failed"]
        left = "test_verdicts.py::test_passed"
        outcome = bench.tests(*names, left, source=INSTRUMENTED, max_failures=1)
        assert [item.verdict for item in outcome.items] == [Verdict.BLOCKED, Verdict.FAILED]


class TestOverlay:
    def test_a_candidate_is_seen_by_everybody(self, bench: Bench) -> None:
        outcome = bench.tests("test_overlay.py", source=DOUBLE)
        assert len(outcome.items) == 5
        assert [item.detail for item in outcome.items if item.verdict is not Verdict.PASSED] == []

    def test_the_next_check_sees_the_tree_again(self, bench: Bench) -> None:
        assert bench.tests("test_double.py::test_equal", source=DOUBLE).verdict is Verdict.PASSED
        assert bench.tests("test_double.py::test_equal").verdict is Verdict.ERROR

    def test_a_candidate_in_another_encoding_is_read_as_it_says(self, bench: Bench) -> None:
        source = "# coding: latin-1\nDIGITS = 'ä'\n\n\ndef double(n):\n    return 4 * len(DIGITS)\n"
        assert bench.tests("test_double.py::test_equal", source=source).verdict is Verdict.PASSED

    @pytest.mark.parametrize(
        "mode",
        [py_compile.PycInvalidationMode.TIMESTAMP, py_compile.PycInvalidationMode.UNCHECKED_HASH],
    )
    def test_stale_bytecode_does_not_win(
        self, bench: Bench, mode: py_compile.PycInvalidationMode, tmp_path: Path
    ) -> None:
        """As valid as bytecode of the file on disk can be, and yet not the candidate."""
        path = bench.rootdir / "src" / "pkg" / "mod.py"
        before = path.read_bytes()
        stale = Path(importlib.util.cache_from_source(str(path)))
        try:
            path.write_text("def double(number):\n    return 'stale'\n")
            py_compile.compile(str(path), cfile=str(stale), invalidation_mode=mode, doraise=True)
            if mode is py_compile.PycInvalidationMode.UNCHECKED_HASH:
                path.write_bytes(before)
            assert "stale" in bench.tests("test_double.py::test_equal").items[0].detail
            assert bench.tests("test_overlay.py", source=DOUBLE).verdict is Verdict.PASSED
        finally:
            stale.unlink()
            path.write_bytes(before)


class TestControl:
    def test_an_honest_body_fails_changed_expectations(self, bench: Bench) -> None:
        outcome = bench.tests("test_double.py::test_equal", source=DOUBLE, control=True)
        assert (outcome.verdict, outcome.control) == (Verdict.PASSED, Control.PASSED)

    def test_without_an_expectation_there_is_nothing_to_change(self, bench: Bench) -> None:
        outcome = bench.tests("test_double.py::test_truth", source=DOUBLE, control=True)
        assert (outcome.verdict, outcome.control) == (Verdict.PASSED, Control.NONE)

    def test_a_liar_is_found_out(self, bench: Bench) -> None:
        outcome = bench.tests("test_double.py::test_equal", source=LIAR, control=True)
        assert (outcome.verdict, outcome.control) == (Verdict.PASSED, Control.CHEATED)

    def test_a_failing_body_needs_no_control(self, bench: Bench) -> None:
        wrong = "def double(number):\n    return 5\n"
        outcome = bench.tests("test_double.py::test_equal", source=wrong, control=True)
        assert (outcome.verdict, outcome.control) == (Verdict.FAILED, Control.NOT_RUN)


class TestGeneratedChecks:
    def test_returned_values_are_canonical(self, bench: Bench) -> None:
        checks = [
            "assert double({3, 1, 2}) == 1",
            "assert double(1) == 2",
            "assert double(1.0) == 3",
        ]
        source = "def double(x):\n    return x\n"
        outcome = bench.generated(*checks, source=source)
        assert [item.returned for item in outcome.items] == ["set(1, 2, 3)", "1", "1"]
        assert {item.verdict for item in outcome.items} == {Verdict.FAILED}

    def test_what_one_check_does_does_not_touch_the_next(self, bench: Bench) -> None:
        source = """\
import os, time
STATE = []
def double(what):
    if what == "hang":
        time.sleep(600)
    if what == "crash":
        os.abort()
    if what == "exit":
        os._exit(0)
    if what == "agreed":
        os._exit(42)
    if what == "memory":
        bytearray(16 << 30)
    STATE.append(what)
    return len(STATE)
"""
        names = ["change", "hang", "crash", "exit", "agreed", "memory", "change"]
        checks = [f"assert double({name!r}) == 1" for name in names]
        outcome = bench.generated(*checks, source=source, timeout=0.5)
        verdicts = [item.verdict.value for item in outcome.items]
        crashed = ["crashed"] * 3
        assert verdicts == ["passed", "timeout", *crashed, "out of memory", "passed"]

    def test_what_one_check_changes_in_the_module_the_next_does_not_see(self, bench: Bench) -> None:
        source = "SEEN = []\n\n\ndef double(n):\n    SEEN.append(n)\n    return len(SEEN)\n"
        outcome = bench.generated(*["assert double(1) == 1"] * 3, source=source)
        assert outcome.verdict is Verdict.PASSED, outcome.items

    def test_after_two_time_outs_the_rest_is_left(self, bench: Bench) -> None:
        source = "def double(n):\n    while n < 9:\n        pass\n    return n\n"
        checks = [f"assert double({n}) == {n}" for n in (9, 1, 2, 9)]
        outcome = bench.generated(*checks, source=source, timeout=0.3)
        verdicts = [item.verdict.value for item in outcome.items]
        assert verdicts == ["passed", "timeout", "timeout", "not run"]

    @pytest.mark.parametrize(
        "forbidden",
        [
            "import socket; socket.socket()",
            "import socket; socket.socketpair()",
            "import os; os.fork()",
            "import subprocess; subprocess.run(['true'])",
            "import os; os.execv('/bin/true', ['true'])",
            "import os; os.kill(os.getppid(), 9)",
        ],
    )
    def test_no_sockets_no_processes(self, bench: Bench, forbidden: str) -> None:
        source = f"def double(n):\n    {forbidden}\n    return 1\n"
        item = only_item(bench.generated("assert double(1) == 1", source=source))
        assert item.verdict is Verdict.ERROR, item
        assert item.exception == "PermissionError"

    def test_threads_work(self, bench: Bench) -> None:
        source = """\
from concurrent.futures import ThreadPoolExecutor
def double(n):
    with ThreadPoolExecutor() as threads:
        return sum(threads.map(int, [n, n]))
"""
        outcome = bench.generated("assert double(2) == 4", source=source)
        assert outcome.verdict is Verdict.PASSED, outcome

    def test_a_check_that_does_not_compile_is_an_error(self, bench: Bench) -> None:
        outcome = bench.generated("assert double(", "assert double(1) == 2", source=DOUBLE)
        assert [item.verdict for item in outcome.items] == [Verdict.ERROR, Verdict.PASSED]

    def test_a_module_that_cannot_be_imported_passes_nothing(self, bench: Bench) -> None:
        outcome = bench.generated("assert True", source="raise SystemExit(0)\n")
        assert outcome.verdict is Verdict.CRASHED
        assert "SystemExit" in outcome.detail

    def test_no_check_is_no_pass(self, bench: Bench) -> None:
        assert bench.generated(source=DOUBLE).verdict is not Verdict.PASSED

    def test_a_check_that_stops_at_an_open_stub_is_blocked(self, bench: Bench) -> None:
        outcome = bench.generated("assert double(1) == 2", source=INSTRUMENTED)
        assert outcome.verdict is Verdict.BLOCKED


class TestConfinement:
    def test_what_project_tests_may_use_works(self, bench: Bench) -> None:
        outcome = bench.tests("test_allowed.py")
        assert len(outcome.items) == 6
        assert [i.detail for i in outcome.items if i.verdict is not Verdict.PASSED] == []

    def test_nothing_of_a_check_is_left_for_the_next(self, bench: Bench) -> None:
        assert bench.tests("test_leaves.py::test_leaves_much").verdict is Verdict.PASSED
        outcome = bench.tests("test_leaves.py::test_finds_nothing")
        assert outcome.verdict is Verdict.PASSED, outcome.items

    def test_a_sandbox_that_cannot_be_cleaned_is_given_up(self, bench: Bench) -> None:
        outcome = bench.tests("test_leaves.py::test_leaves_more_than_can_be_removed")
        assert outcome.verdict is Verdict.PASSED
        outcome = bench.tests("test_leaves.py::test_finds_nothing")
        assert outcome.verdict is Verdict.PASSED, outcome.items

    def test_secrets_are_not_visible_and_the_tree_stays(self, bench: Bench) -> None:
        before = digest_of(bench.rootdir)
        outcome = bench.tests("test_secrets.py")
        assert outcome.verdict is Verdict.PASSED, outcome.items
        assert digest_of(bench.rootdir) == before


class TestConfirm:
    def test_the_files_are_really_on_the_disk(self, bench: Bench) -> None:
        before = digest_of(bench.rootdir)
        outcome = bench.tests(
            "test_overlay.py", "test_double.py", source=DOUBLE, kind=CheckKind.CONFIRM
        )
        assert outcome.verdict is Verdict.PASSED, outcome
        assert len(outcome.items) == 8
        assert digest_of(bench.rootdir) == before

    def test_in_a_check_another_process_sees_the_candidate(self, bench: Bench) -> None:
        outcome = bench.tests("test_double.py::test_seen_by_another_process", source=DOUBLE)
        assert outcome.verdict is Verdict.PASSED, outcome.items


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path).encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()
