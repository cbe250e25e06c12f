"""The HDUs of a stamp file as bytes, to copy them without decoding anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RawHdu", "primary_hdu", "read_hdus"]

_BLOCK, _CARD = 2880, 80


@dataclass(frozen=True, slots=True)
class RawHdu:
    """One HDU of a FITS file."""

    #: Cards of 80 bytes before END.
    cards: tuple[bytes, ...]
    #: With the filling of the last block.
    data: bytes

    def value(self, keyword: str) -> str:
        """Give a value without quotes; empty if there is no such card."""
        head = f"{keyword:<8}= ".encode()
        card = next((card for card in self.cards if card.startswith(head)), b"")
        return card[len(head) :].partition(b"/")[0].strip(b"' ").decode("ascii")

    def to_bytes(self) -> bytes:
        """Give the HDU as it is in a file."""
        header = b"".join([*self.cards, b"END".ljust(_CARD)])
        return header + b" " * (-len(header) % _BLOCK) + self.data

    def as_extension(self, name: str) -> bytes:
        """Give the HDU as an image extension with a name."""
        axes = int(self.value("NAXIS"))
        first = [
            b"XTENSION= 'IMAGE   '           / image".ljust(_CARD),
            *self.cards[1 : 3 + axes],
            b"PCOUNT  =                    0 / no parameters".ljust(_CARD),
            b"GCOUNT  =                    1 / one group".ljust(_CARD),
            f"EXTNAME = '{name:<8}' / survey, band, plane".encode().ljust(_CARD),
        ]
        drop = (b"EXTEND  =", b"EXTNAME =", b"PCOUNT  =", b"GCOUNT  =")
        rest = [card for card in self.cards[3 + axes :] if not card.startswith(drop)]
        return RawHdu((*first, *rest), self.data).to_bytes()


def read_hdus(path: Path) -> list[RawHdu]:
    """Read a stamp file.

    Raises
    ------
    LocalError
        It is missing or is no FITS file.
    """
    try:
        return list(_hdus(path.read_bytes()))
    except (OSError, ValueError) as error:
        msg = (
            f"stamp {path} cannot be read: {error}. `harvester verify --repair` on the "
            "run finds such stamps, and `harvester resume` cuts them again."
        )
        raise LocalError(msg) from error


def primary_hdu(path: Path) -> bytes:
    """Give the bytes of the primary HDU alone, which is a whole FITS file."""
    first = read_hdus(path)[0]
    cards = tuple(card for card in first.cards if not card.startswith(b"EXTEND  ="))
    return RawHdu(cards, first.data).to_bytes()


def _hdus(content: bytes) -> Iterator[RawHdu]:
    at = 0
    while at < len(content):
        cards = []
        while (card := content[at : at + _CARD])[:8] != b"END     ":
            if len(card) < _CARD:
                msg = "a header has no end"
                raise ValueError(msg)
            cards.append(card)
            at += _CARD
        at += -(at) % _BLOCK or _BLOCK
        header = RawHdu(tuple(cards), b"")
        size = _data_size(header)
        yield RawHdu(header.cards, content[at : at + size])
        at += size


def _data_size(header: RawHdu) -> int:
    """Give the length of the data in bytes, in whole blocks."""
    axes = int(header.value("NAXIS") or 0)
    sides = [int(header.value(f"NAXIS{n}")) for n in range(1, axes + 1)]
    used = abs(int(header.value("BITPIX"))) // 8 * math.prod(sides) if axes else 0
    return -(-used // _BLOCK) * _BLOCK
