from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.reporting.json import render_json, write_json
from pytest_supercharger.reporting.report import (
    Chosen,
    Failure,
    FinalRun,
    Nearest,
    Report,
    Seconds,
    Skipped,
    Status,
    StubReport,
    Tokens,
)
from pytest_supercharger.sandboxes.base import SandboxInfo

VERIFIED = StubReport(
    id="src/shop/text.py::initials",
    status=Status.VERIFIED,
    project_tests=("tests/test_text.py::test_initials",),
    candidates=12,
    generated_tests=5,
    rounds=1,
    chosen=Chosen(
        source="def initials(name): ...",
        origin="sampled",
        repairs=("import re added",),
        project_tests_passed=1,
        generated_tests_passed=5,
        agreement=0.7,
        judge=None,
        control="passed",
        model="small",
    ),
    seconds=Seconds(generate=3.1, check=0.4, total=3.6),
    tokens=Tokens(prompt=512, completion=830, spent=1200),
)
UNFILLED = StubReport(
    id="src/shop/text.py::slug",
    status=Status.UNFILLED,
    reason="budget used up",
    candidates=64,
    tokens=Tokens(prompt=1, completion=2),
    nearest=Nearest(
        source="def slug(): ...", passed=1, total=2, failure=Failure(id="t", message="E assert")
    ),
)
REPORT = Report(
    mode="write",
    exit=1,
    stubs=(VERIFIED, UNFILLED),
    skipped=(Skipped(id="src/a.py::B.c", reason="an unmarked method"),),
    model=ModelInfo(
        name="tiny",
        source="/m/tiny.gguf",
        digest="ab" * 32,
        backend="llama.cpp CPU",
        gpu_layers=0,
        context=4096,
        slots=16,
    ),
    sandbox=SandboxInfo(backend="bubblewrap", version="0.11.0", python="3.11.4", workers=2),
    seconds=12.345678,
)


def test_the_contracts_keys_come_first_in_its_order() -> None:
    shown = json.loads(render_json(REPORT))
    assert list(shown)[:8] == [
        *("version", "mode", "model", "sandbox", "exit", "totals", "skipped", "stubs"),
    ]
    assert (shown["version"], shown["mode"], shown["exit"]) == (1, "write", 1)
    assert shown["skipped"] == [{"id": "src/a.py::B.c", "reason": "an unmarked method"}]
    assert shown["model"]["name"] == "tiny"
    assert shown["sandbox"]["backend"] == "bubblewrap"


def test_further_models_are_named_only_where_they_were_given() -> None:
    assert {"then", "judge"}.isdisjoint(json.loads(render_json(REPORT)))
    assert REPORT.model
    big = replace(REPORT.model, name="big", remarks=("without extra buffers",))
    shown = json.loads(render_json(replace(REPORT, then=big)))
    assert shown["then"]["name"] == "big"
    assert shown["then"]["remarks"] == ["without extra buffers"]
    assert "judge" not in shown
    shown = json.loads(render_json(replace(REPORT, judge=big)))
    assert shown["judge"] == {**shown["model"], "name": "big", "remarks": list(big.remarks)}


def test_a_verified_stub_has_exactly_the_contracts_shape() -> None:
    stub = json.loads(render_json(REPORT))["stubs"][0]
    assert list(stub.items())[:10] == [
        ("id", "src/shop/text.py::initials"),
        ("status", "verified"),
        ("reason", ""),
        ("project_tests", ["tests/test_text.py::test_initials"]),
        ("candidates", 12),
        ("generated_tests", 5),
        ("rounds", 1),
        (
            "chosen",
            {
                "source": "def initials(name): ...",
                "origin": "sampled",
                "repairs": ["import re added"],
                "project_tests_passed": 1,
                "generated_tests_passed": 5,
                "agreement": 0.7,
                "judge": None,
                "control": "passed",
                "model": "small",
            },
        ),
        ("seconds", {"generate": 3.1, "check": 0.4, "total": 3.6}),
        ("tokens", {"prompt": 512, "completion": 830, "spent": 1200}),
    ]
    assert list(stub["chosen"])[-2:] == ["control", "model"]


def test_an_unfilled_stub_has_no_chosen_body_and_a_nearest_one() -> None:
    stub = json.loads(render_json(REPORT))["stubs"][1]
    assert stub["chosen"] is None
    assert stub["nearest"]["failure"] == {"id": "t", "message": "E assert"}


def test_a_stub_says_so_where_its_generated_tests_are_not_trusted() -> None:
    stubs = (VERIFIED, replace(VERIFIED, trusts_tests=False))
    trusted, not_trusted = json.loads(render_json(replace(REPORT, stubs=stubs)))["stubs"]
    assert "trusts_tests" not in trusted
    assert not_trusted == {**trusted, "trusts_tests": False}


def test_totals_add_up() -> None:
    assert json.loads(render_json(REPORT))["totals"] == {
        "stubs": 2,
        "verified": 1,
        "agreed": 0,
        "unfilled": 1,
        "conflict": 0,
        "skipped": 1,
        "candidates": 76,
        "generated_tests": 5,
        "tokens": {"prompt": 513, "completion": 832, "spent": 1200},
        "seconds": 12.3457,
    }


def test_a_run_without_stubs_model_and_sandbox_is_a_report_too() -> None:
    shown = json.loads(render_json(Report(mode="list", exit=0, stubs=())))
    assert (shown["model"], shown["sandbox"], shown["final"]) == (None, None, None)
    assert shown["stubs"] == []


def test_the_final_run_says_whether_it_is_green() -> None:
    red = FinalRun(
        where="sandbox",
        passed=3,
        failed=1,
        skipped=0,
        seconds=1.0,
        newly_failing=(Failure(id="t", message=""),),
    )
    assert json.loads(render_json(replace(REPORT, final=red)))["final"]["green"] is False


def test_what_json_cannot_hold_does_not_break_it() -> None:
    assert VERIFIED.chosen is not None
    odd = replace(
        VERIFIED,
        id="src/\udcff.py::f",
        chosen=replace(VERIFIED.chosen, agreement=float("nan"), source="\x00\ud800é"),
    )
    stub = json.loads(render_json(replace(REPORT, stubs=(odd,))))["stubs"][0]
    assert stub["chosen"]["agreement"] is None
    assert stub["chosen"]["source"] == "\x00\ud800é"


def test_the_file_replaces_an_older_one_and_makes_its_parents(tmp_path: Path) -> None:
    path = tmp_path / "out" / "deep" / "report.json"
    write_json(path, Report(mode="list", exit=0, stubs=()))
    write_json(path, REPORT)
    assert path.read_text() == render_json(REPORT)
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_linked_report_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    write_json(tmp_path / "link.json", REPORT)
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["exit"] == 1


def test_a_place_that_cannot_be_written_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"report\.json cannot be written \(.+\): name another"):
        write_json(tmp_path / "file" / "report.json", REPORT)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(SetupError, match="Is a directory"):
        write_json(tmp_path / "folder.json", REPORT)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "folder.json"]
