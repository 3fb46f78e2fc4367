"""The host's side of a sandbox: what it makes of every kind of answer from inside."""

from __future__ import annotations

import json
import queue
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from places import project_at

from pytest_supercharger.exceptions import SandboxError
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    Control,
    Outcome,
    SandboxInfo,
    Verdict,
)
from pytest_supercharger.sandboxes.worker import PooledSandbox

Message = dict[str, Any]
Script = Callable[[Message], list[bytes]]  # what comes back for a message; b"" ends the sandbox

ITEM = {"id": "t.py::test", "verdict": "passed", "seconds": 0.1}
OUTCOME = {
    "finished": True,
    "verdict": "crashed",
    "seconds": 0.1,
    "items": [ITEM],
    "detail": "",
    "output": "",
    "end": {"exit_code": 0},
}


def frame(message: Any) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack("!I", len(body)) + body


def honest(message: Message) -> list[bytes]:
    """Ready, then every check passes."""
    if "rootdir" in message:
        return [frame({"ready": {}})]
    if "check" in message:
        return [frame({"number": message["number"], "outcome": OUTCOME})]
    return []


def answering(**changes: Any) -> Script:
    """Every check gets this outcome."""
    return lambda message: (
        [frame({"number": message["number"], "outcome": {**OUTCOME, **changes}})]
        if "check" in message
        else honest(message)
    )


def saying(*data: bytes) -> Script:
    """These bytes instead of an outcome."""
    return lambda message: list(data) if "check" in message else honest(message)


class ScriptedTransport:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._said: queue.Queue[bytes] = queue.Queue()
        self._heard = bytearray()
        self.messages: list[Message] = []
        self.killed = False

    def send(self, data: bytes) -> None:
        if self.killed:
            raise SandboxError("sent to a dead one")
        self._heard += data
        while len(self._heard) >= 4:
            (size,) = struct.unpack_from("!I", self._heard)
            if len(self._heard) < 4 + size:
                return
            message = json.loads(bytes(self._heard[4 : 4 + size]))
            del self._heard[: 4 + size]
            self.messages.append(message)
            for said in self._script(message):
                self._said.put(said)

    def say(self, data: bytes) -> None:
        self._said.put(data)

    def receive(self, size: int, deadline: float | None) -> bytes:
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            return self._said.get(timeout=wait)
        except queue.Empty:
            raise TimeoutError from None

    def kill(self) -> None:
        self.killed = True
        self._said.put(b"")


class ScriptedLauncher:
    """The n-th sandbox follows the n-th script; the last script is for all after it."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.launched: list[ScriptedTransport] = []
        self.replaced: list[dict[str, bytes]] = []
        self.closed = False

    @property
    def info(self) -> SandboxInfo:
        return SandboxInfo(backend="scripted", version="1", python="3.11", workers=0)

    def launch(self, replaced: Mapping[str, Path]) -> ScriptedTransport:
        self.replaced.append({path: copy.read_bytes() for path, copy in replaced.items()})
        script = self._scripts[min(len(self.launched), len(self._scripts) - 1)]
        self.launched.append(ScriptedTransport(script))
        return self.launched[-1]

    def close(self) -> None:
        self.closed = True


def check(name: str = "1", **changes: Any) -> Check:
    return Check(**({"id": name, "kind": CheckKind.PROJECT} | changes))


def pool(launcher: ScriptedLauncher, workers: int = 1, silence: float = 20.0) -> PooledSandbox:
    return PooledSandbox(launcher, project_at(Path("/p")), workers, silence=silence)


def only(launcher: ScriptedLauncher, silence: float = 20.0, **changes: Any) -> Outcome:
    """The outcome of one check."""
    sandbox = pool(launcher, silence=silence)
    try:
        (outcome,) = sandbox.run([check(**changes)])
    finally:
        sandbox.close()
    return outcome


class TestWhatIsSaid:
    def test_a_passing_check(self) -> None:
        outcome = only(ScriptedLauncher(honest))
        assert (outcome.check, outcome.verdict) == ("1", Verdict.PASSED)
        assert outcome.control is Control.NOT_RUN

    def test_the_runner_is_told_of_project_and_check(self) -> None:
        launcher = ScriptedLauncher(honest)
        only(launcher, files=(("a.py", "x = 1"),), args=("t.py",), timeout=3.0)
        hello, asked = launcher.launched[0].messages
        assert hello["rootdir"] == "/p"
        assert hello["args"] == ["--rootdir=/p"]
        assert asked["check"]["files"] == [["a.py", "x = 1"]]
        assert (asked["check"]["kind"], asked["check"]["timeout"]) == ("project", 3.0)

    def test_a_frame_in_pieces_is_one_frame(self) -> None:
        whole = frame({"number": 1, "outcome": OUTCOME})
        pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
        assert only(ScriptedLauncher(saying(*pieces))).verdict is Verdict.PASSED

    def test_beats_and_answers_to_other_checks_are_passed_over(self) -> None:
        def script(message: Message) -> list[bytes]:
            other = frame({"number": 99, "outcome": {**OUTCOME, "items": []}})
            return (
                [other, frame({"beat": 1}), *honest(message)]
                if "check" in message
                else honest(message)
            )

        assert only(ScriptedLauncher(script)).verdict is Verdict.PASSED

    def test_one_sandbox_serves_many_checks_in_order(self) -> None:
        launcher = ScriptedLauncher(honest)
        sandbox = pool(launcher)
        outcomes = list(sandbox.run(check(str(number)) for number in range(20)))
        assert [outcome.check for outcome in outcomes] == [str(number) for number in range(20)]
        assert next(sandbox.run([check("again")])).verdict is Verdict.PASSED
        sandbox.close()
        assert len(launcher.launched) == 1
        assert launcher.launched[0].killed
        assert launcher.closed

    def test_info_tells_the_workers(self) -> None:
        sandbox = pool(ScriptedLauncher(honest), workers=3)
        assert sandbox.info.workers == 3
        sandbox.close()


class TestVerdictFromItems:
    @pytest.mark.parametrize(
        ("verdicts", "verdict"),
        [
            (["passed", "passed"], Verdict.PASSED),
            (["passed", "skipped"], Verdict.SKIPPED),
            (["passed", "failed"], Verdict.FAILED),
            (["skipped", "timeout", "failed"], Verdict.TIMEOUT),
            (["passed", "not run"], Verdict.NOT_RUN),
            ([], Verdict.ERROR),
        ],
    )
    def test_passed_only_if_all_did(self, verdicts: list[str], verdict: Verdict) -> None:
        items = [{**ITEM, "verdict": one} for one in verdicts]
        assert only(ScriptedLauncher(answering(items=items))).verdict is verdict

    @pytest.mark.parametrize("finished", [False, None, 1, "true", [True]])
    @pytest.mark.parametrize("claim", ["passed", "crashed"])
    def test_what_did_not_finish_did_not_pass(self, finished: Any, claim: str) -> None:
        outcome = only(ScriptedLauncher(answering(finished=finished, verdict=claim)))
        assert outcome.verdict is Verdict.CRASHED

    @pytest.mark.parametrize(
        ("changed", "control"),
        [
            ([], Control.NONE),
            ([{**ITEM, "expected_changed": 0}], Control.NONE),
            ([{**ITEM, "expected_changed": 1}], Control.CHEATED),
            ([{**ITEM, "expected_changed": 1, "verdict": "failed"}], Control.PASSED),
            ([{**ITEM, "expected_changed": 1, "verdict": "error"}, ITEM], Control.PASSED),
        ],
    )
    def test_control_needs_every_changed_expectation_to_fail(
        self, changed: list[Message], control: Control
    ) -> None:
        assert only(ScriptedLauncher(answering(control=changed))).control is control


class TestLostSandboxes:
    def test_a_lost_sandbox_is_replaced_once(self) -> None:
        launcher = ScriptedLauncher(saying(b""), honest)
        assert only(launcher).verdict is Verdict.PASSED
        assert [transport.killed for transport in launcher.launched] == [True, True]

    def test_lost_twice_the_check_is_given_up_with_the_reason(self) -> None:
        launcher = ScriptedLauncher(saying(b""))
        outcome = only(launcher)
        assert (outcome.verdict, outcome.items) == (Verdict.SANDBOX_DOWN, ())
        assert "the sandbox has ended" in outcome.detail
        assert len(launcher.launched) == 2

    def test_the_next_check_gets_a_new_one(self) -> None:
        launcher = ScriptedLauncher(saying(b""), saying(b""), honest)
        sandbox = pool(launcher)
        verdicts = [outcome.verdict for outcome in sandbox.run([check("1"), check("2")])]
        sandbox.close()
        assert verdicts == [Verdict.SANDBOX_DOWN, Verdict.PASSED]

    def test_silence_is_a_loss(self) -> None:
        outcome = only(ScriptedLauncher(saying()), silence=0.3)
        assert outcome.verdict is Verdict.SANDBOX_DOWN
        assert "silent for 0.3 s" in outcome.detail

    def test_beats_keep_a_slow_check_alive(self) -> None:
        launcher = ScriptedLauncher(saying())

        def beat() -> None:
            for _ in range(5):
                time.sleep(0.2)
                launcher.launched[0].say(frame({"beat": 1}))
            launcher.launched[0].say(frame({"number": 1, "outcome": OUTCOME}))

        thread = threading.Timer(0.1, beat)
        thread.start()
        assert only(launcher, silence=0.5).verdict is Verdict.PASSED
        thread.join()

    def test_one_that_is_not_ready_is_lost(self) -> None:
        outcome = only(ScriptedLauncher(lambda _: [frame({"ready": 1})]))
        assert outcome.verdict is Verdict.SANDBOX_DOWN
        assert "did not say that it is ready" in outcome.detail


class TestHostileAnswers:
    @pytest.mark.parametrize(
        "data",
        [
            frame(b"garbage"),
            frame(b"\xff\xfe"),
            frame(b"[]"),
            frame(b"null"),
            frame(b"[" * 100_000),
            frame(b"9" * 10_000),
            struct.pack("!I", (64 << 20) + 1),
            b"\xff" * 64,
        ],
        ids=["text", "bytes", "list", "null", "deep", "long number", "oversized", "noise"],
    )
    def test_no_message_of_ours_is_a_lost_sandbox(self, data: bytes) -> None:
        outcome = only(ScriptedLauncher(saying(data)))
        assert outcome.verdict is Verdict.SANDBOX_DOWN

    @pytest.mark.parametrize(
        "changes",
        [
            {"items": None},
            {"items": [1]},
            {"items": {"a": 1}},
            {"items": [{}]},
            {"items": [{**ITEM, "verdict": "excellent"}]},
            {"items": [{**ITEM, "verdict": ["passed"]}]},
            {"items": [{**ITEM, "reached": [1]}]},
            {"items": [{**ITEM, "expected_changed": float("inf")}]},
            {"items": [{**ITEM, "seconds": float("nan")}]},
            {"seconds": "soon"},
            {"seconds": float("inf")},
            {"seconds": -1},
            {"seconds": None},
            {"finished": False, "verdict": "wonderful"},
            {"end": {"exit_code": "zero"}},
            {"end": {"exit_code": float("inf")}},
            {"end": {"modules": [["only one"]]}},
            {"end": {"warnings": 1}},
            {"control": 1},
        ],
        ids=repr,
    )
    def test_an_outcome_of_another_shape_is_a_lost_sandbox(self, changes: Message) -> None:
        outcome = only(ScriptedLauncher(answering(**changes)))
        assert outcome.verdict is Verdict.SANDBOX_DOWN
        assert "malformed" in outcome.detail

    @pytest.mark.parametrize("outcome", [None, 1, [], {}, "passed"])
    def test_an_outcome_that_is_none_is_a_lost_sandbox(self, outcome: Any) -> None:
        def script(message: Message) -> list[bytes]:
            if "check" in message:
                return [frame({"number": message["number"], "outcome": outcome})]
            return honest(message)

        assert only(ScriptedLauncher(script)).verdict is Verdict.SANDBOX_DOWN

    def test_a_wrong_number_is_no_answer(self) -> None:
        other = frame({"number": 7, "outcome": OUTCOME})
        outcome = only(ScriptedLauncher(saying(other)), silence=0.3)
        assert outcome.verdict is Verdict.SANDBOX_DOWN

    def test_long_texts_are_cut(self) -> None:
        flood = "x" * 100_000
        item = {**ITEM, "detail": flood, "exception": flood, "line": flood, "returned": flood}
        outcome = only(ScriptedLauncher(answering(items=[item], detail=flood)))
        (read,) = outcome.items
        assert max(map(len, (outcome.detail, read.detail, read.line, read.returned or ""))) == 4000
        assert len(read.exception) == 200

    def test_texts_can_be_encoded(self) -> None:
        """A candidate may raise with half a surrogate pair, which no file and no model takes."""
        item = {**ITEM, "detail": "bad \ud800", "returned": "\udfff", "id": "t\ud800"}
        outcome = only(ScriptedLauncher(answering(items=[item], detail="\ud800")))
        (read,) = outcome.items
        assert (read.detail, read.returned, read.id, outcome.detail) == ("bad ?", "?", "t?", "?")


class TestCancelling:
    def test_a_cancelled_check_is_not_sent(self) -> None:
        launcher = ScriptedLauncher(honest)
        sandbox = pool(launcher)
        checks = [check("1"), check("2"), check("3")]
        outcomes = list(sandbox.run(checks, cancelled=lambda one: one.id == "2"))
        sandbox.close()
        assert [outcome.check for outcome in outcomes] == ["1", "3"]
        assert [m["check"]["id"] for m in launcher.launched[0].messages[1:]] == ["1", "3"]

    def test_a_running_check_is_told_and_yields_nothing(self) -> None:
        def script(message: Message) -> list[bytes]:
            if "cancel" in message:
                return [frame({"number": message["cancel"], "outcome": OUTCOME})]
            return [] if "check" in message else honest(message)

        launcher = ScriptedLauncher(script)
        sandbox = pool(launcher)
        asked: list[str] = []

        def cancelled(one: Check) -> bool:
            asked.append(one.id)
            return len(asked) > 2

        assert list(sandbox.run([check("1")], cancelled=cancelled)) == []
        assert launcher.launched[0].messages[-1] == {"cancel": 1}
        assert not launcher.launched[0].killed  # it can serve the next
        sandbox.close()

    def test_one_that_does_not_heed_a_cancel_is_killed(self) -> None:
        launcher = ScriptedLauncher(saying())
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(0.05):
                for transport in launcher.launched:
                    transport.say(frame({"beat": 1}))

        thread = threading.Thread(target=beat)
        thread.start()
        sandbox = pool(launcher, silence=0.5)
        began = time.monotonic()
        asked: list[Check] = []
        outcomes = list(
            sandbox.run([check()], cancelled=lambda one: asked.append(one) or len(asked) > 3)
        )
        stop.set()
        thread.join()
        sandbox.close()
        assert outcomes == []
        assert len(launcher.launched) == 1
        assert launcher.launched[0].killed
        assert time.monotonic() - began < 5


class TestTheStream:
    def test_checks_are_pulled_one_at_a_time(self) -> None:
        pulled: list[int] = []

        def checks() -> Iterator[Check]:
            for number in range(100):
                pulled.append(number)
                yield check(str(number))

        launcher = ScriptedLauncher(honest)
        sandbox = pool(launcher)
        run = sandbox.run(checks())
        next(run)
        run.close()
        asked = [m for m in launcher.launched[0].messages if "check" in m]
        assert len(pulled) - len(asked) in (0, 1)
        sandbox.close()

    def test_a_slow_source_of_checks_holds_up_no_outcome(self) -> None:
        """A check runs while the next one is still being decoded by the model."""
        first_is_done = threading.Event()

        def checks() -> Iterator[Check]:
            yield check("1")
            assert first_is_done.wait(10)
            yield check("2")

        sandbox = pool(ScriptedLauncher(honest), workers=2)
        names = []
        for outcome in sandbox.run(checks()):
            names.append(outcome.check)
            first_is_done.set()
        sandbox.close()
        assert names == ["1", "2"]

    def test_closing_early_ends_what_runs_and_does_not_hang(self) -> None:
        def script(message: Message) -> list[bytes]:
            if "cancel" in message:
                return [frame({"number": message["cancel"], "outcome": OUTCOME})]
            slow = "check" in message and message["check"]["id"] != "0"
            return [] if slow else honest(message)

        launcher = ScriptedLauncher(script)
        sandbox = pool(launcher, workers=2)
        run = sandbox.run(check(str(number)) for number in range(1000))
        assert next(run).check == "0"
        began = time.monotonic()
        run.close()
        assert time.monotonic() - began < 5
        assert next(sandbox.run([check("0")])).verdict is Verdict.PASSED
        sandbox.close()

    def test_an_exception_of_the_source_comes_out(self) -> None:
        def checks() -> Iterator[Check]:
            yield check("1")
            raise LookupError("no more")

        sandbox = pool(ScriptedLauncher(honest), workers=2)
        with pytest.raises(LookupError, match="no more"):
            list(sandbox.run(checks()))
        assert next(sandbox.run([check("2")])).verdict is Verdict.PASSED
        sandbox.close()

    def test_an_exception_of_cancelled_comes_out(self) -> None:
        def cancelled(_: Check) -> bool:
            raise LookupError("who knows")

        sandbox = pool(ScriptedLauncher(honest))
        with pytest.raises(LookupError):
            list(sandbox.run([check()], cancelled=cancelled))
        sandbox.close()

    def test_no_checks_no_sandbox(self) -> None:
        launcher = ScriptedLauncher(honest)
        sandbox = pool(launcher)
        assert list(sandbox.run([])) == []
        sandbox.close()
        assert launcher.launched == []


class TestConfirm:
    def test_it_gets_a_fresh_sandbox_with_its_files_in_place(self) -> None:
        launcher = ScriptedLauncher(honest)
        sandbox = pool(launcher)
        files = (("a.py", "x = 'ä'\n"), ("b.py", "# coding: latin-1\nx = 'ä'\n"))
        confirming = check("2", kind=CheckKind.CONFIRM, files=files)
        outcomes = list(sandbox.run([check("1"), confirming, check("3")]))
        assert [outcome.verdict for outcome in outcomes] == [Verdict.PASSED] * 3
        assert [transport.killed for transport in launcher.launched] == [False, True]
        assert launcher.replaced[1] == {
            "a.py": "x = 'ä'\n".encode(),
            "b.py": "# coding: latin-1\nx = 'ä'\n".encode("latin-1"),
        }
        assert launcher.launched[1].messages[1]["check"]["files"] == []
        sandbox.close()

    def test_a_lost_one_says_so(self) -> None:
        launcher = ScriptedLauncher(saying(b""))
        assert only(launcher, kind=CheckKind.CONFIRM).verdict is Verdict.SANDBOX_DOWN
