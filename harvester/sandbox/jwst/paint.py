"""Paint level-3 mosaics in bands of rows; a whole file is never in memory.

As in the archive's mosaics ERR is the error of independent pixels. Drizzling averages
neighbours: single pixels scatter less, and the sum of many scatters as ERR says.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from .. import hdus, sersic
from ..lazy_file import Held, ImagePlane, LazyFile
from .cards import Edition, extension_cards, primary_cards, science_cards

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ..lazy_file import BandCache, Segment
    from ..sky import Galaxy, Sky
    from .mosaic import Mosaic
    from .pointings import JwstObservation

    #: Renders rows ``first`` to ``last`` (exclusive).
    Rows = Callable[[int, int], NDArray[np.float32]]

__all__ = ["i2d", "i2d_size"]

_NOISE = 11
#: Background in MJy/sr; it is not subtracted.
_SKY = np.float32(0.2)
#: Variances of one dither: read noise, and Poisson noise and flat of one MJy/sr.
_READ, _POISSON, _FLAT = np.float32(4e-4), np.float32(4e-3), np.float32(4e-6)
#: Drops are as large as pixels. At this sub-pixel position the noise of single pixels
#: and of neighbours is that of the mean over all positions: 2/3 of an axis.
_SHIFT = (1 - math.sqrt(1 / 3)) / 2
#: Jansky of AB magnitude 0, and jansky per MJy.
_ZERO_JY, _MEGA = 3631.0, 1e6


def i2d(sky: Sky, obs: JwstObservation, edition: Edition, cache: BandCache) -> LazyFile:
    """Make the file of a mosaic: PRIMARY, SCI, ERR, CON, WHT, VAR_*, HDRTAB, ASDF."""
    assert obs.mosaic is not None
    mosaic = obs.mosaic.with_margin(edition.margin)
    return LazyFile(_segments(_Painter(sky, obs, mosaic, edition), cache))


def i2d_size(obs: JwstObservation, edition: Edition) -> int:
    """Give the number of bytes that `i2d` makes."""
    assert obs.mosaic is not None
    mosaic = obs.mosaic.with_margin(edition.margin)
    header_bytes = sum(len(_header(obs, mosaic, name)) for name in _IMAGES)
    ends = len(hdus.primary(primary_cards(obs, edition)))
    ends += len(_exposure_table(obs, edition)) + len(_data_model(obs))
    pixels = 4 * mosaic.nx * mosaic.ny
    layers = (mosaic.layers if name == "CON" else 1 for name in _IMAGES)
    return ends + header_bytes + sum(-(-pixels * n // 2880) * 2880 for n in layers)


def _segments(painter: _Painter, cache: BandCache) -> list[Segment]:
    obs, mosaic, edition = painter.obs, painter.mosaic, painter.edition
    segments: list[Segment] = [Held(hdus.primary(primary_cards(obs, edition)))]
    for name, (_, paint) in _IMAGES.items():
        layers = mosaic.layers if name == "CON" else 1
        key = f"{obs.obs_id} {edition.number} {name}"
        shape = (layers, mosaic.ny, mosaic.nx)
        segments.append(Held(_header(obs, mosaic, name)))
        segments.append(ImagePlane(shape, partial(paint, painter), cache, key))
    segments.append(Held(_exposure_table(obs, edition)))
    segments.append(Held(_data_model(obs)))
    return segments


def _header(obs: JwstObservation, mosaic: Mosaic, name: str) -> bytes:
    unit, _ = _IMAGES[name]
    cards = extension_cards(name, unit)
    if name == "SCI":
        cards = science_cards(obs, mosaic)
    sides = (mosaic.ny, mosaic.nx)
    if name == "CON":
        empty = np.broadcast_to(np.int32(0), (mosaic.layers, *sides))
        return hdus.image_header(cards, empty)
    return hdus.image_header(cards, np.broadcast_to(np.float32(0.0), sides))


class _Painter:
    """The pixels of one edition of a mosaic, by rows ``first`` to ``last``."""

    def __init__(
        self, sky: Sky, obs: JwstObservation, mosaic: Mosaic, edition: Edition
    ) -> None:
        self.obs, self.mosaic, self.edition = obs, mosaic, edition
        self._seed = (sky.seed, _NOISE, obs.obsid, edition.number)
        #: Value where no exposure fell: old pipelines wrote zeros.
        self._empty = np.float32(0.0 if edition.cal_ver.startswith("1.") else np.nan)
        self._blobs = [self._blob(galaxy) for galaxy in sky.galaxies_in_mosaic(mosaic)]

    def _blob(self, galaxy: Galaxy) -> sersic.Blob:
        early, late = self.obs.passband.colours
        magnitude = galaxy.mag_r + (early if galaxy.morphology == 1 else late)
        flux = _ZERO_JY * 10.0 ** (-0.4 * magnitude) / _MEGA / self.mosaic.pixar_sr
        return sersic.blob_of(galaxy, self.mosaic.tangent, flux, self.obs.passband.fwhm)

    def science(self, _layer: int, first: int, last: int) -> NDArray[np.float32]:
        """Surface brightness with its noise."""
        light, hits = self._light(first, last), self._hits(first, last)
        noise = self._noise(first, last)
        noise *= np.sqrt(_variance(light) / np.maximum(hits, 1))
        return np.where(hits > 0, light + noise, self._empty)

    def error(self, _layer: int, first: int, last: int) -> NDArray[np.float32]:
        """Total standard deviation."""
        light = self._light(first, last)
        return np.sqrt(self._per_hit(_variance(light), first, last))

    def poisson(self, _layer: int, first: int, last: int) -> NDArray[np.float32]:
        """Variance of the light itself."""
        return self._per_hit(_POISSON * self._light(first, last), first, last)

    def read_noise(self, _layer: int, first: int, last: int) -> NDArray[np.float32]:
        """Variance of the detectors."""
        shape = (last - first, self.mosaic.nx)
        return self._per_hit(np.full(shape, _READ), first, last)

    def flat(self, _layer: int, first: int, last: int) -> NDArray[np.float32]:
        """Variance of the flat field."""
        return self._per_hit(_FLAT * self._light(first, last) ** 2, first, last)

    def weight(self, _layer: int, first: int, last: int) -> NDArray[np.float32]:
        """Sum of the inverse variances of the detectors (WHTTYPE ``ivm``)."""
        return self._hits(first, last) / _READ

    def context(self, layer: int, first: int, last: int) -> NDArray[np.int32]:
        """Bits of the exposures ``32 * layer`` to ``32 * layer + 31``."""
        bits = np.zeros((last - first, self.mosaic.nx), np.uint32)
        for bit, box in enumerate(self._boxes(first, last, layer)):
            bits[box] |= np.uint32(1 << bit)
        return bits.view(np.int32)

    def _noise(self, first: int, last: int) -> NDArray[np.float32]:
        """Interpolate between drops of variance 1; rows of two bands share drops."""
        drops = np.stack([self._drops(row) for row in range(first, last + 1)])
        here, there = np.float32(1 - _SHIFT), np.float32(_SHIFT)
        rows = here * drops[:-1] + there * drops[1:]
        noise = here * rows[:, :-1] + there * rows[:, 1:]
        return noise.astype(np.float32, copy=False)

    def _drops(self, row: int) -> NDArray[np.float32]:
        rng = np.random.default_rng([*self._seed, row])
        return rng.standard_normal(self.mosaic.nx + 1, dtype=np.float32)

    def _per_hit(
        self, variance: NDArray[np.float32], first: int, last: int
    ) -> NDArray[np.float32]:
        hits = self._hits(first, last)
        return np.where(hits > 0, variance / np.maximum(hits, 1), self._empty)

    def _light(self, first: int, last: int) -> NDArray[np.float32]:
        """Surface brightness without noise, inside and outside of the data."""
        light = np.full((last - first, self.mosaic.nx), _SKY)
        for blob in self._blobs:
            sersic.add_rows(light, blob, first)
        return light

    def _hits(self, first: int, last: int) -> NDArray[np.float32]:
        """Count the dithers that cover each pixel."""
        hits = np.zeros((last - first, self.mosaic.nx), np.float32)
        for box in self._boxes(first, last):
            hits[box] += 1
        return hits

    def _boxes(
        self, first: int, last: int, layer: int | None = None
    ) -> list[tuple[slice, slice]]:
        """Give the parts of some rows that the exposures (of one layer) cover."""
        inputs = self.mosaic.inputs
        if layer is not None:
            inputs = inputs[32 * layer : 32 * layer + 32]
        return [
            (
                slice(max(0, one.y0 - first), max(0, min(last, one.y1) - first)),
                slice(one.x0, one.x1),
            )
            for one in inputs
        ]


def _variance(light: NDArray[np.float32]) -> NDArray[np.float32]:
    return _READ + _POISSON * light + _FLAT * light**2


#: Image extensions in their order: unit, and what paints them.
_IMAGES: dict[str, tuple[str, Callable[[_Painter, int, int, int], NDArray[Any]]]] = {
    "SCI": ("MJy/sr", _Painter.science),
    "ERR": ("MJy/sr", _Painter.error),
    "CON": ("", _Painter.context),
    "WHT": ("", _Painter.weight),
    "VAR_POISSON": ("", _Painter.poisson),
    "VAR_RNOISE": ("", _Painter.read_noise),
    "VAR_FLAT": ("", _Painter.flat),
}


def _exposure_table(obs: JwstObservation, edition: Edition) -> bytes:
    """Tabulate the primary headers of the exposures, one row each."""
    names = [f"{name}_cal.fits" for name in obs.exposure_ids()]
    columns = {
        key: _column(names if key == "FILENAME" else [value] * len(names))
        for key, (value, _) in primary_cards(obs, edition).items()
    }
    return hdus.records("HDRTAB", columns)


def _column(values: list[Any]) -> tuple[str, NDArray[Any]]:
    """Give the format of a column and its values."""
    match values[0]:
        case bool():
            return "L", np.array([b"T" if value else b"F" for value in values])
        case int():
            return "K", np.array(values)
        case float():
            return "D", np.array(values)
        case _:
            array = np.array(values, "S")
            return f"{array.dtype.itemsize}A", array


def _data_model(obs: JwstObservation) -> bytes:
    """Make the last table. The archive's holds a gwcs; this one only a name."""
    text = f"#ASDF 1.0.0\n%YAML 1.1\n--- {{of: {obs.obs_id}}}\n...\n"
    array = np.frombuffer(text.encode("ascii"), np.uint8)[None]
    column = fits.Column("ASDF_METADATA", f"{array.shape[1]}B", array=array)
    return hdus.table([column], {"EXTNAME": "ASDF"})
