"""How fast does the engine draw completions? Against ``Llama.create_completion`` in a loop.

    python benchmarks/engine.py [--quick | --big | --gpu] [--repeat 3]
    python benchmarks/engine.py --search

GGUF files with random weights are made on the spot, of the shapes of real models. Each side gets
the same prompts of 600 tokens and draws N completions of 128 tokens, with as many threads, at
temperature 0.8. The loop has what llama-cpp-python has to offer: one ``Llama``, whose longest
prefix stays evaluated from one completion to the next. A prompt is new to both sides, so each
evaluates it once. The sides take turns, and the median of the ratios of one turn counts.

``--gpu`` takes larger models, with all layers on the GPU, and tells the share of its memory's
bandwidth (an H200's, unless ``--bandwidth`` says otherwise) that reading the weights takes: what
bounds decoding few sequences there.

``--search`` fills a project of 20 stubs instead, in a real sandbox, by a file that says what fits
each stub, and measures for how much of the search the model decodes.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
# As the engine's own process is started; before llama_cpp is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from gguf_files import CHATML, Q4_0, Q8_0, RandomModel, Shape, Vocabulary  # noqa: E402
from gguf_parrot import Answer, Parrot  # noqa: E402

from pytest_supercharger.models.base import Request  # noqa: E402
from pytest_supercharger.models.engine.threads import decoding_threads  # noqa: E402
from pytest_supercharger.models.llama import LlamaModel  # noqa: E402
from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling  # noqa: E402

H200 = 4800.0  # GB/s
LETTERS = "abcghijklmnopqrstuvwxyz      "  # no "d": with it two letters may be one token


def model(weights: Any, words: int, *, tied: bool = True, **shape: int) -> RandomModel:
    return RandomModel(
        weights=weights,
        shape=Shape(**shape),
        vocabulary=Vocabulary(size=words),
        tied=tied,
        context=32768,
        peak=2,
        repeat=True,
    )


TINY = {"0.1M": model(Q8_0, 1000)}
SMALL = {
    "14.5M": model(Q8_0, 32_000, width=256, heads=8, kv_heads=4, layers=8, inner=768),
    "100M": model(Q8_0, 32_000, width=768, heads=12, kv_heads=4, layers=12, inner=2048),
}
# As Qwen2.5-Coder-0.5B, 1.5B and 7B; Llama 3 8B has the 7B's size with fewer words.
BIG = {"494M": model(Q4_0, 151_936, width=896, heads=14, kv_heads=2, layers=24, inner=4864)}
FOR_GPU = {
    "1.5B": model(Q4_0, 151_936, width=1536, heads=12, kv_heads=2, layers=28, inner=8960),
    "7B": model(
        Q4_0, 152_064, width=3584, heads=28, kv_heads=4, layers=28, inner=18944, tied=False
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What both sides are to do."""

    n: int
    prompt: str  # one token for each letter
    tokens: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One task, done by both sides. Tokens a second of the whole task, its prompt included."""

    ours: float
    loop: float


def main() -> None:
    options = read_options()
    if options.search:
        result = measure_search(options)
    else:
        result = {name: compare(name, each, options) for name, each in chosen(options).items()}
    print(json.dumps({"threads": decoding_threads(), "repeat": options.repeat, **result}))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tiny model: does it run at all?")
    parser.add_argument("--big", action="store_true", help="half a billion parameters, too")
    parser.add_argument("--gpu", action="store_true", help="1.5 and 7 billion, on the GPU")
    parser.add_argument("--search", action="store_true", help="fill a project of 20 stubs instead")
    parser.add_argument("--only", help="the model of this name only")
    parser.add_argument("--counts", type=numbers, help="completions of one prompt, as 1,16,32")
    parser.add_argument("--tokens", type=int, help="of a completion")
    parser.add_argument("--prompt", type=int, help="tokens of the prompt")
    parser.add_argument("--slots", type=int, help="decoded together; not given: as the product")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--loops", type=int, default=32, help="completions in the loop, at most")
    parser.add_argument("--stubs", type=int, default=20, help="of the project of --search")
    parser.add_argument("--bandwidth", type=float, help="of the memory, in GB/s: tell its share")
    options = parser.parse_args()
    options.bandwidth = options.bandwidth or (H200 if options.gpu else None)
    options.counts = options.counts or ((1, 8, 32, 128) if options.gpu else (1, 16, 32))
    options.tokens = options.tokens or (16 if options.quick else 128)
    options.prompt = options.prompt or (100 if options.quick else 600)
    return options


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def chosen(options: argparse.Namespace) -> dict[str, RandomModel]:
    models = TINY if options.quick else FOR_GPU if options.gpu else SMALL
    if options.big:
        models = {**models, **BIG}
    return {name: each for name, each in models.items() if options.only in (None, name)}


# --- one model


def compare(name: str, made: RandomModel, options: argparse.Namespace) -> dict[str, object]:
    """Make the file, let both sides do each task; figures by number of completions."""
    with tempfile.TemporaryDirectory() as folder:
        path = made.write(Path(folder) / f"{name}.gguf")
        context = options.prompt + options.tokens + 8
        gpu = "require" if options.gpu else "off"
        with closing(LlamaModel(path, context=context, gpu=gpu, slots=options.slots)) as ours:
            loop = Loop(path, context=context, on_gpu=options.gpu)
            where = f"{ours.info.backend}, {ours.info.slots} slots"
            print(f"{name}: {made.parameters / 1e6:.1f} M weights, {where}", flush=True)
            bench = Bench(ours=ours, loop=loop, weights=path.stat().st_size, options=options)
            results = {str(n): bench.figures(n) for n in options.counts}
    return {"slots": ours.info.slots, **results}


class Loop:
    """What llama-cpp-python has to offer: one completion after another."""

    def __init__(self, path: Path, *, context: int, on_gpu: bool) -> None:
        import llama_cpp

        threads = decoding_threads()
        self._llama = llama_cpp.Llama(
            str(path),
            n_ctx=context,
            n_threads=threads,
            n_threads_batch=threads,
            n_gpu_layers=-1 if on_gpu else 0,
            flash_attn=on_gpu,
            verbose=False,
        )

    def __call__(self, task: Task) -> int:
        drawn = 0
        for i in range(task.n):
            got = self._llama.create_completion(
                task.prompt,
                max_tokens=task.tokens,
                temperature=0.8,
                top_k=40,
                top_p=0.95,
                min_p=0.0,
                repeat_penalty=1.0,
                seed=task.seed + i,
            )
            assert isinstance(got, dict)  # not a stream
            drawn += got["usage"]["completion_tokens"]
        return drawn


def draw(ours: LlamaModel, task: Task) -> int:
    """The same by the engine, as the product asks it; tokens drawn."""
    prompt = Prompt(
        kind=RequestKind.CODE,
        messages=(Message(role="user", content=task.prompt),),
        continuation=task.prompt,
        stop=(),
        sampling=Sampling(max_tokens=task.tokens),
    )
    request = Request(stub="f", kind=RequestKind.CODE, prompt=prompt, n=task.n, seed=task.seed)
    return sum(completion.tokens for completion in ours.generate([request]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Both sides with one model."""

    ours: LlamaModel
    loop: Loop
    weights: int  # bytes
    options: argparse.Namespace

    def figures(self, n: int) -> dict[str, object]:
        """Medians over the turns, after one that warms up."""
        turns = [self.turn(n, number) for number in range(self.options.repeat + 1)][1:]
        ours = statistics.median(turn.ours for turn in turns)
        loop = statistics.median(turn.loop for turn in turns)
        ratio = statistics.median(turn.ours / turn.loop for turn in turns)
        print(f"  N={n}: {ours:.1f} tokens/s, loop {loop:.1f}, ratio {ratio:.2f}", flush=True)
        found = {
            "tokens_per_second": round(ours, 1),
            "loop_tokens_per_second": round(loop, 1),
            "ratio": round(ratio, 2),
            "ratios": [round(turn.ours / turn.loop, 2) for turn in turns],
        }
        return {**found, **self.bandwidth(n)} if self.options.bandwidth else found

    def turn(self, n: int, number: int) -> Turn:
        """Do one task on both sides; who begins changes."""
        task = self.task(n, seed=1000 * n + number)
        if number % 2:
            return Turn(ours=self.rate(task), loop=self.rate_of_loop(task))
        loop = self.rate_of_loop(task)
        return Turn(ours=self.rate(task), loop=loop)

    def rate(self, task: Task) -> float:
        drawn = task.n * task.tokens
        return drawn / seconds(lambda: draw(self.ours, task), drawn)

    def rate_of_loop(self, task: Task) -> float:
        """Of a long one only the first rounds are run: after the first they are alike."""
        first = seconds(lambda: self.loop(replace(task, n=1)), task.tokens)
        rounds = min(task.n, self.options.loops) - 1
        if not rounds:
            return task.n * task.tokens / first
        rest = replace(task, n=rounds, seed=task.seed + 1)
        each: float = seconds(lambda: self.loop(rest), rounds * task.tokens) / rounds
        return task.n * task.tokens / (first + each * (task.n - 1))

    def task(self, n: int, *, seed: int) -> Task:
        letters = random.Random(seed).choices(LETTERS, k=self.options.prompt)
        return Task(n=n, prompt="".join(letters), tokens=self.options.tokens, seed=seed)

    def bandwidth(self, n: int) -> dict[str, object]:
        """Of decoding alone: what n completions take longer than reading the prompt does."""
        short = replace(self.task(n, seed=1), n=1, tokens=1)
        prompt = seconds(lambda: draw(self.ours, short), 1)
        task = self.task(n, seed=2)
        whole = n * task.tokens / self.rate(task)
        rounds = -(-n // self.ours.info.slots)
        steps = rounds * task.tokens / (whole - prompt)
        share = self.weights * steps / (self.options.bandwidth * 1e9)
        print(f"    {steps:.0f} steps/s: {share:.0%} of the bandwidth", flush=True)
        return {"steps_per_second": round(steps, 1), "bandwidth_share": round(share, 3)}


def seconds(side: Callable[[], int], expected: int) -> float:
    """How long it takes to draw as many tokens as ``expected``; SystemExit when it draws others."""
    began = time.perf_counter()
    drawn = side()
    taken = time.perf_counter() - began
    if drawn != expected:
        raise SystemExit(f"{drawn} tokens were drawn instead of {expected}")
    return taken


# --- a whole search

CODE = '''
def {name}(values: list[int]) -> list[int]:
    """Each value times {times}, plus {plus}, in order; without those that are negative then."""
'''
TEST = """
from arithmetic import {name}

def test_{name}():
    assert {name}([1, 2, -300]) == [{first}, {second}]
"""
BODY = """\
    kept_{name} = []
    for value_{name} in values:
        result_{name} = value_{name} * {times} + {plus}
        if result_{name} >= 0:
            kept_{name}.append(result_{name})
    return kept_{name}
"""
# Read by pytest outside the sandbox only; there is no option that tells how long was decoded.
PLUGIN = """
import json, os, time
from pathlib import Path
from pytest_supercharger.models.ahead import AheadModel
from pytest_supercharger.models.llama import LlamaModel

class Clocked(LlamaModel):
    first, last, tokens = 0.0, 0.0, 0

    def generate(self, *args, **options):
        self.first = self.first or time.monotonic()
        for completion in super().generate(*args, **options):
            self.tokens += completion.spent or completion.tokens
            yield completion
        self.last = time.monotonic()

    def close(self):
        clock = {"busy": self.busy_seconds, "wall": self.last - self.first, "tokens": self.tokens}
        Path(os.environ["ENGINE_CLOCK"]).write_text(json.dumps(clock))
        super().close()

def pytest_supercharge_model(config):
    # As a run opens it itself: what comes next is decoded while the sandbox checks.
    return AheadModel(Clocked(Path(os.environ["ENGINE_MODEL"]), gpu=os.environ["ENGINE_GPU"]))
"""


def measure_search(options: argparse.Namespace) -> dict[str, object]:
    """Fill the project and tell for how long of the search the model decoded."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parrot = make_project(folder, options)
        done, clock = supercharge(folder, parrot, gpu="auto" if options.gpu else "off")
        report = json.loads((folder / "report.json").read_text())
    verified = sum(stub["status"] == "verified" for stub in report["stubs"])
    if verified != options.stubs:
        raise SystemExit(f"{verified} of {options.stubs} stubs were filled:\n{done[-3000:]}")
    result = {
        "stubs": options.stubs,
        "search_seconds": round(clock["wall"], 2),
        "decoding_seconds": round(clock["busy"], 2),
        "decoding_share": round(clock["busy"] / clock["wall"], 3),
        "tokens": clock["tokens"],
        "candidates": sum(stub["candidates"] for stub in report["stubs"]),
        "total_seconds": round(report["totals"]["seconds"], 2),
    }
    print(
        f"{result['stubs']} stubs in {result['search_seconds']} s, the model decoded for "
        f"{result['decoding_seconds']} s of them: {result['decoding_share']:.0%}"
    )
    return result


def make_project(folder: Path, options: argparse.Namespace) -> Path:
    """A module of stubs, a test for each, and a model with a right and two wrong bodies."""
    project = folder / "project"
    project.mkdir()
    cases: list[dict[str, Any]] = [
        {"name": f"scale_{chr(97 + i % 26)}{i}", "times": i + 2, "plus": 3 * i + 1}
        for i in range(options.stubs)
    ]
    stubs = [CODE.format(**case) + "    raise NotImplementedError\n" for case in cases]
    (project / "arithmetic.py").write_text("\n".join(stubs))
    (project / "pytest.ini").write_text("[pytest]\n")
    for case in cases:
        results = {
            "first": case["times"] + case["plus"],
            "second": 2 * case["times"] + case["plus"],
        }
        (project / f"test_{case['name']}.py").write_text(TEST.format(**case, **results))
    answers = tuple(answer for case in cases for answer in bodies(case))
    inner = 64 if options.quick else 4096
    parrot = Parrot(answers=answers, template=CHATML, piece=3, inner=inner)
    return parrot.write(folder / "model.gguf")


def bodies(case: dict[str, Any]) -> Iterator[Answer]:
    for off in (0, 1, -1):
        there = {**case, "plus": case["plus"] + off}
        code = CODE.format(**case).lstrip("\n") + BODY.format(**there)
        yield Answer(text=f"```python\n{code}```", when=(f"def {case['name']}(",))


def supercharge(folder: Path, parrot: Path, *, gpu: str) -> tuple[str, dict[str, float]]:
    (folder / "engine_clock.py").write_text(PLUGIN)
    clock = folder / "clock.json"
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTEST_PLUGINS": "engine_clock",
        "ENGINE_MODEL": str(parrot),
        "ENGINE_CLOCK": str(clock),
        "ENGINE_GPU": gpu,
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    command = [sys.executable, "-m", "pytest", "--supercharge", "--supercharge-sandbox=bubblewrap"]
    command += [f"--supercharge-report={folder / 'report.json'}"]
    done = subprocess.run(
        command, cwd=folder / "project", env=env, capture_output=True, text=True, check=False
    )
    if not clock.exists():
        raise SystemExit(f"no search:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout, json.loads(clock.read_text())


if __name__ == "__main__":
    main()
