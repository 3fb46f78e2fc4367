"""Write the model card from what training and the benchmark measured.

    python -m training.card --work build/training --scores scores.json > weights/MODEL_CARD.md

``scores.json`` is the last line of ``benchmarks/tiny.py``, measured with the same file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from training.classes import all_classes
from training.families import all_families
from training.grammar import GENERATORS
from training.mixture import is_held_family

_SETS = {
    "first": "40 first stubs, the development set",
    "fresh": "80 stubs of the same kind, written without knowledge of the catalogue",
    "novel": "60 unusual small stubs, outside the catalogue",
    "wording": "families that were taught, in wordings that were not",
    "composition": "combinations that were not taught, of parts that were",
    "family": "families that were not taught",
    "humaneval": "HumanEval, even problems",
}

_CARD = """\
# tiny: the bundled model

`tiny.gguf` is a language model of {parameters:.1f} million parameters that comes with
pytest-supercharger, so that `pytest --supercharge` works on a machine without a network, a GPU or
an account. It was trained from scratch, on a processor, on stubs that the programs in
[training/](../training) made up. MIT licence, like the rest.

## What it is, and what it is not

It is a library of small tasks that can be asked in many wordings: it recognises what a stub wants,
takes over names and constants, and combines parts it knows. It has learned nothing else. It does
not know your project, cannot follow a specification, and fails at what its catalogue does not hold;
what it writes then is mostly wrong, and the tests say so. The tests it writes itself hold wrong
results: the package uses only their calls. For other work fetch a larger model:
`python -m pytest_supercharger models` names the one that suits your machine.

It is of use through pytest-supercharger only: it was trained on exactly the prompts of
[prompts/supercharger-tiny/](../prompts/supercharger-tiny), and its answers are only as good as the
tests that check them.

## The file

| | |
|---|---|
| sha256 | `{sha256}` |
| size | {megabytes:.2f} MB, {bytes:,} bytes |
| type | GGUF, architecture llama, matrices in F16, norms in F32 |
| shape | {shape} |
| vocabulary | {vocabulary:,} byte-level BPE tokens, split as Qwen2's |
| context | {context:,} tokens; trained on rows of {length} |

F16 and not a quantised type: every processor decodes it with the same code. Some builds of
llama.cpp crash on Q8_0 and Q4_0 where the processor has AMX.

## Data

Nothing was collected: every example is made by the programs in [training/](../training) from what
is written there. The catalogue holds {families:,} families of functions ({held} of them kept back),
each with several templates of wording, names and equivalent bodies, {classes} classes with
{methods} methods, and {generators} grammars that combine small parts. Every body was run:
equivalent ones agree, and the tests shown in prompts are what calls returned.

{examples:,} examples were drawn, and those of more than {longest} tokens left out; training went
over them {passes:.2f} times. An example was not taught when its docstring is one of `first`,
`fresh` or `novel` below, word for word.

## Training

One command, `python -m training --minutes {minutes:g} --shards {shards}`, seed {seed}: Muon for
matrices and AdamW for the rest, bfloat16, {threads} threads of {processor}, {hours:.2f} hours,
{tokens:,} tokens. The rate of learning follows the clock, so another machine sees another number of
tokens. Loss is in nats per token of the answer:

| minutes | million tokens | taught | new wordings | new combinations | new families |
|---:|---:|---:|---:|---:|---:|
{curve}
{remark}
## Scores

`python benchmarks/tiny.py`: the whole plugin on projects with tests, at most {samples} samples for
a stub; counted is what ended `verified`, so with all its tests passed.

| set | | stubs | verified | share |
|---|---|---:|---:|---:|
{scores}

`first` flatters, because the catalogue was developed by it; so do `wording`, `composition` and
`family`, which were written together with what is taught. `fresh` is the nearest to small functions
of your own, `novel` and `humaneval` to anything else.

{agreed}On one core it is ready after {ready:.2f} s, and {candidates} bodies of a one-line stub take
{generate:.2f} s.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.card",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True, nargs="+", help="later ones win")
    parser.add_argument("--remark", default="", help="what else is to be said of the run")
    options = parser.parse_args()
    facts = json.loads((options.work / "facts.json").read_text(encoding="utf-8"))
    lines = (options.work / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    scores: dict[str, Any] = {}
    for path in options.scores:
        scores |= json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        if scores["sha256"] != facts["sha256"]:
            raise SystemExit(f"{path} was measured with another file: {scores['sha256']}")
    facts |= _taught(options.work / "shards", facts)
    facts["remark"] = f"\n{options.remark}\n" if options.remark else ""
    print(card(facts, [json.loads(line) for line in lines], scores), end="")


def _taught(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """How often training went over its shards."""
    from training.dataset import LONGEST, Shard  # needs the tokenizer's package, a card does not

    paths = [folder / f"{number:04}.npz" for number in range(facts["shards"])]
    plan = facts["plan"]
    used = facts["last"]["step"] * plan["rows"] * (plan["length"] + 1)
    there = sum(len(Shard.load(path).tokens) for path in paths)
    return {"passes": used / there, "longest": LONGEST}


def card(facts: dict[str, Any], curve: list[dict[str, Any]], scores: dict[str, Any]) -> str:
    """The text; ``curve`` and most ``facts`` are what training left in its work folder."""
    shape, plan, families = facts["shape"], facts["plan"], all_families()
    return _CARD.format(
        parameters=parameters(shape) / 1e6,
        sha256=facts["sha256"],
        bytes=facts["bytes"],
        megabytes=facts["bytes"] / 1e6,
        shape=f"{shape['layers']} layers, width {shape['width']}, {shape['heads']} heads, "
        f"feed-forward {shape['hidden']}",
        vocabulary=shape["vocabulary"],
        context=shape["context"],
        length=plan["length"],
        families=len(families),
        held=sum(map(is_held_family, families)),
        classes=len(all_classes()),
        methods=sum(len(one.methods) for one in all_classes()),
        generators=len(GENERATORS),
        examples=facts["examples"],
        longest=facts["longest"],
        passes=facts["passes"],
        minutes=plan["minutes"],
        shards=facts["shards"],
        seed=plan["seed"],
        threads=plan["threads"],
        processor=facts["processor"],
        hours=facts["last"]["seconds"] / 3600,
        tokens=facts["last"]["tokens"],
        remark=facts["remark"],
        agreed=_agreed(scores["agreed"]) if scores.get("agreed") else "",
        curve="\n".join(_curve_row(line) for line in _thinned(curve)),
        samples=scores["candidates"] * scores["rounds"],
        scores="\n".join(_score_row(name, scores[name]) for name in _SETS if scores.get(name)),
        ready=scores["speed"]["ready_seconds"],
        candidates=scores["speed"]["candidates"],
        generate=scores["speed"]["candidates_seconds"],
    )


def _agreed(measured: dict[str, Any]) -> str:
    """What became of stubs without tests."""
    whole, told = measured["all"], measured["all"]["with_example"]
    return (
        "Without any tests (`first`, `fresh` and `novel`, their tests hidden) candidates agreed\n"
        f"on {whole['agreed']} of {whole['stubs']} stubs, and {whole['agreed_wrong']} of these "
        "bodies were wrong; where the docstring holds an\n"
        f"example, on {told['agreed']} of {told['stubs']}, {told['agreed_wrong']} of them wrong. "
        'Read what is marked "not covered by your tests".\n\n'
    )


def parameters(shape: dict[str, int]) -> int:
    """How many numbers are learned; embeddings are tied."""
    block = 4 * shape["width"] ** 2 + 3 * shape["width"] * shape["hidden"] + 2 * shape["width"]
    return shape["vocabulary"] * shape["width"] + shape["layers"] * block + shape["width"]


def _thinned(curve: list[dict[str, Any]], most: int = 16) -> list[dict[str, Any]]:
    """At most so many lines, evenly apart, the last among them."""
    step = -(-len(curve) // most)
    return [*curve[step - 1 : -1 : step], curve[-1]] if step > 1 else curve


def _curve_row(line: dict[str, Any]) -> str:
    losses = ("answer", "wording", "composition", "family")
    cells = [f"{line['seconds'] / 60:.0f}", f"{line['tokens'] / 1e6:.1f}"]
    return "| " + " | ".join([*cells, *(f"{line[f'{name}_loss']:.3f}" for name in losses)]) + " |"


def _score_row(name: str, result: dict[str, Any]) -> str:
    share = result["verified"] / result["stubs"]
    return f"| `{name}` | {_SETS[name]} | {result['stubs']} | {result['verified']} | {share:.0%} |"


if __name__ == "__main__":
    main()
