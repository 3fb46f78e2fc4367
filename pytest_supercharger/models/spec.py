"""What does a SPEC name? ``--supercharge-model`` and ``--supercharge-judge``, taken apart.

Pure: nothing is looked for, nothing is opened; :mod:`.open` does that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from pytest_supercharger.exceptions import ModelUnavailable

MODEL_OPTION, JUDGE_OPTION = "--supercharge-model", "--supercharge-judge"
THEN = ",then:"  # before the second model; servers have commas of their own
_RECORDING = "replay:"
_SCHEMES = ("http://", "https://")


class Source(str, Enum):
    """Where a model comes from."""

    AUTO = "auto"  # the best preset that is on disk, else the bundled model
    TINY = "tiny"  # the bundled model
    PRESET = "preset"  # a preset's name, or hf:ORG/REPO[:FILE-or-quant]
    FILE = "file"  # a GGUF
    SERVERS = "servers"  # OpenAI-compatible ones
    RECORDING = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One model, and the one that is asked for what it leaves open."""

    source: Source
    value: str = ""  # path of FILE and RECORDING; name, hf:... or addresses as they were given
    then: Spec | None = None

    def __str__(self) -> str:
        """The text that is parsed to this again."""
        one = {
            Source.AUTO: "auto",
            Source.TINY: "tiny",
            Source.RECORDING: f"{_RECORDING}{self.value}",
        }.get(self.source, self.value)
        return f"{one}{THEN}{self.then}" if self.then else one

    @property
    def models(self) -> tuple[Spec, ...]:
        """The first and, where there is one, the second; each alone."""
        alone = replace(self, then=None)
        return (alone, *self.then.models) if self.then else (alone,)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every server in it, also behind ``then:``."""
        servers = [one.value for one in self.models if one.source is Source.SERVERS]
        return tuple(part.strip() for text in servers for part in text.split(","))

    def located(self, place: Callable[[str], object]) -> Spec:
        """With every path replaced by what ``place`` makes of it."""
        has_path = self.source in (Source.FILE, Source.RECORDING)
        return replace(
            self,
            value=str(place(self.value)) if has_path else self.value,
            then=self.then.located(place) if self.then else None,
        )


def parse_spec(text: str, *, is_file: Callable[[str], bool] = lambda _: False) -> Spec:
    """Take a SPEC apart; ``is_file`` tells a file named like a preset from a preset.

    :raises ModelUnavailable: it is no SPEC; the message names the part and what to write.
    """
    first, comma, second = text.strip().partition(THEN)
    if not comma:
        return _one(first, is_file)
    if THEN in second:
        raise ModelUnavailable(
            f"{text!r} names more than two models: write SMALL{THEN}BIG with one {THEN[1:]!r}"
        )
    return replace(_one(first, is_file), then=_one(second, is_file))


def _one(text: str, is_file: Callable[[str], bool]) -> Spec:
    text = text.strip()
    if not text:
        raise ModelUnavailable(
            f"an empty name stands where a model is wanted: write SPEC, or SMALL{THEN}BIG"
        )
    if text in (Source.AUTO.value, Source.TINY.value):
        return Spec(source=Source(text))
    if text.startswith(_RECORDING):
        return Spec(source=Source.RECORDING, value=_recording(text))
    if _is_address(text):
        return Spec(source=Source.SERVERS, value=_servers(text))
    return Spec(source=_file_or_preset(text, is_file), value=text)


def _file_or_preset(text: str, is_file: Callable[[str], bool]) -> Source:
    if text.startswith("hf:"):
        return Source.PRESET
    is_path = text.lower().endswith(".gguf") or "/" in text or "\\" in text or is_file(text)
    return Source.FILE if is_path else Source.PRESET


def _recording(text: str) -> str:
    path = text.removeprefix(_RECORDING)
    if not path:
        raise ModelUnavailable(f"{text!r} names no recording: use {_RECORDING}PATH")
    return path


def _servers(text: str) -> str:
    for part in text.split(","):
        if not _is_address(part.strip()):
            raise ModelUnavailable(
                f"{part.strip()!r} is no address in a list of servers: write"
                f" http://HOST:PORT/v1#MODEL, and a second model behind {THEN!r}"
            )
    return text


def _is_address(text: str) -> bool:
    return text.lower().startswith(_SCHEMES)
