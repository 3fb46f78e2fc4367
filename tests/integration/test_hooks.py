"""Each hook that a conftest may implement, seen at work."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from example_project import RECORDING, code
from shops import GOOD, ONE, RIGHT, SHOP, TOTAL, WRONG

pytestmark = pytest.mark.bubblewrap

CONFTEST = (Path(__file__).parents[2] / "conftest_example.py").read_text()
LONG = "    result = 0\n    for price in prices:\n        result += price\n    return result\n"
PRINTING = "    print(prices)\n    return sum(prices)\n"


def test_the_example_conftest_works_as_it_says() -> None:
    by_hand = "def by_hand():\n    # by hand\n    raise NotImplementedError\n"
    project = SHOP.with_files({"conftest.py": CONFTEST, "src/hand.py": by_hand})
    project = project.answering(code(TOTAL, PRINTING, WRONG, RIGHT))
    recorded = json.dumps({"stub": TOTAL, "request": "code", "completion": RIGHT})
    project = project.with_files({"tests/recorded.jsonl": recorded + "\n"})
    run = project.run(env={"CI": ""})
    ids = [stub["id"] for stub in run.report["stubs"]]
    assert ids == [TOTAL, "src/shop.py::double"]  # the one left to people is left out
    assert run.stub("::total")["candidates"] == 2  # the one that prints was refused
    assert run.stub("::total")["chosen"]["source"].endswith("return sum(prices)")
    log = (run.folder / "supercharge.log").read_text()
    assert log == f"{TOTAL}: Filled\nsrc/shop.py::double: NotFilled\n"
    on_ci = project.run(env={"CI": "true"}, model="nowhere.gguf")
    assert on_ci.status("::total") == "verified"
    assert on_ci.report["model"]["name"] == "recorded.jsonl"


def test_a_conftest_may_choose_but_not_what_fails_the_tests() -> None:
    choosing = """\
        def pytest_supercharge_select(config, stub, evidence):
            wished = {wished!r}
            for code in evidence.codes:
                if wished in code.candidate.body:
                    return code.candidate.id
        """
    project = ONE.answering(code("shop.py::total", WRONG, LONG, RIGHT))
    wrong = project.with_files({"conftest.py": choosing.format(wished="prices[0]")}).run()
    assert "prices[0]" not in str(wrong.project.files["shop.py"])
    agreed = ONE.with_files({"test_shop.py": "", "conftest.py": choosing.format(wished="result")})
    tests = code("shop.py::total", "assert total([1, 2]) == 3\n", kind="tests")
    run = agreed.answering(code("shop.py::total", RIGHT, LONG), tests).run()
    assert "result += price" in str(run.project.files["shop.py"])


def test_a_prompt_may_be_changed() -> None:
    conftest = """\
        import dataclasses


        def pytest_supercharge_prompt(config, stub, request, prompt):
            first, *others = prompt.messages
            longer = dataclasses.replace(first, content=first.content + "\\nBe brief, QUUX.")
            with open(config.rootpath / "asked", "a") as file:
                file.write(f"{stub.name} {request.value}\\n")
            return dataclasses.replace(prompt, messages=(longer, *others))


        class Model:
            def __init__(self, inner):
                self.inner = inner
                self.info = inner.info
                self.count_tokens = inner.count_tokens
                self.close = inner.close

            def generate(self, requests, *, cancelled=lambda request: False):
                def seen():
                    for request in requests:
                        assert "QUUX" in request.prompt.messages[0].content
                        yield request

                yield from self.inner.generate(seen(), cancelled=cancelled)


        def pytest_supercharge_model(config):
            from pytest_supercharger.models.open import open_model

            path = config.rootpath / "recording.jsonl"
            return Model(open_model(f"replay:{path}", rootdir=config.rootpath))
        """
    run = ONE.with_files({"conftest.py": conftest}).run(model="nowhere.gguf")
    assert run.status("::total") == "verified", run.output
    assert (run.folder / "asked").read_text() == "total code\n"
    assert run.report["model"]["name"] == RECORDING


def test_stubs_may_be_reordered() -> None:
    conftest = "def pytest_supercharge_stubs(config, stubs):\n    stubs.reverse()\n"
    test = SHOP.files["tests/test_shop.py"]
    doubling = "\n\ndef test_double():\n    from shop import double\n\n    assert double(3) == 6\n"
    files = {"conftest.py": conftest, "tests/test_shop.py": textwrap.dedent(str(test)) + doubling}
    run = GOOD.with_files(files).run()
    assert [stub["status"] for stub in run.report["stubs"]] == ["verified", "verified"]
    assert "[1/2] src/shop.py::double  1 test" in run.output
    assert "[2/2] src/shop.py::total  2 tests" in run.output


def test_a_candidate_may_be_refused() -> None:
    conftest = """\
        def pytest_supercharge_reject(config, stub, candidate):
            return "too short" if len(candidate.body.splitlines()) == 1 else None
        """
    run = ONE.with_files({"conftest.py": conftest}).run()
    assert (run.returncode, run.status("::total")) == (1, "unfilled")
    assert run.stub("::total")["candidates"] == 0
    long = ONE.with_files({"conftest.py": conftest}).answering(code("shop.py::total", RIGHT, LONG))
    assert "result += price" in str(long.run().project.files["shop.py"])


def test_a_sandbox_of_ones_own_is_used() -> None:
    conftest = """\
        from pytest_supercharger.sandboxes.base import Outcome, SandboxInfo, Verdict


        class Nowhere:
            info = SandboxInfo(backend="nowhere", version="1", python="3", workers=1)

            def run(self, checks, *, cancelled=lambda check: False):
                for check in checks:
                    yield Outcome(
                        check=check.id, verdict=Verdict.SANDBOX_DOWN, seconds=0.0, detail="gone"
                    )

            def close(self):
                pass


        def pytest_supercharge_sandbox(config):
            return Nowhere()
        """
    run = ONE.with_files({"conftest.py": conftest}).run(sandbox="docker")
    assert run.report["sandbox"]["backend"] == "nowhere"
    assert (run.returncode, run.status("::total")) == (1, "unfilled")
    assert "the project's tests could not be run: gone" in run.stub("::total")["reason"]
