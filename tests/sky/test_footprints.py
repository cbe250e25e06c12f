from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.sky import footprints
from harvester.sky.footprints import Circle, FootprintIndex, Polygon, parse_s_region

SQUARE = "POLYGON 10 0 11 0 11 1 10 1"


def match(regions, places, margin=0.0):
    """Give the pairs that match, and which of them are a margin inside."""
    ra, dec = np.array(places, dtype=float).reshape(-1, 2).T
    target, region, whole = FootprintIndex(regions).match(ra, dec, margin)
    return list(zip(target.tolist(), region.tolist(), whole.tolist(), strict=True))


def polygon(ra, dec, radius, corners=5, turn=0.3):
    """Give the region of a regular polygon, by rotation of vectors on the sphere."""
    east, north, up = frame_at(ra, dec)
    words = []
    for n in range(corners):
        angle = turn + 2 * math.pi * n / corners
        side = math.cos(angle) * east + math.sin(angle) * north
        r = math.radians(radius)
        x, y, z = math.cos(r) * up + math.sin(r) * side
        words += [math.degrees(math.atan2(y, x)), math.degrees(math.asin(z))]
    return "POLYGON ICRS " + " ".join(f"{word:.12f}" for word in words)


def frame_at(ra, dec):
    """Give unit vectors to the east, the north and up at a position."""
    a, d = math.radians(ra), math.radians(dec)
    east = np.array([-math.sin(a), math.cos(a), 0])
    north = np.array(
        [-math.sin(d) * math.cos(a), -math.sin(d) * math.sin(a), math.cos(d)]
    )
    return east, north, np.cross(east, north)


def depth_by_planes(region, ra, dec):
    """Tell how deep a place lies in a convex polygon, in another way: by its planes.

    Every edge is a plane through the middle of the sphere; inside is on the same
    side of all of them, and the sine of the distance to one is a dot product.
    """
    numbers = [float(word) for word in region.split()[2:]]
    points = [
        frame_at(*pair)[2] for pair in zip(numbers[::2], numbers[1::2], strict=True)
    ]
    planes = [
        np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        for a, b in zip(points, points[1:] + points[:1], strict=True)
    ]
    sines = [float(plane @ frame_at(ra, dec)[2]) for plane in planes]
    return math.degrees(math.asin(min(sines)))


@pytest.mark.parametrize(
    "text",
    [None, "", "null", "--", "POLYGON", "POLYGON ICRS 1 2 3", "POLYGON 1 1 2 2",
     "POLYGON 1 1 1 1 1 1 1 1", "POLYGON 0 0 1 0 2 0", "CIRCLE 1 2", "CIRCLE 1 2 0",
     "CIRCLE 1 2 -3", "POLYGON 0 91 1 91 1 92", "CIRCLE 1 99 1",
     "POLYGON nan nan 1 1 2 2", "CIRCLE 1e999 2 1", "POLYGON 1e999 0 1 0 1 1",
     "POLYGON 0 0 120 0 240 0 0 80", "CIRCLE 1 2 180", "POLYGON 1 2 3 4 5"],
)  # fmt: skip
def test_no_area(text):
    """Text without an area gives no shape, and the region counts as unknown."""
    assert parse_s_region(text) == ()
    assert FootprintIndex([SQUARE, text]).unknown == [1]


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON 10 0 11 0 11 1",
        "POLYGON ICRS 10 0 11 0 11 1 10 0",
        "polygon J2000  10 0  11 0  11 1  10 0  10 0",
        "POLYGON GSC1 370 0 371 0 371 1",
        "POLYGON -350 0.0 -349 0e0 -3.49e2 1. -350 -0",
        "Polygon ICRS GEOCENTER (10 0, 11 0, 11 1)",
        "POLYGON 10 0 10 0 11 0 11 0 11 1 11 1",
        "POLYGON\n10\t0 11 0 11 1\n",
    ],
)
def test_spellings(text):
    """One triangle in many spellings gives the same shape."""
    assert parse_s_region(text) == (Polygon(((10, 0), (11, 0), (11, 1))),)


def test_circle_spellings():
    """Circles are read with and without a frame, and with negative right ascension."""
    assert parse_s_region("CIRCLE ICRS  -10 5 0.5") == (Circle(350, 5, 0.5),)
    assert parse_s_region("circle 350 5 .5") == (Circle(350, 5, 0.5),)


@st.composite
def spelled(draw, number):
    """Write a number in one of the ways of archives."""
    ways = ["{:.6f}", "{:+.6f}", "{:.7e}", "{:012.6f}", " {:.6f}0 "]
    return draw(st.sampled_from(ways)).format(number)


@st.composite
def shapes_and_texts(draw):
    """Give a triangle and a circle as one text in any dialect, and as shapes."""
    ra, dec = draw(st.integers(0, 359)), draw(st.integers(-80, 80))
    corners = [(ra, dec), (ra, dec + 1), (ra + 0.5, dec + 0.25)]
    closed = corners + corners[:1] * draw(st.integers(0, 2))
    turn = draw(st.sampled_from([-360, 0, 360]))
    gap, comma = draw(st.sampled_from([" ", "\n", "  "])), draw(st.sampled_from(" ,"))
    places = [f"{draw(spelled(a + turn))}{gap}{draw(spelled(d))}" for a, d in closed]
    frame = draw(st.sampled_from(["", "ICRS", "J2000", "FK5 GEOCENTER", "GSC1", "("]))
    upper = draw(st.booleans())
    triangle = f"Polygon {frame}{gap}{comma.join(places)}"
    circle = f"Circle {frame} {draw(spelled(ra - turn))} {draw(spelled(dec))} 0.5)"
    text = f"{triangle} {circle}" if draw(st.booleans()) else f"{circle} {triangle}"
    wanted = {
        Polygon(tuple((a % 360, d) for a, d in corners)), Circle(ra, dec, 0.5)
    }  # fmt: skip
    return text.upper() if upper else text, wanted


@given(shapes_and_texts())
def test_any_dialect(case):
    """Any spelling of a footprint gives the same shapes."""
    text, wanted = case
    assert set(parse_s_region(text)) == wanted


@settings(max_examples=300)
@given(
    st.text(max_size=60)
    | st.text("POLYGNCIRE 0123456789.+-eE(,)infa", max_size=80)
    | st.builds(
        "{} {} {} {}".format,
        st.sampled_from(["POLYGON 1 1 2 1", "CIRCLE", "CIRCLE ICRS"]),
        st.floats() | st.sampled_from(["1e999", "-1e999", "-1e-30", "1_0"]),
        st.floats(-91, 91),
        st.floats(-1, 41) | st.just("1e-400"),
    )
)
def test_any_text(text):
    """Any text gives valid shapes or none, and can be matched."""
    for shape in parse_s_region(text):
        is_circle = isinstance(shape, Circle)
        places = [(shape.ra, shape.dec)] if is_circle else shape.vertices
        assert all(0 <= ra < 360 and -90 <= dec <= 90 for ra, dec in places)
    FootprintIndex([text]).match(np.array([1.0]), np.array([2.0]), 1.0)


def test_one_usable_shape():
    """A shape without an area does not affect the other shapes."""
    text = f"POLYGON 1 1 1 1 {SQUARE} CIRCLE 1 2 0"
    assert len(parse_s_region(text)) == 1


def test_recorded_regions(shared):
    """Every recorded region is read, and contains its own centre."""
    recorded = json.loads((shared / "fixtures/mast/s_region_examples.json").read_text())
    rows = shared / "data/responses/mastquery_wfc3ir_g102_rows.json"
    texts = [row["footprint"] for row in json.loads(rows.read_text())]
    for value in recorded.values():
        texts += value if isinstance(value, list) else [value]
    assert len(texts) == 13
    index = FootprintIndex(texts)
    assert index.unknown == []
    for number, text in enumerate(texts):
        for shape in parse_s_region(text):
            middle = _middle(shape)
            assert 0 <= middle[0] < 360
            _, regions, _ = index.match(*(np.array([each]) for each in middle), 0.0)
            assert number in regions


def _middle(shape):
    if isinstance(shape, Circle):
        return shape.ra, shape.dec
    return tuple(np.mean(shape.vertices, axis=0))


def test_recorded_place(shared):
    """The target of a real observation is in its footprint, at a known depth."""
    (row, _) = json.loads(
        (shared / "data/responses/mastquery_wfc3ir_g102_rows.json").read_text()
    )
    place = [(float(row["ra"]), float(row["dec"]))]
    assert match([row["footprint"]], place, 30) == [(0, 0, True)]
    assert match([row["footprint"]], place, 120) == [(0, 0, False)]
    assert match([row["footprint"]], [(place[0][0] + 0.05, place[0][1])]) == []


def test_margin():
    """A stamp is inside if every edge is at least the margin away."""
    edge = [(10.5, 0.01)]  # 36 arcsec above the edge
    assert match([SQUARE], edge, 35.9) == [(0, 0, True)]
    assert match([SQUARE], edge, 36.1) == [(0, 0, False)]
    assert match(["CIRCLE 10 0 0.01"], [(10, 0.009)], 3.5) == [(0, 0, True)]
    assert match(["CIRCLE 10 0 0.01"], [(10, 0.009)], 3.7) == [(0, 0, False)]


places_on_sky = st.tuples(
    st.floats(0, 360, exclude_max=True),
    st.floats(-1, 1).map(lambda s: math.degrees(math.asin(s))),
)


@settings(deadline=None, max_examples=300)
@given(
    centre=st.one_of(
        places_on_sky, st.sampled_from([(0, 90), (12, -90), (0, 0), (359.999, 60)])
    ),
    radius=st.floats(1e-4, 5),
    corners=st.integers(3, 9),
    turn=st.floats(0, 6),
    distance=st.floats(0, 1.5),
    bearing=st.floats(0, 6.3),
)
def test_against_planes(centre, radius, corners, turn, distance, bearing):
    """Inside and depth agree with an independent computation, all over the sky."""
    region = polygon(*centre, radius, corners, turn)
    east, north, up = frame_at(*centre)
    r = math.radians(radius * distance)
    x, y, z = math.cos(r) * up + math.sin(r) * (
        math.cos(bearing) * east + math.sin(bearing) * north
    )
    ra, dec = (
        math.degrees(math.atan2(y, x)) % 360,
        math.degrees(math.asin(min(1, max(-1, z)))),
    )
    depth = depth_by_planes(region, ra, dec)
    if abs(depth) > 1e-9:
        assert len(match([region], [(ra, dec)])) == (depth > 0)
    if depth > 1e-7:
        (shallow,) = match([region], [(ra, dec)], (depth - 5e-8) * 3600)
        (deep,) = match([region], [(ra, dec)], (depth + 5e-8) * 3600)
        assert (shallow[2], deep[2]) == (True, False)


def test_hollow_outline():
    """A concave polygon does not contain its hollow."""
    shoe = "POLYGON 0 0 4 0 4 4 3 4 3 1 1 1 1 4 0 4"
    assert match([shoe], [(2, 3)]) == []
    assert match([shoe], [(0.5, 3), (3.5, 3), (2, 0.5)]) == [
        (0, 0, True), (1, 0, True), (2, 0, True)
    ]  # fmt: skip


def test_union():
    """Several shapes of one region are one footprint: each pair is given once."""
    text = "POLYGON 0 0 2 0 2 2 0 2 POLYGON 1 0 3 0 3 2 1 2 CIRCLE 10 0 1"
    assert match([text], [(1.5, 1), (0.5, 1), (2.5, 1), (10.1, 0), (5, 1)]) == [
        (0, 0, True), (1, 0, True), (2, 0, True), (3, 0, True)
    ]  # fmt: skip
    # 0.1 degree from the edge of one shape, 0.9 from that of the other.
    assert match([text], [(1.9, 1)], 0.5 * 3600) == [(0, 0, True)]


def test_sizes_side_by_side():
    """A large and a tiny footprint at one position are both found, only there."""
    regions = [polygon(40, 20, 3), polygon(40, 20, 1e-4), "CIRCLE 40 20 0.3", None]
    assert match(regions, [(40, 20), (40, 20.2), (40, 22), (220, -20)]) == [
        (0, 0, True), (0, 1, True), (0, 2, True),
        (1, 0, True), (1, 2, True),
        (2, 0, True),
    ]  # fmt: skip


def test_many_pairs(monkeypatch):
    """Batches of targets and pairs give the same as single ones."""
    monkeypatch.setattr(footprints, "_TARGETS", 1000)
    monkeypatch.setattr(footprints, "_PAIRS", 5000)
    rng = np.random.default_rng(5)
    regions = [polygon(x, y, 0.5, turn=x) for x, y in rng.uniform(0, 3, (200, 2))]
    ra, dec = rng.uniform(0, 3, (2, 9000))
    target, region, _ = FootprintIndex(regions).match(ra, dec, 0.0)
    assert len(target) > 100_000
    pairs = set(zip(target.tolist(), region.tolist(), strict=True))
    for t, r in rng.integers(0, (9000, 200), (3000, 2)):
        inside = depth_by_planes(regions[r], ra[t], dec[t]) > 0
        assert ((int(t), int(r)) in pairs) == inside
    order = np.lexsort((region, target))
    np.testing.assert_array_equal(order, np.arange(len(target)))


def test_no_targets_or_regions():
    """Without targets or regions there is no match; NaN positions match nothing."""
    assert match([], [(1, 2)]) == []
    assert match([None], [(1, 2)]) == []
    assert match([SQUARE], []) == []
    assert match([SQUARE], [(math.nan, 0.5), (10.5, math.inf), (10.5, 0.5)]) == [
        (2, 0, True)
    ]
