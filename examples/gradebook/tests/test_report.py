from gradebook.book import Gradebook, read_csv
from gradebook.report import report

GRADES = """\
"Hopper, Grace",95
"Turing, Alan",45
"Hopper, Grace",40
"Hopper, Grace",85
Plato,75
"""


def test_report():
    assert report(read_csv(GRADES)).splitlines() == [
        "Grace Hopper          90.0  A",
        "Plato                 75.0  C",
        "Alan Turing           45.0  F",
        "class average 68.0, median 75.0, 67% pass",
    ]


def test_report_of_an_empty_book():
    assert report(Gradebook()) == ""
