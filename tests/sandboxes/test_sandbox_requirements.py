"""What a project declares, in each of the places where it may."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from pytest_supercharger.sandboxes.requirements import find_pins, find_requirements
from pytest_supercharger.sandboxes.wheels import download_wheels


def test_pyproject_with_extras_and_groups(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("""
[project]
name = "My.Shop"
dependencies = ["attrs>=23", "colorama; sys_platform == 'win32'"]
[project.optional-dependencies]
test = ["my-shop[cli]", "hypothesis"]
cli = ["rich"]
docs = ["sphinx"]
[dependency-groups]
dev = [{include-group = "typing"}, "ruff"]
typing = ["mypy", {include-group = "dev"}]
lint = ["flake8"]
""")
    found = find_requirements(tmp_path)
    assert found.declared == ("attrs>=23", "rich", "hypothesis", "mypy", "ruff")
    assert found.source == "pyproject.toml"
    assert found.unresolved == ()


def test_setup_cfg(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("""
[metadata]
name = shop
[options]
install_requires =
    attrs
    shop
[options.extras_require]
testing = hypothesis
docs = sphinx
""")
    assert find_requirements(tmp_path).declared == ("attrs", "hypothesis")


def test_requirements_files_follow_r_and_leave_addresses_to_the_user(tmp_path: Path) -> None:
    (tmp_path / "requirements-test.txt").write_text(
        "-r base.txt\nattrs==23.1 \\\n  --hash=sha256:00\n# note\n-e ../lib\n"
        "--index-url https://me:hush@127.0.0.1/simple\ntool @ https://127.0.0.1/tool.whl\n"
        "./local\n"
    )
    (tmp_path / "base.txt").write_text("rich  # for the tables\n-r requirements-test.txt\n")
    found = find_requirements(tmp_path)
    assert found.declared == ("rich", "attrs==23.1")
    assert len(found.unresolved) == 4
    assert "hush" not in repr(found)


def test_nothing_declared_is_resolved_against_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text(
        "import os, yaml\nimport libcst.matchers\nfrom shop import text\nfrom . import x\n"
        "import surely_not_installed_anywhere\nimport text\n"
    )
    (tmp_path / "shop" / "text.py").write_text("")
    (tmp_path / "broken.py").write_text("import rich\ndef (")
    found = find_requirements(tmp_path)
    assert found.declared == ("libcst", "pyyaml")
    assert found.source == "imports"
    assert ["surely_not_installed_anywhere" in one for one in found.unresolved] == [True]


def test_imports_do_not_count_where_something_is_declared(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("attrs\n")
    (tmp_path / "mod.py").write_text("import rich, surely_not_installed_anywhere\n")
    found = find_requirements(tmp_path)
    assert found.declared == ("attrs",)
    assert found.unresolved == ()


def test_a_virtual_environment_in_the_tree_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "env3").mkdir()
    (tmp_path / "env3" / "pyvenv.cfg").touch()
    (tmp_path / "env3" / "mod.py").write_text("import libcst\n")
    assert find_requirements(tmp_path).declared == ()


def test_only_what_is_allowed_is_added(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("import surely_not_installed_anywhere\n")
    found = find_requirements(tmp_path, allow=["Surely-Not-Installed==1"])
    assert found.declared == ("Surely-Not-Installed==1",)


@pytest.mark.parametrize("text", ["[project\n", "[project]\ndependencies = ['no good!']\n"])
def test_a_broken_declaration_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    found = find_requirements(tmp_path)
    assert found.declared == ()
    assert len(found.unresolved) == 1


def test_pins_are_the_installed_versions_of_all_that_is_needed() -> None:
    pins = find_pins(["jinja2>=3", "surely-not-installed-anywhere"])
    assert pins == (
        f"jinja2=={metadata.version('jinja2')}",
        f"markupsafe=={metadata.version('markupsafe')}",
    )


def test_a_package_without_a_wheel_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    wheels = download_wheels(
        ["pluggy", "iniconfig", "no-such-package-of-ours-at-all"],
        ["pluggy==0.0.0.999"],  # a version that is on no index: the pin gives way
        tmp_path / "wheels",
        python="3.11",
        machine="x86_64",
    )
    assert wheels.requirements == ("pluggy", "iniconfig")
    assert ["no-such-package" in one for one in wheels.missing] == [True]
    names = sorted(path.name.partition("-")[0] for path in (tmp_path / "wheels").iterdir())
    assert names == ["iniconfig", "pluggy"]
