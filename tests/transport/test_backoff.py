"""How long a request waits before a retry, and how many tries it has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.errors import OutageError, PermanentError, TransientError
from harvester.transport.backoff import (
    LONGEST_S,
    Patience,
    TooManyRequestsError,
    backoff,
    retry_after,
)

_NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def _http(moment):
    return format_datetime(moment, usegmt=True)


def test_retry_after_seconds():
    """A number in Retry-After is a count of seconds."""
    assert retry_after("4", date=None, now=0) == 4


@pytest.mark.parametrize("wrong_by", [-1e9, 0, 1e9])
def test_retry_after_date(wrong_by):
    """A date counts from the reply's Date header, even if the local clock is wrong."""
    until = _http(_NOON + timedelta(seconds=90))
    now = _NOON.timestamp() + wrong_by
    assert retry_after(until, date=_http(_NOON), now=now) == 90


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_retry_after_date_alone(date):
    """Without a readable Date header, a date counts from the local clock."""
    until = _http(_NOON + timedelta(seconds=90))
    assert retry_after(until, date=date, now=_NOON.timestamp() + 30) == 60


@pytest.fixture
def far_from_greenwich(zone):
    """Put this machine in a time zone ten hours ahead of UTC."""
    zone("UTC-10")


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize(
    "form",
    [
        "%a %b %d %H:%M:%S %Y",
        "%a, %d %b %Y %H:%M:%S -0000",
        "%A, %d-%b-%y %H:%M:%S GMT",
    ],
)
def test_retry_after_old_dates(form):
    """A date without a zone is in UTC, whatever the local time zone is."""
    until = (_NOON + timedelta(seconds=90)).strftime(form)
    now = _NOON.timestamp()
    assert retry_after(until, date=None, now=now) == 90
    assert retry_after(until, date=_http(_NOON), now=0) == 90
    assert retry_after(_http(_NOON), date=until, now=0) is None
    soon = _http(_NOON + timedelta(seconds=100))
    assert retry_after(soon, date=until, now=0) == 10


def test_retry_after_zone():
    """A date with a zone offset is converted to UTC."""
    until = "Mon, 23 Nov 2026 13:01:30 +0100"
    assert retry_after(until, date=_http(_NOON), now=0) == 90


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "0",
        "-5",
        "soon",
        "4 s",
        "٤",
        "nan",
        "inf",
        "1e3",
        _http(_NOON),
        _http(_NOON - timedelta(hours=1)),
        "Mon, 99 Nov 2026 12:00:00 GMT",
        "Mon, 23 Nov 99999 12:00:00 GMT",
        "-4\x1c",
    ],
)
def test_retry_after_useless(value):
    """A Retry-After that is past, not positive or unreadable is ignored."""
    assert retry_after(value, date=_http(_NOON), now=_NOON.timestamp()) is None


@pytest.mark.parametrize(
    "value", ["1000000000", "9" * 5000, _http(_NOON.replace(year=2999))]
)
def test_retry_after_longest(value):
    """A Retry-After is capped at one hour."""
    assert retry_after(value, date=_http(_NOON), now=0) == LONGEST_S == 3600


@given(st.text(max_size=60), st.none() | st.text(max_size=40))
def test_retry_after_any_text(value, date):
    """For any header text, the wait is None or between 0 and one hour."""
    wait = retry_after(value, date=date, now=1e9)
    assert wait is None or 0 < wait <= LONGEST_S


@given(st.integers(1, 4_000_000_000), st.integers(1, 100_000))
def test_retry_after_any_date(sent, ahead):
    """The wait for a date is exactly the time until it, capped at one hour."""
    until, date = formatdate(sent + ahead, usegmt=True), formatdate(sent, usegmt=True)
    assert retry_after(until, date=date, now=0) == min(ahead, LONGEST_S)


@given(st.integers(-5, 10**6), st.floats(0, 1, exclude_max=True))
def test_backoff_span(attempt, number):
    """The wait is a random fraction of a span that doubles per attempt, up to 60 s."""
    span = min(60.0, 2.0 ** min(max(attempt - 1, 0), 100))
    assert backoff(attempt, random=lambda: number) == pytest.approx(span * number)


def _patience(now, tries=3, outage_s=100.0):
    return Patience(tries, outage_s, clock=lambda: now[0], random=lambda: 0.5)


def _failure(reason="reset"):
    return TransientError(reason, "it broke")


def test_patience_tries():
    """A request with ordinary failures has ``tries`` tries, with growing pauses."""
    patience = _patience([0.0])
    pauses = [patience.after(_failure(), down=False, successes=0) for _ in range(2)]
    with pytest.raises(TransientError, match="tried 3 times") as caught:
        patience.after(_failure("stalled"), down=False, successes=0)
    assert pauses == [0.5, 1.0]
    assert caught.value.reason == "stalled"
    assert not isinstance(caught.value, OutageError)


@pytest.mark.parametrize(
    ("error", "down"),
    [
        (OutageError("refused", "no"), False),
        (_failure(), True),
        (TooManyRequestsError("busy", 4.0), False),
    ],
)
def test_patience_outage(error, down):
    """An outage of the host spends no try, but raises after ``outage_s`` seconds."""
    now = [0.0]
    patience = _patience(now)
    for now[0] in range(0, 100, 5):
        patience.after(error, down=down, successes=0)
    assert patience.left_s() == 5
    now[0] = 100.0
    with pytest.raises(OutageError, match="gave up after 100 s of outage: ") as caught:
        patience.after(error, down=down, successes=0)
    assert caught.value.reason == error.reason


def test_patience_counts_from_the_outage():
    """The time left counts from the outage's first failure, and is at least 1 s."""
    now = [50.0]
    patience = _patience(now)
    patience.after(_failure(), down=True, successes=0)
    now[0] = 60.0
    assert patience.left_s() == 90
    now[0] = 149.5
    assert patience.left_s() == 1


@pytest.mark.parametrize("kind", [PermanentError, TransientError])
def test_patience_with_refusals(kind):
    """A refusal is retried once even if only one try is allowed, then raised."""
    patience = _patience([0.0], tries=1)
    refusal = kind("http_403", "no")
    assert patience.after_refusal(refusal) == 0.5
    with pytest.raises(kind, match=r"no \(tried 2 times\)") as caught:
        patience.after_refusal(refusal)
    assert caught.value.reason == "http_403"


def test_busy():
    """The error for too many requests carries its reason and the cool-down."""
    error = TooManyRequestsError("come later", 4.0)
    assert (error.reason, error.cool_down_s) == ("busy", 4)


def test_patience_alone():
    """A failure while other requests succeed spends a try, even an OutageError."""
    patience = _patience([0.0])
    html = OutageError("html", "a page")
    patience.after(html, down=False, successes=0)
    patience.after(html, down=False, successes=1)
    patience.after(html, down=False, successes=2)
    with pytest.raises(TransientError) as caught:
        patience.after(html, down=False, successes=3)
    assert caught.value.reason == "html"
    assert not isinstance(caught.value, OutageError)


def test_patience_busy_is_free():
    """A 429 spends no try, even if other requests succeed meanwhile."""
    patience = _patience([0.0], tries=1)
    waits = [
        patience.after(TooManyRequestsError("busy", None), down=False, successes=n)
        for n in range(10)
    ]
    assert waits == [0.0] * 10


def test_patience_pauses():
    """Pauses grow until the breaker opens; after that there is no extra pause."""
    patience = _patience([0.0])
    refused = OutageError("refused", "no")
    waits = [patience.after(refused, down=False, successes=0) for _ in range(3)]
    assert waits == [0.5, 1.0, 2.0]
    assert patience.after(refused, down=True, successes=0) == 0


def test_patience_new_outage():
    """An ordinary failure ends an outage; the next one counts from its own start."""
    now = [0.0]
    patience = _patience(now)
    patience.after(_failure(), down=True, successes=0)
    now[0] = 99.0
    patience.after(_failure(), down=False, successes=0)
    assert patience.left_s() == 100
