"""Functions to be filled in."""


def middle_minus_ends(values):
    """Return the middle value minus the mean of the first and the last value.

    The list has an odd length.
    """
    raise NotImplementedError


def postpone(readings: list[int], n: int) -> list[int]:
    """Move the first n readings to the end of the list and add 10 to each reading that was moved.

    >>> postpone([1, 2, 3, 4], 2)
    [3, 4, 11, 12]
    """
    raise NotImplementedError


def parking_fee(minutes: int) -> int:
    """The first 30 minutes are free, every started hour after that costs 2.

    Nobody pays more than 15.
    """
    raise NotImplementedError


def double_after_zero(nums):
    """Double every number that stands directly after a zero and leave the others as they are."""
    raise NotImplementedError


def first_positive_times_last_negative(numbers: list[int]) -> int:
    """Multiply the first positive number of the list by its last negative number.

    If there is no positive or no negative number, the result is 0.
    """
    raise NotImplementedError


def fuel_stops(legs, tank):
    """Count the refuelling stops of a trip that starts with a full tank.

    Each leg uses as much fuel as its length. Before a leg for which the remaining fuel is not
    enough, the car stops and fills the tank completely. No leg is longer than tank.

    >>> fuel_stops([4, 4, 4], 10)
    1
    """
    raise NotImplementedError


def cap_jumps(levels: list[int], step: int) -> list[int]:
    """Lower each level that is more than step above the level before it to exactly step above it.

    The level before it is the one that has already been lowered.

    >>> cap_jumps([1, 9, 9, 2], 3)
    [1, 4, 7, 2]
    """
    raise NotImplementedError


def penalty_points(speeds, limit):
    """Return the total of the penalty points for a list of measured speeds.

    There is one point for every full 10 above the limit, and 3 more points if a speed is more
    than 40 above the limit.
    """
    raise NotImplementedError


def fill_with_half(readings: list[int]) -> list[int]:
    """Replace every -1 by half of the reading before it, rounded down.

    A -1 at the start becomes 0. Two -1 never follow each other.
    """
    raise NotImplementedError


def over_budget_at(prices, budget):
    """Return the index of the price with which the running total first exceeds the budget.

    Return -1 if the total never exceeds it.
    """
    raise NotImplementedError


def check_remainder(digits: list[int]) -> int:
    """Multiply the last digit by 2, the one before it by 3, the next by 4 and so on.

    Return the remainder of the sum of these products when divided by 11.

    >>> check_remainder([1, 0, 5])
    3
    """
    raise NotImplementedError


def block_closers(samples, size):
    """Return the last sample of every full block of size samples, ignoring an incomplete block.

    >>> block_closers([5, 6, 7, 8, 9], 2)
    [6, 8]
    """
    raise NotImplementedError


def count_same_ends(numbers: list[int]) -> int:
    """Count the numbers of at least two digits whose first digit equals their last digit.

    No number is negative.
    """
    raise NotImplementedError


def round_up_to_95(cents: int) -> int:
    """Raise a price in cents to the next amount that ends in 95.

    A price that already ends in 95 stays the same.
    """
    raise NotImplementedError


def snake_cell(index: int, width: int) -> tuple[int, int]:
    """Return row and column of the box with this index on a shelf with width boxes in each row.

    Row 0 is counted from left to right, row 1 from right to left, row 2 from left to right
    again, and so on.
    """
    raise NotImplementedError


def between_markers(nums, marker):
    """Return the numbers between the first and the second occurrence of marker.

    If marker occurs less than twice, return an empty list.

    >>> between_markers([1, 0, 5, 6, 0, 2], 0)
    [5, 6]
    """
    raise NotImplementedError


def merge_parcels(weights: list[int], limit: int) -> list[int]:
    """Put each parcel on the current pile if the pile then weighs at most limit.

    Otherwise the parcel starts a new pile, which is then the current one. Return the weights of
    the piles in order.
    """
    raise NotImplementedError


def losses_first(amounts):
    """Put the negative amounts first, in their order, then the other amounts in theirs.

    Append the number of negative amounts as the last element.
    """
    raise NotImplementedError


def elevator_seconds(start: int, floors: list[int]) -> int:
    """How many seconds an elevator needs to visit the floors in the given order.

    It begins at the floor start, moving by one floor takes 3 seconds and every stop takes
    another 5.
    """
    raise NotImplementedError


def weekly_bonus(hours):
    """Pay 5 for each day with more than 8 hours, and double the sum if at least 6 days have hours.

    hours holds the hours worked on each day of the week, 0 for a day off.
    """
    raise NotImplementedError


def first_question(text: str) -> str:
    """Return the first line that ends with a question mark, without the question mark.

    Return an empty string if no line ends with one.
    """
    raise NotImplementedError


def last_bracketed(text):
    """Return the text inside the last pair of square brackets, or "" if there is no pair.

    Brackets are never nested and every "[" is closed.

    >>> last_bracketed("a[1] b[two] c")
    'two'
    """
    raise NotImplementedError


def short_path(path: str) -> str:
    """Shorten every folder of a path to its first letter and keep the last part in full.

    >>> short_path("home/data/file.txt")
    'h/d/file.txt'
    """
    raise NotImplementedError


def indent_level(line):
    """Return how deep a line is indented: four leading spaces or one leading tab are one level.

    Spaces that do not make a full group of four do not count.
    """
    raise NotImplementedError


def bump_build(version: str) -> str:
    """Increase the number after "-b" by one; a version without "-b" gets "-b1" at the end.

    >>> bump_build("1.4-b9")
    '1.4-b10'
    """
    raise NotImplementedError


def swap_assignment(line: str) -> str:
    """Swap the two sides of the equals sign, with one space on each side of it.

    Spaces around both sides are removed. A line without an equals sign is returned unchanged.
    """
    raise NotImplementedError


def shout_after_bang(sentence):
    """Put every word that follows a word ending in "!" in upper case.

    Words are separated by single spaces.
    """
    raise NotImplementedError


def strip_remark(line: str) -> str:
    """Cut off everything from the first "#" on, and the spaces before it.

    A line that starts with "#!" stays as it is.
    """
    raise NotImplementedError


def score_answers(key, answers):
    """Score a test: 2 points for a letter that matches the key, 0 for "-", otherwise minus 1.

    >>> score_answers("ABCD", "AB-C")
    3
    """
    raise NotImplementedError


def blank_fields(row: str) -> int:
    """Number of fields in a row separated by semicolons that are empty or contain only spaces."""
    raise NotImplementedError


def letters_then_digits(code):
    """Return all letters of the code followed by all of its digits, dropping everything else."""
    raise NotImplementedError


def ticket_project(title: str):
    """Return the project of a commit title that starts with a ticket like "[WEB-123]".

    The project is the part before the dash. Return None if the title does not start with "[".

    >>> ticket_project("[WEB-123] Fix the login")
    'WEB'
    """
    raise NotImplementedError


def mirror_even_words(text: str) -> str:
    """Write the second, fourth, sixth, ... word backwards and leave the other words alone."""
    raise NotImplementedError


def pad_code(code):
    """Pad a code made of two numbers: three digits before the dash and two digits after it.

    >>> pad_code("7-3")
    '007-03'
    """
    raise NotImplementedError


def hyphenated(text: str) -> list[str]:
    """List the words that have a hyphen inside, that is, neither as first nor as last character."""
    raise NotImplementedError


def toggle_task(line: str) -> str:
    """Turn a task that starts with "[ ]" into one that starts with "[x]" and the other way round.

    Any other line is returned unchanged.
    """
    raise NotImplementedError


def type_keys(keys):
    """Return what is typed when the character "^" switches upper case on and off.

    The "^" itself is not typed.

    >>> type_keys("a^bc^d")
    'aBCd'
    """
    raise NotImplementedError


def file_day(filename: str) -> str:
    """Find the date in a name like "report_20240131.csv" and return it as "31.01.2024".

    The date is the eight digits after the last underscore.
    """
    raise NotImplementedError


def shorten_inner_words(name: str) -> str:
    """Keep the first and the last word and cut every word between them to one letter and a dot.

    >>> shorten_inner_words("Department of Public Works")
    'Department o. P. Works'
    """
    raise NotImplementedError


def quote_depth(line):
    """Count the ">" characters at the start of a mail line, there may be spaces between them."""
    raise NotImplementedError


def restock(stock: dict[str, int], minimum: int) -> dict[str, int]:
    """For each item with less than minimum pieces, tell how many to order to have twice minimum.

    Items with enough pieces are left out.
    """
    raise NotImplementedError


def late_names(loans, today):
    """Return the names of all loans that are not returned and were due before today.

    Each loan is a dict with "name", "due" (a day number) and "returned" (True or False). The
    longest overdue comes first.
    """
    raise NotImplementedError


def cheapest_open(shops: list[dict]) -> str | None:
    """Name of the shop with the lowest "price" among those whose "open" is true.

    Return None if every shop is closed.
    """
    raise NotImplementedError


def rename_fields(record, names):
    """Return the record with its keys renamed as given in names.

    A key that names maps to None is dropped, and a key that is not in names stays.

    >>> rename_fields({"a": 1, "b": 2, "c": 3}, {"a": "x", "b": None})
    {'x': 1, 'c': 3}
    """
    raise NotImplementedError


def transfer(balances: dict, source: str, target: str, amount: int) -> dict:
    """Return new balances after moving amount from source to target.

    If source has less than amount, nothing is moved. A target that has no balance yet starts
    with 0. The given dict must not change.
    """
    raise NotImplementedError


def league_points(matches, team):
    """Return the points of a team: 3 for each match it won, 1 for each draw.

    A match is a dict such as {"home": "A", "away": "B", "score": (2, 1)}, home goals first.
    """
    raise NotImplementedError


def settings_under(config: dict, section: str) -> dict:
    """Return the entries whose key starts with the section and a dot, without that beginning.

    >>> settings_under({"db.host": "x", "db.port": 1, "debug": True}, "db")
    {'host': 'x', 'port': 1}
    """
    raise NotImplementedError


def cart_total(items):
    """Add up price times count of all items that are not a gift, plus 4 if that is below 30.

    Each item has "price" and "count", and a gift has "gift" set to True; other items may lack it.
    """
    raise NotImplementedError


def advance(order: dict) -> dict:
    """Return a copy of the order whose "status" went from "new" to "paid" or from "paid" to "sent".

    Any other status stays as it is. The given dict must not change.
    """
    raise NotImplementedError


def open_questions(form: dict, required: list[str]) -> list[str]:
    """List the required fields that the form lacks or in which it has an empty string.

    Put a question mark behind each of their names.
    """
    raise NotImplementedError


def seat_label(number: int, per_row: int) -> str:
    """Return the label of a seat, the letter of the row and the place in the row.

    Seats are numbered from 1 and there are at most 26 rows, so with 10 seats per row seat 1 is
    "A1" and seat 12 is "B2".
    """
    raise NotImplementedError


def shift_hours(shift):
    """Return the length in hours of a work shift written like "08:00-16:30".

    A shift that ends at an earlier time than it starts ends on the next day.
    """
    raise NotImplementedError


def dive(moves: str) -> int:
    """Follow moves like "D5 U2" and return the depth at the end, starting at depth 0.

    "D" goes down and "U" goes up by the number behind it, but never above the surface.
    """
    raise NotImplementedError


def spent_on(entries: str, name: str) -> int:
    """Sum of the amounts noted for name in a text like "rent:500 food:20 rent:50"."""
    raise NotImplementedError


def lamp_changes(commands):
    """Count how often a lamp that is off at first changes between on and off.

    The commands are "on", "off" and "toggle"; "on" does nothing when the lamp is already on, and
    "off" does nothing when it is already off.
    """
    raise NotImplementedError


def tally_chart(counts: dict[str, int]) -> list[str]:
    """Return a line like "tea: ###" for each entry, with one "#" for every full 10.

    An entry under 10 gets a single "-" instead.

    >>> tally_chart({"tea": 31, "milk": 4})
    ['tea: ###', 'milk: -']
    """
    raise NotImplementedError


def queue_after(queue: list[str], served: int, arrivals: list[str]) -> list[str]:
    """Let the first served people leave the queue, then add the arrivals at the end.

    An arrival who is still waiting in the queue is not added again.
    """
    raise NotImplementedError


def most_inside(log):
    """Return the highest number of people who were in the room at the same time.

    In the log, "+" means that somebody came in and "-" that somebody left. It starts empty.
    """
    raise NotImplementedError


def pick_by_mask(items, mask):
    """Take the items for which the mask has "1" once and those with "2" twice; skip those with "0".

    >>> pick_by_mask(["a", "b", "c"], "102")
    ['a', 'c', 'c']
    """
    raise NotImplementedError


def best_two_cards(cards: list[str]) -> int:
    """Add the values of the two highest cards.

    "A" is worth 11, the cards "K", "Q" and "J" are worth 10, and any other card its number.
    """
    raise NotImplementedError
