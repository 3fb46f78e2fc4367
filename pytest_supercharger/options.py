"""Which options and ini settings are there? A table, and their declaration to pytest.

Every pytest run of the environment loads this file, so it defines no more than it takes to
declare them: no dataclass and no enum, which take longer to make than the table. What the user
gave is read and checked in :mod:`.config`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import pytest


class Option(NamedTuple):
    """One row of the table: an option and its ini twin."""

    name: str  # without the --supercharge- in front; "" for --supercharge itself
    help: str
    metavar: str = ""
    default: str = ""  # as the help says it; Settings has the value
    take: Literal["store_true", "store", "append"] = "store"  # a flag, one value, or many
    number: Literal["", "int", "float"] = ""  # a native TOML file may write these as numbers
    ini: bool = True  # actions have no twin

    @property
    def dest(self) -> str:
        """Name in ``config.option`` and in ini files."""
        return f"supercharge_{self.name}" if self.name else "supercharge"

    @property
    def flag(self) -> str:
        return "--" + self.dest.replace("_", "-")

    @property
    def ini_type(self) -> Literal["string", "linelist", "int", "float"]:
        """Type of the ini twin; pytest knows numbers from 8.4."""
        if self.take == "append":
            return "linelist"
        if self.number and pytest.version_tuple >= (8, 4):
            return self.number
        return "string"


OPTIONS = (
    Option(
        name="",
        take="store_true",
        ini=False,
        help="fill in functions left unimplemented; changes your source files in place"
        " (see --supercharge-mode)",
    ),
    Option(
        name="mode",
        default="write",
        metavar="MODE",
        help="write: change the files; diff: show the changes only; patch: write them as a"
        " patch; list: stubs, their tests and prompt sizes, without a model",
    ),
    Option(
        name="patch",
        metavar="PATH",
        help="where mode patch writes; on the command line it selects that mode"
        " (default: supercharge.patch in the rootdir)",
    ),
    Option(
        name="only",
        metavar="TARGET",
        take="append",
        help="fill only these: a path, a dotted module, a stub name (path.py::C.method), or a"
        " glob over them; repeatable",
    ),
    Option(
        name="model",
        default="auto",
        metavar="SPEC",
        help="who writes: auto (the best preset on disk that fits this machine, else tiny), tiny"
        " (the bundled model: small, common functions), a preset's name or"
        " hf:ORG/REPO[:FILE-or-quant] (fetched beforehand), PATH.gguf, one or more"
        " http://HOST:PORT/v1#MODEL with commas between, or replay:PATH (a recording);"
        " SMALL,then:BIG asks BIG for what SMALL leaves open",
    ),
    Option(
        name="judge",
        metavar="SPEC",
        help="another model, named in the same way, that judges bodies which no test of yours"
        " reaches (default: the model that wrote them)",
    ),
    Option(
        name="gpu",
        default="auto",
        metavar="USE",
        help="whether a GGUF runs on the GPU: auto (as far as it fits), off, or require (an"
        " error when the GPU would stay unused)",
    ),
    Option(
        name="context",
        metavar="N",
        number="int",
        help="context tokens of the model (default: the model's own)",
    ),
    Option(
        name="temperature",
        metavar="X",
        number="float",
        help="sampling temperature of the first round (default: as the prompt file says)",
    ),
    Option(
        name="sandbox",
        default="auto",
        metavar="ENGINE",
        help="where candidate code runs: docker, bubblewrap, or auto (Docker if an engine"
        " answers, else bubblewrap); never on the host",
    ),
    Option(
        name="sandbox_mount",
        metavar="PATH",
        take="append",
        help="a further path to show read-only inside the sandbox; repeatable",
    ),
    Option(
        name="sandbox_env",
        metavar="NAME",
        take="append",
        help="an environment variable to let into the sandbox; repeatable",
    ),
    Option(
        name="sandbox_allow",
        metavar="PACKAGE",
        take="append",
        help="a package that may be installed in the sandbox though the project does not"
        " declare it; repeatable",
    ),
    Option(name="sandbox_image", metavar="NAME", help="base image of the Docker sandbox"),
    Option(
        name="sandbox_runtime",
        metavar="NAME",
        help="runtime of the Docker sandbox, such as runsc",
    ),
    Option(
        name="candidates",
        default="16",
        metavar="N",
        number="int",
        help="candidate bodies asked for per round",
    ),
    Option(
        name="tests",
        default="8",
        metavar="N",
        number="int",
        help="test completions asked for per round",
    ),
    Option(name="rounds", default="4", metavar="N", number="int", help="rounds per stub"),
    Option(
        name="seconds",
        default="300",
        metavar="S",
        number="float",
        help="wall-clock budget per stub, in seconds",
    ),
    Option(
        name="tokens",
        metavar="N",
        number="int",
        help="budget of completion tokens per stub, what is cut off or cancelled included (default:"
        " no limit)",
    ),
    Option(
        name="timeout",
        default="10",
        metavar="S",
        number="float",
        help="limit of one test item in the sandbox in seconds, raised to 5 times what the item"
        " took before",
    ),
    Option(
        name="threshold",
        default="0.8",
        metavar="X",
        number="float",
        help="judge's score, 0 to 1, from which a body and its tests are good enough",
    ),
    Option(
        name="require",
        default="agreement",
        metavar="WHAT",
        help="agreement: stubs no test reaches may be filled by agreement; tests: fill only"
        " stubs that the project's own tests reach",
    ),
    Option(
        name="final",
        default="sandbox",
        metavar="WHERE",
        help="the run on the filled tree: sandbox; host: besides, a child pytest outside the"
        " sandbox; none",
    ),
    Option(
        name="seed",
        default="0",
        metavar="N",
        number="int",
        help="every completion gets a seed of its own derived from it",
    ),
    Option(
        name="report",
        metavar="PATH",
        take="append",
        help="write a report to this .json file; repeatable",
    ),
    Option(
        name="record",
        metavar="PATH",
        ini=False,
        help="append every completion to this recording, to be used again as replay:PATH",
    ),
    Option(
        name="fresh",
        take="store_true",
        ini=False,
        help="ignore what earlier runs stored",
    ),
    Option(
        name="undo",
        take="store_true",
        ini=False,
        help="put back what the last writing run replaced; a file changed since is left alone",
    ),
    Option(
        name="state_dir",
        metavar="PATH",
        help="where completions and decisions are kept (default: your state directory, by rootdir)",
    ),
)


def declare(parser: pytest.Parser) -> None:
    """Register every option of the table, and the ini twins."""
    group = parser.getgroup("supercharge", "filling in unimplemented functions")
    for option in OPTIONS:
        text = f"{option.help} (default: {option.default})" if option.default else option.help
        is_flag = option.take == "store_true"
        shape = {} if is_flag else {"metavar": option.metavar}
        group.addoption(
            option.flag,
            action=option.take,
            dest=option.dest,
            default=False if is_flag else None,
            help=text.replace("%", "%%"),
            **shape,
        )
        if option.ini:
            parser.addini(option.dest, f"{text}; see {option.flag}", option.ini_type, None)


def ini_options() -> tuple[tuple[str, str], ...]:
    """Every ini name and its type, ``string`` or ``linelist``, for the sandbox's stand-in.

    Inside nobody reads the values, so numbers are strings there: any pytest can declare them.
    """
    return tuple(
        (option.dest, "linelist" if option.take == "append" else "string")
        for option in OPTIONS
        if option.ini
    )


def is_wanted(config: pytest.Config) -> bool:
    """Whether there is anything to do in this run: ``--supercharge`` or ``-undo`` was given."""
    return bool(config.option.supercharge or config.option.supercharge_undo)
