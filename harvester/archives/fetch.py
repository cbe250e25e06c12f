"""How the frames of an archive are fetched."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Fetch", "Way"]


class Fetch(StrEnum):
    """How the frames of an archive are fetched."""

    #: The whole file.
    WHOLE = "whole"
    #: A compressed file, up to the last row that a stamp needs.
    BEGINNING = "beginning"
    #: An uncompressed file: only the byte ranges that the stamps need.
    RANGES = "ranges"


class Way(StrEnum):
    """How much of a compressed frame is fetched, and how."""

    #: Whichever of the others is expected to be the quickest.
    AUTO = "auto"
    #: By ranges: the blocks with wanted rows, the first and the last one.
    RANGES = "ranges"
    #: As one stream up to the last wanted row, of which only those blocks are unpacked;
    #: and the last block.
    STREAM = "stream"
    #: As one stream up to the last wanted row; all of it is unpacked.
    EARLY = "early"
    #: All of it.
    WHOLE = "whole"
