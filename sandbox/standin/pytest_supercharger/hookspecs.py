"""The plugin's hooks, declared so that a conftest that implements them can be loaded."""

from __future__ import annotations

import pytest


@pytest.hookspec
def pytest_supercharge_stubs(config, stubs): ...


@pytest.hookspec
def pytest_supercharge_prompt(config, stub, request, prompt): ...


@pytest.hookspec(firstresult=True)
def pytest_supercharge_model(config): ...


@pytest.hookspec(firstresult=True)
def pytest_supercharge_sandbox(config): ...


@pytest.hookspec(firstresult=True)
def pytest_supercharge_reject(config, stub, candidate): ...


@pytest.hookspec(firstresult=True)
def pytest_supercharge_select(config, stub, evidence): ...


@pytest.hookspec
def pytest_supercharge_filled(config, stub, result): ...
