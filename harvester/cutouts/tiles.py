"""Frames with images that are compressed tile by tile, as by ``fpack`` (``.fits.fz``).

Such an image is stored as a table with one row for each tile. This module presents it
as the original image; astropy decompresses only the tiles with the requested rows. An
image whose header states a size above a limit is refused.
"""

from __future__ import annotations

import math
import warnings
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..importing import IMPORTING
from .frame_bytes import BadFrameError, CorruptFrameError
from .frame_file import Frame, open_frame, read_values, read_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from astropy.io import fits
    from numpy.typing import NDArray

    from ..models import HeldPart
    from .frame_bytes import FrameBytes
    from .frame_file import Hdu

__all__ = ["open_tiled"]

#: Bytes; the largest image, and the largest tile, that is decompressed. The images of
#: large cameras have 75 million. The memory limit of a worker is 2 GiB.
MAX_IMAGE = 256 * 2**20

#: Compression algorithms of the FITS standard 4.0, table 36, and an old name of one.
_ALGORITHMS = frozenset(
    {"RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS"}
)

#: Exceptions that astropy and its decoders raise for damaged data, with `VerifyError`.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)


@contextmanager
def open_tiled(
    path: Path, *, is_whole: bool = True, held: HeldPart | None = None
) -> Iterator[Frame]:
    """Open a frame file like `open_frame`; its images may be compressed in tiles.

    Raises
    ------
    CorruptFrameError, BadFrameError, LocalError
        As `open_frame`.
    """
    with ExitStack() as files:
        kind = partial(_TiledFrame, path=path, files=files)
        with open_frame(path, is_whole=is_whole, held=held, kind=kind) as frame:
            yield frame


class _TiledFrame(Frame):
    """A frame in which a table with a compressed image appears as that image."""

    def __init__(self, source: FrameBytes, path: Path, files: ExitStack) -> None:
        super().__init__(source)
        self._path = path
        self._files = files
        self._opened: fits.HDUList | None = None
        #: Compressed images by the offset of their data in the file.
        self._tiled: dict[int, fits.CompImageHDU] = {}

    def hdus(self) -> Iterator[Hdu]:
        """Yield the HDUs; a tiled image has the header of the original image."""
        for number, hdu in enumerate(super().hdus()):
            # Tiles in a file that is also compressed by bz2 or gzip are not supported:
            # such files are not in use.
            is_tiled = hdu.values.get("ZIMAGE") == "T" and not self._source.is_packed
            yield self._to_image(number, hdu) if is_tiled else hdu

    def prove(self, image: Hdu, stop: int, start: int = 0) -> None:
        """Verify that rows are here, and their checksums; tiles have none."""
        if image.start not in self._tiled:
            super().prove(image, stop, start)

    def rows(self, image: Hdu, first: int, stop: int) -> NDArray[Any]:
        """Return rows of an image, ``(stop - first, nx)``, in the stored type."""
        tiled = self._tiled.get(image.start)
        if tiled is None:
            return super().rows(image, first, stop)
        with _damage_named():
            unpacked: NDArray[Any] = tiled.section[first:stop, :]
        if unpacked.shape != (stop - first, image.shape[1]):
            msg = (
                f"its tiles decompress to {unpacked.shape} pixels, not to "
                f"{(stop - first, image.shape[1])}"
            )
            raise CorruptFrameError(msg)
        return unpacked

    def _to_image(self, number: int, hdu: Hdu) -> Hdu:
        shape, bitpix = _check_size(hdu)
        with IMPORTING:
            from astropy.io import fits
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
        from astropy.io import fits  # the caller has it

        if self._opened is None:
            # BSCALE and BZERO are applied to the stamps later, as with other frames.
            self._opened = self._files.enter_context(
                fits.open(self._path, memmap=True, do_not_scale_image_data=True)
            )
        return self._opened


def _check_size(hdu: Hdu) -> tuple[tuple[int, ...], int]:
    """Return shape and BITPIX of a tiled image, if it can be decompressed.

    Raises
    ------
    BadFrameError
        The image or a tile is too large, or the compression algorithm is unknown.
    """
    values = hdu.values
    naxis, bitpix = read_whole(values, "ZNAXIS"), read_whole(values, "ZBITPIX")
    axes = [read_whole(values, f"ZNAXIS{n}") for n in range(1, min(naxis, 9) + 1)]
    # Without ZTILEn a tile is a row.
    ends = [*axes[:1], *[1 for _ in axes[1:]]]
    tile = [read_whole(values, f"ZTILE{n}", end) for n, end in enumerate(ends, 1)]
    sizes = [math.prod(each) * abs(bitpix) // 8 for each in (axes, tile)]
    if min([*axes, *tile], default=0) <= 0 or max(sizes) > MAX_IMAGE:
        msg = (
            f"its header states a compressed image {axes} in tiles {tile}, BITPIX "
            f"{bitpix}: that is invalid or too large"
        )
        raise BadFrameError(msg)
    if values.get("ZCMPTYPE") not in _ALGORITHMS:
        msg = (
            f"its image is compressed by {values.get('ZCMPTYPE')!r}, which is not an "
            "algorithm of the FITS standard"
        )
        raise BadFrameError(msg)
    return tuple(reversed(axes)), bitpix


@contextmanager
def _damage_named() -> Iterator[None]:
    from astropy.io import fits  # the callers have it

    try:
        # Astropy warns about many harmless deviations from the standard.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (*_DAMAGE, fits.VerifyError) as error:
        what = " ".join(str(error).split())[:200]
        msg = f"its compressed image is damaged: {what}"
        raise CorruptFrameError(msg) from error
