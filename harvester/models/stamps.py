"""The stamps to cut out of a frame, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .planes import StampFacts
    from .products import Product
    from .targets import CutoutSpec

__all__ = [
    "ENDS_WORKERS",
    "Cut",
    "FrameJob",
    "HeldPart",
    "Neighbour",
    "Receipt",
    "Wanted",
]


@dataclass(frozen=True, slots=True)
class HeldPart:
    """What a local file holds of a frame that was unpacked only in part."""

    #: First byte, and the one behind the last, of each part of the unpacked frame.
    spans: tuple[tuple[int, int], ...]
    #: Bytes of the compressed file that were needed for them.
    needed: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """One stamp to be cut out of a frame."""

    target: int
    id: str
    ra: float
    dec: float
    #: Path of the stamp, relative to the output folder, with ``/``.
    file_loc: str
    #: Why a better image was not available, and its name; empty if this is the best.
    substitute: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A frame on disk that continues another one on the same grid of pixels."""

    product: Product
    path: str
    #: 1: behind the last row of the other frame; -1: before its first.
    step: int
    is_whole: bool = True
    #: Version of the frame, as `StampFacts.parent`.
    parent: str = ""
    held: HeldPart | None = None


@dataclass(frozen=True, slots=True)
class FrameJob:
    """A frame on disk and the stamps to cut from it: one task for a worker."""

    product: Product
    #: File of the frame as it was fetched, still compressed if the archive does that.
    path: str
    #: The output folder that ``file_loc`` is relative to.
    root: str
    wanted: tuple[Wanted, ...]
    spec: CutoutSpec
    #: False: only the parts that these stamps need were fetched.
    is_whole: bool = True
    #: Version of the frame, as `StampFacts.parent`.
    parent: str = ""
    #: Frames that complete stamps over the first or last row, if they fit.
    neighbours: tuple[Neighbour, ...] = ()
    #: What the file holds, if it is an unpacked part; None: all that it seems to.
    held: HeldPart | None = None


#: Problems of a galaxy that crashes or hangs the process that cuts it.
ENDS_WORKERS = frozenset({"worker_died", "worker_hung"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result for one stamp: it is on disk, has a problem, or lacks rows."""

    target: int
    #: Short code: ``outside`` (target not in the frame), ``no_data`` (all NaN), or
    #: a reason to give the job up such as ``bad_wcs``.
    problem: str = ""
    file_loc: str = ""
    sha256: str = ""
    size: int = 0
    #: Fraction (0 to 1) of the stamp's pixels that lie in the frame and have a value.
    coverage: float = 0.0
    #: ``(ny, nx)`` in pixels.
    shape: tuple[int, int] = field(default=(0, 0))
    #: What is known of the stamp; None if there is none.
    facts: StampFacts | None = None
    #: Edges over which the stamp lacks rows that a neighbour may have: -1 for the first
    #: row of the frame, 1 for the last one. Such a stamp was not written.
    lacks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """The results for the stamps of one frame; iterating gives the receipts."""

    #: One for each wanted stamp, in the same order.
    receipts: list[Receipt]
    #: Bytes of the file, as the archive stores it, that these stamps require.
    needed: int = 0

    def __iter__(self) -> Iterator[Receipt]:
        return iter(self.receipts)
