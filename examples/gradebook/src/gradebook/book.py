"""Who is in the class, and who got which grades."""

import csv
from dataclasses import dataclass, field


@dataclass
class Gradebook:
    """The grades of all students of a class, by name."""

    grades: dict[str, list[float]] = field(default_factory=dict)

    def add_grade(self, student: str, grade: float) -> None:
        """Record a grade; unknown students are added."""
        raise NotImplementedError

    def students(self) -> list[str]:
        """The names of all students, sorted."""
        return sorted(self.grades)

    def average_of(self, student: str) -> float:
        """Return the average grade of the student. Raise KeyError if there is no such student."""
        raise NotImplementedError

    def class_average(self) -> float:
        """Return the average of all grades of all students, 0.0 if there are none."""
        raise NotImplementedError

    def best_student(self) -> str | None:
        """Return the name of the student with the highest average, or None if there are none."""
        raise NotImplementedError


def display_name(name: str) -> str:
    """Return a name written as "Last, First" in the form "First Last".

    A name without a comma stays as it is.
    """
    raise NotImplementedError


def initials(name: str) -> str:
    """Return the initials of a full name in upper case.

    >>> initials("Grace Brewster Hopper")
    'GBH'
    >>> initials("plato")
    'P'
    """
    raise NotImplementedError


def remove_accents(text: str) -> str:
    """Return the text without accents, so that "é" becomes "e"."""
    raise NotImplementedError


def email(name: str, domain: str) -> str:
    """The address that the school gives to a student."""
    return f"{remove_accents(name).lower().replace(' ', '.')}@{domain}"


def ranking(scores: dict[str, float]) -> list[str]:
    """Return the names sorted by score, highest first. Ties are sorted by name."""
    raise NotImplementedError


def read_csv(text: str) -> Gradebook:
    """A gradebook from lines like ``"Hopper, Grace",95``."""
    book = Gradebook()
    for name, grade in csv.reader(text.splitlines()):
        book.add_grade(display_name(name), float(grade))
    return book
