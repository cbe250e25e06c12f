"""A harvest on any number of machines, as a discrete-event simulation.

Each frame takes in turn what it needs: a place among those in hand, the host's leave to
send a request, a connection while bytes come, the process that fetches it, a worker
that cuts it, the disk, and the orchestrator's process. A frame waits where others came
first. The share of time in which each of them was busy tells what limits a harvest.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    Steps = Generator[simpy.Event, None, None]

#: Most frames that are simulated; a longer harvest goes on as these did.
_SAMPLE = 5_000


@dataclass(frozen=True)
class FrameCost:
    """What one frame costs with the stamps in it."""

    #: Requests for it.
    requests: float
    #: Bytes of their replies.
    size: float
    #: CPU seconds of the process that fetches it.
    fetch_s: float
    #: CPU seconds of the worker that cuts it.
    cut_s: float
    #: CPU seconds of the orchestrator to choose it and to record its stamps.
    settle_s: float
    #: Seconds of the disk for its stamps.
    disk_s: float = 0.0
    #: CPU seconds of a sandbox on the same machine.
    serve_s: float = 0.0


@dataclass(frozen=True)
class Host:
    """What an archive allows, and how quick it is."""

    #: Requests a second, and how many at once.
    rate: float
    connections: int
    #: Seconds from a request to the first byte of its reply.
    latency_s: float
    #: Bytes a second of one connection, and of all together.
    connection: float
    line: float


@dataclass(frozen=True)
class Engine:
    """The machines that fetch and cut."""

    #: Processes that cut, one core each.
    workers: int
    #: Whether these also fetch; if not, the orchestrator's process does.
    workers_fetch: bool = False
    #: Parts of the catalogue, each with an orchestrator and a disk of its own.
    parts: int = 1
    #: Cores that all processes share, also the orchestrator; None: each has its own.
    cores: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a simulated harvest went."""

    seconds: float
    #: Share of the time, 0 to 1, in which each resource was busy.
    busy: dict[str, float]

    @property
    def limit(self) -> str:
        """What was busy for the largest share."""
        return max(self.busy, key=lambda name: self.busy[name])


def simulate(frames: int, cost: FrameCost, host: Host, engine: Engine) -> Outcome:
    """Simulate a harvest of so many frames that all cost the same."""
    some = min(frames, _SAMPLE)
    harvest = _Harvest(cost, host, engine)
    harvest.run(some)
    seconds = harvest.world.now
    return Outcome(seconds * frames / some, harvest.busy(seconds))


class _Harvest:
    """The resources of one harvest, and the way of a frame through them."""

    def __init__(self, cost: FrameCost, host: Host, engine: Engine) -> None:
        self.world = simpy.Environment()
        self._cost, self._host, self._engine = cost, host, engine
        self._capacity = {
            "connections": host.connections,
            "workers": engine.workers,
            "orchestrator": engine.parts,
            "disk": engine.parts,
            "in hand": host.connections + 2 * engine.workers,
        }
        if engine.cores:
            self._capacity["cores"] = engine.cores
        self._resources = {
            name: simpy.Resource(self.world, capacity)
            for name, capacity in self._capacity.items()
        }
        self._used_s: dict[str, float] = defaultdict(float)
        self._next_request = 0.0
        #: Requests so far, of a cost that may not be a whole number.
        self._asked = 0.0

    def run(self, frames: int) -> None:
        """Take so many frames from the first request to the last receipt."""
        for _ in range(frames):
            self.world.process(self._frame())
        self.world.run()

    def busy(self, seconds: float) -> dict[str, float]:
        """Give the share of the time for each resource that can limit."""
        return {
            name: used_s / self._capacity.get(name, 1) / seconds
            for name, used_s in self._used_s.items()
            if name != "in hand"
        }

    def _frame(self) -> Steps:
        with self._resources["in hand"].request() as place:
            yield place
            yield from self._fetched()
            yield from self._used("workers", self._cost.cut_s, is_cpu=True)
            yield from self._used("disk", self._cost.disk_s)
            yield from self._used("orchestrator", self._cost.settle_s, is_cpu=True)

    def _fetched(self) -> Steps:
        fetcher = "workers" if self._engine.workers_fetch else "orchestrator"
        for size in self._replies():
            with self._resources["connections"].request() as connection:
                yield connection
                yield self.world.timeout(self._until_allowed())
                yield from self._core(self._cost.serve_s / self._cost.requests)
                yield from self._received(size)
        yield from self._used(fetcher, self._cost.fetch_s, is_cpu=True)

    def _replies(self) -> list[float]:
        """Give the sizes of the replies for the next frame."""
        before = round(self._asked)
        self._asked += self._cost.requests
        count = round(self._asked) - before
        return [self._cost.size / self._cost.requests] * count

    def _until_allowed(self) -> float:
        at = max(self.world.now, self._next_request)
        self._next_request = at + 1 / self._host.rate
        self._used_s["requests"] += 1 / self._host.rate
        return at - self.world.now

    def _received(self, size: float) -> Steps:
        """Receive bytes over one connection, which has its part of the line."""
        host = self._host
        speed = min(host.connection, host.line / host.connections)
        took_s = host.latency_s + size / speed
        self._used_s["connections"] += took_s
        self._used_s["line"] += size / host.line
        yield self.world.timeout(took_s)

    def _used(self, name: str, seconds: float, *, is_cpu: bool = False) -> Steps:
        with self._resources[name].request() as turn:
            yield turn
            self._used_s[name] += seconds
            if is_cpu:
                yield from self._core(seconds)
            else:
                yield self.world.timeout(seconds)

    def _core(self, seconds: float) -> Steps:
        """Compute for so long, on a core that others may want too."""
        with self._a_core() as turn:
            if turn is not None:
                yield turn
                self._used_s["cores"] += seconds
            yield self.world.timeout(seconds)

    @contextmanager
    def _a_core(self) -> Iterator[simpy.Event | None]:
        if "cores" not in self._resources:
            yield None
            return
        with self._resources["cores"].request() as turn:
            yield turn
