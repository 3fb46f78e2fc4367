"""The engine's benchmark runs, with a model so small that its figures mean nothing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "engine.py"
pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]


def run(*options: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", str(BENCHMARK), "--quick", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_both_sides_draw_what_is_asked_for() -> None:
    result = run("--counts", "1,5", "--repeat", "1", "--slots", "4", "--bandwidth", "20")
    (model,) = [value for value in result.values() if isinstance(value, dict)]
    assert model["slots"] == 4
    for n in ("1", "5"):
        ours, loop = model[n]["tokens_per_second"], model[n]["loop_tokens_per_second"]
        assert model[n]["ratio"] == pytest.approx(ours / loop, abs=0.02)
        assert 0 < model[n]["bandwidth_share"] < 1


@pytest.mark.bubblewrap
def test_a_search_is_filled_by_real_answers_and_clocked() -> None:
    result = run("--search", "--stubs", "2")
    assert result["stubs"] == 2
    assert result["candidates"] >= 2
    assert result["tokens"] > 100
    assert 0 < result["decoding_seconds"] < result["search_seconds"] < result["total_seconds"]
