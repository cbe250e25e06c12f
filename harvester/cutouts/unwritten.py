"""Cut stamps where the output folder is out of reach: their bytes come back.

A worker on another machine writes nothing. So a task that is run twice, or a worker
that goes on after it was given up, cannot harm the data set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import TransientError
from .cutouts import cut_stamps
from .stamp_file import StampFolder, WrittenFile

if TYPE_CHECKING:
    from pathlib import Path

    from ..models import Cut, FrameJob

__all__ = ["StampBytes", "UnwrittenCut", "cut_unwritten", "write_cut"]


@dataclass(frozen=True, slots=True)
class UnwrittenCut:
    """The results for the stamps of a frame, and the files that are to be written."""

    cut: Cut
    #: Path and length of each file, in the order of their bytes.
    files: tuple[tuple[str, int], ...]
    #: The bytes of all files, one after another.
    content: bytes


class StampBytes:
    """A `StampSink` in memory."""

    def __init__(self) -> None:
        self._files: list[tuple[str, bytes]] = []

    def write(self, file_loc: str, content: bytes) -> WrittenFile:
        """Keep the bytes of a file."""
        self._files.append((file_loc, content))
        return WrittenFile(hashlib.sha256(content).hexdigest(), len(content))

    def of(self, cut: Cut) -> UnwrittenCut:
        """Give what was cut together with the bytes that were kept."""
        files = tuple((place, len(content)) for place, content in self._files)
        return UnwrittenCut(cut, files, b"".join([one for _, one in self._files]))


def cut_unwritten(job: FrameJob) -> UnwrittenCut:
    """Cut all wanted stamps of a frame, and write nothing.

    Raises
    ------
    HarvesterError
        As `cut_stamps`.
    """
    place = StampBytes()
    return place.of(cut_stamps(job, place))


def write_cut(root: Path, unwritten: UnwrittenCut) -> Cut:
    """Write the stamps below a folder, and sync them; return the receipts.

    Raises
    ------
    TransientError
        ``damaged_stamp``: the bytes of a stamp are not those of its receipt.
    LocalError
        The disk cannot store them.
    """
    expected = {one.file_loc: one.sha256 for one in unwritten.cut if one.file_loc}
    content, start = memoryview(unwritten.content), 0
    with StampFolder(root) as folder:
        for place, size in unwritten.files:
            written = folder.write(place, bytes(content[start : start + size]))
            start += size
            if written.sha256 != expected.get(place):
                msg = f"the bytes of {place} were damaged on their way from a worker"
                raise TransientError("damaged_stamp", msg)
    return unwritten.cut
