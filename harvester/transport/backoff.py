"""How long to wait and how often to try: by the archive's wish, or by our own rule."""

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

#: Longest wait in seconds that one ``Retry-After`` is obeyed for.
LONGEST_S = 3600.0

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
#: More doublings would exceed every cap anyway.
_MOST_DOUBLINGS = 60


def retry_after(value: str | None, *, date: str | None, now: float) -> float | None:
    """Read a ``Retry-After`` header: seconds to wait, at most an hour.

    Parameters
    ----------
    value
        Seconds or an HTTP date, as the archive sent it.
    date
        The ``Date`` header of the same reply. A date in ``value`` is compared with it,
        so that a wrong clock on either side does not matter.
    now
        Unix seconds, used where the reply has no readable ``Date``.

    Returns
    -------
    float or None
        None if the header is missing, unreadable or not in the future: then use our
        own backoff.
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

    ``attempt`` counts from 1; ``random`` gives numbers from 0 up to 1. The wait is
    drawn from the whole span, so that clients that failed together do not come back
    together.
    """
    doublings = min(max(attempt - 1, 0), _MOST_DOUBLINGS)
    return min(cap, base * 2.0**doublings) * random()


class TooManyRequestsError(TransientError):
    """The host wants fewer requests; ``cool_down_s`` is the wait that it asked for."""

    def __init__(self, message: str, cool_down_s: float | None) -> None:
        super().__init__("busy", message)
        self.cool_down_s = cool_down_s


class Patience:
    """The tries of one call, and how long it waits for a host that is down.

    A failure of the request itself spends a try. A failure of the host (down, busy,
    out of order) spends none, but ends the call when the outage lasts too long.

    If other requests to this host succeeded since the last failure, or the host was
    seen to work just now, a failure that looks like an outage spends a try too.
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
        """Give the seconds for which to go on waiting for a host that is down."""
        # At least a second: a request that has waited that long takes a free place.
        return max(1.0, self._outage_s - self._lasts_s())

    def after(
        self,
        error: TransientError,
        *,
        down: bool,
        successes: int,
        is_sound: bool = False,
    ) -> float:
        """Give the seconds to wait after a failure; raise it if tries or time are up.

        ``down``: the host lets nothing but probes through; ``successes``: how many
        requests to it succeeded so far; ``is_sound``: one succeeded just now.
        """
        alone = is_sound or self._successes not in {None, successes}
        self._successes = successes
        if isinstance(error, TooManyRequestsError):
            self._outlast(error)
            return 0.0
        if (down or isinstance(error, OutageError)) and not alone:
            self._outlast(error)
            # Once the breaker is open, it makes the request wait.
            return 0.0 if down else self._pause_s(self._put_off)
        return self._spend(error)

    def after_refusal(self, error: PermanentError | TransientError) -> float:
        """Spend a try on a refusal that may pass; raise it after two tries or more."""
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
            often = "once" if self._spent == 1 else f"{self._spent} times"
            message = f"{error} (tried {often})"
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
        # A date in the old form, or with "-0000", has no zone. In HTTP it is UTC;
        # Python would take the zone of this machine.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _bounded(seconds: float) -> float | None:
    return min(seconds, LONGEST_S) if seconds > 0 else None
