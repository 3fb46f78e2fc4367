"""Functions to be filled in."""

from datetime import date


def reverse_string(s):
    """Reverse a string."""
    raise NotImplementedError


def greet(name: str = "World") -> str:
    """Return a greeting like "Hello, Anna!"."""
    raise NotImplementedError


def title_case(text: str) -> str:
    """Capitalize the first letter of every word and make the other letters lower case."""
    raise NotImplementedError


def count_char(text, char):
    """Count how often char occurs in text."""
    raise NotImplementedError


def truncate(text: str, max_length: int) -> str:
    """Shorten text to max_length characters.

    If something has to be cut off, the result ends with "..." and is exactly max_length long.

    >>> truncate("Hello, world", 8)
    'Hello...'
    """
    raise NotImplementedError


def remove_punctuation(text):
    """Remove all punctuation characters from the text."""
    raise NotImplementedError


def camel_to_snake(name: str) -> str:
    """Convert a camelCase or CamelCase name to snake_case.

    >>> camel_to_snake("myVariableName")
    'my_variable_name'
    """
    raise NotImplementedError


def snake_to_camel(name: str) -> str:
    """Convert snake_case to camelCase."""
    raise NotImplementedError


def is_pangram(sentence):
    """Check if the sentence contains every letter of the English alphabet at least once."""
    raise NotImplementedError


def get_initials(name: str) -> str:
    """Return the initials of a full name in upper case, e.g. "Ada Lovelace" -> "AL"."""
    raise NotImplementedError


def mask_card_number(number: str) -> str:
    """Replace everything but the last four digits of the card number with asterisks."""
    raise NotImplementedError


def run_length_encode(text: str) -> str:
    """Compress a string by replacing repeated characters with the character and its count.

    >>> run_length_encode("aaabcc")
    'a3b1c2'
    """
    raise NotImplementedError


def normalize_whitespace(text):
    """Collapse runs of whitespace into a single space and strip both ends."""
    raise NotImplementedError


def first_unique_char(s: str):
    """Return the first character that appears only once in s, or None if there is no such one."""
    raise NotImplementedError


def most_common_word(text: str) -> str:
    """Which word occurs most often in the text? Upper and lower case count as the same word.

    The word is returned in lower case.
    """
    raise NotImplementedError


def is_valid_email(email: str) -> bool:
    """Very simple email check: one @, something before it and a dot in the part after it."""
    raise NotImplementedError


def pig_latin(word):
    """Translate a lowercase word to pig latin.

    If it starts with a vowel add "way" to the end. Otherwise move all the consonants before
    the first vowel to the end and add "ay".
    """
    raise NotImplementedError


def hamming_distance(a: str, b: str) -> int:
    """Number of positions at which the two strings differ.

    Raises ValueError if they don't have the same length.
    """
    raise NotImplementedError


def longest_common_prefix(words: list[str]) -> str:
    """Find the longest prefix shared by all the words. Returns "" if there is none."""
    raise NotImplementedError


def is_balanced(expression: str) -> bool:
    """Check that all brackets (), [] and {} in the expression are closed in the right order."""
    raise NotImplementedError


def pluralize(count, word):
    """Return the count with the word, adding an "s" unless count is 1.

    >>> pluralize(3, "apple")
    '3 apples'
    """
    raise NotImplementedError


def extract_hashtags(post: str) -> list[str]:
    """Get all hashtags from a post, without the # sign, in the order they appear."""
    raise NotImplementedError


def censor(text: str, bad_words: list[str]) -> str:
    """Replace each bad word in the text with as many * as it has letters."""
    raise NotImplementedError


def strip_html(html: str) -> str:
    """Remove the HTML tags from a string and keep the text."""
    raise NotImplementedError


def is_number(s):
    """Can the string be converted to a number (int or float)?"""
    raise NotImplementedError


def join_names(names: list[str]) -> str:
    """Join names with commas and an "and" before the last one.

    >>> join_names(["Tom", "Ann", "Joe"])
    'Tom, Ann and Joe'
    """
    raise NotImplementedError


def parse_query_string(query):
    """Parse a query string like "a=1&b=2" into a dict of strings."""
    raise NotImplementedError


def parse_config(text: str) -> dict[str, str]:
    """Parse lines of the form "key = value".

    Blank lines and lines starting with # are skipped.
    """
    raise NotImplementedError


def get_extension(filename: str) -> str:
    """Return the file extension in lower case without the dot, or "" if there is none."""
    raise NotImplementedError


def get_domain(url: str) -> str:
    """Extract the domain name from a URL, without "www." in front."""
    raise NotImplementedError


def is_perfect_square(n: int) -> bool:
    """Returns True if n is the square of an integer."""
    raise NotImplementedError


def is_valid_ip(address: str) -> bool:
    """Is this a valid IPv4 address, i.e. four numbers from 0 to 255 separated by dots?"""
    raise NotImplementedError


def prime_factors(n: int) -> list[int]:
    """Return the prime factors of n in ascending order, e.g. 12 -> [2, 2, 3]."""
    raise NotImplementedError


def divisors(n):
    """Return a sorted list of all divisors of n, including 1 and n."""
    raise NotImplementedError


def is_armstrong(number: int) -> bool:
    """Is this an Armstrong number?

    That is a number equal to the sum of its digits each raised to the number of digits.
    """
    raise NotImplementedError


def collatz_steps(n: int) -> int:
    """Count the steps it takes to get to 1.

    In each step, halve n if it is even, otherwise multiply it by 3 and add 1.
    """
    raise NotImplementedError


def reverse_number(n: int) -> int:
    """Reverse the digits of an integer. The sign is kept."""
    raise NotImplementedError


def to_binary(n: int) -> str:
    """Convert a non-negative integer to a binary string (without the 0b)."""
    raise NotImplementedError


def binary_to_decimal(binary):
    """Convert a string of 0s and 1s to the integer it stands for."""
    raise NotImplementedError


def sum_of_multiples(limit):
    """Sum of all numbers below limit that are multiples of 3 or 5."""
    raise NotImplementedError


def percentage(part: float, whole: float) -> float:
    """What percentage of whole is part? Rounded to one decimal. Returns 0 if whole is 0."""
    raise NotImplementedError


def compound_interest(principal: float, rate: float, years: int) -> float:
    """Calculate the final amount with interest compounded once a year.

    rate is in percent (5 means 5%). Round the result to 2 decimals.
    """
    raise NotImplementedError


def bmi_category(weight: float, height: float) -> str:
    """Return the BMI category for a weight in kg and a height in metres.

    Below 18.5 is "underweight", below 25 "normal", below 30 "overweight", otherwise "obese".
    """
    raise NotImplementedError


def circle_area(radius):
    """Area of a circle with the given radius. Raise a ValueError for a negative radius."""
    raise NotImplementedError


def distance(p1: tuple[float, float], p2: tuple[float, float]) -> float:
    """Compute the Euclidean distance between two points."""
    raise NotImplementedError


def triangle_type(a, b, c):
    """Return "equilateral", "isosceles" or "scalene" depending on the side lengths."""
    raise NotImplementedError


def safe_divide(a: float, b: float):
    """Divide a by b. Return None instead of failing when b is zero."""
    raise NotImplementedError


def letter_grade(score: int) -> str:
    """Convert a score to a grade: 90 and up is "A", 80 "B", 70 "C", 60 "D", below that "F"."""
    raise NotImplementedError


def multiplication_table(n: int) -> list[list[int]]:
    """Build the n x n multiplication table as a list of rows."""
    raise NotImplementedError


def find_max(numbers):
    """Find the largest number in a list. Returns None for an empty list."""
    raise NotImplementedError


def sum_positive(numbers: list[int]) -> int:
    """Add up only the positive numbers."""
    raise NotImplementedError


def square_all(numbers):
    """Return a new list with the square of each number."""
    raise NotImplementedError


def move_zeros(nums: list[int]) -> list[int]:
    """Move all zeros to the end of the list, keeping the order of the other elements."""
    raise NotImplementedError


def missing_number(nums: list[int]) -> int:
    """The list contains the numbers from 0 to n with one of them missing. Find it."""
    raise NotImplementedError


def two_sum(nums, target):
    """Return the indices (i, j), i < j, of two numbers that add up to target.

    Return None if there is no such pair.
    """
    raise NotImplementedError


def is_sorted(items: list) -> bool:
    """True if the items are in ascending order (equal neighbours are fine)."""
    raise NotImplementedError


def bubble_sort(items):
    """Sort a list with bubble sort and return the sorted list. Don't change the original."""
    raise NotImplementedError


def find_duplicates(items: list) -> list:
    """Return the values that appear more than once, in the order they first appear."""
    raise NotImplementedError


def moving_average(values: list[float], window: int) -> list[float]:
    """Simple moving average: the mean of every `window` consecutive values.

    >>> moving_average([1, 2, 3, 4], 2)
    [1.5, 2.5, 3.5]
    """
    raise NotImplementedError


def dot_product(a: list[float], b: list[float]) -> float:
    """Dot product of two vectors of the same length."""
    raise NotImplementedError


def max_profit(prices: list[int]) -> int:
    """Best profit from buying once and selling once at a later day. 0 if no profit is possible."""
    raise NotImplementedError


def remove_none(values):
    """Drop the None values from a list (but keep 0, False and empty strings)."""
    raise NotImplementedError


def reformat_date(text: str) -> str:
    """Convert a date from DD/MM/YYYY to YYYY-MM-DD."""
    raise NotImplementedError


def merge_dicts(a: dict, b: dict) -> dict:
    """Merge two dicts into a new one. If a key is in both, the values are added together."""
    raise NotImplementedError


def get_nested(data: dict, path: str, default=None):
    """Look up a value in nested dicts with a dotted path like "user.address.city".

    Returns default if any part of the path is missing.
    """
    raise NotImplementedError


def passing_students(grades: dict[str, int], minimum: int = 50) -> list[str]:
    """Names of the students whose grade is at least minimum, sorted alphabetically."""
    raise NotImplementedError


def best_student(scores):
    """Return the name with the highest score. scores maps names to numbers."""
    raise NotImplementedError


def sort_by_price(products: list[dict]) -> list[dict]:
    """Sort the products by their "price", cheapest first."""
    raise NotImplementedError


def group_by(records: list[dict], key: str) -> dict:
    """Group a list of dicts by the value they have for key.

    >>> group_by([{"t": "x", "n": 1}, {"t": "y", "n": 2}], "t")
    {'x': [{'t': 'x', 'n': 1}], 'y': [{'t': 'y', 'n': 2}]}
    """
    raise NotImplementedError


def cart_total(items: list[dict]) -> float:
    """Total price of a shopping cart.

    Each item is a dict with "price" and "quantity". Round the total to 2 decimals.
    """
    raise NotImplementedError


def withdraw(balance, amount):
    """Return the new balance after a withdrawal.

    Raises ValueError if the amount is not positive or there is not enough money.
    """
    raise NotImplementedError


def format_price(amount: float) -> str:
    """Format an amount as dollars with thousands separators and two decimals: "$1,234.50"."""
    raise NotImplementedError


def human_readable_size(size: int) -> str:
    """Format a size in bytes with one decimal as B, KB, MB or GB (1 KB = 1024 B).

    >>> human_readable_size(1536)
    '1.5 KB'
    >>> human_readable_size(10)
    '10.0 B'
    """
    raise NotImplementedError


def ordinal(n: int) -> str:
    """Return the ordinal of a number, like 1st, 2nd, 3rd, 4th, 11th, 21st."""
    raise NotImplementedError


def parse_bool(value: str) -> bool:
    """Convert "yes", "true", "1" or "on" to True and "no", "false", "0" or "off" to False.

    Case is ignored. Anything else raises a ValueError.
    """
    raise NotImplementedError


def days_between(start: str, end: str) -> int:
    """Number of days between two dates given as "YYYY-MM-DD", never negative."""
    raise NotImplementedError


def calculate_age(birthday: date, today: date) -> int:
    """How old (in full years) is someone born on birthday?"""
    raise NotImplementedError


def is_weekend(day: date) -> bool:
    """Return True on Saturdays and Sundays."""
    raise NotImplementedError


def rock_paper_scissors(player1: str, player2: str) -> str:
    """Who wins? Returns "player1", "player2" or "draw"."""
    raise NotImplementedError


def hangman_display(word: str, guessed: set[str]) -> str:
    """Show the word for a game of hangman: letters not guessed yet are shown as underscores."""
    raise NotImplementedError
