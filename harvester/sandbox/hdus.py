"""Make FITS headers, images and tables as bytes, without an astropy `HDUList`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .tangent import Tangent

__all__ = [
    "ORIGIN",
    "header",
    "header_of",
    "image",
    "image_header",
    "image_size",
    "padded",
    "primary",
    "records",
    "table",
    "wcs_cards",
]

#: Card of every header, so that these pixels are not mistaken for real data.
ORIGIN = ("harvester sandbox", "synthetic pixels: not an observation")
_BLOCK, _CARD = 2880, 80


def header(start: Mapping[str, Any], cards: Mapping[str, Any], count: int = 0) -> bytes:
    """Make a header: structural cards first, then the others, padded to a block.

    Cards of a history fill it up to ``count`` cards.
    """
    filled = fits.Header()
    filled.update({**start, **cards, "ORIGIN": ORIGIN})
    text: str = filled.tostring(endcard=False, padding=False)
    lacking = range(len(text) // _CARD, count)
    lines = "".join(f"HISTORY Card {n} of many.".ljust(_CARD) for n in lacking)
    text += lines + "END".ljust(_CARD)
    return text.ljust(len(text) + -len(text) % _BLOCK).encode("ascii")


def primary(
    cards: Mapping[str, Any], data: NDArray[Any] | None = None, *, count: int = 0
) -> bytes:
    """Make a primary HDU, with or without an image; its header has ``count`` cards."""
    start = {"SIMPLE": True, **_shape(data), "EXTEND": True}
    return header(start, cards, count) + padded(data)


def image(cards: Mapping[str, Any], data: NDArray[Any], count: int = 0) -> bytes:
    """Make an image extension; its header has at least ``count`` cards."""
    return image_header(cards, data, count) + padded(data)


def image_size(cards: Mapping[str, Any], data: NDArray[Any], count: int = 0) -> int:
    """Give the number of bytes that `image` would make."""
    size = data.nbytes + -data.nbytes % _BLOCK
    return len(image_header(cards, data, count)) + size


def table(columns: list[fits.Column], cards: Mapping[str, Any] | None = None) -> bytes:
    """Make a binary table extension."""
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header.update({**(cards or {}), "ORIGIN": ORIGIN})
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    return file.getvalue()[_BLOCK:]


def records(name: str, columns: Mapping[str, tuple[str, NDArray[Any]]]) -> bytes:
    """Make a binary table of many columns, called ``name``.

    Each column is its format and its values; logical ones are bytes, T or F.
    """
    types = [
        (key, array.dtype.newbyteorder(">")) for key, (_, array) in columns.items()
    ]
    rows = np.empty(max(len(array) for _, array in columns.values()), types)
    cards: dict[str, str | int] = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2}
    cards |= {"NAXIS1": rows.itemsize, "NAXIS2": len(rows), "PCOUNT": 0, "GCOUNT": 1}
    cards |= {"TFIELDS": len(columns)}
    for n, (key, (form, array)) in enumerate(columns.items(), 1):
        rows[key] = array
        cards |= {f"TTYPE{n}": key, f"TFORM{n}": form}
    cards |= {"EXTNAME": name, "ORIGIN": ORIGIN[0]}
    # By hand: for hundreds of columns astropy's header takes a tenth of a second.
    return header_of("\n".join(map(_card, cards, cards.values()))) + padded(rows)


def header_of(cards: str) -> bytes:
    """Make a header of cards that are written out, one a line, without END."""
    lines = [*cards.splitlines(), "END"]
    text = "".join(line.ljust(_CARD) for line in lines)
    return text.ljust(len(text) + -len(text) % _BLOCK).encode("ascii")


def _card(key: str, value: str | int) -> str:
    text = f"{value:>20}" if isinstance(value, int) else f"'{value:<8}'"
    return f"{key:<8}= {text}"


def wcs_cards(tangent: Tangent) -> dict[str, Any]:
    """Give the WCS cards of an image."""
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


def image_header(cards: Mapping[str, Any], data: NDArray[Any], count: int = 0) -> bytes:
    """Make the header of an image extension; of ``data`` only shape and type count."""
    start = {"XTENSION": "IMAGE", **_shape(data), "PCOUNT": 0, "GCOUNT": 1}
    return header(start, cards, count)


def _shape(data: NDArray[Any] | None) -> dict[str, int]:
    if data is None:
        return {"BITPIX": 8, "NAXIS": 0}
    bits = data.dtype.itemsize * (8 if data.dtype.kind in "iu" else -8)
    sides = {f"NAXIS{n}": side for n, side in enumerate(data.shape[::-1], 1)}
    return {"BITPIX": bits, "NAXIS": data.ndim, **sides}


def padded(data: NDArray[Any] | None) -> bytes:
    """Give the bytes of an image or a table, padded with zeros to whole blocks."""
    if data is None:
        return b""
    body = np.ascontiguousarray(data, data.dtype.newbyteorder(">")).tobytes()
    return body + bytes(-len(body) % _BLOCK)
