"""HST observations of the synthetic sky: where they point, and how they are listed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .regions import DIALECTS, listed
from .tangent import Tangent, unit_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from astropy.wcs import WCS
    from numpy.typing import NDArray

    from .regions import Polygon

    Position = tuple[float, float]

__all__ = ["PASSBANDS", "Observation", "Passband", "middle", "point"]

#: Most observations, whatever the size of the catalogue: HST covers little sky.
_MOST = 1500
#: Average number of rows of a group of galaxies.
_ROWS_A_GROUP = 2.2
#: Observations without a footprint; the real archive has such rows.
_NO_REGION = frozenset({9, 44})
_PER_PROPOSAL = 25
#: Release date of proprietary data, MJD (year 2053).
_NOT_YET = 71000.0
#: Observations whose number ends so are not in the public bucket.
_UNMIRRORED = 2
#: Invented names, in the format of the archive.
_INVESTIGATORS = ("Sandbox, Ada", "Loopback, Ivo T.", "Fixture, Mina", "Stub, Oskar")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Distance in pixels from the edge at which a stamp is cut off by it.
_NEAR_EDGE = 9.0


@dataclass(frozen=True, slots=True)
class Passband:
    """A filter, in the keywords of an HST header."""

    name: str
    instrument: str
    #: Ends of the band in nm.
    em_min: float
    em_max: float
    #: erg/cm2/Angstrom for one electron a second, and pivot wavelength in Angstrom.
    photflam: float
    photplam: float


#: Filter -> passband.
PASSBANDS = {
    band.name: band
    for band in (
        Passband("F160W", "WFC3/IR", 1400.0, 1700.0, 1.92756e-20, 15369.18),
        Passband("F140W", "WFC3/IR", 1200.0, 1600.0, 1.47400e-20, 13922.91),
        Passband("F125W", "WFC3/IR", 1100.0, 1400.0, 2.24830e-20, 12486.06),
        Passband("F814W", "ACS/WFC", 700.0, 960.0, 7.03320e-20, 8045.54),
    )
}


class _Camera(NamedTuple):
    letter: str
    nx: int
    ny: int
    #: Arcsec a pixel, after drizzling.
    scale: float


# ACS images are subarrays: whole chips would take longer and test nothing more.
_CAMERAS = {
    "WFC3/IR": _Camera("i", 1060, 960, 0.1283),
    "ACS/WFC": _Camera("j", 1100, 1080, 0.05),
}


@dataclass(frozen=True, slots=True)
class Observation:
    """A combined HST image and its row in the archive."""

    obsid: int
    #: Nine characters, lower case, such as ``ib5x01010``.
    obs_id: str
    filename: str
    #: Position of the proposer's target, ICRS degrees; not the centre of the image.
    ra: float
    dec: float
    s_region: str | None
    instrument: str
    filters: str
    #: Seconds.
    t_exptime: float
    #: Start and end, and when the data became public, MJD.
    t_min: float
    t_max: float
    t_obs_release: float
    rights: str
    target_name: str
    proposal_id: str
    proposal_pi: str
    exposures: int
    #: Whether the public bucket has a copy; for one in ten only MAST has it.
    mirrored: bool
    nx: int
    ny: int
    tangent: Tangent
    #: Corners of the part of the image that holds data, in pixels.
    corners: Polygon
    #: The area that the archive lists as covered: polygons in ICRS degrees.
    footprint: tuple[Polygon, ...]

    @property
    def passband(self) -> Passband:
        """Its filter."""
        return PASSBANDS[self.filters]

    @property
    def members(self) -> tuple[str, ...]:
        """Identifiers of the exposures that it is made of."""
        letters = "abcdefgh"[: self.exposures]
        return tuple(f"{self.obs_id[:6]}{letter}eq" for letter in letters)

    def wcs(self) -> WCS:
        """World coordinates of the image."""
        return self.tangent.wcs(self.nx, self.ny)


class _Plan(NamedTuple):
    """An observation before it has a number."""

    filters: str
    #: Target, ICRS degrees, and the pixel it should fall on; ``None``: near the middle.
    ra: float
    dec: float
    pixel: tuple[float, float] | None
    tilt_deg: float
    #: The footprint is listed as the whole image, empty corners included.
    generous: bool = False
    exclusive: bool = False


def point(
    rng: np.random.Generator,
    groups: Sequence[Sequence[Position]],
    singles: Sequence[Position],
) -> tuple[Observation, ...]:
    """Observe groups of galaxies (positions in ICRS degrees), and a few single ones."""
    stride = max(1, math.ceil(len(groups) * _ROWS_A_GROUP / _MOST))
    plans = [
        plan
        for number, group in enumerate(groups[::stride])
        for plan in _plans(rng, number, group, singles)
    ]
    return tuple(_observe(rng, k, plan) for k, plan in enumerate(plans[:_MOST]))


def _plans(
    rng: np.random.Generator,
    number: int,
    group: Sequence[Position],
    singles: Sequence[Position],
) -> Iterator[_Plan]:
    centre = middle(group)
    tilt = rng.uniform(0.5, 3.0)
    yield _main(number, group, tilt)
    if _turn(
        number, 4, 1
    ):  # a second visit of the same place, with another exposure time
        yield _Plan("F160W", *centre, None, -tilt)
    if _turn(number, 13, 6):
        yield _Plan("F160W", *centre, None, tilt, exclusive=True)
    for filters, every, first in (("F140W", 5, 2), ("F125W", 6, 4), ("F814W", 3, 0)):
        if _turn(number, every, first):
            yield _Plan(filters, *centre, None, tilt)
    if singles and _turn(number, 5, 4):  # a galaxy that F160W has not seen
        yield _Plan("F140W", *singles[number * 7 % len(singles)], None, tilt)


def _turn(number: int, every: int, first: int) -> bool:
    return number % every == first


def _main(number: int, group: Sequence[Position], tilt: float) -> _Plan:
    """Plan the F160W image of a group; some have a galaxy at an edge or corner."""
    camera = _CAMERAS["WFC3/IR"]
    match number % 7:
        case 3:
            x = quad(camera.nx, camera.ny, 1.0)[1][0]
            return _Plan("F160W", *group[0], (x - _NEAR_EDGE, camera.ny / 2), 1.0)
        case 5:  # in an empty corner that the footprint includes
            return _Plan("F160W", *group[0], (12.0, 12.0), 6.0, generous=True)
        case _:
            return _Plan("F160W", *middle(group), None, tilt)


def middle(group: Sequence[Position]) -> Position:
    """Give the middle of some positions, all in ICRS degrees."""
    x, y, z = unit_vectors(*zip(*group, strict=True)).mean(axis=0)
    return _degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def _degrees(angle: float) -> float:
    return math.degrees(angle) % 360.0


def quad(nx: int, ny: int, tilt_deg: float) -> Polygon:
    """Corners of the largest rectangle with this tilt that fits into an image."""
    cos, sin = math.cos(math.radians(tilt_deg)), math.sin(math.radians(abs(tilt_deg)))
    across, along = nx / 2 - 3.0, ny / 2 - 3.0
    wide = (across * cos - along * sin) / (cos * cos - sin * sin)
    high = (along * cos - across * sin) / (cos * cos - sin * sin)
    turn = math.copysign(sin, tilt_deg)
    return tuple(
        (
            (nx - 1) / 2 + u * wide * cos - v * high * turn,
            (ny - 1) / 2 + u * wide * turn + v * high * cos,
        )
        for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )


def _observe(rng: np.random.Generator, k: int, plan: _Plan) -> Observation:
    band = PASSBANDS[plan.filters]
    camera = _CAMERAS[band.instrument]
    tangent = _aim(rng, camera, plan)
    corners = quad(camera.nx, camera.ny, plan.tilt_deg)
    outline = _frame(camera) if plan.generous else corners
    sky = tuple(
        zip(
            *(_rounded(v) for v in tangent.to_sky(*zip(*outline, strict=True))),
            strict=True,
        )
    )
    text, area = listed(DIALECTS[k % len(DIALECTS)], sky)
    hidden = k in _NO_REGION
    program, visit = divmod(k, _PER_PROPOSAL)
    obs_id = f"{camera.letter}{_code(program)}{visit + 1:02d}010"
    exposure = round(float(rng.uniform(350.0, 2800.0)), 3)
    start = round(float(rng.uniform(55100.0, 59000.0)), 8)
    end = round(start + exposure / 86400.0 + 0.004, 8)
    return Observation(
        obsid=24000001 + 37 * k,
        obs_id=obs_id,
        filename=f"{obs_id[:-1]}{1 if k % 3 else 0}_drz.fits",
        ra=round(plan.ra, 8),
        dec=round(plan.dec, 8),
        s_region=None if hidden else text,
        instrument=band.instrument,
        filters=band.name,
        t_exptime=exposure * (4.0 if plan.exclusive else 1.0),
        t_min=start,
        t_max=end,
        t_obs_release=_NOT_YET if plan.exclusive else round(end + 365.0, 7),
        rights="EXCLUSIVE_ACCESS" if plan.exclusive else "PUBLIC",
        target_name=f"SANDBOX-{program:03d}-{visit:02d}",
        proposal_id=str(11500 + program),
        proposal_pi=_INVESTIGATORS[program % len(_INVESTIGATORS)],
        exposures=2 + k % 3,
        mirrored=k % 10 != _UNMIRRORED and not plan.exclusive,
        nx=camera.nx,
        ny=camera.ny,
        tangent=tangent,
        corners=corners,
        footprint=() if hidden else area,
    )


def _aim(rng: np.random.Generator, camera: _Camera, plan: _Plan) -> Tangent:
    """Draw a roll angle, and point so that the target falls on its pixel."""
    roll = rng.uniform(0.0, math.tau)
    step = camera.scale / 3600.0
    cos, sin = step * math.cos(roll), step * math.sin(roll)
    cd = (-cos, sin, sin, cos)
    x, y = (camera.nx - 1) / 2, (camera.ny - 1) / 2
    near = (x + rng.uniform(-40, 40), y + rng.uniform(-40, 40))
    at = Tangent(plan.ra, plan.dec, *(plan.pixel or near), cd)
    ra, dec = (round(float(v), 10) for v in at.to_sky(x, y))
    return Tangent(ra, dec, x, y, cd)


def _frame(camera: _Camera) -> Polygon:
    right, top = camera.nx - 0.5, camera.ny - 0.5
    return ((-0.5, -0.5), (right, -0.5), (right, top), (-0.5, top))


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 10) for value in values]


def _code(program: int) -> str:
    """Three characters that name a proposal, as in the names of its files."""
    number = program + 36 * 5
    return f"b{_DIGITS[number // 36 % 36]}{_DIGITS[number % 36]}"
