"""Quiet hours: when they begin and end, their time zone, and their spelling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harvester.errors import InputError
from harvester.settings.settings import load_settings
from harvester.transport.quiet_hours import QuietHours


def unix(text):
    """Convert a UTC time to Unix seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.fixture
def new_york(zone):
    """Set the time zone to that of New York, with summer time."""
    zone("EST5EDT,M3.2.0,M11.1.0")


@pytest.mark.parametrize(
    ("span", "now", "until"),
    [
        ("08:00-18:00 UTC", "2026-11-23T07:59:59", None),
        ("08:00-18:00 UTC", "2026-11-23T08:00:00", "2026-11-23T18:00"),
        ("08:00-18:00 UTC", "2026-11-23T17:59:59", "2026-11-23T18:00"),
        ("08:00-18:00 UTC", "2026-11-23T18:00:00", None),
        ("22:00-06:30 UTC", "2026-11-23T21:59:59", None),
        ("22:00-06:30 UTC", "2026-11-23T22:00:00", "2026-11-24T06:30"),
        ("22:00-06:30 UTC", "2026-12-31T23:59:59", "2027-01-01T06:30"),
        ("22:00-06:30 UTC", "2026-11-23T06:29:59", "2026-11-23T06:30"),
        ("22:00-06:30 UTC", "2026-11-23T06:30:00", None),
        ("18:00-00:00 UTC", "2026-11-23T23:00:00", "2026-11-24T00:00"),
        ("18:00-00:00 UTC", "2026-11-24T00:00:00", None),
    ],
)
def test_until(span, now, until):
    """Quiet hours are exact to the second and may cross midnight."""
    expected = None if until is None else unix(until)
    assert QuietHours.parse(span).until(unix(now)) == expected


@pytest.mark.usefixtures("new_york")
@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-23T12:59:59", None),
        ("2026-11-23T13:00:00", "2026-11-23T23:00"),
        ("2026-07-01T12:00:00", "2026-07-01T22:00"),
    ],
)
def test_own_clock(now, until):
    """Quiet hours without "UTC" are in local time, in summer time too."""
    expected = None if until is None else unix(until)
    assert QuietHours.parse("08:00-18:00").until(unix(now)) == expected


@pytest.mark.usefixtures("new_york")
def test_night_of_the_clock_change():
    """In the night when the clock is put back, quiet hours last an hour longer."""
    quiet = QuietHours.parse("22:00-06:00")
    began = unix("2026-11-01T02:00")
    assert quiet.until(began) - began == timedelta(hours=9).total_seconds()


@pytest.mark.parametrize("text", ["08:00-18:00", "22:00-06:30 UTC"])
def test_spelling(text):
    """Quiet hours are written as they were read, in the settings file too."""
    assert str(QuietHours.parse(text)) == text
    settings = load_settings(politeness={"quiet": text})
    assert f'quiet = "{text}"' in settings.to_toml()


@pytest.mark.parametrize(
    "text", ["8-18", "08:00-08:00", "24:00-06:00", "08:60-09:00", "08:00-18:00 CET"]
)
def test_misspelled(text):
    """An invalid span raises InputError that names the setting."""
    with pytest.raises(InputError, match="quiet"):
        QuietHours.parse(text)
    with pytest.raises(InputError, match=r"services\.mast\.quiet"):
        load_settings(services={"mast": {"quiet": text}})
