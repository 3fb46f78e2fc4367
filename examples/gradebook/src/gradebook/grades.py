"""What a list of grades says. A grade is a number from 0 to 100."""

PASS_MARK = 50


def is_valid(grade: float) -> bool:
    """Whether there is such a grade."""
    return 0 <= grade <= 100


def average(grades: list[float]) -> float:
    """Return the average of the grades, or 0 if the list is empty."""
    raise NotImplementedError


def median(grades: list[float]) -> float:
    """Return the middle value of the grades when sorted.

    It is the average of the two middle ones if there is an even number of them.
    """
    raise NotImplementedError


def spread(grades: list[float]) -> float:
    """Return the spread of the grades (maximum minus minimum).

    >>> spread([70, 95, 60])
    35
    """
    raise NotImplementedError


def drop_lowest(grades: list[float]) -> list[float]:
    """Return the grades without the lowest grade; only the first of several is removed."""
    raise NotImplementedError


def final_grade(grades: list[float]) -> float:
    """The average; from three grades on the lowest one does not count."""
    return average(grades if len(grades) < 3 else drop_lowest(grades))


def letter_grade(grade: float) -> str:
    """The letter for a grade: A from 90, B from 80, C from 70, D from 60, otherwise F."""
    raise NotImplementedError


def pass_rate(grades: list[float], pass_mark: float = PASS_MARK) -> float:
    """Return the percentage of grades that are at least pass_mark, or 0 for an empty list."""
    raise NotImplementedError
