"""Paint SDSS frames: what a drift scan would have recorded of the synthetic sky.

The steps are those of the survey: light is counted in whole DN on top of a night
sky with a gradient, the sky is subtracted, counts become nanomaggies, and mantissas
are cut to ten bits so that the file compresses well.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from astropy.io import fits

from . import hdus, sersic
from .camera import ccd_of, seeing_of
from .scans import BANDS, COLUMNS, FIELD_STEP, ROWS, RUNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scans import FieldKey, ScanField
    from .sky import Galaxy, Sky

__all__ = ["sdss_frame"]


class _Night(NamedTuple):
    """Sky brightness and sensitivity in one band."""

    #: Nanomaggies per count, night sky in counts per pixel.
    nmgy: float
    sky: float
    #: Magnitude of early and of late galaxies minus that in r.
    early: float
    late: float


_NIGHTS = {
    "u": _Night(0.01050, 52.0, 2.65, 1.75),
    "g": _Night(0.00377, 96.0, 0.85, 0.55),
    "r": _Night(0.00478, 189.0, 0.0, 0.0),
    "i": _Night(0.00652, 268.0, -0.40, -0.28),
    "z": _Night(0.03300, 60.0, -0.70, -0.46),
}
#: Relative gradient of the night sky over a frame, along a row and a column: a few
#: tenths of a count, as in real frames. A larger one would compress worse.
_SLOPE = (0.001, -0.0028)
#: Pixels of the frame to one of the sky table (which counts its own by 256 x 192).
_SKY_STEP, _SKY_SHAPE = 8.0, (192, 256)
#: Faint stars of a field: how many, and their magnitudes.
_STARS, _STAR_MAGS = 70, (20.5, 22.5)
#: Bits of the mantissa that are kept: ten significant ones with the unwritten first.
_KEPT_BITS = 9
#: Streams of random numbers that belong to frames.
_NOISE, _STARLIGHT, _FLAT = 3, 4, 5


def sdss_frame(sky: Sky, key: FieldKey, band: str) -> bytes:
    """Paint the frame of a field in a band: an uncompressed FITS file of 4 HDUs."""
    field, night = sky.fields[key], _NIGHTS[band]
    calibration = _calibration(sky.seed, key, band)
    table = _SkyTable.of(night.sky, key.field)
    light = _light(sky, field, band) / calibration
    counts = _noise(sky.seed, key, band, light)
    counts += light
    pixels = _develop(counts, table, calibration)
    return b"".join(
        [
            hdus.primary(_cards(field, band, float(calibration.mean())), pixels),
            hdus.image({}, calibration),
            hdus.table(table.columns()),
            hdus.table(_astrans(field, band)),
        ]
    )


def _develop(
    counts: NDArray[np.float32], table: _SkyTable, calibration: NDArray[np.float32]
) -> NDArray[np.float32]:
    across, along = table.slopes()
    counts += across
    counts += along[:, None]
    np.rint(counts, out=counts)
    counts -= along[:, None]
    counts -= across
    counts *= calibration
    return _rounded(counts)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round mantissas to the kept bits, in place."""
    dropped = 23 - _KEPT_BITS
    bits = values.view(np.int32)
    bits += np.int32(1 << (dropped - 1))
    bits &= np.int32(-(1 << dropped))
    return values


def _noise(
    seed: int, key: FieldKey, band: str, light: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Noise in counts; the rows that two fields share are the same pixels in both."""
    ccd = ccd_of(key, band)
    noise = np.empty((ROWS, COLUMNS), np.float32)
    stream = [seed, _NOISE, key.run, key.camcol, BANDS.index(band)]
    for number, rows in ((0, slice(FIELD_STEP)), (1, slice(FIELD_STEP, ROWS))):
        rng = np.random.default_rng([*stream, key.field + number])
        rng.standard_normal(dtype=np.float32, out=noise[rows])
    # The change of the sky over a frame makes no difference here: it is below a count.
    electrons = (light + np.float32(_NIGHTS[band].sky)) / np.float32(ccd.gain)
    noise *= np.sqrt(electrons + np.float32(ccd.dark_variance))
    return noise


def _light(sky: Sky, field: ScanField, band: str) -> NDArray[np.float32]:
    """Paint galaxies and faint stars, in nanomaggies per pixel."""
    light = np.zeros((ROWS, COLUMNS), np.float32)
    tangent = field.tangent(band)
    seeing = seeing_of(field.key, band).width
    for galaxy in sky.galaxies_in_field(field.key):
        flux = _nanomaggies(galaxy, band)
        sersic.add(light, sersic.blob_of(galaxy, tangent, flux, seeing))
    # The light of stars near a row edge reaches into the neighbouring fields.
    for step in (-1, 0, 1):
        neighbour = field.key._replace(field=field.key.field + step)
        for blob in _stars(sky.seed, neighbour, band, FIELD_STEP * step):
            sersic.add(light, blob)
    return light


def _nanomaggies(galaxy: Galaxy, band: str) -> float:
    night = _NIGHTS[band]
    magnitude = galaxy.mag_r + (night.early if galaxy.morphology == 1 else night.late)
    return _flux(magnitude)


def _flux(magnitude: float) -> float:
    return float(10.0 ** (0.4 * (22.5 - magnitude)))


def _stars(seed: int, key: FieldKey, band: str, row: int) -> list[sersic.Blob]:
    rng = np.random.default_rng([seed, _STARLIGHT, *key])
    xs, ys = rng.uniform(0, COLUMNS, _STARS), rng.uniform(0, FIELD_STEP, _STARS)
    mags = rng.uniform(*_STAR_MAGS, _STARS)
    parts = seeing_of(key, band).parts
    return [
        sersic.star(float(x), float(y) + row, part * _flux(mag), sigma)
        for x, y, mag in zip(xs, ys, mags, strict=True)
        for part, sigma in parts
    ]


def _calibration(seed: int, key: FieldKey, band: str) -> NDArray[np.float32]:
    """Nanomaggies per count in each column: the flat field of a drift scan."""
    rng = np.random.default_rng([seed, _FLAT, key.run, key.camcol, BANDS.index(band)])
    flat = 1.0 + 0.008 * np.cos(np.linspace(0.0, 5.0, COLUMNS))
    flat += rng.normal(0.0, 0.0003, COLUMNS)
    return (_NIGHTS[band].nmgy * flat).astype(np.float32)


class _SkyTable(NamedTuple):
    """The night sky that was subtracted, as the third HDU of the frame has it."""

    allsky: NDArray[np.float32]
    #: For each column and row of the frame, its place in ``allsky``.
    xinterp: NDArray[np.float32]
    yinterp: NDArray[np.float32]
    #: What ``allsky`` is the sum of: counts by its column, and by its row.
    profiles: tuple[NDArray[np.float64], NDArray[np.float64]]

    @classmethod
    def of(cls, level: float, field: int) -> _SkyTable:
        ny, nx = _SKY_SHAPE
        x = (np.arange(COLUMNS) + 0.5) / _SKY_STEP - 0.5
        y = (np.arange(ROWS) + 0.5) / _SKY_STEP + 0.5
        # The sum of two profiles, smooth along the scan and wavy across it, as the
        # tables of real frames are to a thousandth of a count.
        u = np.arange(nx) / nx
        across = level * (1.0 + _SLOPE[0] * (u + 0.06 * np.sin(25 * u)))
        # It goes on from field to field: in rows that two fields share, the camera has
        # counted once.
        rows = (np.arange(ny) - 0.5) * _SKY_STEP - 0.5
        along = level * _SLOPE[1] * np.cos((field + rows / FIELD_STEP) * np.pi / 2)
        return cls(
            allsky=(across + along[:, None]).astype(np.float32),
            xinterp=x.astype(np.float32),
            yinterp=y.astype(np.float32),
            profiles=(across, along),
        )

    def slopes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Split the sky counts into a part by column and a part by row."""
        places = (self.xinterp, self.yinterp)
        across, along = (
            np.interp(place, np.arange(len(profile)), profile).astype(np.float32)
            for place, profile in zip(places, self.profiles, strict=True)
        )
        return across, along

    def columns(self) -> list[fits.Column]:
        ny, nx = _SKY_SHAPE
        dim = f"({nx},{ny})"
        return [
            fits.Column("ALLSKY", f"{nx * ny}E", dim=dim, array=self.allsky[None]),
            fits.Column("XINTERP", f"{COLUMNS}E", array=self.xinterp[None]),
            fits.Column("YINTERP", f"{ROWS}E", array=self.yinterp[None]),
        ]


def _cards(field: ScanField, band: str, nmgy: float) -> dict[str, Any]:
    """Give the cards of the primary header, with the keywords of the survey."""
    key, run = field.key, RUNS[field.key.run]
    start = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=field.mjd)
    return {
        "TAI": (round(field.mjd * 86400.0, 2), "seconds since MJD 0"),
        "RA": (round(field.tangent().ra, 6), "right ascension of the field"),
        "DEC": (round(field.tangent().dec, 6), "declination of the field"),
        "DATE-OBS": (start.date().isoformat(), "TAI date"),
        "TAIHMS": (start.strftime("%H:%M:%S.%f")[:11], "TAI time"),
        "TELESCOP": "2.5m",
        "TIMESYS": "TAI",
        "RUN": (key.run, "run number"),
        "FRAME": (key.field, "field number within the run"),
        "CCDLOC": BANDS.index(band) * 10 + key.camcol,
        "STRIPE": (run.stripe, "stripe of the survey"),
        "STRIP": ("N" if key.camcol % 2 else "S", "strip of the stripe"),
        "FLAVOR": "science",
        "SYS_SCN": "mean",
        "EQNX_SCN": 2000.0,
        "NODE": (field.node, "RA of the scan's ascending node (deg)"),
        "INCL": (field.incl, "inclination of the scan (deg)"),
        "OBJECT": f"{run.stripe} N",
        "EXPTIME": ("53.907456", "exposure time (seconds), a string"),
        "SYSTEM": "FK5",
        "CCDMODE": "DRIFT",
        "C_OBS": 26322,
        "COLBIN": 1,
        "ROWBIN": 1,
        "DAVERS": "v14_1",
        "EQUINOX": 2000.0,
        "SOFTBIAS": (1000, "software bias added to all DN"),
        "FILTER": (band, "filter used"),
        "CAMCOL": (key.camcol, "column in the imaging camera"),
        "VERSION": "v5_6_3",
        "RADECSYS": "ICRS",
        **hdus.wcs_cards(field.tangent(band)),
        "BUNIT": ("nanomaggy", "calibrated, sky taken off"),
        "NMGY": (round(nmgy, 9), "mean calibration [nMgy per count]"),
        "NMGYIVAR": (0.150716, "its inverse variance"),
        "PCALIB": "sandbox",
        "PSKY": "sandbox",
        "RERUN": ("301", "rerun"),
    }


def _astrans(field: ScanField, band: str) -> list[fits.Column]:
    """Give the scan's own astrometry: one row of 31 columns."""
    key = field.key
    terms = dict(zip("ABCDEF", field.astrans(band), strict=True))
    # The distortion terms are 0: rows and columns are exactly linear here.
    bends = {f"{axis}{n}": 0.0 for axis in ("DROW", "DCOL") for n in range(4)}
    bends |= dict.fromkeys(("CSROW", "CSCOL", "CCROW", "CCCOL"), 0.0)
    weather = {"RICUT": 100.0, "MJD": field.mjd, "AIRMASS": 1.12}
    rest = {**terms, **bends, **weather}
    row: list[tuple[str, str, object]] = [
        ("RUN", "J", key.run),
        ("RERUN", "3A", "301"),
        ("CAMCOL", "J", key.camcol),
        ("FILTER", "1A", band),
        ("NODE", "D", field.node),
        ("INCL", "D", field.incl),
        ("NAXIS", "2J", [COLUMNS, ROWS]),
        ("FIELD", "J", key.field),
        *((name, "D", value) for name, value in rest.items()),
        ("MUERR", "E", 0.05),
        ("NUERR", "E", 0.07),
    ]
    return [fits.Column(name, form, array=np.array([v])) for name, form, v in row]
