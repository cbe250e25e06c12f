"""Rate limits that a server states, and the wait that they ask for.

``RateLimit: "api";r=0;t=55`` says that 0 requests are left for 55 s; the policy of that
limit is in ``RateLimit-Policy: "api";q=500;w=300``: 500 requests in 300 s. This is the
IETF draft "RateLimit header fields for HTTP". ``Retry-After`` is of RFC 9110.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ...errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Pause", "StatedLimit", "read_rate_limits", "wait_asked_for"]

#: An item of a structured-field list: a quoted name or a token, then its parameters.
_ITEM = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([A-Za-z*][\w.*:/%-]*))((?:\s*;[^,;]*)*)')
_PARAMETER = re.compile(r";\s*([a-z*][a-z0-9_.*-]*)\s*=\s*([0-9]{1,15})(?![0-9.])")

#: Statuses that say "later".
_LATER = {429, 503}

#: Longest wait in seconds that is taken; a longer one ends the command.
_LONGEST_S = 1800.0

#: Seconds that are added to a wait, because servers round it down.
_ROUNDED_S = 1.0


@dataclass(frozen=True, slots=True)
class StatedLimit:
    """One limit of a server: its name and numbers, in requests and seconds."""

    name: str
    #: ``r`` and ``t``: what is left, and when there is more.
    #: ``q`` and ``w``: the quota, and the window it is for.
    numbers: Mapping[str, int]


def read_rate_limits(text: str) -> list[StatedLimit]:
    """Read the value of ``RateLimit`` or ``RateLimit-Policy``; skip what is unclear."""
    return [
        StatedLimit(match[1] or match[2], numbers)
        for match in _ITEM.finditer(text)
        if (numbers := {name: int(n) for name, n in _PARAMETER.findall(match[3])})
    ]


def wait_asked_for(status: int, headers: Mapping[str, str], now: datetime) -> float:
    """Give the seconds to wait before the next request; 0 if there is no need.

    Parameters
    ----------
    headers
        Of an answer; names in lower case.
    now
        Needed where ``Retry-After`` is a date.
    """
    limits = read_rate_limits(headers.get("ratelimit", ""))
    waits = [
        one.numbers["t"] + _ROUNDED_S
        for one in limits
        if one.numbers.get("r") == 0 and "t" in one.numbers
    ]
    if status in _LATER:
        waits.append(_retry_after(headers.get("retry-after", ""), now))
    return max(waits, default=0.0)


def _retry_after(text: str, now: datetime) -> float:
    if text.isascii() and text.strip().isdigit():
        return float(text.strip())
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError, TypeError):
        return 0.0
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


class Pause:
    """Holds requests back for as long as a server asks.

    Parameters
    ----------
    say
        Gets a sentence when a wait begins.
    sleep, clock
        Of `time`; tests give their own.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._sleep, self._clock = say, sleep, clock
        self._until = 0.0
        self._why = ""

    def heed(self, host: str, status: int, headers: Mapping[str, str]) -> None:
        """Take note of what an answer says about limits; names are in lower case.

        Raises
        ------
        TransientError
            The wait would be longer than half an hour.
        """
        seconds = wait_asked_for(status, headers, datetime.now(UTC))
        policy = headers.get("ratelimit-policy", "")
        why = f"{host} limits requests{f' ({policy})' if policy else ''}"
        if seconds > _LONGEST_S:
            msg = (
                f"{why} and asks to wait {seconds / 60:,.0f} minutes. Run the same "
                "command later: it continues where this one ends."
            )
            raise TransientError("rate_limit", msg)
        until = self._clock() + seconds
        if seconds and until > self._until:
            self._why, self._until = why, until

    def hold(self) -> None:
        """Wait until the next request may be sent."""
        seconds = self._until - self._clock()
        if seconds > 0:
            self._say(f"{self._why}: waiting {seconds:,.0f} s.")
            self._sleep(seconds)

    def rest(self, seconds: float) -> None:
        """Wait before a request that failed is sent again."""
        self._sleep(seconds)
