"""Frames as SDSS makes them of counts, and reading rows of them by blocks."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from astropy.io import fits
from make_frames import sdss_header

from harvester.archives.sdss.blocks.law import SdssBlocks
from harvester.cutouts.blocks.packed import Packed
from harvester.cutouts.blocks.steps import LackingBytes, WantedRows, advance
from harvester.cutouts.intervals import lacking, merged

LAW = SdssBlocks()
SHAPE = ROWS, COLUMNS = 1489, 2048
ROW = 4 * COLUMNS


def rounded(values):
    """Round to ten significant binary digits, as FLOATCOMPRESS does."""
    bits = values.astype(np.float32).view(np.int32)
    return ((bits + 0x2000) & ~0x3FFF).view(np.float32)


@cache
def made_frame():
    """Give a frame of counts, calibration and sky, before compression.

    As in real frames, the calibration of a column is nearly that of the one beside it.
    """
    chance = np.random.default_rng(11)
    steps = np.cumsum(chance.normal(0, 1e-4, COLUMNS))
    calib = (0.005 * (1 + steps)).astype(np.float32)
    slopes = np.linspace(0, 0.3, 256) + np.linspace(0, 0.5, 192)[:, None]
    table = (130 + slopes).astype(np.float32)
    across = np.linspace(0, 255, COLUMNS).astype(np.float32)
    along = np.linspace(0, 185, ROWS).astype(np.float32)
    flat = fits.PrimaryHDU(np.zeros(SHAPE, np.float32), sdss_header(SHAPE))
    words = "Floats truncated at 10 binary digits with FLOATCOMPRESS"
    flat.header["COMMENT"] = words
    counts = np.rint(chance.normal(130, 5, SHAPE))
    flat.data = rounded((counts - sky_of_table(table, across, along)) * calib)
    columns = [
        fits.Column("ALLSKY", "49152E", dim="(256,192)", array=table[None]),
        fits.Column("XINTERP", f"{COLUMNS}E", array=across[None]),
        fits.Column("YINTERP", f"{ROWS}E", array=along[None]),
    ]
    file = io.BytesIO()
    sky = fits.BinTableHDU.from_columns(columns)
    fits.HDUList([flat, fits.ImageHDU(calib), sky]).writeto(file)
    return file.getvalue()


def sky_of_table(table, across, along):
    """Interpolate a coarse table, bilinearly."""
    rows = np.array(
        [np.interp(along, np.arange(192), column) for column in table.T.astype(float)]
    ).T
    return np.array([np.interp(across, np.arange(256), row) for row in rows])


def image_of(unpacked):
    """Give the pixels of a frame that may be changed, and all of its bytes."""
    content = bytearray(unpacked)
    start = start_of_image(unpacked)
    pixels = np.frombuffer(content, ">f4", ROWS * COLUMNS, start)
    return pixels.reshape(SHAPE), content


def start_of_image(unpacked):
    """Give the byte at which the pixels begin."""
    end = unpacked.index(b"END" + b" " * 77) + 80
    return -(-end // 2880) * 2880


class Rows:
    """Wants some rows of the image: first, and the one behind the last."""

    def __init__(self, *rows):
        self.rows = rows

    def __call__(self, frame):
        """Give their bytes."""
        start = next(frame.hdus()).start
        return [(start + ROW * first, start + ROW * stop) for first, stop in self.rows]


class Reader:
    """Reads rows of a compressed frame in memory, and counts what is fetched."""

    def __init__(self, packed):
        self.packed = packed
        self.requests = 0
        self.held = []

    def fetch(self, spans):
        """Fetch what is lacking of these bytes."""
        total = len(self.packed)
        fresh = [
            part for a, b in spans for part in lacking((a, min(b, total)), self.held)
        ]
        self.requests += len(fresh)
        self.held = merged([*self.held, *fresh])

    @property
    def fetched(self):
        """Bytes that were fetched."""
        return sum(stop - start for start, stop in self.held)

    def read(self, find, *, is_rest_wanted=False, beginning=LAW.first_request):
        """Give the answer about some rows; ``beginning`` bytes are here at once."""
        self.fetch([(0, beginning)])
        first, wanted = None, WantedRows(find, is_rest_wanted)
        for _ in range(9):
            parts = {a: self.packed[a:b] for a, b in self.held}
            answer = advance(LAW, wanted, Packed(len(self.packed), parts), first)
            if not isinstance(answer, LackingBytes):
                return answer
            first = answer.first
            self.fetch(answer.spans)
        msg = "there is no end to the bytes that are lacking"
        raise AssertionError(msg)
