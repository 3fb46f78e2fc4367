"""From nothing to the bundled model, in one command.

    python -m training --minutes 90

Every step leaves its result in the work folder and is left out when it is there: a run that was
stopped goes on. It may be given more minutes or shards then, or other workers. The same seed draws
the same examples in every run of one version of Python; the weights depend on the machine too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
STEP = 6144  # tokens of a training step
LASTING = ("seed", "examples", "vocabulary", "width", "layers", "length")


def main() -> None:
    options = _options()
    _hash_alike()
    # With other work on the machine, threads that wait by spinning cost a factor of 5.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from training.dataset import held_shards, make_shards
    from training.export import write_gguf
    from training.network import Shape
    from training.tokenizer import load_tokenizer
    from training.train import Plan, train

    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    keep_options(work / "options.json", options)
    without = [folder for folder in options.without if folder.is_dir()]
    for folder in options.without:
        if folder not in without:
            print(f"{folder} is not there: its docstrings are not left out", flush=True)
    tokenizer = work / "tokenizer.json"
    if not tokenizer.exists():
        _make_tokenizer(tokenizer, options, without)
    shards = make_shards(
        work / "shards",
        tokenizer,
        seed=options.seed,
        count=options.shards,
        examples=options.examples,
        workers=options.workers,
        without=without,
    )
    vocabulary = load_tokenizer(tokenizer)
    held = held_shards(vocabulary, seed=options.seed)
    shape = Shape(
        vocabulary=vocabulary.get_vocab_size(), width=options.width, layers=options.layers,
        heads=options.width // 64, hidden=options.width * 11 // 4,
    )  # fmt: skip
    plan = Plan(
        minutes=options.minutes, seed=options.seed, threads=options.workers,
        length=options.length, rows=STEP // options.length, compiled=not options.eager,
    )  # fmt: skip
    weights = train(work, shards, held, shape=shape, plan=plan)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_gguf(
        options.out, shape=shape, weights=weights, tokenizer=tokenizer, name=options.out.stem
    )
    facts = _facts(options, work, asdict(shape), asdict(plan))
    (work / "facts.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(facts))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build/tiny.gguf")
    parser.add_argument("--work", type=Path, default=ROOT / "build/training")
    parser.add_argument("--minutes", type=float, default=90, help="of training, by the clock")
    parser.add_argument("--shards", type=int, default=28, help="of examples, on disk")
    parser.add_argument("--examples", type=int, default=20_000, help="in a shard")
    parser.add_argument("--vocabulary", type=int, default=3072, help="tokens")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--length", type=int, default=384, help="tokens of a training row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--eager", action="store_true", help="do not compile the network")
    parser.add_argument(
        "--without",
        type=Path,
        action="append",
        default=[ROOT / "benchmarks/tiny_stubs", ROOT.parent / "shared/data/first_stubs"],
        help="folders of stubs that are measured by: their docstrings are not taught",
    )
    return parser.parse_args()


def _hash_alike() -> None:
    """Start again without random hashing: import lines stand in the order of a set of strings."""
    if sys.flags.hash_randomization:
        os.execve(sys.executable, sys.orig_argv, os.environ | {"PYTHONHASHSEED": "0"})


def keep_options(path: Path, options: argparse.Namespace) -> None:
    """Write down what the files of a work folder depend on.

    SystemExit when it was begun with something else: its shards and its checkpoint would not fit.
    """
    asked = {name: getattr(options, name) for name in LASTING}
    if not path.exists():
        path.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
    began = json.loads(path.read_text(encoding="utf-8"))
    other = [f"--{name} {began[name]}" for name in LASTING if began[name] != asked[name]]
    if other:
        raise SystemExit(
            f"{path.parent} was begun with {' '.join(other)}: give the same, or another --work"
        )


def _make_tokenizer(path: Path, options: argparse.Namespace, without: list[Path]) -> None:
    from training.dataset import draw_examples
    from training.mixture import docstrings_in
    from training.tokenizer import train_tokenizer

    examples = draw_examples(Random(f"tokenizer {options.seed}"), docstrings_in(without))
    count = min(40_000, options.examples * options.shards)
    texts = [example.prompt + example.answer for example in islice(examples, count)]
    part = path.with_suffix(".part")
    train_tokenizer(texts, size=options.vocabulary).save(str(part))
    part.replace(path)


def _facts(
    options: argparse.Namespace, work: Path, shape: dict[str, object], plan: dict[str, object]
) -> dict[str, object]:
    """What a model card says of the file."""
    curve = (work / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "bytes": options.out.stat().st_size,
        "sha256": hashlib.sha256(options.out.read_bytes()).hexdigest(),
        "shape": shape,
        "plan": plan,
        "shards": options.shards,
        "examples": options.shards * options.examples,
        "processor": platform.processor() or platform.machine(),
        "last": json.loads(curve[-1]),
    }


if __name__ == "__main__":
    main()
