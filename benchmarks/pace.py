"""The throttle: how much of an allowed rate is reached, without exceeding it.

Alone, where a request is nothing but time that passes; shared, the same with the limit
of all harvests of the machine; and over HTTP, where the whole transport asks a sandbox
that is a process of its own and notes when each one arrives.
"""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from skies import sky

from harvester import __version__
from harvester.transport.machine_limit import HostLimit, MachineLimit
from harvester.transport.throttle import Manners, Throttle
from harvester.transport.transport import Service, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

#: Requests a second that are allowed: SDSS's files, something more, the bucket.
RATES = (10, 20, 50)

#: Workers that always have a next request, and seconds that a request takes.
_WORKERS = 32
_LASTS_S = 0.3

#: A small reply.
_PAGE = "/portal/Mashup/Mashup.asmx/columnsconfig"

Pace = dict[str, float]


def paces(seconds: float, folder: Path) -> dict[str, list[Pace]]:
    """Send requests at each rate for some time; give the results by lane."""
    lanes = ("alone", "shared", "over HTTP", "as it arrived")
    found: dict[str, list[Pace]] = {lane: [] for lane in lanes}
    nothing = ("--targets", "1", "--no-hst-images")
    with sky(folder, *nothing, latency_s={"query": _LASTS_S}) as running:
        for rate in RATES:
            running.reset()
            base = running.urls["mast"]
            moments = (
                asyncio.run(_ask(rate, seconds)),
                asyncio.run(_ask_together(folder / "limits", rate, seconds)),
                asyncio.run(_ask_over_http(base, rate, seconds)),
                [visit["at"] for visit in running.visits("mast")],
            )
            for lane, sent in zip(found.values(), moments, strict=True):
                lane.append(_judged(sent, rate, seconds))
    return found


def _judged(moments: list[float], rate: int, seconds: float) -> Pace:
    """Count the requests since the first one, and those over the rate."""
    begun = sorted(at - min(moments) for at in moments)
    # If the request ``rate`` places later comes within a second, the rate is exceeded.
    too_soon = zip(begun, begun[rate:], strict=False)
    return {
        "allowed": rate,
        "reached": sum(at < seconds for at in begun) / seconds / rate,
        "most in a second": max(_in_a_second(begun)),
        "too many": sum(later - earlier < 1 for earlier, later in too_soon),
        "least gap ms": 1000 * min(b - a for a, b in pairwise(begun)),
    }


async def _ask_together(folder: Path, rate: int, seconds: float) -> list[float]:
    machine = MachineLimit(folder)
    try:
        return await _ask(rate, seconds, machine.at(f"archive {rate}"))
    finally:
        machine.close()


async def _ask(
    rate: int, seconds: float, limit: HostLimit | None = None
) -> list[float]:
    manners = Manners(rate=rate, slots={"file": _WORKERS})
    throttle = Throttle("archive", manners, limit=limit)
    began = time.monotonic()
    sent: list[float] = []

    async def work() -> None:
        while time.monotonic() - began < seconds:
            async with throttle.slot("file") as turn:
                turn.sent()
                sent.append(time.monotonic() - began)
                await asyncio.sleep(_LASTS_S)
                turn.succeeded()

    await _at_once(work)
    return sent


async def _ask_over_http(base: str, rate: int, seconds: float) -> list[float]:
    manners = Manners(rate=rate, slots={"query": _WORKERS})
    service = Service("mast", base, base, manners)
    began = time.monotonic()
    sent: list[float] = []

    def on_traffic(_host: str, requests: int, _size: int) -> None:
        sent.extend([time.monotonic()] * requests)

    async with Transport(
        [service], version=__version__, on_traffic=on_traffic
    ) as transport:

        async def work() -> None:
            while time.monotonic() - began < seconds:
                await transport.query("POST", base + _PAGE)

        await _at_once(work)
    return sent


async def _at_once(work: Callable[[], Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(_WORKERS):
            group.create_task(work())


def _in_a_second(sent: list[float]) -> list[int]:
    return [sum(begin <= at < begin + 1 for at in sent) for begin in sent]
