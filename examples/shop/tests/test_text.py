import pytest
from shop import text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Lovelace", "A.L."),
        ("grace brewster hopper", "G.B.H."),
        ("Anne-Marie Duff", "A.M.D."),
        ("  Plato ", "P."),
        ("", ""),
    ],
)
def test_initials(name, expected):
    assert text.initials(name) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Green Tea", "green-tea"),
        ("Crème brûlée, 4 pieces", "creme-brulee-4-pieces"),
        ("  50% off!  ", "50-off"),
        ("salt & pepper -- mill", "salt-pepper-mill"),
        ("...", ""),
    ],
)
def test_slugify(title, expected):
    assert text.slugify(title) == expected


def test_wrap_breaks_at_spaces():
    assert list(text.wrap("the quick brown fox jumps", 10)) == ["the quick", "brown fox", "jumps"]


def test_wrap_gives_a_long_word_a_line_of_its_own():
    assert list(text.wrap("a incomprehensible b", 6)) == ["a", "incomprehensible", "b"]


def test_wrap_fills_a_line_to_the_last_column():
    assert list(text.wrap("ab cd ef", 5)) == ["ab cd", "ef"]


def test_wrap_of_nothing():
    assert list(text.wrap("  ", 10)) == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("4111111111111111", "************1111"),
        ("4111 1111 1111 1234", "**** **** **** 1234"),
        ("37-8282-2463-10005", "**-****-****-*0005"),
        ("123", "123"),
    ],
)
def test_mask_card(number, expected):
    assert text.mask_card(number) == expected


def test_squeeze():
    assert text.squeeze("  two\n  words ") == "two words"
