"""Which names may a body use without importing them, and how are they imported?

In the product the imports that a body needs are added where its answer is cleaned; the model
writes bare names and is shown import statements only where a file has them.
"""

from __future__ import annotations

import builtins
import importlib
import re

MODULES = (
    "asyncio bisect calendar codecs collections copy csv datetime decimal fractions functools "
    "hashlib heapq html io itertools json math operator os posixpath random re statistics string "
    "textwrap time unicodedata urllib.parse"
).split()
NAMES = {
    "collections": "Counter OrderedDict defaultdict deque namedtuple".split(),
    "copy": ["deepcopy"],
    "datetime": "date timedelta timezone".split(),
    "decimal": ["Decimal", "ROUND_HALF_UP"],
    "fractions": ["Fraction"],
    "functools": "lru_cache partial reduce wraps".split(),
    "itertools": "accumulate chain combinations groupby islice permutations product "
    "zip_longest".split(),
    "operator": ["itemgetter"],
    "pathlib": ["Path", "PurePosixPath"],
    "typing": "Any Callable Iterable Iterator Sequence".split(),
}


def _namespace() -> dict[str, object]:
    found: dict[str, object] = {"__builtins__": builtins}
    for module in MODULES:
        top = module.partition(".")[0]
        importlib.import_module(module)
        found[top] = importlib.import_module(top)
    for module, names in NAMES.items():
        found |= {name: getattr(importlib.import_module(module), name) for name in names}
    return found


NAMESPACE = _namespace()


def imports_for(body: str, taken: set[str]) -> list[str]:
    """The import statements that this body needs, sorted; ``taken`` are names bound otherwise."""
    words = set(re.findall(r"(?<![\w.\"'])[A-Za-z_]\w*", body)) - taken
    lines = []
    for module in MODULES:
        top = module.partition(".")[0]
        if top in words and re.search(rf"(?<![\w.]){re.escape(module)}\.", body):
            lines.append(f"import {module}")
    for module, names in NAMES.items():
        if used := sorted(words & set(names)):
            lines.append(f"from {module} import {', '.join(used)}")
    return sorted(lines)
