"""Numbers and times of the report as text."""

from __future__ import annotations

import pytest

from harvester.status.report_page.words import (
    bytes_words,
    first_of_all,
    moment,
    with_unit,
)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, "/min", "0/min"),
        (3.0, "/min", "3/min"),
        (0.0336, "s", "0.0336 s"),
        (1_234, "B/s", "1.23 kB/s"),
        (2_500, "/min", "2.5 k/min"),
    ],
)
def test_with_unit(value, unit, words):
    """Three digits, with a prefix for thousands."""
    assert with_unit(value, unit) == words


def test_bytes():
    """Bytes have their unit also below a thousand."""
    assert [bytes_words(n) for n in (999, 40_900_000)] == ["999 B", "40.9 MB"]


def test_moment():
    """Times are UTC."""
    assert moment(1_800_000_000) == "2027-01-15 08:00"


def test_first_of_all():
    """What is left out is counted; nothing is said if nothing is."""
    assert first_of_all(20, 1_000, "row") == "The first 20 of 1,000 rows are shown."
    assert first_of_all(20, 20, "row") == ""
