"""How long does a small GGUF file take on one core? Started by ``tiny.py``, in its own process.

    python benchmarks/tiny_speed.py PATH.gguf [--repeat 5]

Keeps itself to the first core that it may use, and all that it starts. After a first turn that
fills the caches, medians of:

    ready_seconds       ``LlamaModel``: its process starts, loads the file, decodes a token
    load_seconds        llama.cpp alone, in a process where it has been imported
    candidates_seconds  64 bodies for a stub with one short answer, by the product's own prompt

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pytest_supercharger.bundled import prompts_dir
from pytest_supercharger.context import LinkedTest, gather_context
from pytest_supercharger.models.base import Request
from pytest_supercharger.models.llama import LlamaModel
from pytest_supercharger.prompts import (
    Prompt,
    RequestKind,
    context_budget,
    load_prompts,
    render,
)
from pytest_supercharger.stubs.finding import find_stubs_in

CANDIDATES = 64
STUB = '''\
def is_even(number: int) -> bool:
    """Return True if the number is even."""
    raise NotImplementedError
'''
TEST = """\
from numbers_of_mine import is_even


def test_is_even():
    assert is_even(4) is True
    assert is_even(7) is False
"""


def main() -> None:
    options = read_options()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    loads, readies = [], []
    for _ in range(options.repeat + 1):
        loads.append(seconds(lambda: load(options.model)))
        began = time.perf_counter()
        with opened(options.model):
            readies.append(time.perf_counter() - began)
    with opened(options.model) as model, tempfile.TemporaryDirectory() as folder:
        prompt = prompt_for(model, Path(folder))
        draws = []
        tokens = 0
        for number in range(options.repeat + 1):
            began = time.perf_counter()
            tokens = draw(model, prompt, seed=number)
            draws.append(time.perf_counter() - began)
        info = model.info
    print(
        json.dumps(
            {
                "repeat": options.repeat,
                "backend": info.backend,
                "slots": info.slots,
                "ready_seconds": median(readies),
                "load_seconds": median(loads),
                "candidates": CANDIDATES,
                "candidates_seconds": median(draws),
                "tokens_of_last": tokens,
            }
        )
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, metavar="PATH.gguf")
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def seconds(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def median(turns: list[float]) -> float:
    """Without the first one."""
    return round(statistics.median(turns[1:]), 3)


def load(path: Path) -> None:
    import llama_cpp

    with closing(llama_cpp.Llama(str(path), n_ctx=512, n_threads=1, verbose=False)):
        pass


@contextmanager
def opened(path: Path) -> Iterator[LlamaModel]:
    with closing(LlamaModel(path, gpu="off")) as model:
        yield model


def prompt_for(model: LlamaModel, root: Path) -> Prompt:
    """As a run asks the first time."""
    (root / "numbers_of_mine.py").write_text(STUB)
    (root / "test_numbers.py").write_text(TEST)
    (stub,) = find_stubs_in(STUB, "numbers_of_mine.py")
    prompts = load_prompts(prompts_dir()).of(model.info.family)
    context = gather_context(
        stub,
        rootdir=root,
        tests=[LinkedTest(id="test_numbers.py::test_is_even", belongs=True)],
        all_stubs=[stub],
        budget=context_budget(prompts, model.info.context, model.count_tokens),
        count=model.count_tokens,
    )
    return render(RequestKind.CODE, context, prompts=prompts)


def draw(model: LlamaModel, prompt: Prompt, *, seed: int) -> int:
    """Ask for the candidates; tokens drawn. SystemExit when some are missing."""
    request = Request(stub="f", kind=RequestKind.CODE, prompt=prompt, n=CANDIDATES, seed=seed)
    completions = list(model.generate([request]))
    if len(completions) != CANDIDATES:
        raise SystemExit(f"{len(completions)} of {CANDIDATES} candidates came")
    return sum(completion.tokens for completion in completions)


if __name__ == "__main__":
    main()
