"""A stub from the text of a module, found the way a run finds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from stub_in_text import StubIn

from pytest_supercharger.stubs import Stub, find_stubs


@pytest.fixture
def stub_in(tmp_path: Path) -> StubIn:
    def find(source: str, qualname: str = "") -> Stub:
        (tmp_path / "module.py").write_text(source, encoding="utf-8")
        found = find_stubs(tmp_path, norecurse=[], python_files=["test_*.py"]).stubs
        return next(stub for stub in found if qualname in ("", stub.qualname))

    return find
