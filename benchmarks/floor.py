"""The floor: the least time for a harvest on this machine, measured at the same time.

The counts come from the harvest itself: its requests, the bytes received, and the rows
of its stamps. The speed of a shared machine changes from minute to minute, so it is
measured before and after each harvest. The faster measurement is used, because a floor
that is too high would make the harvester look better than it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from astropy.io import fits

from harvester.settings.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

#: Frames that each process unpacks; connections that files are fetched over.
_TIMES, _CONNECTIONS = 3, 4

#: Unpacks when it is told to, and tells the CPU seconds of the quickest time.
_UNPACK = """
import bz2, sys, time
packed, took = open(sys.argv[1], "rb").read(), []
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    began = time.process_time()
    bz2.decompress(packed)
    took.append(time.process_time() - began)
print(min(took))
"""


@dataclass(frozen=True)
class Machine:
    """The speed of this machine in what limits a harvest."""

    #: CPU seconds that unpacking a whole frame takes; 0 where none is packed.
    unpacking_s: float
    #: Bytes a second over all connections.
    bandwidth: float

    def or_quicker(self, other: Machine) -> Machine:
        """Give the better value of both for each."""
        return Machine(
            min(self.unpacking_s, other.unpacking_s),
            max(self.bandwidth, other.bandwidth),
        )


@dataclass(frozen=True)
class Floor:
    """Least seconds of a harvest, by what limits it."""

    asking_s: float
    receiving_s: float
    unpacking_s: float

    @property
    def seconds(self) -> float:
        """The largest of them, because they overlap."""
        return max(self.asking_s, self.receiving_s, self.unpacking_s)


def find_floor(
    requests: dict[str, int], received: int, needed: float, machine: Machine
) -> Floor:
    """Compute it from the requests by service and the bytes received.

    Parameters
    ----------
    needed
        Frames to unpack, as `needed_frames` counts them.
    """
    services = Settings().services
    # The first request has no delay.
    asking_s = [(n - 1) / services.named(name).rate for name, n in requests.items()]
    return Floor(
        asking_s=max(0.0, *asking_s),
        receiving_s=received / machine.bandwidth,
        unpacking_s=needed * machine.unpacking_s / len(os.sched_getaffinity(0)),
    )


def needed_frames(out: Path, packed: Path | None) -> float:
    """Count the frames that stamps are from, each up to its last needed row.

    What of a frame lies after its last galaxy need not be unpacked. Frames of SDSS
    are alike, so that one of them, ``packed``, tells where stamps lie in theirs.
    """
    if packed is None:
        return 0.0
    frame = fits.getheader(packed)
    ends: dict[str, float] = {}
    for path in out.glob("cutouts/sdss/**/*.fits"):
        stamp = fits.getheader(path)
        end = frame["CRPIX2"] - stamp["CRPIX2"] + stamp["NAXIS2"]
        end = min(float(end), frame["NAXIS2"])
        ends[stamp["PRODUCT"]] = max(ends.get(stamp["PRODUCT"], 0.0), end)
    return sum(ends.values()) / float(frame["NAXIS2"])


def count_frames(out: Path) -> int:
    """Count the images that stamps are from."""
    stamps = out.glob("cutouts/**/*.fits")
    return len({fits.getheader(path)["PRODUCT"] for path in stamps})


def measure(packed: Path | None, urls: list[str]) -> Machine:
    """Measure the current speed of the machine."""
    return Machine(_unpacking_s(packed) if packed else 0.0, _bandwidth(urls))


def _unpacking_s(packed: Path) -> float:
    """Give the mean CPU seconds for one frame while every core decompresses."""
    command = [sys.executable, "-c", _UNPACK, str(packed), str(_TIMES)]
    pipe = subprocess.PIPE
    with ExitStack() as exits:
        running = [
            exits.enter_context(
                subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
            )
            for _ in os.sched_getaffinity(0)
        ]
        for process in running:  # until all are ready
            _answers(process).readline()
        for process in running:
            print("go", file=process.stdin, flush=True)
        told = [float(_answers(process).read()) for process in running]
    return sum(told) / len(told)


def _answers(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def _bandwidth(urls: list[str]) -> float:
    """Fetch some files by plain sockets; give the bytes a second.

    The clock starts when all answers have begun: latency is no matter of bandwidth.
    """
    with ExitStack() as exits, ThreadPoolExecutor(_CONNECTIONS) as pool:
        replies = [
            exits.enter_context(reply)
            for reply in pool.map(_opened, urls[:_CONNECTIONS])
        ]
        began = time.perf_counter()
        size = sum(pool.map(lambda reply: len(reply.read()), replies))
        return size / (time.perf_counter() - began)


def _opened(url: str) -> Any:  # noqa: ANN401 - what urlopen gives has no type
    return urllib.request.urlopen(url, timeout=60)
