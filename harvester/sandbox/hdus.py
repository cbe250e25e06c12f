"""FITS pieces as bytes, without the detours of a whole `astropy.io.fits.HDUList`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .tangent import Tangent

__all__ = ["ORIGIN", "header", "image", "image_size", "primary", "table", "wcs_cards"]

#: Every header of the sandbox says so: nobody shall take its pixels for data.
ORIGIN = ("harvester sandbox", "synthetic pixels: not an observation")
_BLOCK = 2880


def header(start: Mapping[str, Any], cards: Mapping[str, Any]) -> bytes:
    """Spell a header: the structural cards, then the others, padded to a block."""
    filled = fits.Header()
    filled.update({**start, **cards, "ORIGIN": ORIGIN})
    text: str = filled.tostring(padding=True)
    return text.encode("ascii")


def primary(cards: Mapping[str, Any], data: NDArray[Any] | None = None) -> bytes:
    """Make a primary HDU, with or without an image."""
    start = {"SIMPLE": True, **_shape(data), "EXTEND": True}
    return header(start, cards) + _padded(data)


def image(cards: Mapping[str, Any], data: NDArray[Any]) -> bytes:
    """Make an image extension."""
    return _image_header(cards, data) + _padded(data)


def image_size(cards: Mapping[str, Any], data: NDArray[Any]) -> int:
    """Tell how many bytes `image` would make."""
    return len(_image_header(cards, data)) + data.nbytes + -data.nbytes % _BLOCK


def table(columns: list[fits.Column], cards: Mapping[str, Any] | None = None) -> bytes:
    """Make a binary table extension."""
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header.update({**(cards or {}), "ORIGIN": ORIGIN})
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    return file.getvalue()[_BLOCK:]


def wcs_cards(tangent: Tangent) -> dict[str, Any]:
    """Spell where the pixels of an image lie."""
    names = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
    return {
        "CTYPE1": ("RA---TAN", "Coordinate type"),
        "CTYPE2": ("DEC--TAN", "Coordinate type"),
        "CUNIT1": ("deg", "Units"),
        "CUNIT2": ("deg", "Units"),
        "CRPIX1": (tangent.x + 1.0, "X of reference pixel"),
        "CRPIX2": (tangent.y + 1.0, "Y of reference pixel"),
        "CRVAL1": (tangent.ra, "RA of reference pixel (deg)"),
        "CRVAL2": (tangent.dec, "Dec of reference pixel (deg)"),
        **dict(zip(names, tangent.cd, strict=True)),
    }


def _image_header(cards: Mapping[str, Any], data: NDArray[Any]) -> bytes:
    start = {"XTENSION": "IMAGE", **_shape(data), "PCOUNT": 0, "GCOUNT": 1}
    return header(start, cards)


def _shape(data: NDArray[Any] | None) -> dict[str, int]:
    if data is None:
        return {"BITPIX": 8, "NAXIS": 0}
    bits = data.dtype.itemsize * (8 if data.dtype.kind in "iu" else -8)
    sides = {f"NAXIS{n}": side for n, side in enumerate(data.shape[::-1], 1)}
    return {"BITPIX": bits, "NAXIS": data.ndim, **sides}


def _padded(data: NDArray[Any] | None) -> bytes:
    if data is None:
        return b""
    body = np.ascontiguousarray(data, data.dtype.newbyteorder(">")).tobytes()
    return body + bytes(-len(body) % _BLOCK)
