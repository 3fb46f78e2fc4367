"""What can go wrong outside a candidate: the user's set-up, or a bug of ours.

A candidate that fails is data (:class:`~pytest_supercharger.clean.candidates.Rejected`, an
:class:`~pytest_supercharger.sandboxes.base.Outcome`), never an exception::

    SuperchargeError
    ├── SetupError                the machine or the options lack something: exit 4
    │   ├── ModelUnavailable      no such model, not a GGUF, a broken recording
    │   ├── PromptRefused         a server does not take this prompt: its stub stays open
    │   └── SandboxUnavailable    no engine, no bubblewrap, namespaces forbidden
    ├── SandboxError              a sandbox that worked has stopped working
    └── SourceError               a source file cannot be read, parsed or written
        └── SourceChanged         it is not what was read any more: a conflict
"""

from __future__ import annotations


class SuperchargeError(Exception):
    """Root of the tree. The message says what, with the values, and what to do."""


class SetupError(SuperchargeError):
    """The machine or the options lack something; becomes a ``pytest.UsageError``, exit 4."""


class ModelUnavailable(SetupError):
    """The model cannot answer: unknown path, not a GGUF, a recording that cannot be read."""


class PromptRefused(SetupError):
    """A server that is well refuses this one prompt, mostly because it does not fit."""


class SandboxUnavailable(SetupError):
    """No isolated place to run a candidate in; the message lists the remedies."""


class SandboxError(SuperchargeError):
    """A sandbox that had answered before no longer does."""


class SourceError(SuperchargeError):
    """A source file cannot be read, parsed or written; the file is as it was."""


class SourceChanged(SourceError):
    """The file on disk is not the one that was read; nothing was written."""
