"""A folder of real SDSS frames, served unchanged at the addresses of the archive.

Their geometry is read from their headers. Every position inside a frame counts as a
galaxy: the catalogue search returns an object at exactly that position, in the frame
that has it farthest from the edges.
"""

from __future__ import annotations

import asyncio
import bz2
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from astropy.io import fits

from .photo import FieldPlaces, PhotoField, PhotoObject, skyserver_id
from .sas import parse_frame_name
from .scans import COLUMNS, ROWS, FieldKey
from .tangent import Tangent, unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["RealFrames", "fit_astrans"]

#: Compressed bytes that are read at a time: about one block of bzip2.
_PIECE = 256 * 1024
_BLOCK = 2880
#: A file whose header is longer than this is not a frame.
_MOST_BLOCKS = 20
#: Magnitude and half-light radius (arcsec) of every object.
_MAG_R, _R50 = 17.0, 2.0


class _Frame(NamedTuple):
    path: Path
    header: fits.Header


class RealFrames:
    """The frames of a folder; ``notes`` names the files that were left out."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[str] = []
        self._paths: dict[tuple[FieldKey, str], Path] = {}
        headers: dict[FieldKey, fits.Header] = {}
        for path in sorted(folder.glob("*.fits.bz2")):
            found = self._accept(path)
            if found is None:
                continue
            (key, band), header = found
            self._paths[key, band] = path
            # The survey gives the geometry of a field in the r band.
            if band == "r" or key not in headers:
                headers[key] = header
        self._places = FieldPlaces(_field(key, head) for key, head in headers.items())
        self.fields: Sequence[PhotoField] = self._places.fields
        #: The objects in the frames are not known: one is listed in the middle of each.
        self.objects: Sequence[PhotoObject] = [
            _made_up(field.key, *field.centre, mode=1) for field in self.fields
        ]

    def _accept(self, path: Path) -> tuple[tuple[FieldKey, str], fits.Header] | None:
        named = parse_frame_name(path.name)
        if named is None:
            self.notes.append(f"{path.name}: not named like a frame, left out")
            return None
        header = read_header(path)
        if header is None or (header["NAXIS1"], header["NAXIS2"]) != (COLUMNS, ROWS):
            self.notes.append(
                f"{path.name}: not {COLUMNS} x {ROWS} pixels like a frame, left out"
            )
            return None
        return named, header

    async def frame(self, key: FieldKey, band: str) -> bytes | None:
        """Give the bytes of a frame as they are on disk."""
        path = self._paths.get((key, band))
        return await asyncio.to_thread(path.read_bytes) if path else None

    def nearest(self, ra: float, dec: float, _radius: float) -> PhotoObject | None:
        """Give an object at a position, if a frame holds it."""
        return next(iter(self.within(ra, dec, 0.0)), None)

    def within(self, ra: float, dec: float, _radius: float) -> list[PhotoObject]:
        """Give an object for every frame that holds a position, primary first."""
        return [
            _made_up(field.key, ra, dec, mode=1 if place == 0 else 2)
            for place, field in enumerate(self._places.holding(ra, dec))
        ]

    def covers(self, ra: float, dec: float) -> bool:
        """Whether a frame holds the position."""
        return bool(self._places.holding(ra, dec))


def _made_up(key: FieldKey, ra: float, dec: float, *, mode: int) -> PhotoObject:
    # The same position gets the same identifier at every start.
    number = zlib.crc32(f"{ra:.7f} {dec:.7f}".encode()) & 0xFFFF
    return PhotoObject(
        objid=skyserver_id(key, number),
        ra=ra,
        dec=dec,
        mode=mode,
        mag_r=_MAG_R,
        r50=_R50,
        axis_ratio=1.0,
        pa=0.0,
        is_early=False,
    )


def read_header(path: Path) -> fits.Header | None:
    """Read the first header, and unpack no more of the file than needed."""
    unpacker, head = bz2.BZ2Decompressor(), b""
    try:
        with path.open("rb") as file:
            while len(head) < _MOST_BLOCKS * _BLOCK and not unpacker.eof:
                piece = file.read(_PIECE)
                if not piece:
                    break
                head += unpacker.decompress(piece)
    except OSError:
        return None
    cards = [head[at : at + 80] for at in range(0, _MOST_BLOCKS * _BLOCK, 80)]
    end = next((at for at, card in enumerate(cards) if card.rstrip() == b"END"), None)
    if end is None or not head.startswith(b"SIMPLE  ="):
        return None
    header = fits.Header.fromstring(b"".join(cards[:end]))
    return header if {"NAXIS1", "NAXIS2", "CRVAL1", "CD1_1"} <= set(header) else None


def _field(key: FieldKey, header: fits.Header) -> PhotoField:
    tangent = Tangent(
        header["CRVAL1"],
        header["CRVAL2"],
        header["CRPIX1"] - 1,
        header["CRPIX2"] - 1,
        (header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"]),
    )
    # Any great circle serves here; headers of the survey state the real one.
    node, incl = float(header.get("NODE", 0.0)), float(header.get("INCL", 0.0))
    return PhotoField(key, node, incl, fit_astrans(tangent, node, incl), tangent)


def fit_astrans(
    tangent: Tangent, node: float, incl: float
) -> tuple[float, float, float, float, float, float]:
    """Fit mu = a + b row + c col and nu = d + e row + f col to a frame's pixels."""
    cols, rows = (
        axis.ravel()
        for axis in np.meshgrid(np.linspace(0, COLUMNS, 5), np.linspace(0, ROWS, 5))
    )
    # Rows and columns count from the edge, pixels from the centre of the first.
    mu, nu = _to_scan(*tangent.to_sky(cols - 0.5, rows - 0.5), node, incl)
    terms = np.stack([np.ones_like(rows), rows, cols], axis=1)
    (a, b, c), *_ = np.linalg.lstsq(terms, mu)
    (d, e, f), *_ = np.linalg.lstsq(terms, nu)
    return float(a), float(b), float(c), float(d), float(e), float(f)


def _to_scan(
    ra: NDArray[np.float64], dec: NDArray[np.float64], node: float, incl: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Great-circle coordinates of a scan, degrees."""
    x, y, z = unit_vectors(ra - node, dec).T
    tilt = np.radians(incl)
    along = y * np.cos(tilt) + z * np.sin(tilt)
    across = z * np.cos(tilt) - y * np.sin(tilt)
    mu = np.degrees(np.unwrap(np.arctan2(along, x))) + node
    return mu, np.degrees(np.arcsin(across))
