"""Paint SDSS frames: what a drift scan would have recorded of the synthetic sky.

The steps are those of the survey: light is counted in whole DN on top of a night
sky with a gradient, the sky is subtracted, counts become nanomaggies, and mantissas
are cut to ten bits so that the file compresses well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import hdus, sersic
from .camera import ccd_of, seeing_of
from .flat_field import calibration_of
from .frame_cards import CALIBRATION_CARDS, primary_cards
from .night_sky import NightSky
from .scans import BANDS, COLUMNS, FIELD_STEP, ROWS
from .starlight import flux_of, places_of, stars_in
from .survey_table import survey_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scans import FieldKey, ScanField
    from .sky import Galaxy, Sky

__all__ = ["sdss_frame"]


class _Night(NamedTuple):
    """Sky brightness and sensitivity in one band."""

    #: Nanomaggies per count, typical night sky in counts per pixel.
    nmgy: float
    sky: float
    #: Magnitude of early and of late galaxies minus that in r.
    early: float
    late: float


_NIGHTS = {
    "u": _Night(0.01050, 16.0, 2.65, 1.75),
    "g": _Night(0.00377, 70.0, 0.85, 0.55),
    "r": _Night(0.00478, 145.0, 0.0, 0.0),
    "i": _Night(0.00652, 175.0, -0.40, -0.28),
    "z": _Night(0.03300, 68.0, -0.70, -0.46),
}
#: Bits of the mantissa that are kept: ten significant ones with the unwritten first.
_KEPT_BITS = 9
#: Streams of random numbers that belong to frames.
_NOISE, _LOST = 3, 10
#: One frame in so many lacks rows, so many that follow each other. They are not so
#: near to a galaxy, whose light is to be measured, nor where two fields overlap.
_LOSSES, _LOST_ROWS, _FROM_GALAXY, _LOST_TRIES = 12, (8, 61), 50.0, 20


def sdss_frame(sky: Sky, key: FieldKey, band: str) -> bytes:
    """Paint the frame of a field in a band: an uncompressed FITS file of 4 HDUs."""
    field, usual = sky.fields[key], _NIGHTS[band]
    calibration = calibration_of(sky.seed, key, band, usual.nmgy)
    night = NightSky.over(sky.seed, key, band, usual.sky)
    light = _light(sky, field, band) / calibration
    counts = _noise(sky.seed, key, band, light + np.float32(night.level))
    counts += light
    counts += night.counted()
    pixels = _develop(_counted(counts, key, band), night, calibration)
    lost = _lost_rows(sky, field, band)
    pixels[lost.start : lost.stop] = 0.0
    cards = primary_cards(field, band, float(calibration.mean()), len(lost))
    return b"".join(
        [
            hdus.header_of(cards),
            hdus.padded(pixels),
            hdus.header_of(CALIBRATION_CARDS),
            hdus.padded(calibration),
            survey_table(night.record()),
            survey_table(_astrans(field, band)),
        ]
    )


def _counted(
    counts: NDArray[np.float32], key: FieldKey, band: str
) -> NDArray[np.float32]:
    """Count in whole numbers, as far as the wells of the CCD are deep; in place."""
    np.rint(counts, out=counts)
    return np.minimum(counts, np.float32(ccd_of(key, band).saturation), out=counts)


def _develop(
    counts: NDArray[np.float32], night: NightSky, calibration: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Turn counts into nanomaggies, in place."""
    counts -= night.taken_off()
    counts *= calibration
    return _rounded(counts)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round mantissas to the kept bits, in place."""
    dropped = 23 - _KEPT_BITS
    bits = values.view(np.int32)
    bits += np.int32(1 << (dropped - 1))
    bits &= np.int32(-(1 << dropped))
    return values


def _lost_rows(sky: Sky, field: ScanField, band: str) -> range:
    """Give the rows that a frame lacks: none for most frames."""
    stream = [sky.seed, _LOST, *field.key, BANDS.index(band)]
    rng = np.random.default_rng(stream)
    if rng.integers(_LOSSES):
        return range(0)
    lost = int(rng.integers(*_LOST_ROWS))
    firsts = rng.integers(ROWS - FIELD_STEP, FIELD_STEP - lost, _LOST_TRIES)
    galaxies = places_of(sky.galaxies_in_field(field.key), field)[:, 1]
    apart = np.abs(firsts[:, None] + lost / 2 - galaxies) - lost / 2
    free = firsts[(apart > _FROM_GALAXY).all(axis=1)]
    return range(int(free[0]), int(free[0]) + lost) if len(free) else range(0)


def _noise(
    seed: int, key: FieldKey, band: str, expected: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Noise of expected counts; rows of two fields are the same pixels in both."""
    ccd = ccd_of(key, band)
    noise = np.empty((ROWS, COLUMNS), np.float32)
    stream = [seed, _NOISE, key.run, key.camcol, BANDS.index(band)]
    for number, rows in ((0, slice(FIELD_STEP)), (1, slice(FIELD_STEP, ROWS))):
        rng = np.random.default_rng([*stream, key.field + number])
        rng.standard_normal(dtype=np.float32, out=noise[rows])
    # The change of the sky over a frame makes no difference here: it is below a count.
    variance = expected / np.float32(ccd.gain) + np.float32(ccd.dark_variance)
    noise *= np.sqrt(variance)
    return noise


def _light(sky: Sky, field: ScanField, band: str) -> NDArray[np.float32]:
    """Paint galaxies and stars, in nanomaggies per pixel."""
    light = np.zeros((ROWS, COLUMNS), np.float32)
    tangent = field.tangent(band)
    seeing = seeing_of(field.key, band).width
    for galaxy in sky.galaxies_in_field(field.key):
        flux = _nanomaggies(galaxy, band)
        sersic.add(light, sersic.blob_of(galaxy, tangent, flux, seeing))
    for blob in stars_in(sky, field, band):
        sersic.add(light, blob)
    return light


def _nanomaggies(galaxy: Galaxy, band: str) -> float:
    night = _NIGHTS[band]
    magnitude = galaxy.mag_r + (night.early if galaxy.morphology == 1 else night.late)
    return flux_of(magnitude)


def _astrans(field: ScanField, band: str) -> NDArray[np.void]:
    """Give the scan's own astrometry: one row of 31 columns."""
    key = field.key
    terms = dict(zip("ABCDEF", field.astrans(band), strict=True))
    # The distortion terms are 0: rows and columns are exactly linear here.
    bends = {f"{axis}{n}": 0.0 for axis in ("DROW", "DCOL") for n in range(4)}
    bends |= dict.fromkeys(("CSROW", "CSCOL", "CCROW", "CCCOL"), 0.0)
    weather = {"RICUT": 100.0, "MJD": field.mjd, "AIRMASS": 1.12}
    rest = {**terms, **bends, **weather}
    row: list[tuple[str, str, object]] = [
        ("RUN", ">i4", key.run),
        ("RERUN", "S3", "301"),
        ("CAMCOL", ">i4", key.camcol),
        ("FILTER", "S1", band),
        ("NODE", ">f8", field.node),
        ("INCL", ">f8", field.incl),
        ("NAXIS", "(2,)>i4", (COLUMNS, ROWS)),
        ("FIELD", ">i4", key.field),
        *((name, ">f8", value) for name, value in rest.items()),
        ("MUERR", ">f4", 0.05),
        ("NUERR", ">f4", 0.07),
    ]
    types = [(name, form) for name, form, _ in row]
    return np.array([tuple(value for _, _, value in row)], types)
