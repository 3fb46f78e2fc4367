"""Which model does a SPEC mean? The one place that names concrete ones."""

from __future__ import annotations

from pathlib import Path

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.base import Model

_WHAT_WORKS = (
    "give --supercharge-model=PATH.gguf (a GGUF file on this machine; needs "
    '`pip install "pytest-supercharger[llama]"`) or --supercharge-model=replay:PATH (completions '
    "recorded in a .jsonl or .jsonl.gz file)"
)


def open_model(spec: str, *, rootdir: Path, context: int | None = None, gpu: str = "auto") -> Model:
    """Open the model that ``spec`` names; relative paths are relative to ``rootdir``.

    ``context`` is in tokens, None: the model's own. ``gpu`` is ``auto``, ``off`` or ``require``.

    :raises ModelUnavailable: it is not there, cannot be loaded, or ``spec`` means nothing.
    :raises SetupError: ``gpu`` is ``require`` and no GPU is in use.
    """
    if spec.startswith("replay:"):
        return _replay(_path(spec.removeprefix("replay:"), rootdir))
    path = _path(spec, rootdir)
    if spec.lower().endswith(".gguf") or path.is_file():
        return _llama(path, context, gpu)
    raise ModelUnavailable(_unknown(spec))


def _path(text: str, rootdir: Path) -> Path:
    return rootdir / Path(text).expanduser()


def _replay(path: Path) -> Model:
    from pytest_supercharger.models.replay import ReplayModel

    return ReplayModel(path)


def _llama(path: Path, context: int | None, gpu: str) -> Model:
    from pytest_supercharger.models.llama import LlamaModel

    return LlamaModel(
        path,
        context=context,
        gpu_layers=0 if gpu == "off" else None,
        require_gpu=gpu == "require",
    )


def _unknown(spec: str) -> str:
    if spec == "auto":
        return f"no model was named: {_WHAT_WORKS}"
    if spec.startswith(("http://", "https://")):
        return f"servers cannot be asked in this version ({spec}): {_WHAT_WORKS}"
    if spec.startswith("hf:"):
        return f"nothing is fetched in this version ({spec}): download the GGUF and {_WHAT_WORKS}"
    return f"unknown model {spec!r}: {_WHAT_WORKS}"
