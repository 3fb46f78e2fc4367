"""A small model first, a bigger one for what is left, and a judge of its own."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence

import pytest
from example_project import Project, Run, code
from misbehaving_server import MisbehavingServer, refuses
from shops import DOUBLE, GOOD, ONE, RIGHT, SHOP, TOTAL, TWICE, WRONG

pytestmark = pytest.mark.bubblewrap

BOTH = "replay:small.jsonl,then:replay:big.jsonl"


def recorded(**recordings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Recordings by name, as files of a project."""
    return {
        f"{name}.jsonl": "".join(json.dumps(line) + "\n" for line in lines)
        for name, lines in recordings.items()
    }


def two_models(project: Project, small: Sequence[object], big: Sequence[object]) -> Project:
    return project.with_files(recorded(small=small, big=big))  # type: ignore[arg-type]


def chosen_by(run: Run) -> dict[str, str | None]:
    return {
        stub["id"].partition("::")[2]: (stub["chosen"] or {}).get("model")
        for stub in run.report["stubs"]
    }


def test_what_the_small_model_leaves_open_is_filled_by_the_bigger_one() -> None:
    small = [*code(TOTAL, WRONG), *code(DOUBLE, TWICE)]
    project = two_models(SHOP, small, [*code(TOTAL, RIGHT), *code(DOUBLE, "    return 0\n")])
    run = project.run("-v", "--supercharge-rounds=1", model=BOTH)
    assert run.returncode == 0, run.output
    assert chosen_by(run) == {"total": "big.jsonl", "double": "small.jsonl"}
    assert (run.report["model"]["name"], run.report["then"]["name"]) == ("small.jsonl", "big.jsonl")
    assert "judge" not in run.report
    assert run.stub("::total")["rounds"] == 2  # one of each model
    assert "then: big.jsonl" in run.output
    assert f"{TOTAL}  left for big.jsonl" in run.output
    assert "1 stub left, asking big.jsonl" in run.output
    assert "1 body by small.jsonl, 1 body by big.jsonl" in run.output
    assert run.output.count(f"verified  {TOTAL}") == 2  # as it went, and in the section


def test_with_nothing_left_the_bigger_model_is_not_asked() -> None:
    project = two_models(GOOD, GOOD.recording, code(TOTAL, WRONG))
    run = project.run(model=BOTH)
    assert run.returncode == 0, run.output
    assert set(chosen_by(run).values()) == {"small.jsonl"}
    assert "left, asking" not in run.output
    assert "2 bodies by small.jsonl" in run.output


def test_what_neither_fills_is_told_once() -> None:
    conftest = """\
        def pytest_supercharge_filled(config, stub, result):
            with open(config.rootpath / "told", "a") as file:
                file.write(f"{stub.name} {type(result).__name__}\\n")
        """
    project = two_models(ONE, code("shop.py::total", WRONG), code("shop.py::total", "    pass\n"))
    run = project.with_files({"conftest.py": conftest}).run("--supercharge-rounds=1", model=BOTH)
    assert run.returncode == 1
    assert (run.folder / "told").read_text() == "total NotFilled\n"
    assert run.status("::total") == "unfilled"
    assert "return prices[0]" in run.stub("::total")["nearest"]["source"]  # the better of both


def test_a_body_that_waits_for_another_stub_is_kept_for_the_bigger_model() -> None:
    project = Project(
        {
            "shop.py": """\
                def net(price):
                    raise NotImplementedError


                def gross(price):
                    raise NotImplementedError
                """,
            "test_shop.py": """\
                from shop import gross, net


                def test_net():
                    assert net(120) == 60


                def test_gross_and_net():
                    assert gross(6) == 12
                    assert net(gross(100)) == 100
                """,
        }
    )
    net, gross = "shop.py::net", "shop.py::gross"
    small = [*code(net, "    return price\n"), *code(gross, "    return price * 2\n")]
    run = two_models(project, small, code(net, "    return price // 2\n")).run(
        "--supercharge-rounds=1", model=BOTH
    )
    assert run.returncode == 0, run.output
    assert chosen_by(run) == {"net": "big.jsonl", "gross": "small.jsonl"}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("replay:small.jsonl,then:replay:nowhere.jsonl", ()),
        ("replay:small.jsonl,then:nowhere.gguf", ()),
        ("replay:small.jsonl", ("--supercharge-judge=replay:nowhere.jsonl",)),
        ("replay:nowhere.jsonl", ("--supercharge-mode=list",)),
    ],
)
def test_a_model_that_is_not_there_ends_the_run_before_it_begins(
    model: str, options: tuple[str, ...]
) -> None:
    run = two_models(ONE, ONE.recording, []).run(*options, model=model)
    assert run.returncode == 4, run.output
    assert "nowhere" in run.output
    assert "running your tests once" not in run.output


def test_a_bigger_model_that_cannot_be_opened_takes_nothing_back() -> None:
    """It was there at the start; then a test of the project has removed it."""
    vanishing = """\
        import pathlib


        def pytest_supercharge_filled(config, stub, result):
            (config.rootpath / "big.jsonl").unlink(missing_ok=True)
        """
    small = [*code(TOTAL, RIGHT), *code(DOUBLE, "    return 0\n")]
    project = two_models(SHOP, small, []).with_files({"conftest.py": vanishing})
    run = project.run("--supercharge-rounds=1", model=BOTH)
    assert run.returncode == 1, run.output
    assert (run.status("::total"), run.status("::double")) == ("verified", "unfilled")
    assert "big.jsonl cannot be asked for the rest: cannot read the recording" in " ".join(
        run.output.split()
    )


JUDGED = SHOP.with_files({"tests/test_shop.py": ""})
CHECKS = "assert double(1) == 2\nassert double(4) == 8\n"


@pytest.mark.parametrize(("score", "status"), [("0.9", "agreed"), ("0.1", "unfilled")])
def test_another_model_may_judge(score: str, status: str) -> None:
    writing = [*code(DOUBLE, TWICE, TWICE), *code(DOUBLE, CHECKS, kind="tests")]
    files = recorded(writer=writing, judge=code(DOUBLE, score, kind="judge"))
    project = JUDGED.with_files(files)
    run = project.run(
        f"--supercharge-only={DOUBLE}",
        "--supercharge-judge=replay:judge.jsonl",
        "--supercharge-record=heard.jsonl",
        "--supercharge-rounds=1",
        model="replay:writer.jsonl",
    )
    assert run.status("::double") == status, run.output
    assert run.report["judge"]["name"] == "judge.jsonl"
    assert "judge: judge.jsonl" in run.output
    heard = [json.loads(line) for line in (run.folder / "heard.jsonl").read_text().splitlines()]
    assert [line["completion"] for line in heard if line["request"] == "judge"] == [score]
    again = project.run(
        f"--supercharge-only={DOUBLE}",
        "--supercharge-judge=replay:judge.jsonl",
        "--supercharge-mode=diff",
        "--supercharge-rounds=1",
        model="replay:writer.jsonl",
        folder=run.folder,
    )
    if status == "unfilled":  # the same again, from what is stored
        assert again.stub("::double")["tokens"]["spent"] == 0
        assert again.status("::double") == status


def test_a_judge_that_says_nothing_is_told() -> None:
    writing = [*code(DOUBLE, TWICE, TWICE), *code(DOUBLE, CHECKS, kind="tests")]
    judge = code(TOTAL, "0.9", kind="judge")
    run = JUDGED.with_files(recorded(writer=writing, judge=judge)).run(
        f"--supercharge-only={DOUBLE}",
        "--supercharge-judge=replay:judge.jsonl",
        model="replay:writer.jsonl",
    )
    told = "not covered by your tests; the judge judge.jsonl was not heard: it gave no answer"
    assert (run.status("::double"), run.stub("::double")["reason"]) == ("agreed", told)
    assert told in " ".join(run.output.split())


def test_the_writer_judges_where_it_is_named_as_the_judge() -> None:
    writing = [*code(DOUBLE, TWICE, TWICE), *code(DOUBLE, CHECKS, kind="tests")]
    judging = code(DOUBLE, "0.9", kind="judge")
    run = JUDGED.with_files(recorded(both=[*writing, *judging])).run(
        f"--supercharge-only={DOUBLE}",
        "--supercharge-judge=replay:both.jsonl",
        model="replay:both.jsonl",
    )
    assert run.stub("::double")["chosen"]["judge"] == 0.9, run.output
    assert run.report["judge"]["name"] == "both.jsonl"
    assert "judge: both.jsonl" in run.output


LOST = """\
    def pytest_supercharge_model(config):
        from dataclasses import replace

        from pytest_supercharger.exceptions import ModelUnavailable
        from pytest_supercharger.models.replay import ReplayModel

        class Lost(ReplayModel):
            def count_tokens(self, text):
                {counting}
                return super().count_tokens(text)

            def generate(self, requests, **rest):
                for request in requests:
                    if request.stub.endswith("double"):
                        raise ModelUnavailable("the writer has died")
                    yield from super().generate([request], **rest)

        model = Lost(config.rootpath / "recording.jsonl")
        model.info = replace(model.info, context={context})
        return model
    """


def test_a_model_that_is_lost_on_the_way_ends_in_a_report_and_the_next_run_goes_on() -> None:
    lost = LOST.format(context=0, counting="")
    run = GOOD.with_files({"conftest.py": lost}).run()
    assert run.returncode == 4, run.output
    assert (run.report["exit"], run.report["interrupted"]) == (4, True)
    assert run.report["error"] == "the writer has died"
    assert {stub["id"]: stub["reason"] for stub in run.report["stubs"]} == {
        TOTAL: "interrupted; a body was found, it is not written yet",
        DOUBLE: "interrupted while it was searched for",
    }
    *_, error, following, command = run.output.splitlines()
    assert error == "error     the writer has died"
    assert following == "next      what was found is stored; to go on from there:"
    assert "-m pytest --supercharge" in command
    assert "sum(prices)" not in str(run.project.files["src/shop.py"])
    healed = (run.folder / "conftest.py").write_text("")
    again = run.project.run("--supercharge-record=asked.jsonl", folder=run.folder)
    assert (again.returncode, healed) == (0, 0), again.output
    assert "sum(prices)" not in (run.folder / "asked.jsonl").read_text()


def test_a_model_that_is_lost_while_it_counts_is_no_long_prompt() -> None:
    lost = LOST.format(context=4096, counting='raise ModelUnavailable("it has died counting")')
    run = GOOD.with_files({"conftest.py": lost}).run()
    assert run.returncode == 4, run.output
    assert (run.report["exit"], run.report["error"]) == (4, "it has died counting")


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="needs the openai package")
def test_a_bigger_model_that_is_lost_on_the_way_takes_nothing_back() -> None:
    conftest = """\
        def pytest_supercharge_filled(config, stub, result):
            with open(config.rootpath / "told", "a") as file:
                file.write(f"{stub.name} {type(result).__name__}\\n")
        """
    small = [*code(TOTAL, RIGHT), *code(DOUBLE, "    return 0\n")]
    project = two_models(SHOP, small, []).with_files({"conftest.py": conftest})
    refusing = [refuses(401, "no entry")]
    with MisbehavingServer(behaviours=refusing, models=("big",)) as big:
        run = project.run("--supercharge-rounds=1", model=f"replay:small.jsonl,then:{big.url}#big")
    assert run.returncode == 1, run.output
    assert (run.status("::total"), run.status("::double")) == ("verified", "unfilled")
    assert "return sum(prices)" in str(run.project.files["src/shop.py"])
    assert "big was not asked to the end: " in " ".join(run.output.split())
    assert "return 0" in run.stub("::double")["nearest"]["source"]
    assert (run.folder / "told").read_text() == "total Filled\ndouble NotFilled\n"


def test_the_list_names_a_model_that_a_conftest_brings() -> None:
    conftest = LOST.format(context=0, counting="")
    run = ONE.with_files({"conftest.py": conftest}).run(
        "--supercharge-mode=list", model="nowhere.gguf"
    )
    assert run.returncode == 1, run.output
    assert "model: recording.jsonl" in run.output
    assert run.report["model"]["name"] == "recording.jsonl"


def test_the_list_says_who_would_run() -> None:
    run = two_models(ONE, ONE.recording, []).run("--supercharge-mode=list", model=BOTH)
    assert run.returncode == 1, run.output
    assert "model: small.jsonl" in run.output
    assert "then: big.jsonl" in run.output
    assert (run.report["model"]["name"], run.report["then"]["name"]) == ("small.jsonl", "big.jsonl")
