"""SDSS drift scans: runs, fields, and where their pixels lie.

A run scans along a great circle (``node``, ``incl``); along it the coordinate mu
grows with the row, across it nu with the column, both linearly, as the survey's
own asTrans files say. A field is a piece of 1489 rows of that scan, of which the
last 128 are seen again as the first of the next field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from .tangent import Tangent, unit_vectors

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = [
    "BANDS",
    "COLUMNS",
    "FIELD_STEP",
    "ROWS",
    "RUNS",
    "FieldKey",
    "Run",
    "ScanField",
    "object_id",
]

BANDS = "ugriz"
#: Pixels of a field: columns (x, across the scan) and rows (y, along it).
COLUMNS, ROWS = 2048, 1489
#: Rows from the start of one field to the start of the next.
FIELD_STEP = 1361
#: Degrees of mu a row, and of nu a column: 0.396 arcsec.
_PIXEL_DEG = 0.000109995
#: Degrees of nu between neighbouring camera columns.
_CAMCOL_DEG = 0.41961
#: Cross terms of the scan's coordinates, degrees per pixel (c and e of asTrans).
_SHEAR = (1.28e-7, -1.17e-7)
#: Rows and columns by which the same sky is displaced in each band against r.
_BAND_SHIFT = {
    "u": (2.1, -1.2),
    "g": (-4.3, 1.9),
    "r": (0.0, 0.0),
    "i": (1.4, 0.6),
    "z": (3.6, -2.8),
}
#: Runs of rerun 301 with their first and last field, as the survey published them.
#: The great circles are invented. Only little-known runs are used: an identifier of a
#: well-known run would contradict the position.
_RUN_FIELDS = (
    "94:11-546 297:11-203 1033:11-246 1241:11-187 7183:11-362 1894:11-177 "
    "2507:11-329 4899:31-360 7881:11-329 2574:35-186 2700:11-273 "
    "2820:16-267 2873:37-318 4844:11-169 3355:11-276 8096:11-298 "
    "1011:11-174 2194:11-406 5714:11-274 3465:17-369 3983:11-182 "
    "4076:11-242 4153:11-175 4247:11-288 5655:11-262 4887:11-292 "
    "4263:11-468 4829:11-335 4894:11-208 4516:11-189 4192:11-503 "
    "6749:11-208 4253:11-183 5391:11-281 5656:11-167 5959:11-218 "
    "6121:11-218 6366:11-172 6585:11-201 7178:11-227"
)
#: Runs in the northern sky; the others are in the south, where RA passes 0.
_NORTHERN = 24


class FieldKey(NamedTuple):
    """The identifier of a field (the rerun is always 301)."""

    run: int
    camcol: int
    field: int


@dataclass(frozen=True, slots=True)
class Run:
    """One scan of the telescope with its six camera columns."""

    number: int
    first: int
    last: int
    #: Great circle of the scan: RA of its ascending node, inclination, in degrees.
    node: float
    incl: float
    stripe: int

    @property
    def middle(self) -> int:
        """The field 90 degrees from the node, where scans are widest apart."""
        return (self.first + self.last) // 2


def _lay_out(text: str) -> dict[int, Run]:
    # Scans 3 degrees apart, 2.4 wide: no two of them see the same sky.
    runs = {}
    for place, word in enumerate(text.split()):
        number, _, span = word.partition(":")
        first, last = map(int, span.split("-"))
        north = place < _NORTHERN
        step = place if north else place - _NORTHERN
        runs[int(number)] = Run(
            number=int(number),
            first=first,
            last=last,
            node=95.0 if north else 275.0,
            incl=-6.0 + 3.0 * step if north else -9.0 + 3.0 * step,
            stripe=10 + place,
        )
    return runs


#: Run number -> run.
RUNS = _lay_out(_RUN_FIELDS)


def object_id(key: FieldKey, number: int, *, sky: int, rerun: int) -> int:
    """Pack the 64-bit identifier of an object as the survey does."""
    return (
        sky << 59
        | rerun << 48
        | key.run << 32
        | key.camcol << 29
        | key.field << 16
        | number
    )


@dataclass(frozen=True)
class ScanField:
    """A field of a scan and its geometry.

    ``a`` to ``f`` are those of the r band: mu = a + b row + c col and
    nu = d + e row + f col, in degrees, with pixel centres at .5.
    """

    key: FieldKey
    node: float
    incl: float
    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    #: Start of the exposure, MJD.
    mjd: float

    @classmethod
    def of(cls, key: FieldKey) -> ScanField:
        """Work out the geometry of a field of a known run."""
        run = RUNS[key.run]
        b, f, (c, e) = _PIXEL_DEG, _PIXEL_DEG, _SHEAR
        mu = run.node + 90.0 + (key.field - run.middle) * FIELD_STEP * b
        nu = (key.camcol - 3.5) * _CAMCOL_DEG + (
            key.field - run.middle
        ) * FIELD_STEP * e
        return cls(
            key=key,
            node=run.node,
            incl=run.incl,
            a=mu - ROWS / 2 * b - COLUMNS / 2 * c,
            b=b,
            c=c,
            d=nu - ROWS / 2 * e - COLUMNS / 2 * f,
            e=e,
            f=f,
            mjd=51000.0 + 0.37 * key.run + key.field * 0.000415,
        )

    def astrans(self, band: str) -> tuple[float, float, float, float, float, float]:
        """Give ``(a, b, c, d, e, f)`` of a band."""
        rows, cols = _BAND_SHIFT[band]
        a = self.a - self.b * rows - self.c * cols
        d = self.d - self.e * rows - self.f * cols
        return a, self.b, self.c, d, self.e, self.f

    def tangent(self, band: str = "r") -> Tangent:
        """Where the pixels of the frame in a band lie on the sky."""
        found = self._tangents.get(band)
        if found is None:
            found = self._tangents[band] = self._tangent(band)
        return found

    @cached_property
    def _tangents(self) -> dict[str, Tangent]:
        return {}

    def _tangent(self, band: str) -> Tangent:
        a, b, c, d, e, f = self.astrans(band)
        x, y = 1024.0, 744.0
        row, col = y + 0.5, x + 0.5
        mu, nu = a + b * row + c * col, d + e * row + f * col
        ra, dec = _scan_to_sky(mu, nu, self.node, self.incl)
        # How the scan's axes (along mu, along nu) lie against east and north.
        angle = _scan_angle(mu, nu, self.node, self.incl, ra)
        stretch, cos, sin = math.cos(math.radians(nu)), math.cos(angle), math.sin(angle)
        cd = (
            stretch * c * cos - f * sin,
            stretch * b * cos - e * sin,
            stretch * c * sin + f * cos,
            stretch * b * sin + e * cos,
        )
        return Tangent(ra, dec, x, y, cd)

    def wcs(self, band: str) -> WCS:
        """World coordinates of the frame in a band."""
        return self.tangent(band).wcs(COLUMNS, ROWS)


def _scan_to_sky(mu: float, nu: float, node: float, incl: float) -> tuple[float, float]:
    x, y, z = unit_vectors(mu - node, nu)
    tilt = math.radians(incl)
    north = y * math.sin(tilt) + z * math.cos(tilt)
    across = y * math.cos(tilt) - z * math.sin(tilt)
    ra = (math.degrees(math.atan2(across, x)) + node) % 360.0
    return ra, math.degrees(math.atan2(north, math.hypot(x, across)))


def _scan_angle(mu: float, nu: float, node: float, incl: float, ra: float) -> float:
    """Angle from east to the direction of growing mu, towards north, in radians."""
    ahead = math.radians(mu - node)
    tilt, east = math.radians(incl), math.radians(ra - node)
    # The unit vector along mu, turned into the equatorial system, then projected
    # on east; on north by what is left.
    along = (
        -math.sin(ahead),
        math.cos(ahead) * math.cos(tilt),
        math.cos(ahead) * math.sin(tilt),
    )
    to_east = -along[0] * math.sin(east) + along[1] * math.cos(east)
    dec = math.radians(_scan_to_sky(mu, nu, node, incl)[1])
    to_north = along[2] * math.cos(dec) - math.sin(dec) * (
        along[0] * math.cos(east) + along[1] * math.sin(east)
    )
    return math.atan2(to_north, to_east)
