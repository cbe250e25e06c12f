"""Quiet hours: a part of each day in which nothing is sent to an archive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from ..errors import InputError

__all__ = ["QuietHours"]

_SPAN = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)( UTC)?")
_HOURS = 24


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day to another, perhaps past midnight."""

    #: Minutes after midnight.
    begin: int
    end: int
    #: Whether the day is that of UTC, or that of this machine's clock.
    is_utc: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``08:00-18:00`` (this machine's own time) or ``08:00-18:00 UTC``."""
        match = _SPAN.fullmatch(text.strip())
        if match:
            hours = int(match[1]), int(match[3])
            begin, end = (
                60 * hour + int(minute)
                for hour, minute in zip(hours, (match[2], match[4]), strict=True)
            )
        if not match or max(hours) >= _HOURS or begin == end:
            msg = (
                f"quiet hours {text!r} are not like 08:00-18:00 (this machine's time) "
                "or 22:00-06:00 UTC"
            )
            raise InputError(msg)
        return cls(begin, end, bool(match[5]))

    def until(self, now: float) -> float | None:
        """Give the Unix seconds of the end of the quiet hours; None outside of them.

        On a day on which the clock is changed they last an hour more or less.
        """
        there = datetime.fromtimestamp(now, UTC)
        if not self.is_utc:
            # Without a zone, `timestamp` reads it as local time again.
            there = there.astimezone().replace(tzinfo=None)
        minute = 60 * there.hour + there.minute
        # Outside if more minutes have passed since the last beginning than they last.
        if (minute - self.begin) % (60 * _HOURS) >= self._minutes:
            return None
        midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = midnight.replace(hour=self.end // 60, minute=self.end % 60)
        if minute >= self.end:
            ends += timedelta(days=1)
        return ends.timestamp()

    @property
    def _minutes(self) -> int:
        return (self.end - self.begin) % (60 * _HOURS)

    def __str__(self) -> str:
        times = (divmod(minute, 60) for minute in (self.begin, self.end))
        span = "-".join(f"{hour:02}:{minute:02}" for hour, minute in times)
        return f"{span} UTC" if self.is_utc else span
