"""Reads the pixels of stamps quickly: the header by its cards, the data as one array.

The stamps are the harvester's own, so their first cards have a fixed order. astropy
reads hundreds of files a second, this some ten thousand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import LocalError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Planes", "read_planes"]

_BLOCK = 2880
_END = b"END".ljust(80)
#: The first cards of a stamp, in the order in which they are written.
_AXES = re.compile(
    rb"BITPIX  = +-32 .*?NAXIS   = +2 .*?NAXIS1  = +(\d+) .*?NAXIS2  = +(\d+) "
)


@dataclass(frozen=True, slots=True)
class Planes:
    """The planes of one stamp; None if it has no such plane."""

    #: ``(ny, nx)``, unit of the frame; NaN where there is no value.
    flux: NDArray[np.float32]
    #: ``(ny, nx)``, 1 / unit^2; 0 where there is no value.
    ivar: NDArray[np.float32] | None = None
    #: ``(ny, nx)``, bits.
    mask: NDArray[np.uint8] | None = None
    #: Odd side, sum 1.
    psf: NDArray[np.float32] | None = None


def read_planes(path: Path) -> Planes:
    """Read a stamp.

    Raises
    ------
    LocalError
        The file is missing or is not a stamp.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LocalError(_lost(path, str(error.strerror))) from error
    axes = _AXES.search(content[:_BLOCK])
    end = next(
        (at for at in range(0, len(content), 80) if content.startswith(_END, at)), 0
    )
    if not (axes and end):
        raise LocalError(_lost(path, "it is not a FITS image"))
    width, height = int(axes[1]), int(axes[2])
    start = -(-(end + 80) // _BLOCK) * _BLOCK
    flux = np.frombuffer(content, ">f4", width * height, start)
    return Planes(flux.astype(np.float32).reshape(height, width))


def _lost(path: Path, why: str) -> str:
    return (
        f"stamp {path} cannot be read: {why}. `harvester verify --repair` on the run "
        "finds such stamps, and `harvester resume` cuts them again."
    )
