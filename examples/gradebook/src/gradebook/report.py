"""The reports that a teacher prints: python -m gradebook.report grades.csv [--anonymous]"""

import sys
from pathlib import Path

from gradebook.book import Gradebook, initials, ranking, read_csv
from gradebook.grades import final_grade, letter_grade, median, pass_rate, spread


def report(book: Gradebook) -> str:
    """Everybody with the final grade and its letter, best first, and a line about the class."""
    finals = {name: final_grade(book.grades[name]) for name in book.students()}
    lines = [
        f"{name:20} {finals[name]:5.1f}  {letter_grade(finals[name])}" for name in ranking(finals)
    ]
    if finals:
        values = list(finals.values())
        lines.append(
            f"class average {book.class_average():.1f}, median {median(values):.1f}, "
            f"{pass_rate(values):.0f}% pass"
        )
    return "\n".join(lines)


def anonymous(book: Gradebook) -> str:
    """What may hang on the wall: initials, average, and how far apart the grades are."""
    return "\n".join(
        f"{initials(name):5} {book.average_of(name):5.1f}  {spread(book.grades[name]):5.1f}"
        for name in book.students()
    )


def main() -> None:
    book = read_csv(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(anonymous(book) if "--anonymous" in sys.argv else report(book))


if __name__ == "__main__":
    main()
