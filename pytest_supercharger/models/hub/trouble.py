"""What went wrong between the hub, the line and the disk, in words with a way out."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub.cache import Wanted, gigabytes, name_of, repository_of
from pytest_supercharger.models.hub.preset import Preset

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LISTED = 12  # files named when another one was wanted
LOG_IN = "run `hf auth login` or set HF_TOKEN to a token of an account that may read it"


class NoAnswer(ModelUnavailable):
    """The hub cannot be reached, or the user forbids it; what is on disk is still there."""


def line_errors() -> tuple[type[Exception], ...]:
    """What a broken or silent line raises: huggingface_hub 1 speaks httpx, from 2 on httpx2."""
    from huggingface_hub import get_session

    client = importlib.import_module(type(get_session()).__module__.partition(".")[0])
    return (client.TransportError,)


@contextmanager
def hub_errors(repo: str, folder: Path) -> Iterator[None]:
    """Raise what huggingface_hub and the disk raise as ModelUnavailable.

    ``folder`` is where the disk would be written to.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        yield
    except OfflineModeIsEnabled as exc:
        raise NoAnswer("HF_HUB_OFFLINE forbids to ask the hub: unset it to fetch") from exc
    except HfHubHTTPError as exc:
        raise ModelUnavailable(_refusal(exc.response, exc, repo)) from exc
    except (*line_errors(), LocalEntryNotFoundError) as exc:
        cause = _first_line(exc.__cause__ or exc)
        raise NoAnswer(
            f"{hub_name()} does not answer ({cause}): check the network, HTTPS_PROXY and "
            "HF_ENDPOINT, and run the same command again; what has come is kept"
        ) from exc
    except OSError as exc:
        raise ModelUnavailable(_of_the_disk(exc, folder)) from exc


def hub_name() -> str:
    """Its host, without what HF_ENDPOINT may hold beside it."""
    from huggingface_hub.constants import ENDPOINT

    return urlsplit(str(ENDPOINT)).netloc.rpartition("@")[2] or "the hub"


def no_room(needed: int, free: int, folder: Path) -> str:
    """Said before a fetch, or in the middle of it; ``needed`` and ``free`` in bytes."""
    return (
        f"{gigabytes(needed)} more are needed on the disk of {folder}, {gigabytes(free)} are free: "
        "make room, or set HF_HOME to a folder on a larger disk (now and for every run)"
    )


def no_such_file(wanted: Wanted, names: Sequence[str]) -> str:
    """Said when the repository is there and the file is not."""
    repo = repository_of(wanted)
    files = f" ({', '.join(wanted.files)})" if isinstance(wanted, Preset) else ""
    what = f"{name_of(wanted)}{files}"
    models = sorted(name for name in names if name.lower().endswith(".gguf"))
    if not models:
        return f"{what}: {repo} holds no GGUF file; look for one whose name ends in -GGUF"
    more = f" and {len(models) - _LISTED} more" if len(models) > _LISTED else ""
    listed = ", ".join(models[:_LISTED])
    return f"{what} means no one file of {repo}; it holds {listed}{more}: name one, hf:{repo}:FILE"


def _refusal(response: object, exc: Exception, repo: str) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    status = getattr(response, "status_code", 0)
    if isinstance(exc, GatedRepoError):
        return (
            f"{hub_name()} gives {repo} only to who has accepted its terms ({status}): accept them "
            f"on the repository's page, then {LOG_IN}"
        )
    if isinstance(exc, RepositoryNotFoundError) or status == 404:
        return (
            f"{hub_name()} has no repository {repo} to show ({status}): check its name; if it is "
            f"private, {LOG_IN}"
        )
    if status in (401, 403):
        return f"{hub_name()} refuses {repo} ({status}): {LOG_IN}"
    return f"{hub_name()} answers {status} for {repo}: try again later"


def _of_the_disk(exc: OSError, folder: Path) -> str:
    if exc.errno not in _FULL:
        return f"cannot write to {folder} ({exc.strerror or exc}): set HF_HOME to another folder"
    if exc.errno == errno.EFBIG:
        return (
            f"a file in {folder} may not grow further ({exc.strerror}): raise the limit (ulimit "
            "-f), or set HF_HOME to a folder of another file system; what has come is kept"
        )
    return (
        f"the disk of {folder} is full ({exc.strerror}): make room, or set HF_HOME to a folder on "
        "a larger disk; what has come is kept, and the same command goes on with it"
    )


def _first_line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[0]}" if lines else type(exc).__name__


def free_bytes(folder: Path) -> int:
    """Of the disk that ``folder`` is or will be on."""
    while not folder.exists():
        folder = folder.parent
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize
