"""From nothing to the bundled model, in one command.

    python -m training --minutes 90

Every step leaves its result in the work folder and is left out when it is there: a run that was
stopped goes on. ``--minutes 2 --shards 2`` is the smoke test.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    options = _options()
    # With other work on the machine, threads that wait by spinning cost a factor of 5.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from training.dataset import held_shards, make_shards
    from training.export import write_gguf
    from training.network import Shape
    from training.tokenizer import load_tokenizer
    from training.train import Plan, train

    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    without = [folder for folder in options.without if folder.is_dir()]
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
        length=options.length, rows=6144 // options.length, compiled=not options.eager,
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
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
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


def _make_tokenizer(path: Path, options: argparse.Namespace, without: list[Path]) -> None:
    from training.dataset import draw_examples
    from training.mixture import docstrings_in
    from training.tokenizer import train_tokenizer

    examples = draw_examples(Random(f"tokenizer {options.seed}"), docstrings_in(without))
    count = min(40_000, options.examples * options.shards)
    texts = [example.prompt + example.answer for example in islice(examples, count)]
    train_tokenizer(texts, size=options.vocabulary).save(str(path))


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
