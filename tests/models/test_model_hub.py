"""Which file of a repository is meant, and is it on this machine? Without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_hub import COMMIT, environment

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub.cache import HubFile, gigabytes, parse_hub_spec
from pytest_supercharger.models.hub.names import choose_files

QWEN = [
    "README.md",
    "m-q4_0.gguf",
    "m-q4_k_m.gguf",
    "m-q4_k_m-00001-of-00002.gguf",
    "m-q4_k_m-00002-of-00002.gguf",
    "m-q8_0.gguf",
]
UNSLOTH = [
    "M-Q4_K_M.gguf",
    "M-UD-Q4_K_M.gguf",
    "M-UD-Q4_K_XL.gguf",
    "BF16/M-BF16-00001-of-00002.gguf",
    "BF16/M-BF16-00002-of-00002.gguf",
    "Q8_0/M-Q8_0-00001-of-00002.gguf",  # its second part is not there
    "mmproj-F16.gguf",
    "imatrix_unsloth.gguf",
]


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        (QWEN, "", ["m-q4_k_m.gguf"]),
        (QWEN, "Q4_0", ["m-q4_0.gguf"]),
        (QWEN, "q8_0", ["m-q8_0.gguf"]),
        (QWEN, "m-q8_0.gguf", ["m-q8_0.gguf"]),
        (QWEN, QWEN[4], QWEN[3:5]),
        (QWEN, "Q4_K", []),
        (QWEN, "q9.gguf", []),
        (UNSLOTH, "", ["M-Q4_K_M.gguf"]),
        (UNSLOTH, "UD-Q4_K_M", ["M-UD-Q4_K_M.gguf"]),
        (UNSLOTH, "Q4_K_XL", ["M-UD-Q4_K_XL.gguf"]),
        (UNSLOTH, "BF16", UNSLOTH[3:5]),
        (UNSLOTH, "M-BF16-00001-of-00002.gguf", UNSLOTH[3:5]),
        (UNSLOTH, "Q8_0", []),
        (UNSLOTH, "F16", []),
        (["a-IQ2.gguf"], "", ["a-IQ2.gguf"]),
        (["a-IQ2.gguf", "a-IQ3.gguf"], "", []),
        (["F16.gguf", "Q8_0.gguf"], "", ["Q8_0.gguf"]),
        (["x/a.gguf", "y/a.gguf"], "a.gguf", []),
        (["README.md"], "", []),
    ],
)
def test_a_word_chooses_a_file_with_all_its_parts(
    names: list[str], wanted: str, chosen: list[str]
) -> None:
    assert choose_files(names, wanted) == tuple(chosen)
    assert choose_files(reversed(names), wanted) == tuple(chosen)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("hf:a/b", HubFile(repo="a/b")),
        (" hf:a-1/b.2_c ", HubFile(repo="a-1/b.2_c")),
        ("hf:a/b:Q4_K_M", HubFile(repo="a/b", file="Q4_K_M")),
        ("hf:a/b:x/y-00001-of-00002.gguf", HubFile(repo="a/b", file="x/y-00001-of-00002.gguf")),
    ],
)
def test_a_spec_is_taken_apart_and_put_together(text: str, spec: HubFile) -> None:
    assert parse_hub_spec(text) == spec
    assert str(spec) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["hf:", "hf:a", "hf:a/b/c", "a/b", "hf:a/b:", "hf:a/b:../x.gguf", "hf:../b", "hf:a/b:/x.gguf"],
)
def test_what_is_no_spec_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(ModelUnavailable, match="write hf:ORG/REPO"):
        parse_hub_spec(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(12, "12 bytes"), (1500, "1.5 KB"), (4_680_000_000, "4.68 GB"), (50_000_000_000, "50 GB")],
)
def test_sizes_are_decimal(size: int, text: str) -> None:
    assert gigabytes(size) == text


class Cache:
    """A folder of the hub's cache, as the client lays it out."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "hf" / "hub" / "models--a--b"

    def put(self, name: str, commit: str = COMMIT) -> Path:
        blob = self.folder / "blobs" / f"{commit[:1]}-{name.replace('/', '_')}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(b"GGUF")
        path = self.folder / "snapshots" / commit / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(blob)
        return path

    def point_main_at(self, commit: str) -> None:
        reference = self.folder / "refs" / "main"
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(commit)

    def locate(self, *specs: str) -> list[str | None]:
        program = (
            "import json, sys\n"
            "from pytest_supercharger.models.hub.cache import locate, parse_hub_spec\n"
            "found = [locate(parse_hub_spec(spec)) for spec in sys.argv[1:]]\n"
            "assert 'huggingface_hub.hf_api' not in sys.modules\n"
            "print(json.dumps([path and str(path) for path in found]))"
        )
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, *specs],
            env={**os.environ, **environment(None, self.home, HF_HUB_OFFLINE="1")},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        found: list[str | None] = json.loads(run.stdout)
        return found


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_nothing_is_found_where_nothing_is(cache: Cache) -> None:
    assert cache.locate("hf:a/b", "hf:a/b:Q4_0", "hf:a/b:x.gguf") == [None] * 3


def test_a_file_is_found_by_name_by_quantisation_and_as_the_usual_one(cache: Cache) -> None:
    small, usual = cache.put("m-Q4_0.gguf"), cache.put("m-Q4_K_M.gguf")
    cache.point_main_at(COMMIT)
    found = cache.locate("hf:a/b", "hf:a/b:q4_0", "hf:a/b:m-Q4_0.gguf", "hf:a/b:Q8_0")
    assert found == [str(usual), str(small), str(small), None]


def test_a_split_file_is_there_only_with_all_its_parts(cache: Cache) -> None:
    parts = [f"x/m-Q8_0-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    first, second = cache.put(parts[0]), cache.put(parts[1])
    assert cache.locate("hf:a/b:Q8_0", f"hf:a/b:{parts[0]}") == [None, None]
    cache.put(parts[2])
    assert cache.locate("hf:a/b:Q8_0", f"hf:a/b:{parts[1]}") == [str(first), str(first)]
    second.resolve().unlink()
    assert cache.locate("hf:a/b:Q8_0") == [None]


def test_a_name_whose_content_is_gone_is_not_found(cache: Cache) -> None:
    cache.put("m.gguf").resolve().unlink()
    assert cache.locate("hf:a/b") == [None]


def test_weights_are_found_after_the_branch_was_moved_on(cache: Cache) -> None:
    path = cache.put("m-Q4_0.gguf")
    cache.put("README.md", "b" * 40)
    cache.point_main_at("b" * 40)
    assert cache.locate("hf:a/b") == [str(path)]
    newer = cache.put("m-Q4_0.gguf", "b" * 40)
    assert cache.locate("hf:a/b") == [str(newer)]


def test_without_huggingface_hub_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "huggingface_hub.py").write_text("raise ImportError('not here')\n")
    program = (
        "from pytest_supercharger.exceptions import ModelUnavailable\n"
        "from pytest_supercharger.models.hub.cache import locate, parse_hub_spec\n"
        "try: locate(parse_hub_spec('hf:a/b'))\n"
        "except ModelUnavailable as exc: print(exc)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "cannot be imported (not here)" in run.stdout
    assert 'pip install "pytest-supercharger[llama]"' in run.stdout
