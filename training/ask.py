"""Ask a trained file through the product's own llama.cpp, as a run would.

    python -m training.ask build/tiny.gguf 'def add(a, b):' 'Return the sum of a and b.'

Prints what it answers, the most frequent first. Exit 1 when no answer came to its end.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from pytest_supercharger.models.base import Request
from pytest_supercharger.models.llama import LlamaModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.ask",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("signature")
    parser.add_argument("docstring")
    parser.add_argument("-n", type=int, default=16, help="answers")
    parser.add_argument("--temperature", type=float, default=0.8)
    options = parser.parse_args()
    prompt = Prompt(
        kind=RequestKind.CODE,
        messages=(),
        continuation=f'{options.signature}\n    """{options.docstring}"""\n',
        stop=(),
        sampling=Sampling(temperature=options.temperature, max_tokens=200),
        level=0,
    )
    began = time.monotonic()
    model = LlamaModel(options.model, gpu="off")
    ready = time.monotonic() - began
    request = Request(stub="ask", kind=RequestKind.CODE, prompt=prompt, n=options.n, seed=0)
    try:
        answers = list(model.generate([request]))
    finally:
        model.close()
    for text, count in Counter(answer.text for answer in answers).most_common():
        print(f"--- {count} of {options.n}\n{text.rstrip()}")
    ended = sum(answer.finish == "stop" for answer in answers)
    print(f"--- {ended} ended by themselves; ready in {ready:.2f} s", end=", ")
    print(f"all in {time.monotonic() - began:.2f} s")
    return 0 if ended else 1


if __name__ == "__main__":
    sys.exit(main())
