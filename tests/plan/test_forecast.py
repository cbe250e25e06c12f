"""The forecast for HST frames, compared with painted files."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from harvester.archives.registry import kind_of
from harvester.cutouts.cutouts import find_pixels
from harvester.frames.pieces import Pieces, UnheldError
from harvester.frames.range_plan import plan
from harvester.frames.spans import is_worth_it
from harvester.models import CutoutSpec, Plane, StampSize, Wanted
from harvester.plan import forecast as plan_forecast
from harvester.plan.forecast import Camera
from harvester.sandbox.paint_hst import drz
from harvester.sandbox.sky import Sky
from harvester.transport.body import LARGEST_FILE
from harvester.transport.byte_range import ByteRange

#: Sides of an image in arcsec, as the camera has them.
WIDE, HIGH = 136.0, 123.0


forecast = partial(plan_forecast.forecast, largest_file=LARGEST_FILE)


class Cost(NamedTuple):
    """What fetching a file took."""

    requests: int
    bytes: int


def camera(instrument):
    """Give the facts about a camera of HST."""
    return Camera.of(kind_of("hst").costs, instrument)


def fetched(content, wanted, spec):
    """Give what `PixelFetch` fetches of a file if it knows the lengths of headers."""
    find = partial(find_pixels, archive="hst", wanted=wanted, spec=spec)
    layout = kind_of("hst").costs.layout
    first = content[: layout.first_headers]
    pieces = Pieces(ByteRange(first, len(content), "v"))
    while True:
        try:
            found = plan(pieces, find, kind_of("hst").reading)
            break
        except UnheldError as lacking:
            stop = lacking.start + layout.next_header
            pieces.held[lacking.start] = content[lacking.start : stop]
    headers = Cost(len(pieces.held), sum(map(len, pieces.held.values())))
    spans = found.spans
    if not is_worth_it(spans, len(content), LARGEST_FILE):
        spans = ((0, len(content)),)
    size = sum(stop - start for start, stop in spans)
    return Cost(headers.requests + len(spans), headers.bytes + size)


@pytest.mark.parametrize(
    ("seed", "targets", "per_field", "size"),
    [(7, 60, 14, "15.84arcsec"), (5, 60, 3, "15.84arcsec"), (11, 60, 5, "40px")],
)
def test_against_painted_files(seed, targets, per_field, size):
    """Over a sky, requests and bytes are within a tenth of the real ones."""
    sky, spec = Sky.make(seed, targets, per_field), CutoutSpec(StampSize.parse(size))
    billed, taken, lengths = [], [], []
    for obs in sky.observations:
        galaxies = [
            one for one in sky.galaxies_in_observation(obs) if _is_inside(obs, one)
        ]
        if not galaxies:
            continue
        content = drz(sky, obs)
        side = spec.size.pixels(camera(obs.instrument).pixel_arcsec)
        places = [[one.ra for one in galaxies], [one.dec for one in galaxies]]
        billed.append(forecast(obs.s_region, camera(obs.instrument), side, *places))
        wanted = [Wanted(one.number, "", one.ra, one.dec, "") for one in galaxies]
        taken.append(fetched(content, wanted, spec))
        lengths.append(len(content))
    requests, size, whole, _ = map(sum, zip(*billed, strict=True))
    truth = Cost(*map(sum, zip(*taken, strict=True)))
    assert len(taken) > 5
    assert requests == pytest.approx(truth.requests, rel=0.1)
    assert size == pytest.approx(truth.bytes, rel=0.1)
    assert whole == pytest.approx(sum(lengths), rel=0.15)


def _is_inside(obs, galaxy):
    x, y = obs.tangent.to_pixel(galaxy.ra, galaxy.dec)
    return 0 <= x < obs.nx and 0 <= y < obs.ny


def place(x, y, turn):
    """Give the position of a point, in arcsec, of a rotated image near the origin."""
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    east, north = x * cos - y * sin, x * sin + y * cos
    return east / 3600 + 180, north / 3600


def polygon(wide, high, turn):
    """Give the footprint of an image of this size around the origin."""
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    corners = [place(a * wide / 2, b * high / 2, turn) for a, b in signs]
    return "POLYGON " + " ".join(f"{ra} {dec}" for ra, dec in corners)


def priced(region, points, turn, *, instrument="WFC3/IR", side=124):
    """Give the price of stamps at points of a rotated image, in arcsec."""
    ra, dec = zip(*(place(x, y, turn) for x, y in points), strict=True)
    return forecast(region, camera(instrument), side, ra, dec)


@pytest.mark.parametrize("turn", [0, 17, 45, 90, 131, 178])
def test_rows_follow_the_footprint(turn):
    """Galaxies in the same rows share a span in each plane, at any rotation."""
    region = polygon(WIDE, HIGH, turn)
    same_rows = priced(region, [(-50, 0), (50, 1)], turn)
    other_rows = priced(region, [(0, -50), (1, 50)], turn)
    assert (same_rows.requests, other_rows.requests) == (2 + 2, 2 + 4)
    assert same_rows.bytes < 0.65 * other_rows.bytes


def test_high_image():
    """Rows are assumed along the longer side, in any order of the corners."""
    region = polygon(HIGH, WIDE, 0)
    assert priced(region, [(0, -50), (1, 50)], 0).requests == 4


def test_wide_mosaic():
    """In a mosaic each row of a stamp is a request of its own."""
    mosaic = priced(polygon(1800, 1500, 30), [(100, 200)], 30)
    assert mosaic.requests == pytest.approx(2 + 2 * 124, abs=2)
    assert mosaic.bytes < 400_000 < mosaic.whole / 1000


def test_mosaic_that_is_too_large():
    """A file that is too large to be fetched whole is billed by ranges."""
    points = [(0, y) for y in range(-740, 741, 14)]
    price = priced(polygon(1800, 1500, 0), points, 0)
    assert LARGEST_FILE < price.bytes < price.whole
    assert price.requests <= 2 + 512 + price.bytes / 2**22


@pytest.mark.parametrize(("largest", "is_whole"), [(10**7, False), (10**8, True)])
def test_limit_of_the_settings(largest, is_whole):
    """The setting that limits whole files decides whether one is billed whole."""
    points = [(0, y) for y in range(-60, 61, 12)]
    region = polygon(WIDE, HIGH, 0)
    ra, dec = zip(*(place(x, y, 0) for x, y in points), strict=True)
    price = forecast(region, camera("WFC3/IR"), 124, ra, dec, largest_file=largest)
    assert (price.bytes >= price.whole) == is_whole


def test_whole_file():
    """If stamps need most of a frame, its whole file and the headers are billed."""
    points = [(0, y) for y in range(-60, 61, 12)]
    price = priced(polygon(WIDE, HIGH, 0), points, 0)
    assert price.requests == 3
    assert price.bytes > price.whole


@pytest.mark.parametrize(
    "region", [None, "nonsense", "CIRCLE 180 0 0.0255", "CIRCLE ICRS  180 0 0.03"]
)
def test_unknown_axes(region):
    """A circle, or no footprint, is billed as the camera's image, and as a guess."""
    price = priced(region, [(0, 0)], 0)
    known = priced(polygon(WIDE, HIGH, 0), [(0, 0)], 0)
    assert price.is_guess
    assert not known.is_guess
    assert price.requests == known.requests
    assert price[1:3] == pytest.approx(known[1:3], rel=0.01)


@pytest.mark.parametrize("instrument", ["WFC3/IR", "ACS/WFC", "WFPC2", "COS/NUV"])
def test_assumed_circle(instrument):
    """An assumed circle is billed as one pointing."""
    sides = camera(instrument).field_arcsec
    circle = f"CIRCLE 180 0 {math.hypot(*sides) / 3600}"
    price = priced(circle, [(0, 0)], 0, instrument=instrument)
    pointing = polygon(*sides, 0)
    known = priced(pointing, [(0, 0)], 0, instrument=instrument)
    assert price.is_guess
    assert price[:3] == pytest.approx(known[:3], rel=0.02)


def test_unusual_circle():
    """A circle much smaller than the camera's field is billed by its own size."""
    assert priced("CIRCLE 180 0 0.005", [(0, 0)], 0).whole < 1_000_000


def test_two_chips():
    """Several polygons are one image, including the gap between them."""
    chips = f"{polygon(200, 95, 40)} {polygon(200, 202, 40)}"
    assert priced(chips, [(0, 0)], 40, instrument="ACS/WFC").whole == pytest.approx(
        3 * 4 * (200 / 0.05) * (202 / 0.05), rel=0.02
    )


def test_right_ascension_zero():
    """A footprint across right ascension 0 has its normal width."""
    here = forecast(
        "POLYGON 359.98 0 0.02 0 0.02 0.03 359.98 0.03", camera(""), 40, [0], [0.01]
    )
    there = forecast(
        "POLYGON 9.98 0 10.02 0 10.02 0.03 9.98 0.03", camera(""), 40, [10], [0.01]
    )
    assert here == there


def test_errors_cost_more():
    """The plane of errors is read for inverse variances only, and costs as SCI does."""
    costs = kind_of("jwst").costs
    plain, noisy = (
        Camera.of(costs, "NIRCAM/IMAGE", planes)
        for planes in ((Plane.FLUX, Plane.MASK), (Plane.FLUX, Plane.IVAR))
    )
    region = polygon(310, 133, 30)
    ra, dec = place(0, 0, 0)
    two, three = (
        forecast(region, one, 62, [ra % 360], [dec]) for one in (plain, noisy)
    )
    pixels = 62 * 62 * 4
    assert three.requests - two.requests == 62
    assert three.bytes - two.bytes == pixels
    drizzled = Camera.of(kind_of("hst").costs, "WFC3/IR", (Plane.FLUX, Plane.IVAR))
    assert forecast(None, drizzled, 62, [ra], [dec]) == (
        forecast(None, camera("WFC3/IR"), 62, [ra], [dec])
    )
