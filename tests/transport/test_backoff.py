"""How long is waited, and how often it is tried."""

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
    """A number is so many seconds."""
    assert retry_after("4", date=None, now=0) == 4


@pytest.mark.parametrize("wrong_by", [-1e9, 0, 1e9])
def test_retry_after_date(wrong_by):
    """A date counts from the reply's own Date, whatever the clock here shows."""
    until = _http(_NOON + timedelta(seconds=90))
    now = _NOON.timestamp() + wrong_by
    assert retry_after(until, date=_http(_NOON), now=now) == 90


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_retry_after_date_alone(date):
    """Without a readable Date the clock here has to do."""
    until = _http(_NOON + timedelta(seconds=90))
    assert retry_after(until, date=date, now=_NOON.timestamp() + 30) == 60


@pytest.fixture
def far_from_greenwich(zone):
    """Have this machine in a zone ten hours ahead of UTC."""
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
    """A date without a zone is in UTC, as HTTP has it, wherever this machine is."""
    until = (_NOON + timedelta(seconds=90)).strftime(form)
    now = _NOON.timestamp()
    assert retry_after(until, date=None, now=now) == 90
    assert retry_after(until, date=_http(_NOON), now=0) == 90
    assert retry_after(_http(_NOON), date=until, now=0) is None
    soon = _http(_NOON + timedelta(seconds=100))
    assert retry_after(soon, date=until, now=0) == 10


def test_retry_after_zone():
    """A date in a zone of its own is the same moment as in UTC."""
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
    """What is past, negative or garbage leaves it to our own backoff."""
    assert retry_after(value, date=_http(_NOON), now=_NOON.timestamp()) is None


@pytest.mark.parametrize(
    "value", ["1000000000", "9" * 5000, _http(_NOON.replace(year=2999))]
)
def test_retry_after_longest(value):
    """No header keeps us waiting for longer than an hour."""
    assert retry_after(value, date=_http(_NOON), now=0) == LONGEST_S == 3600


@given(st.text(max_size=60), st.none() | st.text(max_size=40))
def test_retry_after_any_text(value, date):
    """Whatever is sent, the wait is sane or left to us."""
    wait = retry_after(value, date=date, now=1e9)
    assert wait is None or 0 < wait <= LONGEST_S


@given(st.integers(1, 4_000_000_000), st.integers(1, 100_000))
def test_retry_after_any_date(sent, ahead):
    """A date is never waited for too short a time."""
    until, date = formatdate(sent + ahead, usegmt=True), formatdate(sent, usegmt=True)
    assert retry_after(until, date=date, now=0) == min(ahead, LONGEST_S)


@given(st.integers(-5, 10**6), st.floats(0, 1, exclude_max=True))
def test_backoff_span(attempt, number):
    """The wait is drawn from the whole of a span that doubles up to the cap."""
    span = min(60.0, 2.0 ** min(max(attempt - 1, 0), 100))
    assert backoff(attempt, random=lambda: number) == pytest.approx(span * number)


def _patience(now, tries=3, outage_s=100.0):
    return Patience(tries, outage_s, clock=lambda: now[0], random=lambda: 0.5)


def _failure(reason="reset"):
    return TransientError(reason, "it broke")


def test_patience_tries():
    """A request that fails by itself is tried so often, with growing pauses."""
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
    """The host's own trouble spends no try, but must not last for ever."""
    now = [0.0]
    patience = _patience(now)
    for now[0] in range(0, 100, 5):
        patience.after(error, down=down, successes=0)
    assert patience.left_s() == 5
    now[0] = 100.0
    with pytest.raises(OutageError, match="resume later") as caught:
        patience.after(error, down=down, successes=0)
    assert caught.value.reason == error.reason


def test_patience_counts_from_the_outage():
    """An outage is counted from its first failure, and a wait is a second at least."""
    now = [50.0]
    patience = _patience(now)
    patience.after(_failure(), down=True, successes=0)
    now[0] = 60.0
    assert patience.left_s() == 90
    now[0] = 149.5
    assert patience.left_s() == 1


@pytest.mark.parametrize("kind", [PermanentError, TransientError])
def test_patience_with_refusals(kind):
    """A refusal is tried a second time even where one try is allowed, then raised."""
    patience = _patience([0.0], tries=1)
    refusal = kind("http_403", "no")
    assert patience.after_refusal(refusal) == 0.5
    with pytest.raises(kind, match=r"no \(tried 2 times\)") as caught:
        patience.after_refusal(refusal)
    assert caught.value.reason == "http_403"


def test_busy():
    """A host that wants fewer requests says so by its reason and for how long."""
    error = TooManyRequestsError("come later", 4.0)
    assert (error.reason, error.cool_down_s) == ("busy", 4)


def test_patience_alone():
    """Who fails while others go well is at fault, whatever it looks like."""
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
    """Being told to come later costs no try, even if others are let in."""
    patience = _patience([0.0], tries=1)
    waits = [
        patience.after(TooManyRequestsError("busy", None), down=False, successes=n)
        for n in range(10)
    ]
    assert waits == [0.0] * 10


def test_patience_pauses():
    """Who waits for the breaker need not pause; before it opens, pauses grow."""
    patience = _patience([0.0])
    refused = OutageError("refused", "no")
    waits = [patience.after(refused, down=False, successes=0) for _ in range(3)]
    assert waits == [0.5, 1.0, 2.0]
    assert patience.after(refused, down=True, successes=0) == 0


def test_patience_new_outage():
    """A failure of its own ends an outage; the next outage counts from its start."""
    now = [0.0]
    patience = _patience(now)
    patience.after(_failure(), down=True, successes=0)
    now[0] = 99.0
    patience.after(_failure(), down=False, successes=0)
    assert patience.left_s() == 100
