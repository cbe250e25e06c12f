"""Damage to files: how a body is changed before it is sent."""

from __future__ import annotations

import bz2
import io
import math
import re
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bomb_for", "cut_off", "flip_bit", "remade", "rewrite_cards"]

_BZ2 = b"BZh"
#: Length of a card, and the type of pixels that are floats of 32 bits.
_CARD, _FLOAT = 80, -32
#: A bomb begins with so many bytes of the real file, its first header.
_HEAD = 28_800
#: Bytes that one bz2 stream of a bomb unpacks to; packed it is 50 bytes long.
_STREAM = 32 << 20


def flip_bit(body: bytes, place: float) -> bytes:
    """Flip one bit, ``place`` of the way into the body."""
    damaged = bytearray(body)
    damaged[int(len(body) * place)] ^= 0x10
    return bytes(damaged)


def rewrite_cards(body: bytes, cards: str) -> bytes:
    """Give FITS header cards other values, such as ``NAXIS1=9,CRVAL1=NaN``.

    Packed files are unpacked and packed again; the length of a plain one stays. Every
    header of the file that has the card changes; none is added.
    """
    is_packed = body.startswith(_BZ2)
    plain = bz2.decompress(body) if is_packed else body
    for pair in cards.split(","):
        keyword, _, value = pair.partition("=")
        card = f"{keyword:<8}= {value:>20}".ljust(_CARD).encode("ascii")
        # Bytes of pixels almost never look like a card, so the whole body is searched.
        found = re.escape(card[:10]) + rb"[ -~]{70}"
        plain = re.sub(found, card, plain)
    return bz2.compress(plain) if is_packed else plain


def bomb_for(body: bytes, mebibytes: int) -> bytes:
    """Make a small bz2 file that begins like ``body`` and unpacks to so many MiB."""
    plain = bz2.decompress(body) if body.startswith(_BZ2) else body
    zeros = bz2.compress(bytes(_STREAM))
    return bz2.compress(plain[:_HEAD]) + zeros * (mebibytes * (1 << 20) // _STREAM)


def cut_off(body: bytes, place: float) -> bytes:
    """Give the first bytes of a file, ``place`` of it."""
    return body[: int(len(body) * place)]


def remade(body: bytes) -> bytes:
    """Make another version of a file: that of an archive with another calibration.

    All values of images of floats are doubled. In a frame of SDSS these are pixels and
    calibration, so they still agree bit for bit. Other files than FITS come backwards.
    """
    is_packed = body.startswith(_BZ2)
    plain = bytearray(bz2.decompress(body) if is_packed else body)
    if not plain.startswith(b"SIMPLE  ="):
        return bytes(reversed(body))
    for place, count in list(_images_of_floats(bytes(plain))):
        np.frombuffer(plain, ">f4", count, place)[:] *= 2
    return bz2.compress(plain) if is_packed else bytes(plain)


def _images_of_floats(plain: bytes) -> Iterator[tuple[int, int]]:
    """Give the place of the first pixel, and the number of pixels, of each image."""
    with fits.open(io.BytesIO(plain)) as hdus:
        for hdu in hdus:
            if hdu.is_image and hdu.shape and hdu.header["BITPIX"] == _FLOAT:
                yield hdu.fileinfo()["datLoc"], math.prod(hdu.shape)
