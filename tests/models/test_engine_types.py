"""Every common weight type, and a network that keeps a state, through the engine."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from gguf_files import F16, MIXTURES, HybridModel, RandomModel, Shape, quantize

from pytest_supercharger.models.base import Request
from pytest_supercharger.models.llama import LlamaModel
from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling

pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]

TOKENS = 12
# Of 8. The sums of a batch are made in another order, and random weights bring near-ties: one of
# them may send a text another way. A kernel that computes wrong sends all but the first that way.
MOST = 5
PROMPTS = ("x = ", "for i in range(10):", "return sorted(values, key=len)", "y")

_GREEDY = """
import json, sys, llama_cpp
paths, prompts, tokens = json.loads(sys.argv[1])
answers = {}
for path in paths:
    model = llama_cpp.Llama(path, n_ctx=256, n_threads=1, verbose=False)
    answers[path] = [
        model.create_completion(prompt, max_tokens=tokens, temperature=0)["choices"][0]["text"]
        for prompt in prompts
    ]
print(json.dumps(answers))
"""


def one_by_one(*paths: Path) -> Mapping[str, list[str]]:
    """What ``llama_cpp.Llama`` answers to each prompt, greedily; by file."""
    told = json.dumps(([str(path) for path in paths], PROMPTS, TOKENS))
    command = [sys.executable, "-W", "ignore", "-c", _GREEDY, told]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: Mapping[str, list[str]] = json.loads(done.stdout)
    return answers


@contextmanager
def opened(path: Path, cache: Path) -> Iterator[LlamaModel]:
    model = LlamaModel(path, context=256, gpu="off", cache=cache)
    try:
        yield model
    finally:
        model.close()


def same_together(model: LlamaModel, alone: list[str]) -> int:
    """How many of 8 completions, two of each prompt and all in one batch, are as they are alone."""
    expected = dict(zip(PROMPTS, alone, strict=True))
    got = list(model.generate([_greedy(prompt) for prompt in PROMPTS]))
    assert len(got) == 8
    return sum(completion.text == expected[completion.stub] for completion in got)


def _greedy(text: str) -> Request:
    prompt = Prompt(
        kind=RequestKind.CODE,
        messages=(Message(role="user", content=text),),
        continuation=text,
        stop=(),
        sampling=Sampling(temperature=0, max_tokens=TOKENS),
    )
    return Request(stub=text, kind=RequestKind.CODE, prompt=prompt, n=2, seed=1)


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("mixtures")
    shape = Shape(width=256, heads=4, kv_heads=2, layers=2, inner=512)
    return quantize(RandomModel(weights=F16, shape=shape).write(folder / "random.gguf"), folder)


@pytest.fixture(scope="module")
def alone(mixtures: Mapping[str, Path]) -> Mapping[str, list[str]]:
    return one_by_one(*mixtures.values())


@pytest.mark.parametrize("mixture", MIXTURES)
def test_a_batch_says_what_each_of_it_says_alone(
    mixtures: Mapping[str, Path], alone: Mapping[str, list[str]], mixture: str, tmp_path: Path
) -> None:
    path = mixtures[mixture]
    with opened(path, tmp_path) as model:
        assert same_together(model, alone[str(path)]) >= MOST
        assert model.info.remarks == ()


def test_a_model_that_keeps_a_state_says_in_a_batch_what_it_says_alone(tmp_path: Path) -> None:
    path = HybridModel().write(tmp_path / "hybrid.gguf")
    (answers,) = one_by_one(path).values()
    with opened(path, tmp_path) as model:
        assert same_together(model, answers) >= MOST
