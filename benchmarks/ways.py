"""CPU and bytes of each way of fetching SDSS frames, on real frames, without a network.

``python benchmarks/ways.py FOLDER`` cuts one stamp at a random place out of a random
frame of the folder, in each way, one after the other, and prints the means. Only the
bytes that a server would send are counted; how long they take is not measured. The
server gives several ranges at a time. Where a galaxy lies is known from the first block
only: a harvest that knows it before may take the nearer end of a frame instead.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import warnings
from bz2 import BZ2Decompressor
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, NamedTuple

from astropy.io import fits
from astropy.wcs import WCS
from paper import Paper

from harvester.archives.registry import kind_of
from harvester.cutouts.block_job import BlockJob, read_blocks
from harvester.cutouts.blocks.steps import LackingBytes
from harvester.cutouts.cutouts import cut_frame, find_end
from harvester.cutouts.intervals import lacking, merged
from harvester.frames.block_stream import FirstBlockPrefix
from harvester.frames.prefix import Prefix
from harvester.models import (
    CutoutSpec,
    FrameJob,
    HeldPart,
    Plane,
    Product,
    StampSize,
    Wanted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harvester.archives.block_law import BlockLaw
    from harvester.cutouts.intervals import Span

#: Bytes that come at a time.
_BATCH = 2**16


class Way(NamedTuple):
    """What one way has cost."""

    cpu_s: float
    size: int
    requests: int
    stamp: bytes


class Case:
    """One stamp of one frame."""

    def __init__(self, path: Path, job: FrameJob) -> None:
        self.packed, self.job = path.read_bytes(), job
        law = kind_of(job.product.archive).blocks
        assert law is not None
        self.law: BlockLaw = law
        self.find = partial(find_end, archive="sdss", wanted=job.wanted, spec=job.spec)
        self.fetched, self.requests = 0, 0

    def whole(self) -> HeldPart | None:
        """Take all of the frame."""
        self._download(None)
        return None

    def early(self) -> HeldPart | None:
        """Take the beginning."""
        self._download(Prefix(self.find))
        return None

    def ranges(self) -> HeldPart | None:
        """Take both ends, then some blocks."""
        first = self.law.first_request
        return self._prove(self._job(), {0: self._ask((0, first))[0]} | self._tail())

    def stream(self) -> HeldPart | None:
        """Take the beginning and the last block, and unpack some blocks."""
        job = self._job()
        prefix = FirstBlockPrefix(self.law, job, self.find)
        begun = self._download(prefix)
        assert prefix.first is not None
        parts = self._tail() if begun < len(self.packed) - self.law.tail else {}
        aside = self.job.path + "-beginning"
        Path(self.job.path).replace(aside)
        known = replace(
            job, beginning=aside, starts=tuple(prefix.starts), first=prefix.first
        )
        return self._prove(known, parts, begun)

    def _tail(self) -> dict[int, bytes]:
        """Take the end, which comes in the same reply as the beginning."""
        place = len(self.packed) - self.law.tail
        self.fetched += self.law.tail
        return {place: self.packed[place:]}

    def _job(self) -> BlockJob:
        job = self.job
        return BlockJob("sdss", job.wanted, job.spec, job.path, len(self.packed), {})

    def _prove(
        self, job: BlockJob, parts: dict[int, bytes], begun: int = 0
    ) -> HeldPart:
        while True:
            answer = read_blocks(replace(job, parts=parts))
            if isinstance(answer, HeldPart):
                return answer
            assert isinstance(answer, LackingBytes), answer
            job = replace(job, first=answer.first)
            held = [(at, at + len(part)) for at, part in parts.items()]
            gaps: list[Span] = []
            for span in merged(answer.spans):
                gaps += lacking(span, [(0, begun), *held])
            came = self._ask(*gaps)
            parts |= {gap[0]: part for gap, part in zip(gaps, came, strict=True)}

    def _ask(self, *spans: Span) -> list[bytes]:
        """Take several ranges by one request."""
        self.requests += 1
        parts = [self.packed[start:stop] for start, stop in spans]
        self.fetched += sum(map(len, parts))
        return parts

    def _download(self, enough: Prefix | None) -> int:
        self.requests += 1
        with Path(self.job.path).open("wb") as file:
            for start in range(0, len(self.packed), _BATCH):
                piece = self.packed[start : start + _BATCH]
                file.write(piece)
                self.fetched += len(piece)
                if enough is not None and enough.add(piece):
                    break
            return file.tell()


def measure(case: Case, take: Callable[[Case], HeldPart | None]) -> Way:
    """Take a frame in one way and cut the stamp."""
    case.fetched = case.requests = 0
    Path(case.job.path).unlink(missing_ok=True)
    began = time.process_time()
    held = take(case)
    is_whole = held is None and case.fetched == len(case.packed)
    done = cut_frame(replace(case.job, is_whole=is_whole, held=held))
    cpu_s = time.process_time() - began
    (receipt,) = done.receipts
    stamp = Path(case.job.root, receipt.file_loc).read_bytes()
    return Way(cpu_s, case.fetched, case.requests, stamp)


def cases(
    folder: Path, scratch: Path, count: int, planes: tuple[Plane, ...]
) -> Iterable[Case]:
    """Yield stamps of 40 and 64 pixels at random places."""
    paths = sorted(folder.glob("frame-*.fits.bz2"))
    chance = random.Random(4)  # noqa: S311 - not for secrets
    for number in range(count):
        path, side = chance.choice(paths), (40, 64)[number % 2]
        start = BZ2Decompressor().decompress(path.read_bytes()[:400_000], 2880 * 20)
        sky = WCS(fits.Header.fromstring(start))
        x, y = chance.randrange(side, 2048 - side), chance.randrange(side, 1489 - side)
        ra, dec = map(float, sky.all_pix2world(x, y, 0))
        product = Product("sdss", path.name, path.name[6], "https://a.example/f")
        spec = CutoutSpec(StampSize(side, "px"), planes=planes)
        wanted = (Wanted(number, "g", ra, dec, "s.fits"),)
        place = str(scratch / "f.fits.bz2")
        yield Case(path, FrameJob(product, place, str(scratch), wanted, spec))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stamps", type=int, default=100)
    parser.add_argument("--planes", default="flux,mask")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # dates that astropy mends
    planes = tuple(Plane(name) for name in options.planes.split(","))
    ways = {"early": Case.early, "ranges": Case.ranges, "stream": Case.stream}
    ways["whole"] = Case.whole
    if Plane.IVAR in planes:
        del ways["early"]
    found = defaultdict(list)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        for case in cases(options.folder, Path(scratch), options.stamps, planes):
            results = {name: measure(case, take) for name, take in ways.items()}
            assert len({one.stamp for one in results.values()}) == 1
            for name, one in results.items():
                found[name].append(one)
    paper = Paper()
    paper.say(f"{options.stamps} stamps of 40 and 64 pixels, equal in all ways.\n")
    show(found, "whole" if Plane.IVAR in planes else "early", paper)


def show(found: dict[str, list[Way]], usual: str, paper: Paper) -> None:
    """Print the means, and their ratio to those of the usual way."""
    paper.table(
        f"way|MB|/ {usual}|CPU ms|/ {usual}|requests",
        (
            [
                name,
                f"{mean(one.size for one in each) / 1e6:.2f}",
                f"{_ratio(each, found[usual], 'size'):.2f}",
                f"{mean(one.cpu_s for one in each) * 1e3:.0f}",
                f"{_ratio(each, found[usual], 'cpu_s'):.2f}",
                f"{mean(one.requests for one in each):.2f}",
            ]
            for name, each in found.items()
        ),
    )


def _ratio(ours: list[Way], theirs: list[Way], what: str) -> float:
    own, other = (mean(getattr(one, what) for one in each) for each in (ours, theirs))
    return float(own / other)


if __name__ == "__main__":
    main()
