import pytest
from gradebook.grades import (
    average,
    drop_lowest,
    final_grade,
    is_valid,
    letter_grade,
    median,
    pass_rate,
)


def test_average():
    assert average([80, 90, 70]) == 80
    assert average([65]) == 65


def test_average_of_nothing():
    assert average([]) == 0


def test_median_of_an_odd_number():
    assert median([90, 60, 75]) == 75


def test_median_of_an_even_number():
    assert median([90, 60, 70, 80]) == 75
    assert median([85, 80]) == 82.5


def test_drop_lowest():
    assert drop_lowest([70, 50, 90]) == [70, 90]
    assert drop_lowest([60, 80, 60]) == [80, 60]


def test_drop_lowest_leaves_the_list_alone():
    grades = [70, 50, 90]
    drop_lowest(grades)
    assert grades == [70, 50, 90]


def test_final_grade():
    assert final_grade([80, 60]) == 70
    assert final_grade([80, 20, 90]) == 85


@pytest.mark.parametrize(
    ("grade", "letter"),
    [(100, "A"), (90, "A"), (89.5, "B"), (80, "B"), (70, "C"), (60, "D"), (59, "F"), (0, "F")],
)
def test_letter_grade(grade, letter):
    assert letter_grade(grade) == letter


def test_pass_rate():
    assert pass_rate([50, 40, 90, 75]) == 75
    assert pass_rate([50, 40, 90, 75], 80) == 25


def test_pass_rate_of_nobody():
    assert pass_rate([]) == 0


def test_is_valid():
    assert is_valid(0)
    assert is_valid(100)
    assert not is_valid(100.5)
