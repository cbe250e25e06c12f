"""The floor: the least time for a harvest on this machine, measured at the same time.

The counts come from the harvest itself: its requests, the bytes received, and the
blocks that hold the rows of its stamps. The speed of a shared machine changes from
minute to minute, so it is measured before and after each harvest. The faster
measurement is used, because a floor that is too high would make the harvester look
better than it is.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from astropy.io import fits

from harvester.settings.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

#: Frames that each process unpacks; connections that files are fetched over.
_TIMES, _CONNECTIONS = 3, 4

#: Bytes of a frame in one block of bzip2, and the last block up to which all blocks are
#: unpacked instead of the last one.
_BLOCK, _COUNTED = 899_981, 2

#: The ways of frames of which only some blocks are unpacked.
_BY_BLOCKS = ("ranges", "stream")

#: First row and end, in rows or in bytes.
Rows: TypeAlias = "tuple[float, float]"

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

    def over(self, line: float) -> Machine:
        """Give it with a line of so many MB/s for all connections; 0: no limit."""
        return replace(self, bandwidth=1e6 * line) if line else self


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


def needed_frames(out: Path, packed: Path | None, ways: dict[str, int]) -> float:
    """Count the frames that stamps are from, each only as far as it must be unpacked.

    Only whole blocks of a frame can be unpacked. If it came by blocks, these are the
    first one, those with rows of stamps, and the last one for the proof; otherwise all
    of them up to the last row. Which frame came how is not known: the mean counts.

    Parameters
    ----------
    packed
        One frame of SDSS; as all are alike, it tells where stamps lie in theirs. None:
        nothing is packed.
    ways
        Number of frames by the way they came.
    """
    if packed is None:
        return 0.0
    rows = _rows_of_stamps(out, fits.getheader(packed))
    with fits.open(packed) as hdus:
        image = hdus[0].fileinfo()
        row_size = 4 * hdus[0].header["NAXIS1"]
        length = hdus[-1].fileinfo()["datLoc"] + hdus[-1].fileinfo()["datSpan"]
    begin = image["datLoc"]
    by_blocks = all_before = 0.0
    for each in rows.values():
        spans = [(begin + a * row_size, begin + b * row_size) for a, b in each]
        by_blocks += _unpacked_by_blocks(spans, length)
        all_before += _unpacked_to(max(end for _, end in spans), length)
    part = sum(ways.get(way, 0) for way in _BY_BLOCKS) / max(1, sum(ways.values()))
    return part * by_blocks + (1 - part) * all_before


def _rows_of_stamps(out: Path, frame: fits.Header) -> dict[str, list[Rows]]:
    """Give first row and end of each stamp in its frame, by frame."""
    found: defaultdict[str, list[Rows]] = defaultdict(list)
    for path in out.glob("cutouts/sdss/**/*.fits"):
        stamp = fits.getheader(path)
        begin = float(frame["CRPIX2"] - stamp["CRPIX2"])
        end = min(begin + stamp["NAXIS2"], float(frame["NAXIS2"]))
        found[stamp["PRODUCT"]].append((max(0.0, begin), end))
    return found


def _unpacked_by_blocks(spans: list[Rows], length: float) -> float:
    """Give the part of a file of so many bytes that is unpacked for these spans."""
    last = int(length // _BLOCK)
    touched = {
        number
        for begin, end in spans
        for number in range(int(begin // _BLOCK), int((end - 1) // _BLOCK) + 1)
    }
    if max(touched) <= _COUNTED:
        return _unpacked_to(max(end for _, end in spans), length)
    others = len(touched - {0, last})
    return ((1 + others) * _BLOCK + length - last * _BLOCK) / length


def _unpacked_to(end: float, length: float) -> float:
    """Give the part of a file that is unpacked for its first bytes."""
    return min(length, math.ceil(end / _BLOCK) * _BLOCK) / length


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
