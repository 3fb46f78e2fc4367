"""Where an editable install points to, in each form that is in use."""

from __future__ import annotations

import json
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from places import Place, project_at

from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.bubblewrap import BubblewrapLauncher
from pytest_supercharger.sandboxes.environment import find_editable_targets, inspect_environment

OpenPlace = Callable[..., Place]


def test_paths_of_pth_files(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_text("# note\nimport os; os.x\n/src/one\n../two\n\n")
    assert list(find_editable_targets(tmp_path)) == ["/src/one", f"{tmp_path}/../two"]


def test_the_mapping_of_a_setuptools_finder(tmp_path: Path) -> None:
    (tmp_path / "__editable___shop_1_0_finder.py").write_text(
        "from __future__ import annotations\nimport sys\n"
        "MAPPING: dict[str, str] = {'shop': '/src/shop', 'one': '/src/one.py'}\n"
        "NAMESPACES: dict[str, list[str]] = {'ns': ['/src/ns']}\nPATH_PLACEHOLDER = 'x'\n"
    )
    assert list(find_editable_targets(tmp_path)) == ["/src/shop", "/src/one.py", "/src/ns"]


@pytest.mark.parametrize("editable", [True, False])
def test_direct_url_of_an_editable_install(tmp_path: Path, editable: bool) -> None:
    (tmp_path / "shop-1.dist-info").mkdir()
    told = {"url": "file:///src/my%20shop", "dir_info": {"editable": editable}}
    (tmp_path / "shop-1.dist-info" / "direct_url.json").write_text(json.dumps(told))
    assert list(find_editable_targets(tmp_path)) == ["/src/my shop"] * editable


def test_this_python_tells_where_it_is() -> None:
    environment = inspect_environment()
    assert sys.prefix in environment.trees
    assert sys.base_prefix in environment.trees
    assert environment.version == "{}.{}.{}".format(*sys.version_info)


def test_something_that_is_no_python_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="/bin/false"):
        inspect_environment("/bin/false")


@pytest.mark.bubblewrap
def test_an_editable_install_outside_of_the_project_is_importable_inside(
    tmp_path: Path, why_missing: dict[str, str], runner_folder: Path
) -> None:
    if why_missing["bubblewrap"]:
        pytest.skip(why_missing["bubblewrap"])
    venv.create(tmp_path / "venv", symlinks=True)
    site = next((tmp_path / "venv" / "lib").glob("python3*")) / "site-packages"
    library = tmp_path / "elsewhere" / "library"
    library.mkdir(parents=True)
    (library / "shelf.py").write_text("BOOKS = 3\n")
    (library / ".env").write_text("KEY=1")
    (site / "library.pth").write_text(f"{library}\n")
    (tmp_path / "project").mkdir()
    python = str(tmp_path / "venv" / "bin" / "python")
    launcher = BubblewrapLauncher(
        project_at(tmp_path / "project"), python=python, folder=runner_folder
    )
    told = Place(launcher, tmp_path / "project").tell(f"""
        import json, shelf, sys
        print(json.dumps([shelf.BOOKS, sys.executable, open({str(library / ".env")!r}).read()]))
    """)
    assert told == [3, python, ""]
