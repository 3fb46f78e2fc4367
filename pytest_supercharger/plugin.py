"""Every pytest hook that we implement. Without the option: nothing is read, nothing is printed.

At the top only ``options`` and ``hookspecs`` are imported; the pipeline is imported inside the
hook that starts it.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest

from pytest_supercharger import hookspecs, options

_STANDS_ASIDE = (
    "help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow",
)  # fmt: skip


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare what a conftest may implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins."""
    options.declare(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """A conftest that cannot be imported may be the very thing to mend: a stub stops it."""
    try:
        return (yield)
    except Exception as error:
        wanted = getattr(early_config.known_args_namespace, "supercharge", False)
        if not wanted or type(error).__name__ != "ConftestImportFailure":
            raise
        from pytest_supercharger.reporting.notices import conftest_not_loaded

        failure: Any = error
        print(conftest_not_loaded(failure.path, failure.cause), file=sys.stderr)
        return None


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Fill in stubs instead of the ordinary session; None leaves the session to pytest.

    The controller only: in an xdist worker and for ``--help`` and its like the plugin stands
    aside, and with ``-n`` it is done before any worker starts.
    """
    if not options.is_wanted(config) or hasattr(config, "workerinput"):
        return None
    if any(config.getoption(name, default=False) for name in _STANDS_ASIDE):
        return None
    again = _words_for_the_rootdir(config)
    if again:
        return int(pytest.main(list(again), config.invocation_params.plugins))
    from pytest_supercharger import command
    from pytest_supercharger.config import read_settings
    from pytest_supercharger.exceptions import SuperchargeError

    settings = read_settings(config)
    terminal: Any = config.pluginmanager.get_plugin("terminal")  # pytest 8.2 does not export it
    writer = terminal.TerminalReporter(config, sys.stdout)._tw
    try:
        return command.main(config, settings, writer)
    except SuperchargeError as error:
        raise pytest.UsageError(str(error)) from error
    except KeyboardInterrupt:
        writer.line("supercharge: interrupted; the same command goes on from here", yellow=True)
        return int(pytest.ExitCode.INTERRUPTED)
    except pytest.UsageError:
        raise
    except Exception:
        return _internal_error(config)


def _words_for_the_rootdir(config: pytest.Config) -> tuple[str, ...]:
    """The command line with which pytest finds the rootdir; () when it has found it.

    pytest looks for it before it knows our options: ``--supercharge-model /models/a.gguf`` would
    make ``/models`` the rootdir. As one word with ``=`` it is not taken for a test path.
    """
    from pytest_supercharger.arguments import join_ours

    words = tuple(map(str, config.invocation_params.args))
    joined = join_ours(words)
    loose = set(words).difference(joined)
    folder = config.invocation_params.dir
    return joined if any((folder / word).exists() for word in loose) else ()


def _internal_error(config: pytest.Config) -> int:
    import traceback

    for line in traceback.format_exc().splitlines():
        sys.stderr.write(f"INTERNALERROR> {line}\n")
    return int(pytest.ExitCode.INTERNAL_ERROR)
