"""The parts of a harvest that take commands, without archives: nothing is sent.

As a program it holds a run until its standard input is closed.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from harvester.ledger.file import owned
from harvester.ledger.ledger import Ledger
from harvester.places import Places
from harvester.run.control import server
from harvester.run.control.harvest_control import HarvestControl
from harvester.run.control.server import taking_commands
from harvester.run.orchestrator import Orchestrator
from harvester.status.run_watch import RunWatch, watched
from harvester.transport.manners import Manners
from harvester.transport.transport import Service, Transport

HOST = "data.sdss.org"

_SERVICE = Service(
    name="sdss-sas",
    base=f"https://{HOST}/sas",
    actual=f"https://{HOST}/sas",
    manners=Manners(rate=5, slots={"query": 1, "file": 4}, most_rate=10),
)


class AtWork(NamedTuple):
    """A harvest at work, and the events that it has sent."""

    watch: RunWatch
    transport: Transport
    orchestrator: Orchestrator
    said: list


@asynccontextmanager
async def at_work(places):
    """Work on a run during the block, as far as that takes no request."""
    said, server._LATER_S = [], 0.0
    async with Ledger.open(places.ledger) as ledger:
        transport = Transport([_SERVICE], version="1")
        watch = RunWatch(ledger, said.append, hosts={"sdss": (HOST,)})
        ledger.count_traffic(HOST, 12, 3_000_000)
        orchestrator = Orchestrator([])
        control = HarvestControl(
            orchestrator,
            transport,
            ledger=ledger,
            watch=watch,
            places=places,
        )
        async with (
            watched(watch, transport, places),
            taking_commands(control, watch, places),
        ):
            while not watch.control:
                await asyncio.sleep(0.01)
            await ledger.written()
            yield AtWork(watch, transport, orchestrator, said)


async def _hold(places):
    async with at_work(places):
        print("at work", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    run = Places(Path(sys.argv[1]))
    with owned(run.lock):
        asyncio.run(_hold(run))
