"""Examples as tokens, in shards on disk: made once, read in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np
from tokenizers import Tokenizer

from training.examples import Example
from training.held_out import SPLITS, held_examples
from training.mixture import docstrings_in, draw_example, normalised
from training.tokenizer import BEGIN, END, load_tokenizer

LONGEST = 400  # tokens of an example; longer ones are left out
_PROMPT, _ANSWER, _FIRST = 0, 1, 2  # what a token is


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Examples one after the other."""

    tokens: np.ndarray  # (n,), uint16
    kinds: np.ndarray  # (n,), uint8

    @classmethod
    def load(cls, path: Path) -> Shard:
        with np.load(path) as data:
            return cls(tokens=data["tokens"], kinds=data["kinds"])

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part.npz")
        np.savez(part, tokens=self.tokens, kinds=self.kinds)
        part.replace(path)


def draw_examples(rng: Random, without: set[str]) -> Iterator[Example]:
    """Examples without end; those with a docstring of ``without`` are left out."""
    while True:
        try:
            example = draw_example(rng)
        except (TimeoutError, SyntaxError):  # a loop, or a name that clashes: rare
            continue
        if normalised(example.task.doc) not in without:
            yield example


def encode(examples: list[Example], tokenizer: Tokenizer) -> Shard:
    """The examples as one stream of tokens."""
    prompts = tokenizer.encode_batch([example.prompt for example in examples])
    answers = tokenizer.encode_batch([example.answer for example in examples])
    begin, end = tokenizer.token_to_id(BEGIN), tokenizer.token_to_id(END)
    tokens: list[int] = []
    kinds: list[int] = []
    for prompt, answer in zip(prompts, answers, strict=True):
        if len(prompt.ids) + len(answer.ids) + 2 > LONGEST:
            continue
        tokens += [begin, *prompt.ids, *answer.ids, end]
        kinds += [_FIRST, *[_PROMPT] * len(prompt.ids), *[_ANSWER] * (len(answer.ids) + 1)]
    return Shard(tokens=np.array(tokens, np.uint16), kinds=np.array(kinds, np.uint8))


def make_shards(
    folder: Path,
    tokenizer: Path,
    *,
    seed: int,
    count: int,
    examples: int,
    workers: int,
    without: list[Path],
) -> list[Path]:
    """Shards 0 to ``count - 1`` of so many examples; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.npz" for number in range(count)]
    missing = [
        (path, tokenizer, f"{seed}/{number}", examples, without)
        for number, path in enumerate(paths)
        if not path.exists()
    ]
    if not missing:
        return paths
    with get_context("spawn").Pool(min(workers, len(missing))) as pool:
        for number, _ in enumerate(pool.imap_unordered(_make_shard, missing), start=1):
            print(f"shard {number} of {len(missing)}", flush=True)
    return paths


def _make_shard(job: tuple[Path, Path, str, int, list[Path]]) -> None:
    path, tokenizer, seed, count, without = job
    source = draw_examples(Random(seed), docstrings_in(without))
    examples = [next(source) for _ in range(count)]
    encode(examples, load_tokenizer(tokenizer)).save(path)


def held_shards(tokenizer: Tokenizer, *, seed: int) -> dict[str, Shard]:
    """A stream of each split that is kept back, for the learning curve."""
    return {split: encode(held_examples(split, 150, seed=seed), tokenizer) for split in SPLITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one training step."""

    tokens: np.ndarray  # (rows, length), int64
    wanted: np.ndarray  # (rows, length), int64: the token after each
    weights: np.ndarray  # (rows, length), float32: what each loss counts


def batches(
    paths: list[Path], *, rows: int, length: int, prompt_weight: float, skip: int = 0
) -> Iterator[Batch]:
    """Steps over the shards, again from the first when they are used up; ``skip`` steps left out.

    A row begins wherever the one before it ended: examples run on across rows and shards. Shards
    that are added later change nothing before the end of those that were there.
    """
    need = rows * (length + 1)
    scale = np.array([prompt_weight, 1.0, 1e-4], np.float32)
    rest_tokens, rest_kinds = np.zeros(0, np.uint16), np.zeros(0, np.uint8)
    step = 0
    while True:
        for path in paths:
            shard = Shard.load(path)
            tokens = np.concatenate([rest_tokens, shard.tokens])
            kinds = np.concatenate([rest_kinds, shard.kinds])
            full = len(tokens) // need
            for start in range(0, full * need, need):
                step += 1
                if step <= skip:
                    continue
                ids = tokens[start : start + need].astype(np.int64).reshape(rows, length + 1)
                weights = scale[kinds[start : start + need]].reshape(rows, length + 1)
                # Copies: compiled code wants each row to begin where the one before it ends.
                yield Batch(
                    tokens=ids[:, :-1].copy(),
                    wanted=ids[:, 1:].copy(),
                    weights=weights[:, 1:].copy(),
                )
            rest_tokens, rest_kinds = tokens[full * need :], kinds[full * need :]
