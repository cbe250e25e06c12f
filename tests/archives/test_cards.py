"""Values of header cards."""

from __future__ import annotations

import pytest

from harvester.archives.cards import first_number


@pytest.mark.parametrize(
    ("cards", "number"),
    [
        ({"A": "1.5", "B": "2"}, 1.5),
        ({"A": "", "B": "2"}, 2.0),
        ({"A": "nan", "B": "-2E3"}, -2000.0),
        ({"A": "0", "B": "2"}, 0.0),
        ({"A": "one", "B": "inf"}, None),
        ({}, None),
    ],
)
def test_first_number(cards, number):
    """The first card with a finite number counts, also if it is 0."""
    assert first_number(lambda keyword: cards.get(keyword, ""), "A", "B") == number
