"""A project of two functions, and real models that can write them."""

from __future__ import annotations

from pathlib import Path

from example_project import Project
from gguf_files import CHATML
from gguf_parrot import Answer, Parrot

NUMBERS = Project(
    files={
        "numbers_.py": '''
            def double(number: int) -> int:
                """Twice the number."""
                raise NotImplementedError


            def triple(number: int) -> int:
                """Three times the number."""
                raise NotImplementedError
            ''',
        "test_numbers.py": """
            from numbers_ import double, triple


            def test_double():
                assert double(21) == 42


            def test_triple():
                assert triple(5) == 15
            """,
        "pytest.ini": "[pytest]\n",
    }
)


def body(name: str, expression: str) -> Answer:
    """A chat model's answer to the prompt for one of the two."""
    text = f"```python\ndef {name}(number: int) -> int:\n    return {expression}\n```\n"
    return Answer(text=text, when=(f"def {name}(",))


RIGHT = (body("double", "number * 2"), body("triple", "3 * number"))
ALSO_WRONG = (*RIGHT, body("double", "number ** 9"), body("triple", "number - 7"))


def write(folder: Path, answers: tuple[Answer, ...] = ALSO_WRONG, name: str = "parrot") -> str:
    """A GGUF that gives these answers, as a path."""
    return str(Parrot(answers=answers, template=CHATML, piece=3).write(folder / f"{name}.gguf"))
