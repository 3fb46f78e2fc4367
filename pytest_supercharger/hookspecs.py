"""Which hooks may a conftest or a plugin implement?

They are called in the pytest process that was started, never inside the sandbox. A conftest
that is also used where this plugin is not installed marks them ``optionalhook=True``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_supercharger.clean.candidates import CodeCandidate
    from pytest_supercharger.evidence import Evidence
    from pytest_supercharger.fill import Filled, NotFilled
    from pytest_supercharger.models.base import Model
    from pytest_supercharger.prompts import Prompt, RequestKind
    from pytest_supercharger.sandboxes.base import Sandbox
    from pytest_supercharger.stubs import Stub


@pytest.hookspec
def pytest_supercharge_stubs(config: pytest.Config, stubs: list[Stub]) -> None:
    """Called once, after the stubs have been found and before anything is run.

    Edit the list in place: leave stubs out, or change their order.

    :param config: The pytest config object.
    :param stubs: The stubs in the rootdir, perhaps-stubs included, by path and line.

    Use in conftest plugins
    =======================

    Any conftest file that pytest loads at start can implement this hook.
    """


@pytest.hookspec(firstresult=True)
def pytest_supercharge_prompt(
    config: pytest.Config, stub: Stub, request: RequestKind, prompt: Prompt
) -> Prompt | None:
    """Called for each prompt, after it was filled in and before the model sees it.

    Stops at first non-None result, see :ref:`firstresult`.

    :param config: The pytest config object.
    :param stub: The stub that the prompt is about.
    :param request: What is asked for: code, tests, an improvement.
    :param prompt: The prompt, both as a chat and as text to go on from.
    :returns: The prompt to use instead, or None to leave it as it is.

    Use in conftest plugins
    =======================

    Any conftest file that pytest loads at start can implement this hook.
    """


@pytest.hookspec(firstresult=True)
def pytest_supercharge_model(config: pytest.Config) -> Model | None:
    """Called once, before the model named by ``--supercharge-model`` would be opened.

    Mode ``list`` calls it as well, to name the model; it is not asked anything then.

    Stops at first non-None result, see :ref:`firstresult`.

    :param config: The pytest config object.
    :returns: The model to use, closed at the end of the run, or None for the named one.

    Use in conftest plugins
    =======================

    Any conftest file that pytest loads at start can implement this hook.
    """


@pytest.hookspec(firstresult=True)
def pytest_supercharge_sandbox(config: pytest.Config) -> Sandbox | None:
    """Called once, before the sandbox named by ``--supercharge-sandbox`` would be opened.

    Stops at first non-None result, see :ref:`firstresult`. Whoever returns one answers for its
    isolation.

    :param config: The pytest config object.
    :returns: The sandbox to use, closed at the end of the run, or None for the named one.

    Use in conftest plugins
    =======================

    Any conftest file that pytest loads at start can implement this hook.
    """


@pytest.hookspec(firstresult=True)
def pytest_supercharge_reject(
    config: pytest.Config, stub: Stub, candidate: CodeCandidate
) -> str | None:
    """Called for each candidate body, after it was cleaned and before it is run.

    Stops at first non-None result, see :ref:`firstresult`.

    :param config: The pytest config object.
    :param stub: The stub that the candidate is for.
    :param candidate: The body, with the imports and helpers that it needs.
    :returns: Why the candidate is refused, for the report, or None to let it pass.

    Use in conftest plugins
    =======================

    Any conftest file that pytest loads at start can implement this hook.
    """


@pytest.hookspec(firstresult=True)
def pytest_supercharge_select(config: pytest.Config, stub: Stub, evidence: Evidence) -> str | None:
    """Called when a round's outcomes are in, before the built-in rule would choose.

    Stops at first non-None result, see :ref:`firstresult`. The project's tests stay the gate:
    a candidate that fails one of them cannot be chosen.

    :param config: The pytest config object.
    :param stub: The stub to choose for.
    :param evidence: The candidates, the tests and what came of each pair.
    :returns: The ``id`` of the chosen candidate, or None to leave it to the built-in rule.

    Use in conftest plugins
    =======================

    Any conftest file that pytest loads at start can implement this hook.
    """


@pytest.hookspec
def pytest_supercharge_filled(
    config: pytest.Config, stub: Stub, result: Filled | NotFilled
) -> None:
    """Called after each stub, when it is known what became of it.

    Nothing is written yet: the winners are confirmed together first.

    :param config: The pytest config object.
    :param stub: The stub.
    :param result: The chosen body with its evidence, or the reason why there is none.

    Use in conftest plugins
    =======================

    Any conftest file that pytest loads at start can implement this hook.
    """
