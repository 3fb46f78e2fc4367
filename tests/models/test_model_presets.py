"""Which presets are there, who may change them, and which one suits a machine?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_hub import COMMIT, environment

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub import presets
from pytest_supercharger.models.hub.cache import missing_message, parse_hub_spec
from pytest_supercharger.models.hub.names import parts_of
from pytest_supercharger.models.hub.preset import GB, Preset, read_presets
from pytest_supercharger.models.hub.presets import load_presets, recommended

OURS = Path(presets.__file__).with_name("presets.toml")
MINE = """
[[preset]]
name = "mine"
repository = "me/Mine-GGUF"
files = ["mine-Q4_K_M.gguf"]
size_gb = 1.5
memory_gb = 4
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's file of presets, not written yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "pytest-supercharger" / "presets.toml"
    path.parent.mkdir(parents=True)
    return path


def test_there_is_a_preset_for_each_class_of_memory(config: Path) -> None:
    classes = {preset.memory // GB for preset in load_presets().values()}
    assert classes == {4, 8, 16, 24, 48, 80}


@pytest.mark.parametrize("preset", read_presets(OURS).values(), ids=lambda preset: preset.name)
def test_a_preset_of_ours_says_what_a_user_must_know(preset: Preset) -> None:
    assert preset.context >= 32768
    assert preset.licence != "not known"
    assert preset.size < preset.memory
    assert not preset.scores or preset.source
    assert preset.files == parts_of(preset.files[0])
    parse_hub_spec(f"hf:{preset.repository}:{preset.files[0]}")


def test_a_licence_without_commercial_use_is_marked(config: Path) -> None:
    marked = [name for name, preset in load_presets().items() if not preset.commercial]
    assert marked == ["qwen2.5-coder-3b"]


def test_the_user_adds_presets_and_those_of_the_same_name_win(config: Path) -> None:
    config.write_text(MINE + MINE.replace('"mine"', '"qwen2.5-coder-7b"'))
    loaded = load_presets()
    assert loaded["mine"].repository == "me/Mine-GGUF"
    assert loaded["mine"].size == 1_500_000_000
    assert loaded["qwen2.5-coder-7b"].repository == "me/Mine-GGUF"
    assert loaded.keys() == {*read_presets(OURS), "mine"}


def test_the_project_worked_on_adds_none(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "presets.toml").write_text(MINE)
    (tmp_path / "pytest-supercharger").mkdir()
    (tmp_path / "pytest-supercharger" / "presets.toml").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    assert "mine" not in load_presets()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('repository = "me/Mine-GGUF"', "", "repository is missing"),
        ('"me/Mine-GGUF"', '"Mine-GGUF"', "repository is 'Mine-GGUF'"),
        ("size_gb = 1.5", 'size_gb = "1.5"', "size_gb is '1.5', it must be a number"),
        ("size_gb = 1.5", "size_gb = 0", "size_gb is 0"),
        ("size_gb = 1.5", "size_gb = nan", "size_gb is nan"),
        ("memory_gb = 4", "memory_gb = true", "memory_gb is True"),
        ('["mine-Q4_K_M.gguf"]', '["../mine.gguf"]', "files is ['../mine.gguf']"),
        ('["mine-Q4_K_M.gguf"]', "[]", "files is []"),
        ("memory_gb = 4", "memory_gb = 4\ncolour = 1", "unknown key 'colour'"),
    ],
)
def test_an_error_names_file_preset_and_key(config: Path, old: str, new: str, key: str) -> None:
    config.write_text(MINE.replace(old, new))
    with pytest.raises(ModelUnavailable) as raised:
        load_presets()
    assert f"{config}: preset 'mine': {key}" in str(raised.value)


@pytest.mark.parametrize("name", ["auto", "tiny", "a b", "x.gguf", "a/b", ""])
def test_a_name_that_means_something_else_is_refused(config: Path, name: str) -> None:
    config.write_text(MINE.replace('"mine"', f'"{name}"'))
    with pytest.raises(ModelUnavailable, match="name is"):
        load_presets()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[preset]\n", "is not TOML"),
        ("preset = 3\n", "preset must be a list"),
        ("[mine]\n", "unknown key 'mine' at the top"),
        (MINE + MINE, "'mine' stands there twice"),
        ("[[preset]]\nfiles = ['a.gguf']\n", "preset number 1: name is missing"),
    ],
)
def test_a_file_of_another_shape_is_named(config: Path, text: str, words: str) -> None:
    config.write_text(text)
    with pytest.raises(ModelUnavailable, match=words) as raised:
        load_presets()
    assert str(config) in str(raised.value)


@pytest.mark.parametrize(
    ("memory", "name"),
    [
        (2 * GB, None),
        (4 * GB, "qwen2.5-coder-1.5b"),
        (8 * GB, "qwen2.5-coder-7b"),
        (7_750_000_000, "qwen2.5-coder-7b"),  # 8 GB, less what the firmware keeps
        (16 * GB, "qwen2.5-coder-14b"),
        (24 * GB, "qwen3-coder-30b"),
        (40 * GB, "qwen3-coder-30b"),
        (48 * GB, "qwen3.6-35b"),
        (85 * GB, "qwen3-coder-next"),
    ],
)
def test_the_largest_class_that_fits_is_recommended(
    config: Path, memory: int, name: str | None
) -> None:
    found = recommended(memory)
    assert (found.name if found else None) == name


def test_what_is_missing_is_named_with_its_size_and_the_one_command(config: Path) -> None:
    loaded = load_presets()
    assert missing_message(loaded["qwen2.5-coder-7b"]) == (
        "the preset qwen2.5-coder-7b (4.68 GB) is not on disk: fetch it once with "
        "`python -m pytest_supercharger fetch qwen2.5-coder-7b`"
    )
    assert "(about 60 GB)" in missing_message(loaded["gpt-oss-120b"])
    assert "fetch hf:a/b:Q4_0`" in missing_message(parse_hub_spec("hf:a/b:Q4_0"))


def best_of(home: Path, memory: int) -> str:
    """The name of the best on disk, asked where huggingface_hub looks into ``home``."""
    program = (
        "from pytest_supercharger.models.hub.presets import best_on_disk\n"
        f"found = best_on_disk({memory})\nprint(found.name if found else 'none')"
    )
    env = {**os.environ, **environment(None, home)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=env, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def put(home: Path, name: str, parts: int | None = None) -> None:
    """Lay files of a preset into the cache, as a fetch leaves them."""
    preset = read_presets(OURS)[name]
    folder = home / "hf" / "hub" / f"models--{preset.repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True, exist_ok=True)
    for file in preset.files[:parts]:
        (snapshot / file).write_bytes(b"GGUF")


def test_auto_takes_the_largest_on_disk_that_fits(tmp_path: Path) -> None:
    assert best_of(tmp_path, 100 * GB) == "none"
    put(tmp_path, "qwen2.5-coder-3b")
    put(tmp_path, "qwen2.5-coder-7b")
    assert best_of(tmp_path, 24 * GB) == "qwen2.5-coder-7b"
    assert best_of(tmp_path, 4 * GB) == "qwen2.5-coder-3b"
    put(tmp_path, "qwen2.5-coder-1.5b")
    assert best_of(tmp_path, 4 * GB) == "qwen2.5-coder-1.5b"
    put(tmp_path, "gpt-oss-120b", parts=2)
    assert best_of(tmp_path, 100 * GB) == "qwen2.5-coder-7b"
