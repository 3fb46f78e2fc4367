"""Which imports a candidate needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_supercharger.clean.imports import (
    choose_imports,
    missing_imports,
    read_all_names,
    read_module,
)

MODULE = read_module(
    "import os\nfrom a import b as c\ntry:\n    import json\nexcept E as e: x = 1\n"
)


def test_what_a_module_binds() -> None:
    assert MODULE.names == {"os", "c", "json", "e", "x"}
    assert MODULE.modules == {"os", "a", "json"}
    assert read_module("for i, (j, *k) in []:\n    with a as b: y: int = 1").names == {*"ijkby"}


def test_a_comprehensions_variable_counts_as_bound_nowhere_else() -> None:
    assert "inner" not in read_module("def f(inner):\n    local = 1\n").names
    assert read_all_names("def f(inner):\n    local = 1\n") == {"f", "inner", "local"}


@pytest.mark.parametrize(
    ("name", "code", "statement"),
    [
        ("math", "math.pi", "import math"),
        ("np", "np.array(x)", "import numpy as np"),
        ("Counter", "Counter(x)", "from collections import Counter"),
        ("defaultdict", "defaultdict(int)", "from collections import defaultdict"),
        ("OrderedDict", "OrderedDict()", "from collections import OrderedDict"),
        ("List", "x: List[int]", "from typing import List"),
        ("Text", "x: Text", "from typing import Text"),
        ("reduce", "reduce(f, x)", "from functools import reduce"),
        ("permutations", "permutations(x)", "from itertools import permutations"),
        ("sqrt", "sqrt(x)", "from math import sqrt"),
        ("Path", "Path(x)", "from pathlib import Path"),
        ("datetime", "datetime.now()", "from datetime import datetime"),
        ("datetime", "datetime.timedelta(1)", "import datetime"),
        ("copy", "copy(x)", "from copy import copy"),
        ("copy", "copy.deepcopy(x)", "import copy"),
        ("yaml_or_nothing", "yaml_or_nothing", ""),
        ("T", "T", ""),
        ("this", "this", ""),
        ("__main__", "__main__", ""),
        ("ünï", "ünï", ""),
    ],
)
def test_what_is_added_for_a_name(name: str, code: str, statement: str) -> None:
    assert "".join(missing_imports([name], code)) == statement


def test_every_statement_that_may_be_added_for_the_standard_library_works() -> None:
    from pytest_supercharger.clean.imports import _FROM

    for module, names in _FROM.items():
        for name in names.split():
            assert hasattr(__import__(module), name), (module, name)


def test_several_names_of_a_module_share_a_statement() -> None:
    found = missing_imports(["sqrt", "math", "floor"], "")
    assert found == ("from math import floor, sqrt", "import math")


def test_nothing_of_the_project_is_imported_to_find_a_name(tmp_path: Path) -> None:
    """autoimport by itself imports the package that is named like the project's folder."""
    project = tmp_path / "shop"
    (project / "shop").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        "[tool.autoimport.common_statements]\nzzz = 'import q'\n"
    )
    (project / "shop" / "__init__.py").write_text("raise SystemExit('imported')\nbasket = 1\n")
    program = (
        "from pytest_supercharger.clean.imports import missing_imports\n"
        "print(missing_imports(['basket', 'zzz', 'shop', 'math'], 'basket'))"
    )
    source = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(1, {str(source)!r})\n{program}"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.stdout.strip(), result.stderr) == ("('import math',)", "")


def choose(used: set[str], source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    chosen = choose_imports(used, ast.parse(source).body, MODULE)
    return chosen.module, chosen.local


def test_only_used_names_of_a_statement_are_kept() -> None:
    assert choose(
        {"re", "deque", "p"}, "import re, sys\nfrom x import deque, y\nimport o.p as p"
    ) == (
        ("import re", "from x import deque", "import o.p as p"),
        (),
    )


def test_the_modules_own_imports_are_not_repeated_and_others_of_that_name_stay_local() -> None:
    assert choose({"os"}, "import os") == ((), ())
    assert choose({"c"}, "from other import c") == ((), ("from other import c",))
    assert choose({"x"}, "from other import x") == ((), ())


def test_a_star_import_of_a_standard_module_becomes_what_is_used() -> None:
    assert choose({"sqrt", "floor", "f"}, "from math import *") == (
        ("from math import floor, sqrt",),
        (),
    )


def test_another_star_import_is_kept_only_where_something_is_open() -> None:
    assert choose({"mystery"}, "from other import *") == (("from other import *",), ())
    assert choose({"len", "os"}, "from other import *") == ((), ())


def test_imports_under_try_and_if_are_seen_and_the_future_is_not() -> None:
    source = "from __future__ import annotations\nif 1:\n    try: import re\n    except E: re = 0"
    assert choose({"re", "annotations"}, source) == (("import re",), ())
