"""A throttle in virtual time, and requests whose outcome the test chooses."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future

from harvester.transport.machine_limit import MachineLimit
from harvester.transport.throttle import Manners, Throttle, Timing

OFTEN = Manners(rate=1000, slots={"query": 2, "file": 4})


def throttle_for(clock, manners=OFTEN, **options):
    """Make the throttle of one host; it uses the clock of the test."""
    timing = Timing(clock=clock, wall=lambda: 1e9 + clock(), random=lambda: 0.5)
    return Throttle("archive.example", manners, timing=timing, **options)


class AtOnce(Executor):
    """Run the work in the calling thread: other threads have no virtual time."""

    def submit(self, work):
        """Run the work now; return a completed future."""
        future = Future()
        try:
            future.set_result(work())
        except OSError as error:
            future.set_exception(error)
        return future


def machine_limit(clock, folder):
    """Register one more harvest in the machine-wide limits kept in a folder."""
    return MachineLimit(folder, clock=clock, executor=AtOnce())


def end(turn, outcome):
    """Tell the throttle the outcome of a request."""
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
    """Send one request that lasts ``lasts_s`` and ends with ``outcome``."""
    async with throttle.slot(kind) as turn:
        if log is not None:
            log.append((throttle.clock(), kind))
        await asyncio.sleep(lasts_s)
        end(turn, outcome)
