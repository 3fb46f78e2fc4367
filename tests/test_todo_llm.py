from __future__ import annotations

import asyncio
import functools
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_supercharger
from pytest_supercharger import todo_llm

ROOT = Path(__file__).parents[1]


def initials(name: str, sep: str = ".") -> str:
    """First letters."""
    return name


@pytest.mark.parametrize(
    "decorate",
    [
        todo_llm,
        todo_llm(),
        todo_llm("a hint"),
        todo_llm(hint="a hint", examples=["initials('A B') == 'A.B.'"]),
    ],
)
def test_every_form_raises_at_the_call_and_keeps_the_signature(decorate):
    marked = decorate(initials)
    assert inspect.signature(marked) == inspect.signature(initials)
    assert (marked.__name__, marked.__doc__) == ("initials", "First letters.")
    with pytest.raises(NotImplementedError):
        marked("A B")


def test_message_says_how_to_fill_the_function():
    with pytest.raises(NotImplementedError) as error:
        todo_llm(initials)("A B")
    assert "initials is not written yet" in str(error.value)
    assert "pytest --supercharge --supercharge-only='*::initials'" in str(error.value)


def test_coroutine_function_raises_when_awaited():
    @todo_llm
    async def fetch(url):
        return url

    assert inspect.iscoroutinefunction(fetch)
    coroutine = fetch("x")
    with pytest.raises(NotImplementedError):
        asyncio.run(coroutine)


def test_generator_raises_at_the_first_next():
    @todo_llm
    def chunks(items):
        yield items

    assert inspect.isgeneratorfunction(chunks)
    generator = chunks([1])
    with pytest.raises(NotImplementedError):
        next(generator)


def test_async_generator_raises_at_the_first_anext():
    @todo_llm
    async def rows(items):
        yield items

    async def first():
        return await generator.__anext__()

    assert inspect.isasyncgenfunction(rows)
    generator = rows([1])
    with pytest.raises(NotImplementedError):
        asyncio.run(first())


class Marked:
    @todo_llm
    def method(self, x):
        return x

    @todo_llm
    @classmethod
    def class_over(cls, x):
        return x

    @classmethod
    @todo_llm
    def class_under(cls, x):
        return x

    @todo_llm("a hint")
    @staticmethod
    def static_over(x):
        return x

    @staticmethod
    @todo_llm
    def static_under(x):
        return x

    @todo_llm
    @property
    def over(self):
        """Doc."""
        return 1

    @property
    @todo_llm
    def under(self):
        return 1

    @todo_llm
    @functools.cached_property
    def cached(self):
        return 1


@pytest.mark.parametrize(
    "name", ["method", "class_over", "class_under", "static_over", "static_under"]
)
def test_methods_of_every_kind_bind_and_raise(name):
    assert list(inspect.signature(getattr(Marked(), name)).parameters) == ["x"]
    with pytest.raises(NotImplementedError):
        getattr(Marked(), name)(1)


@pytest.mark.parametrize("name", ["over", "under", "cached"])
def test_property_raises_at_access(name):
    with pytest.raises(NotImplementedError):
        getattr(Marked(), name)


def test_property_keeps_its_type_and_docstring():
    assert isinstance(Marked.__dict__["over"], property)
    assert Marked.__dict__["over"].__doc__ == "Doc."
    assert isinstance(Marked.__dict__["class_over"], classmethod)
    assert isinstance(Marked.__dict__["static_over"], staticmethod)


def test_marking_the_setter_leaves_the_getter_alone():
    class Box:
        @property
        def size(self):
            return 3

        @todo_llm
        @size.setter
        def size(self, value):
            pass

    assert Box().size == 3
    with pytest.raises(NotImplementedError):
        Box().size = 4


def test_marking_the_getter_leaves_a_later_setter_alone():
    class Box:
        @todo_llm
        @property
        def size(self):
            return 3

        @size.setter
        def size(self, value):
            self.value = value

    box = Box()
    box.size = 4
    assert box.value == 4
    with pytest.raises(NotImplementedError):
        box.size  # noqa: B018


@pytest.mark.parametrize("thing", [3, int])
def test_marking_what_is_no_function_is_refused(thing):
    with pytest.raises(TypeError, match="todo_llm marks functions"):
        todo_llm(thing)


@pytest.mark.parametrize("name", pytest_supercharger.__all__)
def test_public_name_is_found(name):
    assert getattr(pytest_supercharger, name).__name__ == name
    assert name in dir(pytest_supercharger)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Magic'"):
        pytest_supercharger.Magic  # noqa: B018


def test_version_is_that_of_the_package():
    project = (ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)
    assert pytest_supercharger.__version__ == version


def test_importing_the_package_loads_none_of_its_rooms():
    code = (
        "import sys, pytest_supercharger;"
        "print([name for name in sys.modules if name.startswith('pytest_supercharger.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
