"""The atomic time of SDSS's headers, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["utc_of"]

#: Zero of the modified Julian date, from which the headers count seconds.
_ZERO = datetime(1858, 11, 17, tzinfo=UTC)

#: Seconds by which atomic time is ahead of UTC, and since when (IERS bulletin C). The
#: camera took its last image in 2009.
_AHEAD = (
    (datetime(2009, 1, 1, tzinfo=UTC), 34),
    (datetime(2006, 1, 1, tzinfo=UTC), 33),
    (datetime(1999, 1, 1, tzinfo=UTC), 32),
    (datetime(1997, 7, 1, tzinfo=UTC), 31),
)

#: Seconds in the headers that lie in the years of the camera, 1998 to 2009.
_YEARS = (4.39e9, 4.79e9)


def utc_of(tai: float) -> str:
    """Give atomic time in UTC, as ISO 8601 with hundredths of a second.

    Parameters
    ----------
    tai
        Seconds since the zero of the modified Julian date, as in the card ``TAI``.
        Empty text if it lies outside of the years in which the camera was used.
    """
    if not _YEARS[0] < tai < _YEARS[1]:
        return ""
    atomic = _ZERO + timedelta(seconds=round(tai, 2))
    ahead = next(s for since, s in _AHEAD if atomic >= since + timedelta(seconds=s))
    utc = atomic - timedelta(seconds=ahead)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 10_000:02d}"
