"""What may the model know about a stub, within a token budget?

Nearest things first: the stub, what is around it, the tests that need it, what its file
offers and imports, who calls it. Files are read and parsed, never imported. Some cases of each
parametrised test are held back, so that a body which only repeats the shown answers fails.
"""

from pytest_supercharger.context.asserts import asserts_about
from pytest_supercharger.context.cases import hold_back
from pytest_supercharger.context.files import ProjectFiles, parse_source
from pytest_supercharger.context.gathering import gather_context
from pytest_supercharger.context.parts import Context, LinkedTest, PartKind, split_node_id
from pytest_supercharger.context.surroundings import stub_source

__all__ = [
    "Context",
    "LinkedTest",
    "PartKind",
    "ProjectFiles",
    "asserts_about",
    "gather_context",
    "hold_back",
    "parse_source",
    "split_node_id",
    "stub_source",
]
