"""Damage to files: how a body is changed before it is sent."""

from __future__ import annotations

import bz2
import re

__all__ = ["bomb_for", "flip_bit", "rewrite_cards"]

_BZ2 = b"BZh"
_CARD = 80
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
