"""Read rows of a compressed frame by blocks: a task for a worker process.

The rows are written to a file with the interface of a plain FITS file: each byte is at
its place in the unpacked frame, and nearly all of the file is a hole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..archives.registry import kind_of
from ..errors import LocalError
from ..models import HeldPart, Plane
from .blocks.packed import Packed
from .blocks.steps import Doubt, LackingBytes, Proved, WantedRows, advance
from .cutouts import find_rows
from .intervals import merged

if TYPE_CHECKING:
    from ..models import CutoutSpec, Wanted
    from .blocks.first_block import FirstBlock

__all__ = ["BlockJob", "keep_blocks", "prove_blocks", "read_blocks"]


@dataclass(frozen=True, slots=True)
class BlockJob:
    """What was fetched of a compressed frame, and the stamps to be cut from it."""

    archive: str
    wanted: tuple[Wanted, ...]
    spec: CutoutSpec
    #: The file to be written.
    path: str
    #: Length of the compressed file in bytes.
    total: int
    #: Parts of the compressed file by their place.
    parts: dict[int, bytes]
    #: File with the beginning of the compressed file, and the bits at which its blocks
    #: start; empty: it is among the parts.
    beginning: str = ""
    starts: tuple[int, ...] = ()
    #: What the last answer knew of the first block.
    first: FirstBlock | None = None

    @property
    def file(self) -> Path:
        """The file to be written."""
        return Path(self.path)

    def asked(self) -> WantedRows:
        """Give what is wanted of the frame."""
        find = partial(
            find_rows, archive=self.archive, wanted=self.wanted, spec=self.spec
        )
        return WantedRows(find, Plane.IVAR in self.spec.planes)


def read_blocks(job: BlockJob) -> LackingBytes | HeldPart | Doubt:
    """Read the rows that stamps need, if their place can be proved.

    Returns
    -------
    LackingBytes
        Further bytes are needed.
    HeldPart
        The file is written, and has these bytes of the unpacked frame.
    Doubt
        The place of the rows is not proved; the caller reads from the beginning.

    Raises
    ------
    LocalError
        The file cannot be written.
    """
    return keep_blocks(job, prove_blocks(job))


def prove_blocks(job: BlockJob) -> LackingBytes | Proved | Doubt:
    """Read the rows that stamps need, without writing the file.

    Returns
    -------
    LackingBytes, Doubt
        As `read_blocks`.
    Proved
        What `keep_blocks` writes.
    """
    law = kind_of(job.archive).blocks
    if law is None:
        return Doubt("archive", "the archive knows nothing of blocks")
    parts = dict(job.parts)
    if job.beginning:
        parts[0] = Path(job.beginning).read_bytes()
    packed = Packed(job.total, parts, job.starts)
    return advance(law, job.asked(), packed, job.first)


def keep_blocks(
    job: BlockJob, answer: LackingBytes | Proved | Doubt
) -> LackingBytes | HeldPart | Doubt:
    """Write the file if the answer of `prove_blocks` has its content.

    Raises
    ------
    LocalError
        The file cannot be written.
    """
    if not isinstance(answer, Proved):
        return answer
    _write(job.file, answer)
    spans = merged((at, at + len(piece)) for at, piece in answer.pieces.items())
    return HeldPart(tuple(spans), answer.needed)


def _write(path: Path, proved: Proved) -> None:
    try:
        with path.open("xb") as file:
            for place, piece in proved.pieces.items():
                file.seek(place)
                file.write(piece)
            file.truncate(proved.length)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}. Make room on that disk"
        raise LocalError(msg) from error
