"""The throttle alone: how much of an allowed rate is reached, and never exceeded."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from harvester.transport.throttle import Manners, Throttle

#: Workers who always want more, and how long each request lasts.
_WORKERS = 32
_LASTS_S = 0.3


def pace(rate: int, seconds: float) -> dict[str, float]:
    """Ask at a rate for so long; give what came of it, in real time."""
    sent = asyncio.run(_ask(rate, seconds))
    return {
        "allowed": rate,
        "reached": sum(at < seconds for at in sent) / seconds / rate,
        "most in a second": max(_in_a_second(sent)),
        "least gap ms": 1000 * min(later - before for before, later in pairwise(sent)),
    }


async def _ask(rate: int, seconds: float) -> list[float]:
    throttle = Throttle("archive", Manners(rate=rate, slots={"file": _WORKERS}))
    began = time.monotonic()
    sent: list[float] = []

    async def work() -> None:
        while time.monotonic() - began < seconds:
            async with throttle.slot("file") as turn:
                turn.sent()
                sent.append(time.monotonic() - began)
                await asyncio.sleep(_LASTS_S)
                turn.succeeded()

    async with asyncio.TaskGroup() as group:
        for _ in range(_WORKERS):
            group.create_task(work())
    return sent


def _in_a_second(sent: list[float]) -> list[int]:
    return [sum(begin <= at < begin + 1 for at in sent) for begin in sent]
