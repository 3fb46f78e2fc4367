"""Answer from a recording, as if its model sat here."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

from pytest_supercharger.models.base import Completion, ModelInfo, Request, never
from pytest_supercharger.models.recording import Recorded, read_recording
from pytest_supercharger.prompts import RequestKind

_BYTES_PER_TOKEN = 4  # about what code models' tokenizers reach on Python source


class ReplayModel:
    """Serves the lines of a stub and request in file order, each once.

    Asked for more than it has it answers with fewer; asked for a request it has no lines for, with
    none. ``Request.start`` skips lines that the ledger holds from an earlier process.
    """

    def __init__(self, path: Path) -> None:
        """Read the whole recording, so that a broken line is known before any work is done.

        :raises ModelUnavailable: see :func:`read_recording`.
        """
        self._lines: dict[tuple[str, RequestKind], list[Recorded]] = defaultdict(list)
        families = set()
        for line in read_recording(path):
            self._lines[line.stub, line.kind].append(line)
            families.add(line.family)
        families.discard("")
        self._served: Counter[tuple[str, RequestKind]] = Counter()
        self.info = ModelInfo(
            name=path.name,
            source=str(path),
            digest=hashlib.sha256(path.read_bytes()).hexdigest(),
            backend="recording",
            gpu_layers=0,
            context=0,
            slots=1,
            family=families.pop() if len(families) == 1 else "",  # of several: nobody's wording
        )

    def count_tokens(self, text: str) -> int:
        """An approximation: one token for four bytes of UTF-8, rounded up."""
        return -(-len(text.encode()) // _BYTES_PER_TOKEN)

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        for request in requests:
            key = (request.stub, request.kind)
            lines = self._lines.get(key, [])
            first = max(self._served[key], request.start)
            for index in range(first, min(first + request.n, len(lines))):
                if cancelled(request):
                    break
                self._served[key] = index + 1
                yield _completion(lines[index], index)

    def close(self) -> None:
        """Nothing to let go of."""


def _completion(line: Recorded, index: int) -> Completion:
    return Completion(
        stub=line.stub,
        kind=line.kind,
        text=line.text,
        index=index,
        seed=line.seed,
        prompt_tokens=line.prompt_tokens,
        tokens=line.tokens,
        finish=line.finish,
        logprob=line.logprob,
    )
