import pytest
from gradebook.book import Gradebook, display_name, email, ranking, remove_accents


@pytest.fixture
def book():
    return Gradebook({"Grace": [95, 85], "Alan": [70, 60, 80], "Ada": [100]})


def test_add_grade():
    book = Gradebook({"Grace": [95]})
    book.add_grade("Grace", 85)
    assert book.grades == {"Grace": [95, 85]}


def test_add_grade_of_a_new_student():
    book = Gradebook()
    book.add_grade("Alan", 70)
    assert book.grades == {"Alan": [70]}


def test_average_of(book):
    assert book.average_of("Grace") == 90
    assert book.average_of("Alan") == 70


def test_average_of_a_stranger(book):
    with pytest.raises(KeyError):
        book.average_of("Charles")


def test_class_average():
    assert Gradebook({"Grace": [90, 80], "Alan": [70]}).class_average() == 80


def test_class_average_without_grades():
    assert Gradebook().class_average() == 0


def test_best_student(book):
    assert book.best_student() == "Ada"


def test_best_student_of_nobody():
    assert Gradebook().best_student() is None


def test_students_are_sorted(book):
    assert book.students() == ["Ada", "Alan", "Grace"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Hopper, Grace", "Grace Hopper"), ("Turing,Alan", "Alan Turing"), ("Plato", "Plato")],
)
def test_display_name(name, shown):
    assert display_name(name) == shown


def test_remove_accents():
    assert remove_accents("Zoë Müller") == "Zoe Muller"
    assert remove_accents("Ada") == "Ada"


def test_email():
    assert email("André Weil", "school.example") == "andre.weil@school.example"


def test_ranking():
    assert ranking({"Alan": 70, "Ada": 100, "Grace": 90}) == ["Ada", "Grace", "Alan"]


def test_ranking_of_equal_scores():
    assert ranking({"Grace": 90, "Alan": 90, "Ada": 95}) == ["Ada", "Alan", "Grace"]
