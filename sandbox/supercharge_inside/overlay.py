"""Candidates come in through the import system, at the real path.

The tree is read-only and shared by all checks; a forked child sees its own version of some
files, whoever imports them and however: ``from pkg import f``, decorators, registries,
import-time calls, tracebacks and ``inspect.getsource`` alike.
"""

from __future__ import annotations

import importlib.machinery
import io
import linecache
import os
import tokenize
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

_Loader = importlib.machinery.SourceFileLoader


def install(files: Mapping[str, str]) -> None:
    """Serve ``files`` also where pytest rewrites the assertions of a plugin of the project."""
    from _pytest.assertion.rewrite import AssertionRewritingHook

    served = serve(files)
    find = AssertionRewritingHook.find_spec

    def find_spec(self: Any, name: str, path: Any = None, target: Any = None) -> Any:
        spec = find(self, name, path, target)
        ours = spec is not None and spec.origin is not None and served(spec.origin) is not None
        return None if ours else spec

    AssertionRewritingHook.find_spec = find_spec  # type: ignore[method-assign]


def serve(files: Mapping[str, str]) -> Callable[[str], bytes | None]:
    """Serve ``files`` (absolute path to source) in place of what is on disk, in this process.

    Returns the function that tells what is served for a path.
    """
    sources = {path: encode(text) for path, text in files.items()}
    sources |= {os.path.realpath(path): data for path, data in sources.items()}
    names = {os.path.basename(path) for path in sources}
    read, compiled = _Loader.get_data, _Loader.get_code

    def served(path: str) -> bytes | None:
        """The source for a path, however it is spelled: ``tests/../src/shop.py``, by a link."""
        if path in sources or os.path.basename(path) not in names:
            return sources.get(path)
        data = sources.get(os.path.realpath(path))
        if data is not None:
            sources[path] = data
            linecache.cache[path] = linecache.cache[os.path.realpath(path)]
        return data

    def get_data(self: Any, path: str) -> bytes:
        data = served(path)
        return read(self, path) if data is None else data

    def get_code(self: Any, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        data = served(path)
        if data is None:
            return compiled(self, fullname)
        code: CodeType = self.source_to_code(data, path)  # never the cached bytecode
        return code

    _Loader.get_data = get_data  # type: ignore[method-assign]
    _Loader.get_code = get_code  # type: ignore[method-assign]
    for path, text in files.items():
        lines = (len(text), None, text.splitlines(keepends=True), path)
        linecache.cache[path] = linecache.cache[os.path.realpath(path)] = lines
    return served


def encode(text: str) -> bytes:
    """Bytes of a source text in the encoding that it declares."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data if encoding.startswith("utf-8") else text.encode(encoding)
    except (SyntaxError, UnicodeEncodeError):
        return data  # the compiler will say what is wrong with it
