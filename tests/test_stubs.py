from __future__ import annotations

import ast
import hashlib
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.stubs import (
    Found,
    Kind,
    Stub,
    find_stubs,
    find_stubs_in,
    read_source,
)

NORECURSE = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
TEST_FILES = ("test_*.py", "*_test.py")


def found_in(source: str) -> list[Stub]:
    return find_stubs_in(dedent(source), "m.py")


def names_in(source: str) -> list[str]:
    """Qualified names of the stubs, those that are only perhaps stubs with a "?"."""
    return [stub.qualname + "?" * bool(stub.perhaps) for stub in found_in(source)]


def only(source: str) -> Stub:
    (stub,) = found_in(source)
    return stub


@dataclass(frozen=True)
class Tree:
    """A directory with files; writing returns a tree with more of them."""

    root: Path

    def write(self, path: str, source: str | bytes) -> Tree:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source if isinstance(source, bytes) else dedent(source).encode())
        return self

    def find(self, norecurse=NORECURSE, python_files=TEST_FILES) -> Found:
        return find_stubs(self.root, norecurse=norecurse, python_files=python_files)

    def ids(self, **settings) -> list[str]:
        return [stub.id for stub in self.find(**settings).stubs]


@pytest.fixture
def tree(tmp_path) -> Tree:
    return Tree(tmp_path)


PLAIN = "def f():\n    raise NotImplementedError\n"
MARKED = "from pytest_supercharger import todo_llm\n@todo_llm\ndef f(): ...\n"


# What is a stub


@pytest.mark.parametrize(
    "body",
    [
        "raise NotImplementedError",
        "raise NotImplementedError()",
        "raise NotImplementedError('later', 3)",
        "raise NotImplementedError from None",
        "raise NotImplementedError;",
        '"""Doc."""\n    raise NotImplementedError',
        '"""Doc."""; raise NotImplementedError',
        '"""Doc."""\n\n    # a thought\n    raise NotImplementedError  # another',
    ],
)
def test_body_of_just_the_raise_is_a_stub(body):
    assert names_in(f"def f(x):\n    {body}\n") == ["f"]


@pytest.mark.parametrize(
    "body",
    [
        "return NotImplementedError",
        "return NotImplemented",
        "raise NotImplemented",
        "raise ValueError(NotImplementedError)",
        "pass",
        "...",
        '"""raise NotImplementedError"""',
        "x += 1\n    raise NotImplementedError",
        "if x:\n        raise NotImplementedError",
        "try:\n        raise NotImplementedError\n    finally: pass",
        "'doc'\n    'not a doc'\n    raise NotImplementedError",
    ],
)
def test_any_other_body_is_none(body):
    assert names_in(f"def f(x):\n    {body}\n") == []


def test_every_kind_of_function_is_found_under_its_name():
    stubs = found_in(
        """
        import functools
        def plain(): raise NotImplementedError
        async def coroutine(): raise NotImplementedError
        def outer():
            def inner(): raise NotImplementedError
            class Local:
                def method(self): raise NotImplementedError
            return inner
        class C:
            def method(self): raise NotImplementedError
            @classmethod
            def of_class(cls): raise NotImplementedError
            @staticmethod
            async def static(): raise NotImplementedError
            @property
            def x(self): raise NotImplementedError
            @x.setter
            def x(self, value): raise NotImplementedError
            @x.deleter
            def x(self): raise NotImplementedError
            @functools.cached_property
            def cached(self): raise NotImplementedError
            class D:
                def deep(self):
                    def helper(): raise NotImplementedError
                    return helper
        """
    )
    assert {stub.qualname: stub.kind for stub in stubs} == {
        "plain": Kind.FUNCTION,
        "coroutine": Kind.FUNCTION,
        "outer.<locals>.inner": Kind.FUNCTION,
        "outer.<locals>.Local.method": Kind.METHOD,
        "C.method": Kind.METHOD,
        "C.of_class": Kind.CLASSMETHOD,
        "C.static": Kind.STATICMETHOD,
        "C.x": Kind.PROPERTY,
        "C.x.setter": Kind.PROPERTY,
        "C.x.deleter": Kind.PROPERTY,
        "C.cached": Kind.PROPERTY,
        "C.D.deep.<locals>.helper": Kind.FUNCTION,
    }
    assert [stub.qualname for stub in stubs if stub.is_async] == ["coroutine", "C.static"]
    assert stubs[-1].classes == ("C", "D")
    assert [stub.line for stub in stubs] == sorted(stub.line for stub in stubs)


def test_a_later_definition_of_the_same_name_gets_a_number():
    source = """
        if fast:
            def f(): return 1
        else:
            def f(): raise NotImplementedError
        def f(): raise NotImplementedError
        """
    assert names_in(source) == ["f#2", "f#3"]


def test_overload_declarations_take_no_number():
    source = """
        from typing import overload
        @overload
        def f(x: int) -> int: raise NotImplementedError
        @overload
        def f(x: str) -> str: ...
        def f(x): raise NotImplementedError
        """
    assert names_in(source) == ["f"]


def test_stubs_under_any_compound_statement_are_found():
    source = """
        if TYPE_CHECKING:
            def a(): raise NotImplementedError
        try:
            def b(): raise NotImplementedError
        except ImportError:
            def c(): raise NotImplementedError
        else:
            def d(): raise NotImplementedError
        finally:
            def e(): raise NotImplementedError
        with lock:
            for x in y:
                def f(): raise NotImplementedError
        match x:
            case 1:
                def g(): raise NotImplementedError
        """
    assert names_in(source) == list("abcdefg")


# Marked


@pytest.mark.parametrize(
    ("imported", "decorator"),
    [
        ("from pytest_supercharger import todo_llm", "@todo_llm"),
        ("from pytest_supercharger import todo_llm", "@todo_llm()"),
        ("from pytest_supercharger import todo_llm", "@(\n    todo_llm\n)"),
        ("from pytest_supercharger import todo_llm as todo", "@todo"),
        ("import pytest_supercharger", "@pytest_supercharger.todo_llm('x')"),
        ("import pytest_supercharger as ps", "@ps.todo_llm"),
    ],
)
def test_every_form_of_the_decorator_marks_and_leaves_the_signature(imported, decorator):
    stub = only(f"{imported}\n@first(1)  # why\n{decorator}\n@last\ndef f(x):\n    return x\n")
    assert stub.marked
    assert stub.signature == "@first(1)\n@last\ndef f(x):"
    assert stub.body == "return x"


@pytest.mark.parametrize(
    ("arguments", "hint", "examples"),
    [
        ("'use a heap'", "use a heap", ()),
        ("hint='use ' 'a heap'", "use a heap", ()),
        ("'h', examples=['f(1) == 2', 'f(2) == 4']", "h", ("f(1) == 2", "f(2) == 4")),
        ("examples=('f(1) == 2',)", "", ("f(1) == 2",)),
        ("hint=HINT, examples=EXAMPLES", "", ()),
        ("f'{x}', examples=[1, 'f(1)']", "", ("f(1)",)),
    ],
)
def test_hint_and_examples_are_read_from_literals(arguments, hint, examples):
    stub = only(f"@todo_llm({arguments})\ndef f(x): ...\n")
    assert (stub.hint, stub.examples) == (hint, examples)


def test_marked_methods_and_abstract_ones_are_stubs_and_never_perhaps():
    source = """
        class C(Protocol):
            @todo_llm
            def a(self): ...
            @todo_llm
            @abstractmethod
            def b(self): raise NotImplementedError("subclasses override this")
        """
    assert names_in(source) == ["C.a", "C.b"]


@pytest.mark.parametrize("body", ["...", "pass", '"""Doc."""', "raise NotImplementedError('x')"])
def test_a_placeholder_of_a_marked_stub_is_no_existing_body(body):
    assert only(f"@todo_llm\ndef f(x):\n    {body}\n").body == ""


def test_existing_body_is_dedented_but_not_inside_strings():
    stub = only(
        '''
        class C:
            @todo_llm
            def f(self):
                """Doc."""
                # start here
                text = """
                kept
            as is"""
                if text:
                    return 1
                # and go on
        '''
    )
    assert stub.body == (
        '# start here\ntext = """\n        kept\n    as is"""\nif text:\n    return 1\n# and go on'
    )


def test_only_the_outermost_of_nested_stubs_is_one():
    source = """
        @todo_llm
        def outer():
            @todo_llm
            def inner(): ...
            def other(): raise NotImplementedError
            return inner
        def after(): raise NotImplementedError
        """
    assert names_in(source) == ["outer", "after"]


# Never, and perhaps


@pytest.mark.parametrize(
    "source",
    [
        "class C(ABC):\n  @abstractmethod\n  def f(self): raise NotImplementedError",
        "class C(ABC):\n  @abc.abstractmethod\n  def f(self): raise NotImplementedError",
        "class C:\n  @abc.abstractproperty\n  def f(self): raise NotImplementedError",
        "class C:\n  @property\n  @abstractmethod\n  def f(self): raise NotImplementedError",
        "class C(Protocol):\n  def f(self): raise NotImplementedError",
        "class C(typing.Protocol[T]):\n  def f(self): raise NotImplementedError",
        "from typing import Protocol as P\nclass C(P):\n  def f(self): raise NotImplementedError",
        "@overload\ndef f(x: int): raise NotImplementedError",
        "@typing.overload\ndef f(x: int): raise NotImplementedError",
    ],
)
def test_declarations_are_never_stubs(source):
    assert names_in(source) == []


@pytest.mark.parametrize(
    "message",
    [
        "'subclasses must define this'",
        "'Sub-class me'",
        "'Please override'",
        "'to be overridden'",
        "'implemented in derived classes'",
        "f'{os.name} is not supported'",
        "'unsupported'",
        "'Windows does not support it'",
        '"can\'t support"',
        "'not available on this platform'",
    ],
)
def test_message_about_subclasses_or_support_makes_it_perhaps(message):
    assert "message" in only(f"def f(): raise NotImplementedError({message})").perhaps


@pytest.mark.parametrize("message", ["'TODO'", "'not implemented yet'", "'write me', 3"])
def test_any_other_message_does_not(message):
    assert only(f"def f(): raise NotImplementedError({message})").perhaps == ""


@pytest.mark.parametrize(
    "test",
    [
        "sys.platform == 'win32'",
        "sys.version_info >= (3, 12)",
        "os.name == 'nt'",
        "platform.system() == 'Darwin'",
        "PY310 or x",
        "IS_WINDOWS",
        "hasattr(os, 'fork')",
        "not hasattr(socket, 'AF_UNIX')",
    ],
)
def test_function_under_a_platform_or_version_branch_is_perhaps(test):
    source = f"if {test}:\n  pass\nelse:\n  def f(): raise NotImplementedError\n"
    assert "branch" in only(source).perhaps


def test_function_under_any_other_branch_is_a_stub():
    source = "if hasattr(x, 'y') or DEBUG:\n  def f(): raise NotImplementedError\n"
    assert only(source).perhaps == ""


def test_function_under_a_match_on_the_platform_is_perhaps():
    source = "match sys.platform:\n  case 'linux':\n    def f(): raise NotImplementedError\n"
    assert "branch" in only(source).perhaps


def test_unmarked_method_is_perhaps_and_says_which_class_is_abstract():
    source = """
        class Base(metaclass=ABCMeta): pass
        class Middle(Base): pass
        class C(Middle[int]):
            def f(self): raise NotImplementedError
        class Loop(Loop):
            def f(self): raise NotImplementedError
        """
    abstract, plain = found_in(source)
    assert "unmarked method of a class derived from ABC" in abstract.perhaps
    assert "unmarked method:" in plain.perhaps


def test_bases_are_followed_into_other_files_of_the_project(tree):
    tree.write("src/pkg/__init__.py", "")
    tree.write("src/pkg/base.py", "class Base(Protocol): pass\n")
    tree.write("src/pkg/mid.py", "from pkg.base import Base\nclass Mid(Base): pass\n")
    tree.write(
        "src/pkg/deep/use.py",
        "from ..mid import Mid as M\nclass C(M):\n    def f(self): raise NotImplementedError\n",
    )
    (stub,) = tree.find().stubs
    assert "derived from Protocol" in stub.perhaps


# What a stub says of itself


def test_texts_of_a_stub_are_the_users_own():
    stub = only(
        """
        class Shop:
            @cache(
                size=1,
            )
            # between
            def price(
                self,  # the shop
                item: dict[str, int], /, *rest, key=lambda x: {1: 2}, **more
            ) -> "x[1:2]":  # round half up
                '''Price.

                Rounded.
                '''
                # look in self.items
                #
                raise NotImplementedError  # noqa: EM101
                # last

                # very last
            # not inside
        """
    )
    assert stub.signature == (
        "@cache(\n    size=1,\n)\n"
        "def price(\n    self,  # the shop\n"
        "    item: dict[str, int], /, *rest, key=lambda x: {1: 2}, **more\n"
        ') -> "x[1:2]":'
    )
    assert stub.parameters == ("self", "item", "rest", "key", "more")
    assert stub.docstring == "Price.\n\nRounded."
    assert stub.comments == ("round half up", "look in self.items", "last", "very last")
    assert (stub.line, stub.end_line) == (7, 20)
    assert stub.classes == ("Shop",)


def test_one_line_body_keeps_its_comment_and_takes_no_neighbours():
    stub = only("def f(\n  a, b): raise NotImplementedError  # sum\n  # not inside\n")
    assert stub.comments == ("sum",)
    assert stub.signature == "def f(\n  a, b):"
    assert stub.end_line == 2


@pytest.mark.parametrize(
    "source",
    [
        "@todo_llm\ndef f():\n    yield 1",
        "@todo_llm\ndef f():\n    x = [(yield)]",
        "def f() -> Iterator[int]: raise NotImplementedError",
        "def f() -> 'collections.abc.Generator[int, None, None]': raise NotImplementedError",
        "async def f() -> AsyncIterator[int]: raise NotImplementedError",
        "@contextmanager\ndef f(): raise NotImplementedError",
    ],
)
def test_generator_is_told_by_its_body_annotation_or_decorator(source):
    assert only(source).is_generator


@pytest.mark.parametrize(
    "source",
    [
        "@todo_llm\ndef f():\n    def g():\n        yield 1\n    return g",
        "def f() -> list[Iterator[int]]: raise NotImplementedError",
        "def f() -> IteratorFactory: raise NotImplementedError",
    ],
)
def test_anything_else_is_no_generator(source):
    assert not only(source).is_generator


# Files


TWO = "def f(x):\n\t# t\u00e4b\n\traise NotImplementedError\n\nclass C:\n\tdef g(self):\n\t\tpass\n"


@pytest.mark.parametrize(
    "data",
    [
        TWO.encode(),
        TWO.replace("\n", "\r\n").encode(),
        TWO.replace("\n", "\r").encode(),
        TWO.replace("\n", "\r\n", 2).encode(),
        TWO.encode("utf-8-sig"),
        b"# coding: latin-1\n" + TWO.encode("latin-1"),
        b"#!/bin/python\n# vim: set fileencoding=cp1252 :\n" + TWO.encode("cp1252"),
        ("\f\n" + TWO).encode(),
    ],
)
def test_encodings_and_line_ends_make_no_difference(tree, data):
    (stub,) = tree.write("m.py", data).find().stubs
    assert stub.signature == "def f(x):"
    assert stub.comments == ("t\u00e4b",)
    assert stub.digest == hashlib.sha256(data).hexdigest()
    source = read_source(tree.root / "m.py")
    assert source.encode(source.text) == data == source.data
    assert source.digest == stub.digest


@pytest.mark.parametrize(("end", "text"), [("\n", "a\nb\nc\r\n"), ("\r\n", "a\nb\r\nc\r\n")])
def test_the_line_end_that_occurs_most_is_the_files(tree, end, text):
    assert read_source(tree.write("m.py", text.encode()).root / "m.py").newline == end


def test_character_the_encoding_lacks_is_refused_with_the_remedy(tree):
    source = read_source(tree.write("m.py", b"# coding: latin-1\n").root / "m.py")
    with pytest.raises(SourceError, match=r"iso-8859-1 has no '→': save the file as UTF-8"):
        source.encode("# →")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"def f(:\n    raise NotImplementedError\n", "syntax error at line 1"),
        (b"x = '\xff'\ndef f(): raise NotImplementedError\n", "cannot be decoded"),
        (b"# coding: martian\ndef f(): raise NotImplementedError\n", "martian"),
        (b"def f(): raise NotImplementedError\n\0", ""),
    ],
)
def test_file_that_cannot_be_read_is_listed_with_the_reason(tree, data, reason):
    found = tree.write("bad.py", data).write("good.py", PLAIN).find()
    assert [stub.id for stub in found.stubs] == ["good.py::f"]
    (unreadable,) = found.unreadable
    assert unreadable.path == "bad.py"
    assert reason in unreadable.reason


def test_missing_file_is_a_source_error_with_the_reason(tree):
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_source(tree.root / "gone.py")


def test_file_nested_too_deeply_is_listed(tree):
    chain = "if x == 0:\n    pass\n" + "elif x == 1:\n    pass\n" * 1200
    reason = tree.write("bad.py", chain + PLAIN).find().unreadable[0].reason
    assert "nested too deeply" in reason or "cannot be parsed" in reason


def test_broken_file_that_holds_no_stub_is_nobodys_business(tree):
    assert tree.write("bad.py", "def f(:").find().unreadable == ()


def test_warnings_about_the_users_source_stay_away(tree):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tree.write("m.py", "x = '\\d'\n" + PLAIN).ids() == ["m.py::f"]


def test_stubs_are_ordered_by_path_and_line(tree):
    tree.write("b.py", PLAIN + "def e(): raise NotImplementedError\n").write("a/z.py", PLAIN)
    assert tree.write("a.py", PLAIN).ids() == ["a.py::f", "a/z.py::f", "b.py::f", "b.py::e"]
    assert tree.find().files == 3


@pytest.mark.parametrize("path", ["test_m.py", "pkg/m_test.py", "conftest.py", "spec/deep/m.py"])
def test_in_test_files_only_marked_functions_count(tree, path):
    settings = {"python_files": (*TEST_FILES, "spec/*/m.py")}
    assert tree.write(path, PLAIN).ids(**settings) == []
    assert tree.write(path, PLAIN + MARKED).ids(**settings) == [f"{path}::f#2"]


@pytest.mark.parametrize(
    "head",
    [
        "# @generated by protoc\n",
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n# Code generated. DO NOT EDIT.\n",
        "# Generated by the protocol buffer compiler.  DO NOT EDIT!\n",
        "# Generated by Django 5.0\n",
        "# This file was automatically generated by SWIG\n",
        '"""Autogenerated from spec.yml"""\n',
    ],
)
def test_in_generated_files_only_marked_functions_count(head):
    assert find_stubs_in(head + PLAIN, "m.py") == []
    assert [stub.qualname for stub in find_stubs_in(head + PLAIN + MARKED, "m.py")] == ["f#2"]


@pytest.mark.parametrize(
    "head",
    [
        '"""Read files generated by protoc."""\n',
        "# Tools for auto-generated code\n",
        "x = 1\n# @generated\n",
        "# line\n" * 10 + "# @generated\n",
    ],
)
def test_a_file_that_only_speaks_of_generating_is_the_users(head):
    assert len(find_stubs_in(head + PLAIN, "m.py")) == 1


@pytest.mark.parametrize(
    "path",
    [
        ".hidden/m.py",
        "build/m.py",
        "pkg/__pycache__/m.py",
        "data/gen/m.py",
        "env/lib/m.py",
        "conda/lib/m.py",
        "lib/site-packages/x/m.py",
    ],
)
def test_directories_where_pytest_does_not_recurse_are_left_out(tree, path):
    tree.write("env/pyvenv.cfg", "").write("conda/conda-meta/history", "")
    assert tree.write(path, PLAIN).ids(norecurse=(*NORECURSE, "data/gen")) == []


def test_links_are_not_followed(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "m.py").write_text(PLAIN)
    tree.write("pkg/m.py", PLAIN)
    (tree.root / "bazel-out").symlink_to(outside)
    (tree.root / "pkg/loop").symlink_to(tree.root)
    (tree.root / "alias.py").symlink_to(outside / "m.py")
    assert tree.ids() == ["pkg/m.py::f"]


# Everything at once


def test_every_stub_of_the_standard_library_really_is_one():
    root = Path(sysconfig.get_path("stdlib"))
    found = find_stubs(root, norecurse=NORECURSE, python_files=TEST_FILES)
    assert len(found.stubs) > 50
    assert len({stub.id for stub in found.stubs}) == len(found.stubs)
    for stub in found.stubs:
        lines = read_source(root / stub.path).text.splitlines()
        assert (
            lines[stub.line - 1].lstrip().startswith((f"def {stub.name}", f"async def {stub.name}"))
        )
        (function,) = ast.parse(f"{stub.signature} pass").body
        assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        assert function.name == stub.name
        assert "NotImplementedError" in "".join(lines[stub.line - 1 : stub.end_line])
