"""No model at all: prompt sizes are estimated, nothing is ever answered."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from pytest_supercharger.models.base import Completion, ModelInfo, Request, never

BYTES_PER_TOKEN = 4  # of source code, about, in the vocabularies of today's models


class UnaskedModel:
    """The Model protocol for runs that only list: no weights are loaded for them."""

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            name="none", source="", digest="", backend="none", gpu_layers=0, context=0, slots=1
        )

    def count_tokens(self, text: str) -> int:
        """One token per four bytes of UTF-8, rounded up."""
        return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        """Nothing, whatever is asked."""
        yield from ()

    def close(self) -> None:
        """Nothing to close."""
