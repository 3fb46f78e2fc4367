"""A SPEC opens the model that it names, or says what can be given."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import RandomModel, cut
from misbehaving_server import MisbehavingServer

from pytest_supercharger.bundled import prompts_dir, tiny_model
from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.hub.presets import load_presets, recommended
from pytest_supercharger.models.llama import hardware
from pytest_supercharger.models.machine import memory_for_models
from pytest_supercharger.models.open import Located, open_model
from pytest_supercharger.models.spec import Source
from pytest_supercharger.prompts import load_prompts

needs_llama = pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None,
    reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
)
LINE = '{"stub": "a.py::f", "request": "code", "completion": "pass"}\n'


def test_a_recording_is_found_relative_to_the_rootdir(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(LINE)
    assert open_model("replay:r.jsonl", rootdir=tmp_path).info.backend == "recording"


def test_an_absolute_path_and_the_home_folder_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.jsonl").write_text(LINE)
    monkeypatch.setenv("HOME", str(tmp_path))
    for spec in (f"replay:{tmp_path / 'r.jsonl'}", "replay:~/r.jsonl"):
        model = open_model(spec, rootdir=tmp_path / "elsewhere")
        assert model.info.source == str(tmp_path / "r.jsonl")


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and a user without presets of their own."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "hf" / "hub"


def opening(spec: str, rootdir: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the hub's library reads the environment when it is imported."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pytest_supercharger.exceptions import ModelUnavailable\n"
        "from pytest_supercharger.models.open import locate_model\n"
        "from pytest_supercharger.models.spec import parse_spec\n"
        "try:\n"
        "    found = locate_model(parse_spec(sys.argv[1]), rootdir=Path(sys.argv[2]))\n"
        "except ModelUnavailable as error:\n"
        "    sys.exit(str(error))\n"
        "print(found.value, found.note, sep='\\n')\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, spec, str(rootdir)],
        capture_output=True,
        text=True,
        check=False,
    )


def put_on_disk(cache: Path, repo: str, file: str) -> Path:
    """A file as the hub's library keeps it."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    path = folder / "snapshots" / "0123abc" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0123abc")
    return path


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("hf:org/repo", "python -m pytest_supercharger fetch hf:org/repo"),
        ("qwen2.5-coder-7b", "4.68 GB"),
        ("qwen2.5-coder-7b", "python -m pytest_supercharger fetch qwen2.5-coder-7b"),
        ("quen", "unknown model 'quen': presets are qwen2.5-coder-1.5b, "),
        ("quen", "takes auto, tiny (the bundled model), "),
    ],
)
@pytest.mark.usefixtures("hub_cache")
def test_what_is_not_on_disk_says_how_to_come_by_it(tmp_path: Path, spec: str, words: str) -> None:
    done = opening(spec, tmp_path)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_preset_and_a_file_of_the_hub_are_found_on_disk(tmp_path: Path, hub_cache: Path) -> None:
    preset = load_presets()["qwen2.5-coder-1.5b"]
    path = put_on_disk(hub_cache, preset.repository, preset.files[0])
    for spec in (preset.name, f"hf:{preset.repository}:{preset.files[0]}"):
        assert opening(spec, tmp_path).stdout.splitlines()[0] == str(path), spec


def test_auto_takes_what_is_on_disk_and_names_a_better_one(tmp_path: Path, hub_cache: Path) -> None:
    smallest = next(iter(load_presets().values()))
    path = put_on_disk(hub_cache, smallest.repository, smallest.files[0])
    found, note, *_ = opening("auto", tmp_path).stdout.splitlines()
    assert found == str(path)
    assert note.startswith(f"auto: {smallest.name} is the best preset on disk")
    better = recommended(memory_for_models())
    assert better is not None
    if better != smallest:
        assert f"a better one: the preset {better.name} (" in note


@pytest.mark.parametrize("spec", ["tiny", "auto"])
@pytest.mark.usefixtures("hub_cache")
def test_the_bundled_model_is_there_without_a_preset(tmp_path: Path, spec: str) -> None:
    found, note, *_ = [*opening(spec, tmp_path).stdout.splitlines(), ""]
    assert found == str(tiny_model())
    if spec == "tiny":
        assert note == ""
        return
    assert note.startswith("auto: no preset is on disk that fits this machine (")
    assert "; the bundled model (tiny) is taken; a better one: " in note
    better = recommended(memory_for_models())
    assert better is not None
    assert note.endswith(f"fetch it once with `python -m pytest_supercharger fetch {better.name}`")


@pytest.mark.usefixtures("hub_cache")
def test_auto_needs_no_library_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment that has llama-cpp-python alone."""
    missing = "raise ModuleNotFoundError('No module named huggingface_hub')\n"
    (tmp_path / "huggingface_hub.py").write_text(missing)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found, note, *_ = opening("auto", tmp_path).stdout.splitlines()
    assert found == str(tiny_model())
    assert note.startswith("auto: models of the hub need huggingface_hub")
    assert "; the bundled model (tiny) is taken; a better one: " in note


def bundled(path: Path, gpu: str = "auto") -> Located:
    return Located(source=Source.TINY, value=str(path), context=None, gpu=gpu)


@needs_llama
def test_the_bundled_model_runs_on_the_cpu_whatever_there_is(tmp_path: Path) -> None:
    model = open_model("tiny", rootdir=tmp_path)
    try:
        assert (model.info.name, model.info.gpu_layers) == ("tiny", 0)
        assert model.info.backend == "llama.cpp CPU"
        assert model.info.family == "supercharger-tiny"
        assert load_prompts(prompts_dir()).families[model.info.family]
    finally:
        model.close()


@needs_llama
def test_a_gpu_that_is_required_is_required_of_the_bundled_model_too(tmp_path: Path) -> None:
    if "CPU only" not in hardware().summary:
        pytest.skip("a GPU is there")
    with pytest.raises(SetupError, match="--supercharge-gpu=require"):
        open_model("tiny", rootdir=tmp_path, gpu="require")


@needs_llama
def test_a_damaged_bundled_file_says_to_install_again(tmp_path: Path) -> None:
    (tmp_path / "MODEL_CARD.md").write_text(f"sha256 {'0' * 64}\n")
    whole = RandomModel().write(tmp_path / "whole.gguf")
    cut(whole, tmp_path / "cut.gguf", share=0.5)
    (tmp_path / "page.gguf").write_text("<html>")
    for name in ("cut.gguf", "page.gguf"):
        with pytest.raises(ModelUnavailable, match=r"is damaged, .*: install pytest-supercharger"):
            bundled(tmp_path / name).open()
    with pytest.raises(ModelUnavailable, match="is damaged"):
        bundled(tmp_path / "page.gguf").preview()


@needs_llama
def test_a_whole_bundled_file_that_does_not_load_is_no_damage(tmp_path: Path) -> None:
    """The reason is elsewhere, and told as of any file."""
    page = tmp_path / "page.gguf"
    page.write_text("<html>")
    digest = hashlib.sha256(page.read_bytes()).hexdigest()
    (tmp_path / "MODEL_CARD.md").write_text(f"sha256 {digest}\n")
    with pytest.raises(ModelUnavailable, match="is not a GGUF file"):
        bundled(page).open()


def test_the_bundled_model_by_its_path_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    link = tmp_path / "link.gguf"
    link.symlink_to(path)
    assert bundled(path).takes_memory
    assert bundled(path).is_same(bundled(link))
    by_path = replace(bundled(link), source=Source.FILE)
    assert by_path.is_same(bundled(path))
    assert bundled(path).is_same(by_path)
    assert not by_path.is_bundled
    link.unlink()
    link.symlink_to(tiny_model())
    assert by_path.is_bundled
    assert not replace(by_path, source=Source.RECORDING).is_same(by_path)


def test_two_models_are_not_one(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="names two models where one is wanted"):
        open_model("replay:a.jsonl,then:replay:b.jsonl", rootdir=tmp_path)


def test_a_missing_gguf_is_named_with_those_beside_it(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"m{i:02}.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelUnavailable) as caught:
        open_model("nosuch.gguf", rootdir=tmp_path)
    assert f"there is no model file {tmp_path / 'nosuch.gguf'}" in str(caught.value)
    assert "m00.gguf, m01.gguf" in str(caught.value)
    assert "m09.gguf and 2 more" in str(caught.value)


def test_a_missing_gguf_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="holds none"):
        open_model("nosuch.gguf", rootdir=tmp_path)


@pytest.mark.parametrize("content", [b"", b"GG", b"<!DOCTYPE html>", b"version https://git-lfs"])
def test_a_file_that_is_no_gguf_is_refused_before_anything_starts(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "page.gguf").write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"page\.gguf is not a GGUF file"):
        open_model("page.gguf", rootdir=tmp_path)


def test_a_folder_named_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(ModelUnavailable, match="Is a directory"):
        open_model("folder.gguf", rootdir=tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="needs the openai package")
def test_a_server_is_shown_the_key_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPERCHARGE_API_KEY", "sk-of-the-environment")
    with MisbehavingServer() as server:
        model = open_model(f"{server.url}#tiny", rootdir=tmp_path, context=2048)
        try:
            assert model.info.context == 2048
            assert "sk-of-the-environment" not in str(model.info)
        finally:
            model.close()
    lines = [(key.lower(), value) for seen in server.seen for key, value in seen.headers.items()]
    assert ("authorization", "Bearer sk-of-the-environment") in lines
