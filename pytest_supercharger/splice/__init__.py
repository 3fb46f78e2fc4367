"""How does a chosen body get into the user's file?

``splice`` and ``instrument`` turn text into text; ``write_source`` is the only function of the
package that changes a file of the user.

``ast`` says where things stand and the edits are made on the text itself, by offset, from the
bottom up. libcst would be the obvious way, but it does not give every file back unchanged (a
form feed before a statement, a lone carriage return), and it takes twenty times as long to read
one: the search splices dozens of candidates into the same source, which is read once and kept.
"""

from pytest_supercharger.splice.instrumenting import instrument
from pytest_supercharger.splice.splicing import splice
from pytest_supercharger.splice.writing import write_source

__all__ = ["instrument", "splice", "write_source"]
