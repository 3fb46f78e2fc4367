"""The user's files as they would be: some bodies spliced in, open stubs instrumented or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.splice import instrument, splice
from pytest_supercharger.stubs import SourceText, Stub

Files = tuple[tuple[str, str], ...]  # path, source


class Tree:
    """All files that hold stubs, as they were read. Nothing here writes."""

    def __init__(self, sources: Mapping[str, SourceText], stubs: Sequence[Stub]) -> None:
        self.sources = sources
        self._stubs: dict[str, list[Stub]] = {}
        for stub in stubs:
            self._stubs.setdefault(stub.path, []).append(stub)
        self._made: dict[tuple[str, str, tuple[str, ...]], str] = {}

    def source(self, path: str) -> str:
        """A file as the user has it."""
        return self.sources[path].text

    def spliced(self, path: str, taken: Mapping[str, CodeCandidate]) -> str:
        """A file with the bodies of ``taken`` (by stub id) in it. Raises SourceError."""
        changes = [(stub, taken[stub.id]) for stub in self._stubs[path] if stub.id in taken]
        return splice(self.source(path), changes) if changes else self.source(path)

    def files(self, taken: Mapping[str, CodeCandidate]) -> Files:
        """The files that ``taken`` changes, as they would be written."""
        paths = sorted(
            {path for path, stubs in self._stubs.items() for s in stubs if s.id in taken}
        )
        return tuple((path, self.spliced(path, taken)) for path in paths)

    def open_for(self, stub: Stub, taken: Mapping[str, CodeCandidate]) -> Files:
        """Every file: ``taken`` spliced in, what is then open instrumented but for ``stub``."""
        return tuple((path, self._instrumented(path, stub, taken)) for path in sorted(self._stubs))

    def _instrumented(self, path: str, left_out: Stub, taken: Mapping[str, CodeCandidate]) -> str:
        own = tuple(f"{s.id} {taken[s.id].id}" for s in self._stubs[path] if s.id in taken)
        key = (path, left_out.id if left_out.path == path else "", own)
        if key not in self._made:
            still_open = [s for s in self._stubs[path] if s.id not in taken and s.id != left_out.id]
            self._made[key] = instrument(self.spliced(path, taken), still_open)
        return self._made[key]
