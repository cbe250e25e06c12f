"""A throttle in virtual time, and requests that end as a test says."""

from __future__ import annotations

import asyncio

from harvester.transport.throttle import Manners, Throttle, Timing

OFTEN = Manners(rate=1000, slots={"query": 2, "file": 4})


def throttle_for(clock, manners=OFTEN, **options):
    """Give the throttle of a host, on the clock of the test."""
    timing = Timing(clock=clock, wall=lambda: 1e9 + clock(), random=lambda: 0.5)
    return Throttle("archive.example", manners, timing=timing, **options)


def end(turn, outcome):
    """Tell the throttle what became of a request."""
    match outcome:
        case "ok":
            turn.succeeded()
        case "busy":
            turn.refused(None)
        case "later":
            turn.refused(4.0)
        case "down":
            turn.failed("a", "refused", unreachable=True)
        case "poison":
            turn.failed("a", "http_504")
        case "declined":
            turn.declined(f"{turn.began}", "403 Forbidden", handful=5)
        case "failed":
            turn.failed(f"{turn.began}", "http_503")


async def ask(throttle, kind="query", *, outcome="ok", lasts_s=0.0, log=None):
    """Send one request that lasts so long and ends like that."""
    async with throttle.slot(kind) as turn:
        if log is not None:
            log.append((throttle.clock(), kind))
        await asyncio.sleep(lasts_s)
        end(turn, outcome)
