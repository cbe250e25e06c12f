"""How long to wait, and how often to try: the archive's wishes and our own sense."""

from __future__ import annotations

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from random import random as any_number
from typing import TYPE_CHECKING

from ..errors import OutageError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST_S", "Patience", "TooManyRequestsError", "backoff", "retry_after"]

#: No archive keeps us waiting longer than this by one header, in seconds.
LONGEST_S = 3600.0

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
#: Doubling any further overflows nothing but helps nobody.
_MOST_DOUBLINGS = 60


def retry_after(value: str | None, *, date: str | None, now: float) -> float | None:
    """Read a ``Retry-After`` header: seconds to wait, at most an hour.

    Parameters
    ----------
    value
        Seconds or an HTTP date, as the archive sent it.
    date
        The ``Date`` header of the same reply. A date to wait for is relative to it,
        so that a wrong clock on either side does no harm.
    now
        Unix seconds, used where the reply has no readable ``Date``.

    Returns
    -------
    float or None
        None where the header is missing, unreadable or not in the future: then our
        own backoff has to do.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return _bounded(float(value.strip()))
    until = _unix(value)
    if until is None:
        return None
    sent = _unix(date)
    return _bounded(until - (now if sent is None else sent))


def backoff(
    attempt: int,
    *,
    base: float = 1.0,
    cap: float = 60.0,
    random: Callable[[], float],
) -> float:
    """Seconds before attempt number ``attempt + 1``: exponential, with full jitter.

    ``attempt`` counts from 1; ``random`` gives numbers from 0 up to 1. The whole
    span is drawn from, so that many clients that failed together do not come back
    together.
    """
    doublings = min(max(attempt - 1, 0), _MOST_DOUBLINGS)
    return min(cap, base * 2.0**doublings) * random()


class TooManyRequestsError(TransientError):
    """The host wants fewer requests; ``cool_down_s`` is how long, if it said so."""

    def __init__(self, message: str, cool_down_s: float | None) -> None:
        super().__init__("busy", message)
        self.cool_down_s = cool_down_s


class Patience:
    """One request's tries, and how long it puts up with an outage.

    A try is spent when the request is at fault. When the host is (it is down, busy
    or out of order), nothing is spent, but the outage must not last for ever.

    A request that fails like an outage while others went well since its last
    failure, or while the host was seen to be sound, is no outage after all, and pays.
    """

    def __init__(
        self,
        tries: int,
        outage_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = any_number,
    ) -> None:
        self._tries = tries
        self._outage_s = outage_s
        self._clock = clock
        self._random = random
        self._spent = 0
        self._put_off = 0
        self._since: float | None = None
        self._successes: int | None = None

    def left_s(self) -> float:
        """For how many seconds to go on waiting for a host that is down."""
        # Not below a second: who has waited that long takes the turn that is free.
        return max(1.0, self._outage_s - self._lasts_s())

    def after(
        self,
        error: TransientError,
        *,
        down: bool,
        successes: int,
        is_sound: bool = False,
    ) -> float:
        """Give the seconds to wait after a failure, or raise it if it is enough.

        ``down``: nobody gets through to the host; ``successes``: how many requests
        of anyone went well there so far; ``is_sound``: one did, just now.
        """
        alone = is_sound or self._successes not in {None, successes}
        self._successes = successes
        if isinstance(error, TooManyRequestsError):
            self._outlast(error)
            return 0.0
        if (down or isinstance(error, OutageError)) and not alone:
            self._outlast(error)
            # The breaker makes us wait; before it opens, we do.
            return 0.0 if down else self._pause_s(self._put_off)
        return self._spend(error)

    def after_refusal(self, error: PermanentError | TransientError) -> float:
        """Spend a try on a refusal that may pass, or raise it; it has two at least."""
        self._tries = max(self._tries, 2)
        return self._spend(error)

    def _outlast(self, error: TransientError) -> None:
        if self._since is None:
            self._since = self._clock()
        self._put_off += 1
        if self._lasts_s() >= self._outage_s:
            message = f"{error}; this has lasted {self._lasts_s():.0f} s: resume later"
            raise OutageError(error.reason, message) from error

    def _spend(self, error: PermanentError | TransientError) -> float:
        self._since = None
        self._spent += 1
        if self._spent >= self._tries:
            message = f"{error} (tried {self._spent} times)"
            if isinstance(error, PermanentError):
                raise PermanentError(error.reason, message) from error
            raise TransientError(error.reason, message) from error
        return self._pause_s(self._spent)

    def _lasts_s(self) -> float:
        return 0.0 if self._since is None else self._clock() - self._since

    def _pause_s(self, attempt: int) -> float:
        return backoff(attempt, random=self._random)


def _unix(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        # The old form has no zone, and "-0000" is none: HTTP's is always UTC, whereas
        # Python's would be the zone of this machine.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _bounded(seconds: float) -> float | None:
    return min(seconds, LONGEST_S) if seconds > 0 else None
