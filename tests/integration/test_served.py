"""Whole runs with a model behind llama-cpp-python's own server, a real one in its own process."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from example_project import Run
from llama_server import LlamaServer, llama_server, missing
from numbers_project import NUMBERS, RIGHT, write

pytestmark = [
    pytest.mark.bubblewrap,
    pytest.mark.llama,
    pytest.mark.skipif(bool(missing()), reason=f"llama_cpp.server lacks {missing()}"),
    pytest.mark.skipif(
        importlib.util.find_spec("openai") is None, reason="needs the openai package"
    ),
]

KEY = "sk-not-to-be-found-anywhere"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[LlamaServer]:
    model = Path(write(tmp_path, RIGHT))
    log = tmp_path / "log"
    with llama_server(model, key=KEY, context=8192, log=log, alias="parrot") as server:
        yield server


def holders_of_the_key(run: Run) -> list[str]:
    """The output, and files of the project, the state directory and the report."""
    files = [path for path in run.folder.parent.rglob("*") if path.is_file()]
    assert [path for path in files if path.parent.name == "state"]
    found = [str(path) for path in files if KEY.encode() in path.read_bytes()]
    return [*found, *(["output"] if KEY in run.output else [])]


def test_a_project_is_filled_by_a_server_and_its_key_is_written_nowhere(
    served: LlamaServer,
) -> None:
    run = NUMBERS.run("-v", model=served.url, env={"SUPERCHARGE_API_KEY": KEY})
    assert run.returncode == 0, run.output
    assert {run.status("::double"), run.status("::triple")} == {"verified"}
    assert "return number * 2" in str(run.project.files["numbers_.py"])
    assert "return 3 * number" in str(run.project.files["numbers_.py"])
    assert run.report["model"]["name"] == "parrot"
    assert run.report["model"]["backend"] == "server (llama_cpp.server)"
    assert served.answered >= 2
    assert holders_of_the_key(run) == []


def test_a_server_that_dies_in_mid_run_is_exit_4_with_its_address_and_nothing_is_written(
    served: LlamaServer,
) -> None:
    def kill() -> None:
        while served.answered < 1 and served.process.poll() is None:
            time.sleep(0.005)
        served.process.kill()

    killing = threading.Thread(target=kill)
    killing.start()
    begin = time.monotonic()
    run = NUMBERS.run("-v", model=served.url, env={"SUPERCHARGE_API_KEY": KEY})
    killing.join()
    assert run.returncode == 4, run.output
    cause = f"no server is left to ask ({served.url}: Connection refused, after 15.5 s of waiting)"
    assert cause in " ".join(run.output.split())
    assert "Traceback" not in run.output
    assert time.monotonic() - begin < 60
    assert "raise NotImplementedError" in str(run.project.files["numbers_.py"])
    assert "return" not in str(run.project.files["numbers_.py"])
    assert holders_of_the_key(run) == []
