"""A training run that is stopped goes on where it was."""

from __future__ import annotations

import json
from argparse import Namespace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from training.__main__ import LASTING, keep_options
from training.dataset import Shard, batches
from training.train import Progress, _note

OPTIONS = Namespace(**dict.fromkeys(LASTING, 1), minutes=90)


def test_a_work_folder_takes_more_minutes_and_no_other_seed(tmp_path: Path) -> None:
    path = tmp_path / "options.json"
    keep_options(path, OPTIONS)
    keep_options(path, Namespace(**{**vars(OPTIONS), "minutes": 120}))
    with pytest.raises(SystemExit, match="was begun with --seed 1: give the same"):
        keep_options(path, Namespace(**{**vars(OPTIONS), "seed": 2}))


def shards(folder: Path, count: int) -> list[Path]:
    """Tokens that count on from one shard to the next."""
    paths = [folder / f"{number:04}.npz" for number in range(count)]
    for number, path in enumerate(paths):
        tokens = np.arange(50 * number, 50 * number + 50, dtype=np.uint16)
        Shard(tokens=tokens, kinds=np.ones(50, np.uint8)).save(path)
    return paths


def steps(paths: list[Path], count: int, *, skip: int = 0) -> list[list[int]]:
    drawn = batches(paths, rows=2, length=6, prompt_weight=0.1, skip=skip)
    return [batch.tokens.ravel().tolist() for batch in islice(drawn, count)]


def test_steps_that_were_done_are_left_out(tmp_path: Path) -> None:
    paths = shards(tmp_path, 3)
    assert steps(paths, 15)[9:] == steps(paths, 6, skip=9)


def test_shards_that_are_added_change_nothing_before_the_end_of_the_first(tmp_path: Path) -> None:
    paths = shards(tmp_path, 3)
    assert steps(paths[:2], 7) == steps(paths, 7)


def test_the_curve_forgets_what_is_done_again(tmp_path: Path) -> None:
    for step in (200, 400, 600, 400):
        _note(tmp_path, Progress(step=step), None, {}, "cpu")
    lines = (tmp_path / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [200, 400]
