"""The synthetic sky of the sandbox: galaxies, SDSS fields, HST and JWST observations.

Everything depends on the seed alone: the same seed gives the same sky, to the byte.
The modules that serve it (`mast`, `skyserver`, `sas`) and paint it (`paint_sdss`,
`paint_hst`) only read it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.spatial import cKDTree

from .jwst import pointings as jwst_pointings
from .pointings import Observation, point
from .scans import BANDS, COLUMNS, ROWS, RUNS, FieldKey, ScanField, object_id
from .scatter import Spot, choose_strips, strew
from .tangent import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from .jwst.mosaic import Mosaic, Size
    from .jwst.pointings import JwstObservation
    from .tangent import Tangent

__all__ = ["BANDS", "FieldKey", "Galaxy", "Observation", "ScanField", "Sky"]

#: The light of a galaxy so many pixels outside of an image reaches into it.
_NEAR_PX = 60.0
#: Radii of circles around a whole field and a whole HST image, degrees.
_FIELD_REACH, _IMAGE_REACH = 0.15, 0.035
#: Light of a galaxy farther from its centre than this (degrees) is left out.
_LIGHT_DEG = 0.006
#: One galaxy in so many has a DR7 identifier of a field that does not exist.
_LOST_ID = 50
#: Their object numbers begin here, above all others of a field.
_LOST_SERIAL = 30_000
#: Galaxy Zoo 1 classes (0 undecided, 1 early, 3 merger, 4 late) and probabilities.
_MORPHOLOGIES = ((0, 1, 3, 4), (0.35, 0.2, 0.03, 0.42))


@dataclass(frozen=True, slots=True)
class Galaxy:
    """A galaxy: its identifiers, its position, and its shape."""

    #: Its row in the catalogue, from 0.
    number: int
    #: DR7 identifier, as Galaxy Zoo lists it; DR8 and later one.
    objid: int
    dr8_objid: int
    #: ICRS degrees.
    ra: float
    dec: float
    #: AB magnitude in r.
    mag_r: float
    #: Radius that holds half the light, along the major axis.
    r50_arcsec: float
    sersic_n: float
    axis_ratio: float
    #: Of the major axis, degrees from north to east.
    pa_deg: float
    redshift: float
    morphology: int
    bpt: int
    #: The field in which DR17 lists it.
    field: FieldKey


class Sky:
    """Galaxies, fields and observations; nothing changes after it is made."""

    def __init__(
        self,
        *,
        seed: int,
        galaxies: Iterable[Galaxy],
        fields: Iterable[ScanField],
        observations: Iterable[Observation],
        jwst: Iterable[JwstObservation] = (),
    ) -> None:
        self.seed = seed
        self.galaxies = tuple(galaxies)
        self.fields = {field.key: field for field in fields}
        self.observations = tuple(observations)
        #: What JWST observed; empty unless it was asked for.
        self.jwst = tuple(jwst)
        self._directions = unit_vectors(
            [g.ra for g in self.galaxies], [g.dec for g in self.galaxies]
        )
        self._tree = cKDTree(self._directions)

    @classmethod
    def make(
        cls,
        seed: int,
        targets: int = 200,
        per_field: float = 14,
        *,
        per_image: int = 0,
        hst_images: bool = True,
        jwst: Size | None = None,
    ) -> Self:
        """Make a sky with so many galaxies, about ``per_field`` in each SDSS field.

        With ``per_image`` HST observes all of them, so many in each image. With
        ``jwst`` JWST observes the same groups as HST; nothing else changes.

        Raises
        ------
        ValueError
            There is no room: so many fields, or so many galaxies in each, do not fit.
        """
        rng = np.random.default_rng([seed, 1])
        strips = choose_strips(rng, max(1, math.ceil(targets / per_field)))
        fields = {
            key: ScanField.of(key)
            for strip in strips
            for key in map(strip.key, range(strip.length))
        }
        spots = strew(rng, strips, targets, per_image)
        positions = _positions(spots, fields)
        galaxies = _describe(rng, spots, positions, fields)
        observations: tuple[Observation, ...] = ()
        groups, singles = _grouped(spots, positions)
        if hst_images:
            observations = point(np.random.default_rng([seed, 2]), groups, singles)
        return cls(
            seed=seed,
            galaxies=galaxies,
            fields=fields.values(),
            observations=observations,
            jwst=jwst_pointings.point(seed, groups, jwst) if jwst else (),
        )

    def near(self, ra: float, dec: float, radius_deg: float) -> list[Galaxy]:
        """All galaxies within a radius of a position, in catalogue order."""
        chord = 2 * math.sin(math.radians(radius_deg) / 2)
        found = self._tree.query_ball_point(unit_vectors(ra, dec), chord)
        return [self.galaxies[number] for number in sorted(found)]

    def galaxies_in_field(self, key: FieldKey) -> list[Galaxy]:
        """Give those whose light may reach into a frame of a field."""
        tangent = self.fields[key].tangent()
        near = self.near(tangent.ra, tangent.dec, _FIELD_REACH)
        return _inside(near, tangent, COLUMNS, ROWS)

    def galaxies_in_observation(self, obs: Observation) -> list[Galaxy]:
        """Give those whose light may reach into an HST image."""
        near = self.near(obs.tangent.ra, obs.tangent.dec, _IMAGE_REACH)
        return _inside(near, obs.tangent, obs.nx, obs.ny)

    def galaxies_in_mosaic(self, mosaic: Mosaic) -> list[Galaxy]:
        """Give those whose light may reach into a JWST mosaic."""
        at, nx, ny = mosaic.tangent, mosaic.nx, mosaic.ny
        reach = math.hypot(nx, ny) / 2 * mosaic.cdelt + _LIGHT_DEG
        near = self.near(at.ra, at.dec, reach)
        return _inside(near, at, nx, ny, _LIGHT_DEG / mosaic.cdelt)


def _inside(
    galaxies: list[Galaxy],
    tangent: Tangent,
    nx: int,
    ny: int,
    margin: float = _NEAR_PX,
) -> list[Galaxy]:
    if not galaxies:
        return []
    x, y = tangent.to_pixel([g.ra for g in galaxies], [g.dec for g in galaxies])
    keep = (abs(x - (nx - 1) / 2) < nx / 2 + margin) & (
        abs(y - (ny - 1) / 2) < ny / 2 + margin
    )
    return [galaxy for galaxy, kept in zip(galaxies, keep, strict=True) if kept]


def _positions(
    spots: Sequence[Spot], fields: dict[FieldKey, ScanField]
) -> list[tuple[float, float]]:
    # Rounded to 36 microarcsec: the last digits of a sine depend on the machine.
    found = (fields[s.key].tangent().to_sky(s.x, s.y) for s in spots)
    return [(round(float(ra), 8), round(float(dec), 8)) for ra, dec in found]


def _grouped(
    spots: Sequence[Spot], positions: Sequence[tuple[float, float]]
) -> tuple[list[list[tuple[float, float]]], list[tuple[float, float]]]:
    groups: dict[int, list[tuple[float, float]]] = {}
    for spot, position in zip(spots, positions, strict=True):
        groups.setdefault(spot.group, []).append(position)
    singles = groups.pop(-1, [])
    return list(groups.values()), singles


def _describe(
    rng: np.random.Generator,
    spots: Sequence[Spot],
    positions: Sequence[tuple[float, float]],
    fields: dict[FieldKey, ScanField],
) -> list[Galaxy]:
    """Make a galaxy for every spot; their numbers follow no order on the sky."""
    order = rng.permutation(len(spots))
    looks = _looks(rng, len(spots))
    seen: Counter[FieldKey] = Counter()
    galaxies = []
    for number, at in enumerate(order):
        key, (ra, dec) = spots[at].key, positions[at]
        seen[key] += 1
        lost = number % _LOST_ID == min(7, len(spots) - 1)
        named = _absent(key, fields) if lost else key
        serial = _LOST_SERIAL + number // _LOST_ID if lost else 17 + 3 * seen[key]
        galaxies.append(
            Galaxy(
                number=number,
                objid=object_id(named, serial, sky=1, rerun=40 + key.camcol % 2),
                dr8_objid=object_id(key, 11 + 2 * seen[key], sky=2, rerun=301),
                ra=ra,
                dec=dec,
                field=key,
                **{name: column[number].item() for name, column in looks.items()},
            )
        )
    return galaxies


def _absent(key: FieldKey, fields: dict[FieldKey, ScanField]) -> FieldKey:
    """Give a field that is possible in the survey but not in this sky."""
    run = RUNS[key.run]
    for step in range(run.last - run.first):
        number = run.first + (key.field - run.first + 40 + step) % (
            run.last - run.first
        )
        if (other := key._replace(field=number)) not in fields:
            return other
    msg = f"every field of run {key.run} is in use"
    raise ValueError(msg)


def _looks(rng: np.random.Generator, n: int) -> dict[str, NDArray[np.generic]]:
    classes, odds = _MORPHOLOGIES
    morphology = rng.choice(classes, size=n, p=odds)
    early = morphology == 1
    return {
        "mag_r": np.round(rng.uniform(14.5, 17.5, n), 4),
        "r50_arcsec": np.round(rng.uniform(1.2, 3.0, n), 4),
        "sersic_n": np.round(
            np.where(early, rng.uniform(2.5, 4.5, n), rng.uniform(0.7, 2.0, n)), 4
        ),
        "axis_ratio": np.round(
            np.where(early, rng.uniform(0.6, 1.0, n), rng.uniform(0.3, 0.95, n)), 4
        ),
        "pa_deg": np.round(rng.uniform(0.0, 180.0, n), 3),
        "redshift": np.round(rng.uniform(0.02, 0.05, n), 6),
        "morphology": morphology,
        "bpt": rng.integers(0, 5, n),
    }
