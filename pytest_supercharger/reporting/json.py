"""How does a script read a run? The JSON report.

Keys that every version has come first; further keys may be added behind them, none is ever
taken away under the same ``version``.
"""

from __future__ import annotations

import json
import math
import os
import secrets
from dataclasses import asdict
from pathlib import Path

from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.reporting.report import Report, StubReport

VERSION = 1


def render_json(report: Report) -> str:
    """The report as indented JSON, pure ASCII, with a line end."""
    return json.dumps(_finite(_report(report)), indent=2, allow_nan=False) + "\n"


def write_json(path: Path, report: Report) -> None:
    """Write the report, replacing what is there; parents are created.

    A reader sees the old file or the new one. Raises SetupError when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(Path(os.path.realpath(path)), render_json(report))
    except OSError as exc:
        reason = exc.strerror or exc
        raise SetupError(
            f"the report {path} cannot be written ({reason}): name another place with "
            "--supercharge-report"
        ) from exc


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "x", encoding="ascii") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _report(report: Report) -> dict[str, object]:
    return {
        "version": VERSION,
        "mode": report.mode,
        "model": asdict(report.model) if report.model else None,
        "sandbox": asdict(report.sandbox) if report.sandbox else None,
        "exit": report.exit,
        "totals": _totals(report),
        "skipped": [asdict(skipped) for skipped in report.skipped],
        "stubs": [_stub(stub) for stub in report.stubs],
        "final": asdict(report.final) | {"green": report.final.green} if report.final else None,
        "interrupted": report.interrupted,
        "already_failing": report.already_failing,
        "environment_failures": [asdict(failure) for failure in report.environment_failures],
        "collection_errors": [asdict(failure) for failure in report.collection_errors],
        "notes": report.notes,
        "patch": report.patch,
        "diffs": [asdict(diff) for diff in report.diffs],
        "command": report.command,
        **_further_models(report),
        **({"error": report.error} if report.error else {}),
    }


def _further_models(report: Report) -> dict[str, object]:
    """Only where they were given."""
    further = {"then": report.then, "judge": report.judge}
    return {name: asdict(model) for name, model in further.items() if model}


def _totals(report: Report) -> dict[str, object]:
    return {
        "stubs": len(report.stubs),
        **{status.value: count for status, count in report.counts.items()},
        "skipped": len(report.skipped),
        "candidates": sum(stub.candidates for stub in report.stubs),
        "generated_tests": sum(stub.generated_tests for stub in report.stubs),
        "tokens": {
            "prompt": sum(stub.tokens.prompt for stub in report.stubs),
            "completion": sum(stub.tokens.completion for stub in report.stubs),
            "spent": sum(stub.tokens.spent for stub in report.stubs),
        },
        "seconds": report.seconds,
    }


def _stub(stub: StubReport) -> dict[str, object]:
    return {
        "id": stub.id,
        "status": stub.status.value,
        "reason": stub.reason,
        "project_tests": stub.project_tests,
        "candidates": stub.candidates,
        "generated_tests": stub.generated_tests,
        "rounds": stub.rounds,
        "chosen": asdict(stub.chosen) if stub.chosen else None,
        "seconds": asdict(stub.seconds),
        "tokens": asdict(stub.tokens),
        "vacuous": stub.vacuous,
        "expecting": stub.expecting,
        "nearest": asdict(stub.nearest) if stub.nearest else None,
        "prompt_tokens": stub.prompt_tokens,
        "examples": stub.examples,
        "examples_passed": stub.examples_passed,
        **({} if stub.trusts_tests else {"trusts_tests": False}),
    }


def _finite(value: object) -> object:
    """JSON has no NaN and no infinity, and nobody needs microseconds."""
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return value
