"""Frames whose images are compressed tile by tile, as ``fpack`` does (``.fits.fz``).

Such an image lies in a table, one row for each tile. Here it looks like the image that
it was; astropy unpacks those tiles that hold the rows which are asked for. Its header
says how large it is, and beyond a limit nothing is unpacked.
"""

from __future__ import annotations

import math
import warnings
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from astropy.io import fits

from .frame_bytes import BadFrameError, CorruptFrameError
from .frame_file import Frame, open_frame, read_values, read_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .frame_bytes import FrameBytes
    from .frame_file import Hdu

__all__ = ["open_tiled"]

#: Bytes; the largest image that is unpacked, and the largest tile. Those of ACS and
#: UVIS have 75 million. A worker has 2 GiB.
MAX_IMAGE = 256 * 2**20

#: Ways of compression of the FITS standard 4.0, table 36, and an old name of one.
_WAYS = frozenset(
    {"RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS"}
)

#: What astropy and its decoders say of damage.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    fits.VerifyError,
    zlib.error,
)


@contextmanager
def open_tiled(path: Path, *, is_whole: bool = True) -> Iterator[Frame]:
    """Open a frame file as `open_frame` does, whether its images are tiled or not.

    Raises
    ------
    CorruptFrameError, BadFrameError, LocalError
        As `open_frame`.
    """
    with ExitStack() as files:
        kind = partial(_TiledFrame, path=path, files=files)
        with open_frame(path, is_whole=is_whole, kind=kind) as frame:
            yield frame


class _TiledFrame(Frame):
    """A frame in which tables that hold an image are that image."""

    def __init__(self, source: FrameBytes, path: Path, files: ExitStack) -> None:
        super().__init__(source)
        self._path = path
        self._files = files
        self._opened: fits.HDUList | None = None
        #: By where its data begin in the file.
        self._tiled: dict[int, fits.CompImageHDU] = {}

    def hdus(self) -> Iterator[Hdu]:
        """Read header by header; that of a tiled image is the image's own."""
        for number, hdu in enumerate(super().hdus()):
            # In a packed file it would have to be unpacked twice: nobody does that.
            is_tiled = hdu.values.get("ZIMAGE") == "T" and not self._source.is_packed
            yield self._to_image(number, hdu) if is_tiled else hdu

    def prove(self, image: Hdu, stop: int) -> None:
        """Make sure of the rows before ``stop``; tiles have no checksum."""
        if image.start not in self._tiled:
            super().prove(image, stop)

    def rows(self, image: Hdu, first: int, stop: int) -> NDArray[Any]:
        """Give rows of an image, ``(stop - first, nx)``, as they are stored."""
        tiled = self._tiled.get(image.start)
        if tiled is None:
            return super().rows(image, first, stop)
        with _damage_named():
            unpacked: NDArray[Any] = tiled.section[first:stop, :]
        if unpacked.shape != (stop - first, image.shape[1]):
            msg = f"its tiles unpack to {unpacked.shape} pixels"
            raise CorruptFrameError(msg)
        return unpacked

    def _to_image(self, number: int, hdu: Hdu) -> Hdu:
        shape, bitpix = _check_size(hdu)
        with _damage_named():
            tiled = self._open()[number]
            if not isinstance(tiled, fits.CompImageHDU):
                msg = f"astropy finds no image in its HDU {number}"
                raise TypeError(msg)
            cards = tiled.header.tostring().encode("ascii", "replace")
        self._tiled[hdu.start] = tiled
        values = read_values(cards)
        return replace(hdu, cards=cards, values=values, shape=shape, bitpix=bitpix)

    def _open(self) -> fits.HDUList:
        if self._opened is None:
            # BSCALE and BZERO are applied to stamps, as to those of other frames.
            self._opened = self._files.enter_context(
                fits.open(self._path, memmap=True, do_not_scale_image_data=True)
            )
        return self._opened


def _check_size(hdu: Hdu) -> tuple[tuple[int, ...], int]:
    """Give shape and BITPIX of a tiled image, if it is one that can be unpacked."""
    values = hdu.values
    naxis, bitpix = read_whole(values, "ZNAXIS"), read_whole(values, "ZBITPIX")
    axes = [read_whole(values, f"ZNAXIS{n}") for n in range(1, min(naxis, 9) + 1)]
    # By itself a tile is a row.
    ends = [*axes[:1], *[1 for _ in axes[1:]]]
    tile = [read_whole(values, f"ZTILE{n}", end) for n, end in enumerate(ends, 1)]
    sizes = [math.prod(each) * abs(bitpix) // 8 for each in (axes, tile)]
    if min([*axes, *tile], default=0) <= 0 or max(sizes) > MAX_IMAGE:
        msg = f"it tells of a compressed image {axes} in tiles {tile}, BITPIX {bitpix}"
        raise BadFrameError(msg)
    if values.get("ZCMPTYPE") not in _WAYS:
        msg = f"its image is compressed by {values.get('ZCMPTYPE')!r}"
        raise BadFrameError(msg)
    return tuple(reversed(axes)), bitpix


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        # astropy warns of many harmless spellings.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _DAMAGE as error:
        what = " ".join(str(error).split())[:200]
        msg = f"its compressed image is damaged: {what}"
        raise CorruptFrameError(msg) from error
