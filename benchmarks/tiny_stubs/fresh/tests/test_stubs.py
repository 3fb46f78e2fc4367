# ruff: noqa: PT011

from datetime import date

import pytest
from fresh import stubs


def test_reverse_string():
    reverse_string = stubs.reverse_string
    assert reverse_string("hello") == "olleh"
    assert reverse_string("") == ""
    assert reverse_string("a b") == "b a"


def test_greet():
    greet = stubs.greet
    assert greet("Anna") == "Hello, Anna!"
    assert greet("Bob") == "Hello, Bob!"
    assert greet() == "Hello, World!"


def test_title_case():
    title_case = stubs.title_case
    assert title_case("hello world") == "Hello World"
    assert title_case("pYTHON is FUN") == "Python Is Fun"
    assert title_case("") == ""


def test_count_char():
    count_char = stubs.count_char
    assert count_char("banana", "a") == 3
    assert count_char("banana", "x") == 0
    assert count_char("", "a") == 0
    assert count_char("Mississippi", "s") == 4


def test_truncate():
    truncate = stubs.truncate
    assert truncate("Hello, world", 8) == "Hello..."
    assert truncate("short", 10) == "short"
    assert truncate("exact", 5) == "exact"
    assert truncate("abcdefghij", 6) == "abc..."


def test_remove_punctuation():
    remove_punctuation = stubs.remove_punctuation
    assert remove_punctuation("Hello, world!") == "Hello world"
    assert remove_punctuation("it's (really) fine.") == "its really fine"
    assert remove_punctuation("nothing here") == "nothing here"
    assert remove_punctuation("?!") == ""


def test_camel_to_snake():
    camel_to_snake = stubs.camel_to_snake
    assert camel_to_snake("myVariableName") == "my_variable_name"
    assert camel_to_snake("CamelCase") == "camel_case"
    assert camel_to_snake("simple") == "simple"


def test_snake_to_camel():
    snake_to_camel = stubs.snake_to_camel
    assert snake_to_camel("my_variable_name") == "myVariableName"
    assert snake_to_camel("first_name") == "firstName"
    assert snake_to_camel("word") == "word"


def test_is_pangram():
    is_pangram = stubs.is_pangram
    assert is_pangram("The quick brown fox jumps over the lazy dog")
    assert not is_pangram("Hello world")
    assert not is_pangram("")
    assert is_pangram("Pack my box with five dozen liquor jugs.")


def test_get_initials():
    get_initials = stubs.get_initials
    assert get_initials("Ada Lovelace") == "AL"
    assert get_initials("john ronald reuel tolkien") == "JRRT"
    assert get_initials("Cher") == "C"


def test_mask_card_number():
    mask_card_number = stubs.mask_card_number
    assert mask_card_number("1234567812345678") == "************5678"
    assert mask_card_number("4000123412341111") == "************1111"
    assert mask_card_number("123456") == "**3456"


def test_run_length_encode():
    run_length_encode = stubs.run_length_encode
    assert run_length_encode("aaabcc") == "a3b1c2"
    assert run_length_encode("") == ""
    assert run_length_encode("z") == "z1"
    assert run_length_encode("aabaa") == "a2b1a2"


def test_normalize_whitespace():
    normalize_whitespace = stubs.normalize_whitespace
    assert normalize_whitespace("  hello   world ") == "hello world"
    assert normalize_whitespace("a\t b\n\nc") == "a b c"
    assert normalize_whitespace("fine already") == "fine already"
    assert normalize_whitespace("   ") == ""


def test_first_unique_char():
    first_unique_char = stubs.first_unique_char
    assert first_unique_char("swiss") == "w"
    assert first_unique_char("leetcode") == "l"
    assert first_unique_char("aabb") is None
    assert first_unique_char("") is None


def test_most_common_word():
    most_common_word = stubs.most_common_word
    assert most_common_word("the cat and the dog") == "the"
    assert most_common_word("Yes no yes maybe YES no") == "yes"
    assert most_common_word("hello") == "hello"


def test_is_valid_email():
    is_valid_email = stubs.is_valid_email
    assert is_valid_email("joe@example.com")
    assert is_valid_email("anna.smith@mail.example.org")
    assert not is_valid_email("joe.example.com")
    assert not is_valid_email("@example.com")
    assert not is_valid_email("joe@localhost")
    assert not is_valid_email("joe@home@example.com")


def test_pig_latin():
    pig_latin = stubs.pig_latin
    assert pig_latin("apple") == "appleway"
    assert pig_latin("hello") == "ellohay"
    assert pig_latin("string") == "ingstray"
    assert pig_latin("is") == "isway"


def test_hamming_distance():
    hamming_distance = stubs.hamming_distance
    assert hamming_distance("karolin", "kathrin") == 3
    assert hamming_distance("abc", "abc") == 0
    assert hamming_distance("", "") == 0
    with pytest.raises(ValueError):
        hamming_distance("abc", "ab")


def test_longest_common_prefix():
    longest_common_prefix = stubs.longest_common_prefix
    assert longest_common_prefix(["flower", "flow", "flight"]) == "fl"
    assert longest_common_prefix(["dog", "racecar", "car"]) == ""
    assert longest_common_prefix(["same", "same"]) == "same"
    assert longest_common_prefix(["inter", "internet"]) == "inter"


def test_is_balanced():
    is_balanced = stubs.is_balanced
    assert is_balanced("(a + b) * [c - {d}]")
    assert is_balanced("")
    assert not is_balanced("(]")
    assert not is_balanced("((")
    assert not is_balanced(")(")
    assert not is_balanced("([)]")


def test_pluralize():
    pluralize = stubs.pluralize
    assert pluralize(3, "apple") == "3 apples"
    assert pluralize(1, "apple") == "1 apple"
    assert pluralize(0, "dog") == "0 dogs"


def test_extract_hashtags():
    extract_hashtags = stubs.extract_hashtags
    assert extract_hashtags("I love #python and #coding") == ["python", "coding"]
    assert extract_hashtags("no tags here") == []
    assert extract_hashtags("#first things #first") == ["first", "first"]
    assert extract_hashtags("What a day! #sun, #beach2024") == ["sun", "beach2024"]


def test_censor():
    censor = stubs.censor
    assert censor("this is darn bad", ["darn"]) == "this is **** bad"
    assert censor("heck and darn and heck", ["heck", "darn"]) == "**** and **** and ****"
    assert censor("all good", ["darn"]) == "all good"
    assert censor("all good", []) == "all good"


def test_strip_html():
    strip_html = stubs.strip_html
    assert strip_html("<p>Hello</p>") == "Hello"
    assert strip_html("<b>bold</b> and <i>italic</i>") == "bold and italic"
    assert strip_html("plain") == "plain"
    assert strip_html('<a href="/home">Home</a><br/>') == "Home"


def test_is_number():
    is_number = stubs.is_number
    assert is_number("42") is True
    assert is_number("3.14") is True
    assert is_number("-7") is True
    assert is_number("abc") is False
    assert is_number("12a") is False
    assert is_number("") is False


def test_join_names():
    join_names = stubs.join_names
    assert join_names(["Tom", "Ann", "Joe"]) == "Tom, Ann and Joe"
    assert join_names(["Tom", "Ann"]) == "Tom and Ann"
    assert join_names(["Tom"]) == "Tom"
    assert join_names(["A", "B", "C", "D"]) == "A, B, C and D"


def test_parse_query_string():
    parse_query_string = stubs.parse_query_string
    assert parse_query_string("a=1&b=2") == {"a": "1", "b": "2"}
    assert parse_query_string("name=joe") == {"name": "joe"}
    assert parse_query_string("page=3&sort=price&q=shoes") == {
        "page": "3",
        "sort": "price",
        "q": "shoes",
    }


def test_parse_config():
    parse_config = stubs.parse_config
    assert parse_config("host = localhost\nport = 8080") == {"host": "localhost", "port": "8080"}
    assert parse_config("# settings\n\ndebug=true\n") == {"debug": "true"}
    assert parse_config("") == {}


def test_get_extension():
    get_extension = stubs.get_extension
    assert get_extension("report.pdf") == "pdf"
    assert get_extension("PHOTO.JPG") == "jpg"
    assert get_extension("archive.tar.gz") == "gz"
    assert get_extension("README") == ""


def test_get_domain():
    get_domain = stubs.get_domain
    assert get_domain("https://www.example.com/page?id=1") == "example.com"
    assert get_domain("http://docs.python.org/3/") == "docs.python.org"
    assert get_domain("https://example.org") == "example.org"


def test_is_perfect_square():
    is_perfect_square = stubs.is_perfect_square
    assert is_perfect_square(16)
    assert is_perfect_square(0)
    assert is_perfect_square(1)
    assert not is_perfect_square(15)
    assert not is_perfect_square(2)
    assert not is_perfect_square(-4)


def test_is_valid_ip():
    is_valid_ip = stubs.is_valid_ip
    assert is_valid_ip("192.168.0.1")
    assert is_valid_ip("255.255.255.255")
    assert not is_valid_ip("256.1.1.1")
    assert not is_valid_ip("1.2.3")
    assert not is_valid_ip("1.2.3.4.5")
    assert not is_valid_ip("a.b.c.d")


def test_prime_factors():
    prime_factors = stubs.prime_factors
    assert prime_factors(12) == [2, 2, 3]
    assert prime_factors(13) == [13]
    assert prime_factors(100) == [2, 2, 5, 5]
    assert prime_factors(77) == [7, 11]


def test_divisors():
    divisors = stubs.divisors
    assert divisors(12) == [1, 2, 3, 4, 6, 12]
    assert divisors(7) == [1, 7]
    assert divisors(1) == [1]
    assert divisors(16) == [1, 2, 4, 8, 16]


def test_is_armstrong():
    is_armstrong = stubs.is_armstrong
    assert is_armstrong(153)
    assert is_armstrong(9474)
    assert is_armstrong(5)
    assert not is_armstrong(154)
    assert not is_armstrong(10)


def test_collatz_steps():
    collatz_steps = stubs.collatz_steps
    assert collatz_steps(1) == 0
    assert collatz_steps(2) == 1
    assert collatz_steps(6) == 8
    assert collatz_steps(27) == 111


def test_reverse_number():
    reverse_number = stubs.reverse_number
    assert reverse_number(123) == 321
    assert reverse_number(-45) == -54
    assert reverse_number(120) == 21
    assert reverse_number(0) == 0


def test_to_binary():
    to_binary = stubs.to_binary
    assert to_binary(5) == "101"
    assert to_binary(0) == "0"
    assert to_binary(1) == "1"
    assert to_binary(16) == "10000"


def test_binary_to_decimal():
    binary_to_decimal = stubs.binary_to_decimal
    assert binary_to_decimal("101") == 5
    assert binary_to_decimal("0") == 0
    assert binary_to_decimal("11111111") == 255
    assert binary_to_decimal("0010") == 2


def test_sum_of_multiples():
    sum_of_multiples = stubs.sum_of_multiples
    assert sum_of_multiples(10) == 23
    assert sum_of_multiples(16) == 60
    assert sum_of_multiples(1000) == 233168
    assert sum_of_multiples(3) == 0


def test_percentage():
    percentage = stubs.percentage
    assert percentage(25, 100) == 25
    assert percentage(1, 3) == 33.3
    assert percentage(0, 8) == 0
    assert percentage(5, 0) == 0


def test_compound_interest():
    compound_interest = stubs.compound_interest
    assert compound_interest(1000, 5, 2) == 1102.5
    assert compound_interest(1000, 5, 10) == 1628.89
    assert compound_interest(100, 0, 10) == 100
    assert compound_interest(250, 10, 1) == 275


def test_bmi_category():
    bmi_category = stubs.bmi_category
    assert bmi_category(50, 1.80) == "underweight"
    assert bmi_category(70, 1.75) == "normal"
    assert bmi_category(80, 1.70) == "overweight"
    assert bmi_category(100, 1.70) == "obese"
    assert bmi_category(100, 2.0) == "overweight"


def test_circle_area():
    circle_area = stubs.circle_area
    assert circle_area(1) == pytest.approx(3.14159265)
    assert circle_area(2.5) == pytest.approx(19.6349541)
    assert circle_area(0) == 0
    with pytest.raises(ValueError):
        circle_area(-1)


def test_distance():
    distance = stubs.distance
    assert distance((0, 0), (3, 4)) == 5
    assert distance((1, 1), (1, 1)) == 0
    assert distance((-1, 2), (2, -2)) == 5
    assert distance((0, 0), (1, 1)) == pytest.approx(1.41421356)


def test_triangle_type():
    triangle_type = stubs.triangle_type
    assert triangle_type(3, 3, 3) == "equilateral"
    assert triangle_type(3, 3, 5) == "isosceles"
    assert triangle_type(5, 3, 3) == "isosceles"
    assert triangle_type(3, 5, 3) == "isosceles"
    assert triangle_type(3, 4, 5) == "scalene"


def test_safe_divide():
    safe_divide = stubs.safe_divide
    assert safe_divide(10, 4) == 2.5
    assert safe_divide(0, 5) == 0
    assert safe_divide(1, 0) is None
    assert safe_divide(-9, 3) == -3


def test_letter_grade():
    letter_grade = stubs.letter_grade
    assert letter_grade(95) == "A"
    assert letter_grade(90) == "A"
    assert letter_grade(89) == "B"
    assert letter_grade(70) == "C"
    assert letter_grade(65) == "D"
    assert letter_grade(12) == "F"


def test_multiplication_table():
    multiplication_table = stubs.multiplication_table
    assert multiplication_table(1) == [[1]]
    assert multiplication_table(2) == [[1, 2], [2, 4]]
    assert multiplication_table(3) == [[1, 2, 3], [2, 4, 6], [3, 6, 9]]


def test_find_max():
    find_max = stubs.find_max
    assert find_max([3, 9, 2]) == 9
    assert find_max([-5, -2, -8]) == -2
    assert find_max([7]) == 7
    assert find_max([]) is None


def test_sum_positive():
    sum_positive = stubs.sum_positive
    assert sum_positive([1, -2, 3]) == 4
    assert sum_positive([-1, -2]) == 0
    assert sum_positive([]) == 0
    assert sum_positive([0, 10, 5]) == 15


def test_square_all():
    square_all = stubs.square_all
    assert square_all([1, 2, 3]) == [1, 4, 9]
    assert square_all([-2, 0]) == [4, 0]
    assert square_all([]) == []


def test_move_zeros():
    move_zeros = stubs.move_zeros
    assert move_zeros([0, 1, 0, 3, 12]) == [1, 3, 12, 0, 0]
    assert move_zeros([1, 2]) == [1, 2]
    assert move_zeros([0, 0]) == [0, 0]
    assert move_zeros([]) == []


def test_missing_number():
    missing_number = stubs.missing_number
    assert missing_number([3, 0, 1]) == 2
    assert missing_number([0, 1]) == 2
    assert missing_number([1]) == 0
    assert missing_number([9, 6, 4, 2, 3, 5, 7, 0, 1]) == 8


def test_two_sum():
    two_sum = stubs.two_sum
    assert two_sum([2, 7, 11, 15], 9) == (0, 1)
    assert two_sum([3, 2, 4], 6) == (1, 2)
    assert two_sum([3, 3], 6) == (0, 1)
    assert two_sum([1, 2, 3], 10) is None


def test_is_sorted():
    is_sorted = stubs.is_sorted
    assert is_sorted([1, 2, 2, 5])
    assert is_sorted([])
    assert is_sorted(["a", "b"])
    assert not is_sorted([3, 1, 2])
    assert not is_sorted([1, 3, 2])


def test_bubble_sort():
    bubble_sort = stubs.bubble_sort
    assert bubble_sort([3, 1, 2]) == [1, 2, 3]
    assert bubble_sort([]) == []
    assert bubble_sort([5, 4, 4, -1]) == [-1, 4, 4, 5]
    items = [2, 1]
    assert bubble_sort(items) == [1, 2]
    assert items == [2, 1]


def test_find_duplicates():
    find_duplicates = stubs.find_duplicates
    assert find_duplicates([1, 2, 3, 2, 1]) == [1, 2]
    assert find_duplicates([1, 2, 3]) == []
    assert find_duplicates(["b", "a", "a", "b", "b"]) == ["b", "a"]
    assert find_duplicates([]) == []


def test_moving_average():
    moving_average = stubs.moving_average
    assert moving_average([1, 2, 3, 4], 2) == [1.5, 2.5, 3.5]
    assert moving_average([10, 20, 30], 3) == [20]
    assert moving_average([5, 7], 1) == [5, 7]
    assert moving_average([2, 4, 6, 8, 10], 3) == [4, 6, 8]


def test_dot_product():
    dot_product = stubs.dot_product
    assert dot_product([1, 2, 3], [4, 5, 6]) == 32
    assert dot_product([1, 0], [0, 1]) == 0
    assert dot_product([0.5], [4]) == 2
    assert dot_product([-1, 2], [3, 1]) == -1


def test_max_profit():
    max_profit = stubs.max_profit
    assert max_profit([7, 1, 5, 3, 6, 4]) == 5
    assert max_profit([7, 6, 4, 3, 1]) == 0
    assert max_profit([2, 4, 1]) == 2
    assert max_profit([1, 2, 3, 4]) == 3


def test_remove_none():
    remove_none = stubs.remove_none
    assert remove_none([1, None, 2]) == [1, 2]
    assert remove_none([0, None, False, ""]) == [0, False, ""]
    assert remove_none([None, None]) == []
    assert remove_none([]) == []


def test_reformat_date():
    reformat_date = stubs.reformat_date
    assert reformat_date("31/12/2024") == "2024-12-31"
    assert reformat_date("01/02/1999") == "1999-02-01"
    assert reformat_date("15/08/2010") == "2010-08-15"


def test_merge_dicts():
    merge_dicts = stubs.merge_dicts
    assert merge_dicts({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    assert merge_dicts({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {"a": 1, "b": 5, "c": 4}
    assert merge_dicts({}, {"x": 0}) == {"x": 0}
    first = {"a": 1}
    assert merge_dicts(first, {"a": 2}) == {"a": 3}
    assert first == {"a": 1}


def test_get_nested():
    get_nested = stubs.get_nested
    assert get_nested({"user": {"address": {"city": "Oslo"}}}, "user.address.city") == "Oslo"
    assert get_nested({"a": 1}, "a") == 1
    assert get_nested({"a": {"b": 2}}, "a.c") is None
    assert get_nested({"a": {"b": 2}}, "x.y", default=0) == 0


def test_passing_students():
    passing_students = stubs.passing_students
    assert passing_students({"Zoe": 80, "Ann": 50, "Bob": 49}) == ["Ann", "Zoe"]
    assert passing_students({"Zoe": 80, "Ann": 50}, minimum=60) == ["Zoe"]
    assert passing_students({"Bob": 10}) == []
    assert passing_students({}) == []


def test_best_student():
    best_student = stubs.best_student
    assert best_student({"Ann": 90, "Bob": 72}) == "Ann"
    assert best_student({"Ann": 55, "Bob": 72, "Cid": 60}) == "Bob"
    assert best_student({"Zoe": 0}) == "Zoe"


def test_sort_by_price():
    sort_by_price = stubs.sort_by_price
    pen = {"name": "pen", "price": 1.5}
    book = {"name": "book", "price": 12}
    cup = {"name": "cup", "price": 7}
    assert sort_by_price([book, pen, cup]) == [pen, cup, book]
    assert sort_by_price([pen]) == [pen]
    assert sort_by_price([]) == []


def test_group_by():
    group_by = stubs.group_by
    ann = {"name": "Ann", "city": "Rome"}
    bob = {"name": "Bob", "city": "Oslo"}
    cid = {"name": "Cid", "city": "Rome"}
    assert group_by([ann, bob, cid], "city") == {"Rome": [ann, cid], "Oslo": [bob]}
    assert group_by([bob], "name") == {"Bob": [bob]}
    assert group_by([], "city") == {}


def test_cart_total():
    cart_total = stubs.cart_total
    assert cart_total([{"price": 2.5, "quantity": 4}]) == 10
    assert cart_total([{"price": 0.1, "quantity": 3}, {"price": 1.99, "quantity": 2}]) == 4.28
    assert cart_total([]) == 0


def test_withdraw():
    withdraw = stubs.withdraw
    assert withdraw(100, 30) == 70
    assert withdraw(50, 50) == 0
    with pytest.raises(ValueError):
        withdraw(20, 21)
    with pytest.raises(ValueError):
        withdraw(20, 0)
    with pytest.raises(ValueError):
        withdraw(20, -5)


def test_format_price():
    format_price = stubs.format_price
    assert format_price(1234.5) == "$1,234.50"
    assert format_price(0) == "$0.00"
    assert format_price(9.999) == "$10.00"
    assert format_price(1000000) == "$1,000,000.00"


def test_human_readable_size():
    human_readable_size = stubs.human_readable_size
    assert human_readable_size(1536) == "1.5 KB"
    assert human_readable_size(10) == "10.0 B"
    assert human_readable_size(1024) == "1.0 KB"
    assert human_readable_size(5 * 1024 * 1024) == "5.0 MB"
    assert human_readable_size(2 * 1024**3) == "2.0 GB"


def test_ordinal():
    ordinal = stubs.ordinal
    assert ordinal(1) == "1st"
    assert ordinal(2) == "2nd"
    assert ordinal(23) == "23rd"
    assert ordinal(4) == "4th"
    assert ordinal(11) == "11th"
    assert ordinal(112) == "112th"


def test_parse_bool():
    parse_bool = stubs.parse_bool
    assert parse_bool("yes") is True
    assert parse_bool("TRUE") is True
    assert parse_bool("on") is True
    assert parse_bool("0") is False
    assert parse_bool("No") is False
    with pytest.raises(ValueError):
        parse_bool("maybe")


def test_days_between():
    days_between = stubs.days_between
    assert days_between("2024-01-01", "2024-01-31") == 30
    assert days_between("2024-03-01", "2024-02-28") == 2
    assert days_between("2023-05-05", "2023-05-05") == 0


def test_calculate_age():
    calculate_age = stubs.calculate_age
    assert calculate_age(date(1990, 5, 20), date(2024, 5, 20)) == 34
    assert calculate_age(date(1990, 5, 20), date(2024, 5, 19)) == 33
    assert calculate_age(date(2000, 12, 31), date(2001, 1, 1)) == 0
    assert calculate_age(date(2000, 1, 15), date(2010, 11, 2)) == 10


def test_is_weekend():
    is_weekend = stubs.is_weekend
    assert is_weekend(date(2024, 6, 1))
    assert is_weekend(date(2024, 6, 2))
    assert not is_weekend(date(2024, 6, 3))
    assert not is_weekend(date(2024, 5, 31))


def test_rock_paper_scissors():
    rock_paper_scissors = stubs.rock_paper_scissors
    assert rock_paper_scissors("rock", "scissors") == "player1"
    assert rock_paper_scissors("rock", "paper") == "player2"
    assert rock_paper_scissors("scissors", "paper") == "player1"
    assert rock_paper_scissors("paper", "paper") == "draw"
    assert rock_paper_scissors("scissors", "rock") == "player2"


def test_hangman_display():
    hangman_display = stubs.hangman_display
    assert hangman_display("banana", {"a"}) == "_a_a_a"
    assert hangman_display("dog", set()) == "___"
    assert hangman_display("cat", {"c", "a", "t"}) == "cat"
    assert hangman_display("hello", {"l", "z"}) == "__ll_"
