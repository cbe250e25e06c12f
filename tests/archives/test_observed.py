"""When an observation began, from the cards of several archives."""

from __future__ import annotations

import pytest

from harvester.archives.observed import date_observed


@pytest.mark.parametrize(
    ("cards", "date"),
    [
        ({"DATE-BEG": "2022-06-07T00:35:04.543"}, "2022-06-07T00:35:04.543"),
        (
            {"DATE-OBS": "2010-11-16", "TIME-OBS": "12:09:57"},
            "2010-11-16T12:09:57",
        ),
        ({"DATE-OBS": "2010-11-16T12:09:57.5"}, "2010-11-16T12:09:57.5"),
        ({"DATE-OBS": "2010-11-16", "TIME-OBS": "noon"}, "2010-11-16"),
        ({"TIME-OBS": "16:29:45", "EXPSTART": "56529.5"}, "2013-08-25T12:00:00.000"),
        ({"DATE-OBS": "16/11/98", "EXPSTART": "51133.25"}, "1998-11-16T06:00:00.000"),
        ({"DATE-OBS": "16/11/98"}, ""),
        ({"EXPSTART": "1e300"}, ""),
        ({}, ""),
    ],
)
def test_date(cards, date):
    """The most exact card that is an ISO date tells the start; else the MJD does."""
    assert date_observed(lambda keyword: cards.get(keyword, "")) == date
