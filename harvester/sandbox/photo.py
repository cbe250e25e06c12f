"""The photometric objects of SkyServer, and the fields they were measured in.

The services query a `PhotoCatalogue`: `SyntheticPhoto` for the synthetic sky,
`real_frames.RealFrames` for a folder of real frames. As in the survey, a galaxy that
lies in several fields has an object in each of them: the one in its own field is
primary (mode 1), the others are secondary (mode 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.spatial import KDTree

from .camera import seeing_of
from .scans import COLUMNS, ROWS, FieldKey, object_id
from .tangent import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from .scans import ScanField
    from .sky import Galaxy, Sky
    from .tangent import Tangent

__all__ = [
    "PhotoCatalogue",
    "PhotoField",
    "PhotoObject",
    "SyntheticPhoto",
    "skyserver_id",
]

#: Run, camera column and field in an identifier, less its lowest 16 bits.
_FIELD_BITS = 0xFFFF_EFFF
#: Degrees from the centre of a field to its corners, rounded up.
_FIELD_RADIUS_DEG = 0.15
#: Numbers from here on name secondary objects of a field.
_FIRST_SECONDARY = 20_000
#: Colours against r, in magnitudes, of late and of early galaxies: as painted.
_LATE = {"u": 1.75, "g": 0.55, "r": 0.0, "i": -0.28, "z": -0.46}
_EARLY = {"u": 2.65, "g": 0.85, "r": 0.0, "i": -0.40, "z": -0.70}


def skyserver_id(key: FieldKey, number: int) -> int:
    """Pack an object identifier of DR8 and later."""
    return object_id(key, number, sky=2, rerun=301)


@dataclass(frozen=True, slots=True)
class PhotoObject:
    """A detection in one field."""

    objid: int
    #: ICRS degrees.
    ra: float
    dec: float
    #: 1 primary, 2 secondary.
    mode: int
    mag_r: float
    #: Half-light radius, arcsec.
    r50: float
    axis_ratio: float
    #: Position angle, degrees from north to east.
    pa: float
    is_early: bool
    #: Its identifier in DR7; 0 if the cross-match with DR7 has none for it.
    dr7_objid: int = 0

    @property
    def key(self) -> FieldKey:
        """The field, out of the identifier."""
        return FieldKey(
            self.objid >> 32 & 0xFFFF, self.objid >> 29 & 7, self.objid >> 16 & 0xFFF
        )

    def magnitude(self, band: str) -> float:
        """Magnitude in a band."""
        return self.mag_r + (_EARLY if self.is_early else _LATE)[band]


@dataclass(frozen=True, slots=True)
class PhotoField:
    """A field and its geometry."""

    key: FieldKey
    #: Great circle of the scan, degrees.
    node: float
    incl: float
    #: ``(a, b, c, d, e, f)``: mu = a + b row + c col, nu = d + e row + f col.
    astrans: tuple[float, float, float, float, float, float]
    tangent: Tangent
    #: Whether the profile of its stars is known, as it is for painted fields.
    is_painted: bool = False

    @classmethod
    def of(cls, field: ScanField) -> PhotoField:
        """Take over a field of the synthetic sky."""
        return cls(
            field.key,
            field.node,
            field.incl,
            field.astrans("r"),
            field.tangent("r"),
            is_painted=True,
        )

    def psf(self, band: str) -> dict[str, float]:
        """Give the fit of the profile of stars, by the ends of the columns' names.

        Empty if it is not known. There is no power law in it: its height is as good as
        0, with the slope and the width that the survey then gives.
        """
        if not self.is_painted:
            return {}
        seeing = seeing_of(self.key, band)
        return {
            "Width": seeing.width,
            "Sigma1": seeing.inner,
            "Sigma2": seeing.outer,
            "B": seeing.height,
            "P0": 1e-7,
            "Beta": 3.0,
            "SigmaP": 5.0,
        }

    @property
    def centre(self) -> tuple[float, float]:
        """Position of the middle of the frame."""
        ra, dec = self.tangent.to_sky(COLUMNS / 2 - 0.5, ROWS / 2 - 0.5)
        return float(ra), float(dec)

    def corners(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions of the four corners."""
        x, y = COLUMNS - 0.5, ROWS - 0.5
        return self.tangent.to_sky([-0.5, x, x, -0.5], [-0.5, -0.5, y, y])

    def margin(self, ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
        """Pixels to the nearest edge; negative outside the frame."""
        x, y = self.tangent.to_pixel(ra, dec)
        across = np.minimum(x + 0.5, COLUMNS - 0.5 - x)
        return np.minimum(across, np.minimum(y + 0.5, ROWS - 0.5 - y))


class PhotoCatalogue(Protocol):
    """The catalogue that the services of SkyServer query."""

    @property
    def objects(self) -> Sequence[PhotoObject]:
        """Every object, primary or not."""

    @property
    def fields(self) -> Sequence[PhotoField]:
        """Every field."""

    def nearest(self, ra: float, dec: float, radius: float) -> PhotoObject | None:
        """Find the nearest primary object within ``radius`` degrees."""

    def within(self, ra: float, dec: float, radius: float) -> list[PhotoObject]:
        """List all objects within ``radius`` degrees."""

    def covers(self, ra: float, dec: float) -> bool:
        """Whether a field holds the position."""


class SyntheticPhoto:
    """The objects of the synthetic sky."""

    def __init__(self, sky: Sky) -> None:
        self._field_places = FieldPlaces(map(PhotoField.of, sky.fields.values()))
        self.fields: Sequence[PhotoField] = self._field_places.fields
        self._primaries = [_primary(galaxy) for galaxy in sky.galaxies]
        secondaries = list(_secondaries(self._primaries, self.fields))
        self.objects: Sequence[PhotoObject] = [*self._primaries, *secondaries]
        self._tree = _tree([(o.ra, o.dec) for o in self.objects])
        self._primary_tree = _tree([(o.ra, o.dec) for o in self._primaries])

    def nearest(self, ra: float, dec: float, radius: float) -> PhotoObject | None:
        """Find the nearest primary object within ``radius`` degrees."""
        distance, place = self._primary_tree.query(unit_vectors(ra, dec))
        return self._primaries[place] if distance <= _chord(radius) else None

    def within(self, ra: float, dec: float, radius: float) -> list[PhotoObject]:
        """List all objects within ``radius`` degrees."""
        found = self._tree.query_ball_point(unit_vectors(ra, dec), _chord(radius))
        return [self.objects[place] for place in sorted(found)]

    def covers(self, ra: float, dec: float) -> bool:
        """Whether a field holds the position."""
        return bool(self._field_places.holding(ra, dec))


class FieldPlaces:
    """Finds fields by position."""

    def __init__(self, fields: Iterator[PhotoField]) -> None:
        self.fields = list(fields)
        self._tree = _tree([field.centre for field in self.fields])

    def holding(self, ra: float, dec: float) -> list[PhotoField]:
        """Give the fields that hold a position, farthest from the edges first."""
        near = self._tree.query_ball_point(
            unit_vectors(ra, dec), _chord(_FIELD_RADIUS_DEG)
        )
        margins = [
            (float(field.margin(ra, dec)), field)
            for field in (self.fields[place] for place in near)
        ]
        inside = [(margin, field) for margin, field in margins if margin > 0]
        return [field for _, field in sorted(inside, key=lambda pair: -pair[0])]


def _tree(places: list[tuple[float, float]]) -> KDTree:
    ra, dec = np.reshape(places, (-1, 2)).T
    return KDTree(unit_vectors(ra, dec))


def _chord(degrees: float) -> float:
    return float(2 * np.sin(np.radians(degrees) / 2))


def _primary(galaxy: Galaxy) -> PhotoObject:
    return PhotoObject(
        objid=galaxy.dr8_objid,
        ra=galaxy.ra,
        dec=galaxy.dec,
        mode=1,
        mag_r=galaxy.mag_r,
        r50=galaxy.r50_arcsec,
        axis_ratio=galaxy.axis_ratio,
        pa=galaxy.pa_deg,
        is_early=galaxy.morphology == 1,
        dr7_objid=_matched_dr7(galaxy),
    )


def _matched_dr7(galaxy: Galaxy) -> int:
    # As at SkyServer, objects are matched within a run, camera column and field.
    old, new = galaxy.objid >> 16, galaxy.dr8_objid >> 16
    return galaxy.objid if (old ^ new) & _FIELD_BITS == 0 else 0


def _secondaries(
    primaries: list[PhotoObject], fields: Sequence[PhotoField]
) -> Iterator[PhotoObject]:
    ra = np.array([found.ra for found in primaries])
    dec = np.array([found.dec for found in primaries])
    tree = KDTree(unit_vectors(ra, dec))
    for field in fields:
        centre = unit_vectors(*field.centre)
        near = np.array(
            sorted(tree.query_ball_point(centre, _chord(_FIELD_RADIUS_DEG))), int
        )
        inside = near[field.margin(ra[near], dec[near]) > 0]
        others = [n for n in inside if primaries[n].key != field.key]
        for number, place in enumerate(others, _FIRST_SECONDARY):
            yield _seen_again(primaries[place], skyserver_id(field.key, number))


def _seen_again(primary: PhotoObject, objid: int) -> PhotoObject:
    """Give the object that another field has of a galaxy, at almost the same place."""
    shift = (objid % 7 - 3) * 0.01 / 3600.0
    return replace(
        primary,
        objid=objid,
        ra=primary.ra + shift,
        dec=primary.dec - shift,
        mode=2,
        mag_r=primary.mag_r + 0.01,
        dr7_objid=0,
    )
