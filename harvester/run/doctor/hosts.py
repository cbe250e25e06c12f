"""What the replies tell of each host: whether it was reached, its TLS, its clock."""

from __future__ import annotations

import math
import ssl
import time
from email.utils import parsedate_to_datetime
from statistics import median
from typing import TYPE_CHECKING

from ...errors import LocalError
from .findings import Diagnosis, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...transport.sighting import Sighting
    from .protocol import Asked

__all__ = ["clock_offset_s", "host_findings"]

#: Seconds by which clocks may differ: a reply states whole seconds, and travels.
_TOLERATED_S = 10.0

#: Days before the end of a certificate from which on it is told.
_SOON_DAYS = 14

_DAY_S = 86_400


def host_findings(asked: Sequence[Asked]) -> Iterator[Diagnosis]:
    """Yield whether each address was reached, then how its clock compares with ours."""
    offsets: dict[str, float] = {}
    for service, address in dict.fromkeys((one.service, one.address) for one in asked):
        replies = [
            sighting
            for one in asked
            if (one.service, one.address) == (service, address)
            for sighting in one.sightings
            if sighting.status
        ]
        if replies:
            yield _reached(service, address, replies)
            yield from _certificate(service, replies)
            known = [s for one in replies if (s := clock_offset_s(one)) is not None]
            if known:
                offsets[service] = median(known)
    yield from _clock(offsets)


def _reached(service: str, address: str, replies: Sequence[Sighting]) -> Diagnosis:
    times = [one.came_at - one.sent_at for one in replies]
    versions = {one.tls["version"] for one in replies if one.tls}
    tls = ", ".join(sorted(versions)) or "no TLS"
    words = f"{address} answers ({tls}; after {median(times) * 1000:,.0f} ms)"
    return Diagnosis(service, Level.OK, words)


def _certificate(service: str, replies: Iterable[Sighting]) -> Iterator[Diagnosis]:
    ends = {one.tls["until"] for one in replies if one.tls.get("until")}
    for until in ends:
        days = (ssl.cert_time_to_seconds(until) - time.time()) / _DAY_S
        if days < _SOON_DAYS:
            words = f"its certificate ends in {max(0, math.floor(days))} days: {until}"
            advice = "The archive must renew it; until then nothing is to be done."
            yield Diagnosis(service, Level.NOTE, words, advice)


def clock_offset_s(sighting: Sighting) -> float | None:
    """Give how many seconds our clock is ahead of the host's; None if it tells none.

    The header states whole seconds, so the true time is up to a second later.
    """
    stated = {name.lower(): text for name, text in sighting.headers}.get("date")
    try:
        moment = parsedate_to_datetime(stated or "")
    except ValueError:
        return None
    return sighting.came_at - (moment.timestamp() + 0.5)


def _clock(offsets: Mapping[str, float]) -> Iterator[Diagnosis]:
    if not offsets:
        return
    off = {name: s for name, s in offsets.items() if abs(s) > _TOLERATED_S}
    if len(off) == len(offsets):
        middle = median(offsets.values())
        words = f"the clock of this machine is {_apart(middle)} all hosts"
        advice = "Let the system set its clock: timedatectl set-ntp true"
        yield Diagnosis.trouble("machine", words, advice, LocalError.exit_code)
        return
    for name, seconds in off.items():
        words = f"its clock is not that of others: ours is {_apart(seconds)} it"
        yield Diagnosis(name, Level.NOTE, words)
    yield Diagnosis("machine", Level.OK, "the clock agrees with the hosts'")


def _apart(seconds: float) -> str:
    return f"{abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'}"
