"""JWST observations of the synthetic sky: where they point, and how they are listed.

Each group of galaxies that HST could observe is one program of JWST. Its first
observation is F200W. The others alternate from program to program, so that a sky of
four groups has every kind: other filters, instruments and visits, a combination of
two visits, proprietary data, an old row, an exposure and a plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..pointings import middle
from .mosaic import CAMERAS, Mosaic, Size, build
from .passbands import PASSBANDS, JwstPassband

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..regions import Polygon
    from .mosaic import MosaicCamera

    Position = tuple[float, float]

__all__ = ["DITHER_S", "JwstObservation", "Size", "exposure_obsid", "point"]

#: Most programs, and the number of the first.
_MOST, _FIRST = 150, 2731
#: Number of the first program of a later cycle, to which plans belong.
_FIRST_PLAN = 10678
#: Release date of proprietary data, MJD (year 2053).
_NOT_YET = 71000.0
#: Invented names, in the format of the archive.
_INVESTIGATORS = ("Sandbox, Ada", "Loopback, Ivo T.", "Fixture, Mina", "Stub, Oskar")
#: Distance in pixels from the end of the data at which a stamp is cut off.
_NEAR_EDGE = 9.0
#: Seconds of one dither.
DITHER_S = 837.468
#: One observation in so many has no copy in the public bucket.
_UNMIRRORED = 11
_EXECUTED, _EXPOSURE, _PLANNED = 3, 2, -1


@dataclass(frozen=True, slots=True)
class JwstObservation:
    """A row of the archive; with a mosaic if its calibration level is 3."""

    obsid: int
    obs_id: str
    program: int
    #: ``o001``, or ``c1001`` for a combination of several observations.
    candidate: str
    passband: JwstPassband
    #: As the row spells it; old rows leave out ``/IMAGE``.
    instrument: str
    #: 3, or 2 for an exposure, or -1 for a plan.
    calib_level: int
    #: Position of the target, ICRS degrees.
    ra: float
    dec: float
    s_region: str
    #: The area that the archive lists as covered: polygons in ICRS degrees.
    footprint: tuple[Polygon, ...]
    #: Seconds.
    t_exptime: float
    #: Start and end, and when the data became public, MJD; plans have none.
    t_min: float | None
    t_max: float | None
    t_obs_release: float | None
    rights: str
    proposal_pi: str
    mirrored: bool
    #: Made by an old pipeline: 0 instead of NaN, one quadrilateral as footprint.
    is_old: bool
    #: ``None`` for exposures and plans.
    mosaic: Mosaic | None

    @property
    def filename(self) -> str:
        """Its main product; empty for a plan."""
        match self.calib_level:
            case 3:
                return f"{self.obs_id}_i2d.fits"
            case 2:
                return f"{self.obs_id}_cal.fits"
            case _:
                return ""

    @property
    def target_name(self) -> str:
        """The proposer's name of the target."""
        return f"SANDBOX-{self.program}"

    @property
    def cal_ver(self) -> str:
        """Version of the pipeline that first made it."""
        return "1.11.4" if self.is_old else "2.0.1"

    def covers(self, ra: float, dec: float) -> bool:
        """Whether the mosaic has data at a position (ICRS degrees)."""
        if self.mosaic is None:
            return False
        x, y = self.mosaic.tangent.to_pixel(ra, dec)
        return self.mosaic.covers(float(x), float(y))

    def exposure_ids(self) -> list[str]:
        """Name the exposures that the mosaic is made of, in their order."""
        if self.mosaic is None:
            return []
        first = 1 if self.candidate.startswith("c") else int(self.candidate[1:])
        return [
            f"jw{self.program:05d}{first + one.visit:03d}001_02101_"
            f"{one.dither + 1:05d}_{one.detector}"
            for one in self.mosaic.inputs
        ]


class _MosaicPlan(NamedTuple):
    """An observation before it has a number."""

    band: str
    candidate: str
    target: Position
    #: ``centre``, ``edge`` or ``gap``: where on the array the target falls.
    place: str = "centre"
    exclusive: bool = False
    old: bool = False


def point(
    seed: int, groups: Sequence[Sequence[Position]], size: Size
) -> tuple[JwstObservation, ...]:
    """Observe groups of galaxies (positions in ICRS degrees)."""
    stride = max(1, math.ceil(len(groups) / _MOST))
    return tuple(
        obs
        for number, group in enumerate(groups[::stride])
        for obs in _program(seed, number, group, size)
    )


def _program(
    seed: int, number: int, group: Sequence[Position], size: Size
) -> Iterator[JwstObservation]:
    observations = [
        _observe(seed, number, k, plan, size)
        for k, plan in enumerate(_plans(number, group))
    ]
    yield from observations
    yield _exposure(observations[0])
    if number % 3 == 1:
        yield _planned(number, observations[0])


def _plans(number: int, group: Sequence[Position]) -> Iterator[_MosaicPlan]:
    at = middle(group)
    yield _main(number, group)
    for band in ("F444W", "F405N") if number % 2 == 0 else ("F150W", "F150W2"):
        yield _MosaicPlan(band, "o001", at)
    match number % 3:
        case 0:
            yield _MosaicPlan("F200W", "c1001", at)
        case 1:
            yield _MosaicPlan("F200W", "o003", at, exclusive=True)
        case _:
            yield _MosaicPlan("NIRISS F200W", "o004", at)
            yield _MosaicPlan("F770W", "o005", at)
    if number % 4 == 2:  # noqa: PLR2004 - one program of four
        yield _MosaicPlan("F200W", "o006", group[0], "gap", old=True)


def _main(number: int, group: Sequence[Position]) -> _MosaicPlan:
    """Plan the F200W observation of a group; some have a galaxy at the edge."""
    if number % 4 == 1:
        return _MosaicPlan("F200W", "o001", group[0], "edge")
    return _MosaicPlan("F200W", "o001", middle(group))


def _observe(
    seed: int, number: int, k: int, plan: _MosaicPlan, size: Size
) -> JwstObservation:
    # A stream per observation: a new kind of observation changes no other one.
    rng = np.random.default_rng([seed, 8, number, k])
    band, program = PASSBANDS[plan.band], _FIRST + number
    camera = CAMERAS[band.camera].sized(size)
    visits = 2 if plan.candidate.startswith("c") else 1
    start = round(float(rng.uniform(59750.0, 61000.0)), 8)
    mosaic = build(rng, camera, plan.target, _pixel(camera, plan.place), visits=visits)
    seconds = round(visits * camera.dithers * DITHER_S, 3)
    end = round(start + seconds / 86400.0 + 0.02, 8)
    footprint = _footprint(mosaic, is_old=plan.old)
    return JwstObservation(
        obsid=219_000_000 + 1009 * number + 101 * k,
        obs_id=_obs_id(program, plan.candidate, band),
        program=program,
        candidate=plan.candidate,
        passband=band,
        instrument=_spelled(band, is_old=plan.old),
        calib_level=_EXECUTED,
        ra=round(plan.target[0], 8),
        dec=round(plan.target[1], 8),
        s_region=_region(footprint),
        footprint=footprint,
        t_exptime=seconds,
        t_min=start,
        t_max=end,
        t_obs_release=_NOT_YET if plan.exclusive else round(end + 365.0, 7),
        rights="EXCLUSIVE_ACCESS" if plan.exclusive else "PUBLIC",
        proposal_pi=_INVESTIGATORS[number % len(_INVESTIGATORS)],
        mirrored=(number + 3 * k) % _UNMIRRORED != _UNMIRRORED - 1
        and not plan.exclusive,
        is_old=plan.old,
        mosaic=mosaic,
    )


def _spelled(band: JwstPassband, *, is_old: bool) -> str:
    return band.instrument.partition("/")[0] if is_old else band.instrument


def _obs_id(program: int, candidate: str, band: JwstPassband) -> str:
    instrument = band.instrument.partition("/")[0].lower()
    return f"jw{program:05d}-{candidate}_t001_{instrument}_{band.elements}"


def _pixel(camera: MosaicCamera, place: str) -> tuple[float, float]:
    """Give the pixel on which a target falls."""
    wide, high = (camera.width + camera.spread[0]), (camera.height + camera.spread[1])
    match place:
        case "edge":  # in the first exposures, near the left end of the array
            return _NEAR_EDGE, camera.height / 2
        case "gap":
            return wide + camera.gap / 2, high / 2
        case _:
            return wide / 2, high / 2


def _footprint(mosaic: Mosaic, *, is_old: bool) -> tuple[Polygon, ...]:
    outlines = (mosaic.outline,) if is_old else mosaic.outlines
    return tuple(_on_sky(mosaic, outline) for outline in outlines)


def _on_sky(mosaic: Mosaic, outline: Polygon) -> Polygon:
    ras, decs = mosaic.tangent.to_sky(*zip(*outline, strict=True))
    return tuple(
        (round(float(ra), 9), round(float(dec), 9))
        for ra, dec in zip(ras, decs, strict=True)
    )


def _region(footprint: tuple[Polygon, ...], frame: str = "ICRS  ") -> str:
    """Give the text of a footprint as in the archive: two blanks, no vertex twice."""
    return "  ".join(
        f"POLYGON {frame}" + " ".join(f"{ra:.9f} {dec:.9f}" for ra, dec in polygon)
        for polygon in footprint
    )


def _exposure(main: JwstObservation) -> JwstObservation:
    """List the first exposure of an observation, as a row of its own."""
    assert main.mosaic is not None
    one = main.mosaic.inputs[0]
    box = (
        (one.x0 - 0.5, one.y0 - 0.5),
        (one.x1 - 0.5, one.y0 - 0.5),
        (one.x1 - 0.5, one.y1 - 0.5),
        (one.x0 - 0.5, one.y1 - 0.5),
    )
    footprint = (_on_sky(main.mosaic, box),)
    return _changed(
        main,
        obsid=exposure_obsid(main, 0),
        obs_id=main.exposure_ids()[0],
        calib_level=_EXPOSURE,
        footprint=footprint,
        s_region=_region(footprint),
        t_exptime=DITHER_S,
    )


def exposure_obsid(obs: JwstObservation, number: int) -> int:
    """Give the archive's number of an exposure of an observation."""
    return obs.obsid * 4 % 100_000_000 + 800_000_000 + number


def _planned(number: int, main: JwstObservation) -> JwstObservation:
    """List a plan for the same target: no file, no times."""
    assert main.mosaic is not None
    program = _FIRST_PLAN + number
    footprint = (_on_sky(main.mosaic, main.mosaic.outline),)
    return _changed(
        main,
        obsid=main.obsid + 90,
        obs_id=f"jw{program:05d}001001_xx101_00001_nircam",
        program=program,
        calib_level=_PLANNED,
        footprint=footprint,
        s_region=_region(footprint, frame=""),
        t_min=None,
        t_max=None,
        t_obs_release=None,
    )


def _changed(obs: JwstObservation, **changes: Any) -> JwstObservation:  # noqa: ANN401 - fields of any type
    return replace(obs, mosaic=None, mirrored=False, **changes)
