"""Train the network on the shards, for so many minutes; stopped, it goes on where it was.

The rate of learning follows the clock and not the steps: on a machine with other work the run
then still ends when it should, with the rate brought down to nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from training.dataset import Batch, Shard, batches
from training.network import Network, Shape, count_parameters, losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train."""

    minutes: float
    rows: int
    length: int  # tokens of a row
    threads: int
    seed: int
    compiled: bool
    rate: float = 4e-3
    warm_up: int = 60  # steps
    steady: float = 0.35  # share of the time before the rate comes down
    prompt_weight: float = 0.15  # of a prompt's token in the loss; an answer's counts 1
    save_every: float = 240.0  # seconds


@dataclass
class Progress:
    """How far it is: what a checkpoint and a line of the curve say."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    answer_loss: float = 0.0  # nats, mean of the last steps


def train(
    folder: Path, shards: list[Path], held: dict[str, Shard], *, shape: Shape, plan: Plan
) -> dict[str, Tensor]:
    """Weights after ``plan.minutes``; checkpoints and ``curve.jsonl`` are in ``folder``.

    ``held`` are examples that are not taught: their loss goes into the curve.
    """
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = Network(shape).to(device)
    optimisers = _optimisers(network)
    progress = _resume(folder / "checkpoint.pt", network, optimisers, device)
    began = progress.step
    run = partial(losses, network)
    if plan.compiled:  # with the losses: they take as long as two layers
        run = torch.compile(run, dynamic=False)
    print(f"{count_parameters(network):,} parameters on {device}", flush=True)
    source = batches(
        shards, rows=plan.rows, length=plan.length, prompt_weight=plan.prompt_weight,
        skip=progress.step,
    )  # fmt: skip
    clock = _Clock(progress.seconds)
    saved = time.monotonic()
    for batch in source:
        done = clock.seconds() / 60 / plan.minutes
        if done >= 1:
            break
        _set_rate(optimisers, plan.rate * _rate_at(done, progress.step, plan))
        loss = _step(run, network, optimisers, batch, device)
        if progress.step == began:  # compiling and leaving out steps is not learning
            clock = _Clock(progress.seconds)
        progress.step += 1
        progress.tokens += batch.tokens.size
        keep = min(0.98, progress.step / (progress.step + 1))
        progress.answer_loss = keep * progress.answer_loss + (1 - keep) * loss
        progress.seconds = clock.seconds()
        if progress.step % 200 == 0:
            _note(folder, progress, network, held, device)
        if time.monotonic() - saved > plan.save_every:
            _save(folder / "checkpoint.pt", network, optimisers, progress)
            saved = time.monotonic()
    _note(folder, progress, network, held, device)
    _save(folder / "checkpoint.pt", network, optimisers, progress)
    return {name: value.cpu() for name, value in network.state_dict().items()}


class _Clock:
    def __init__(self, before: float) -> None:
        self._start = time.monotonic() - before

    def seconds(self) -> float:
        return time.monotonic() - self._start


def _optimisers(network: Network) -> list[torch.optim.Optimizer]:
    """Muon for matrices (https://kellerjordan.github.io/posts/muon), AdamW for the rest."""
    named = list(network.named_parameters())
    matrices = [p for name, p in named if p.dim() == 2 and "embedding" not in name]
    others = [p for name, p in named if p.dim() != 2 or "embedding" in name]
    return [
        torch.optim.Muon(
            matrices, lr=1.0, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=1.0, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _rate_at(done: float, step: int, plan: Plan) -> float:
    """Share of the full rate: up in the first steps, steady, then down in a straight line."""
    falling = 1 - max(0.0, done - plan.steady) / (1 - plan.steady)
    return min(1.0, (step + 1) / plan.warm_up) * max(0.01, falling)


def _set_rate(optimisers: list[torch.optim.Optimizer], rate: float) -> None:
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate


def _step(
    run: Callable[[Tensor, Tensor], Tensor],
    network: Network,
    optimisers: list[torch.optim.Optimizer],
    batch: Batch,
    device: str,
) -> float:
    """One step; mean loss of the answers' tokens."""
    weights = torch.from_numpy(batch.weights).to(device).reshape(-1)
    with torch.autocast(device, torch.bfloat16):
        each = run(
            torch.from_numpy(batch.tokens).to(device), torch.from_numpy(batch.wanted).to(device)
        )
    ((each * weights).sum() / weights.sum()).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return float(each.detach()[weights == 1].mean())


def _note(
    folder: Path, progress: Progress, network: Network, held: dict[str, Shard], device: str
) -> None:
    """A line for the learning curve, in place of those of this step and later ones.

    A run that was killed was further than its checkpoint: it comes by those steps again.
    """
    line = asdict(progress) | {
        f"{name}_loss": _held_loss(network, shard, device) for name, shard in held.items()
    }
    line = {key: round(value, 4) for key, value in line.items()}
    path = folder / "curve.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    lines = [text for text in lines if json.loads(text)["step"] < progress.step]
    part = path.with_suffix(".part")
    part.write_text("\n".join([*lines, json.dumps(line)]) + "\n", encoding="utf-8")
    part.replace(path)
    print(json.dumps(line), flush=True)


@torch.no_grad()
def _held_loss(network: Network, shard: Shard, device: str) -> float:
    """Mean loss of the answers' tokens, in nats."""
    length = 256
    rows = min(32, (len(shard.tokens) - 1) // length)
    if not rows:
        return float("nan")
    ids = torch.from_numpy(shard.tokens[: rows * length + 1].astype("int64")).to(device)
    kinds = torch.from_numpy(shard.kinds[1 : rows * length + 1]).to(device)
    with torch.autocast(device, torch.bfloat16):
        each = losses(network, ids[:-1].view(rows, length), ids[1:].view(rows, length))
    return float(each[kinds == 1].mean())


def _save(
    path: Path, network: Network, optimisers: list[torch.optim.Optimizer], progress: Progress
) -> None:
    part = path.with_suffix(".part")
    torch.save(
        {
            "network": network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "progress": asdict(progress),
        },
        part,
    )
    part.replace(path)


def _resume(
    path: Path, network: Network, optimisers: list[torch.optim.Optimizer], device: str
) -> Progress:
    if not path.exists():
        return Progress()
    saved = torch.load(path, map_location=device, weights_only=True)
    network.load_state_dict(saved["network"])
    for optimiser, state in zip(optimisers, saved["optimisers"], strict=True):
        optimiser.load_state_dict(state)
    progress = Progress(**saved["progress"])
    print(f"goes on after {progress.seconds / 60:.1f} minutes, step {progress.step}", flush=True)
    return progress
