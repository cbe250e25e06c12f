"""The geometry of fields: compared with real frames, and with mathematics."""

from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.io import fits
from field_rows import scan, sky
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harvester.archives.sdss.fields import COLUMNS, FIELD, ROWS, FieldTable, sound


def spots(table, *positions, most=1):
    """Look up positions ``(ra, dec)`` in a table."""
    ra, dec = np.reshape(positions, (-1, 2)).T
    return table.holding(ra, dec, most=most)


@settings(deadline=None)  # the machine is shared
@given(
    node=st.floats(0, 360),
    incl=st.floats(-90, 90),
    mu=st.floats(-360, 720),
    nu=st.floats(-1.3, 1.2),
    row=st.floats(1, ROWS - 1),
    col=st.floats(1, COLUMNS - 1),
)
@example(node=0, incl=90, mu=89.9181, nu=-0.11264, row=744.5, col=1024)  # a pole
@example(node=275, incl=0, mu=359.95, nu=0, row=500, col=1000)  # RA 0
def test_pixel_to_sky_and_back(node, incl, mu, nu, row, col):
    """The sky position of a pixel leads back to it, also at poles and RA 0."""
    rows = scan(node=node, incl=incl, mu=mu, nu=nu)
    (spot,) = spots(FieldTable(rows), sky(rows[0], row, col))
    assert spot["row"] == pytest.approx(row, abs=1e-3)
    assert spot["col"] == pytest.approx(col, abs=1e-3)


@given(row=st.floats(-3000, 9000), col=st.floats(-500, 2500), fields=st.integers(1, 5))
def test_best_field_is_the_deepest(row, col, fields):
    """Fields that contain the target come by margin, others not at all."""
    rows = scan(fields=fields)
    rows["c"] = rows["e"] = 0
    margins = {}
    for n in range(fields):
        inner = row - 1361 * n
        margin = min(inner, ROWS - inner, col, COLUMNS - col)
        if margin >= 1e-3:
            margins[n] = margin
    found = spots(FieldTable(rows), sky(rows[0], row, col), most=3)
    found = found[found["margin"] >= 1e-3]
    best = sorted(margins.values(), reverse=True)
    assert found["margin"].tolist() == pytest.approx(best, abs=1e-2)
    assert set(found["field"].tolist()) == set(margins)


def test_overlap_goes_to_the_deeper_field():
    """In the overlap of two fields the deeper one comes first."""
    rows = scan(fields=3)
    place = sky(rows[0], 1361 + 80, 1000)
    found = spots(FieldTable(rows), place, most=2)
    assert found["field"].tolist() == [1, 0]
    assert found["margin"].tolist() == pytest.approx([80, 48], abs=0.1)
    assert spots(FieldTable(rows), place)["field"].tolist() == [1]


def test_no_field():
    """A position in no field has no spot; the others keep their indices."""
    rows = scan(fields=2)
    inside = sky(rows[1], 700, 1000)
    found = spots(FieldTable(rows), (10.0, -80.0), inside, sky(rows[0], -40, 1000))
    assert found["target"].tolist() == [1]
    assert len(spots(FieldTable(rows))) == 0


def test_equal_fields_are_always_taken_alike():
    """Of two equally good fields the first in the table comes first."""
    rows = np.concatenate([scan(), scan()])
    assert spots(FieldTable(rows), sky(rows[0], 700, 900), most=2)[
        "field"
    ].tolist() == [0, 1]


def test_many_targets_in_chunks():
    """Targets of all chunks have their own indices."""
    rows = scan(fields=40)
    places = [sky(rows[n % 40], 700, 10 + n % 2000) for n in range(9000)]
    found = spots(FieldTable(rows), *places)
    assert found["target"].tolist() == list(range(9000))
    assert found["field"].tolist() == [n % 40 for n in range(9000)]


def frame_row(path):
    """Give the geometry in the last table of a real frame."""
    with fits.open(path) as hdus:
        told = hdus[3].data[0]
    rows = np.zeros(1, FIELD)
    for name in FIELD.names:
        rows[name] = told[name.upper()]
    return rows


@pytest.mark.parametrize("band", "gri")
def test_real_frames(shared, unpacked, band):
    """By the geometry of its frame a real galaxy is at its pixels."""
    truth = json.loads((shared / "data/sdss/truth_open.json").read_text())
    names = sorted(p.name for p in (shared / "data/sdss").glob("frame-r-*.bz2"))
    name = f"frame-{band}-001043-5-0025"
    rows = [frame_row(unpacked(f"{name}.fits"))]
    rows += [frame_row(unpacked(n)) for n in names if "001043" not in n]
    (galaxy,) = truth[name]
    (spot,) = spots(FieldTable(np.concatenate(rows)), (galaxy["ra"], galaxy["dec"]))
    assert spot["field"] == 0
    # The true pixels count from the centre of the first pixel.
    assert spot["col"] - 0.5 == pytest.approx(galaxy["x"], abs=1)
    assert spot["row"] - 0.5 == pytest.approx(galaxy["y"], abs=1)


def real_run(shared, unpacked):
    """Give the fields of a real camera column in r, and the survey's own centres."""
    told = fits.getdata(shared / "data/sdss/photoField-002583-2.fits")
    rows = np.zeros(len(told), FIELD)
    rows["run"], rows["camcol"], rows["field"] = 2583, 2, told["FIELD"]
    for name in "abcde":
        rows[name] = told[name.upper()][:, 2]
    rows["f"] = told["FF"][:, 2]
    # The great circle of the scan, from a frame of the run.
    frame = frame_row(unpacked("frame-r-002583-2-0136.fits"))
    rows["node"], rows["incl"] = frame["node"], frame["incl"]
    return FieldTable(rows), told["RA"], told["DEC"]


def test_real_run(shared, unpacked):
    """The survey's centre of each field of a real run is in its middle."""
    table, ra, dec = real_run(shared, unpacked)
    found = table.holding(ra, dec)
    assert found["field"].tolist() == list(range(len(table)))
    assert np.abs(found["row"] - ROWS / 2).max() < 2
    assert np.abs(found["col"] - COLUMNS / 2).max() < 2


def test_real_overlaps(shared, unpacked):
    """Along a real run every position is at least 64 rows inside a field."""
    table, ra, dec = real_run(shared, unpacked)
    steps = np.linspace(0, 1, 50, endpoint=False)
    along = (ra[:-1, None] + steps * np.diff(ra % 360)[:, None]).ravel()
    aside = (dec[:-1, None] + steps * np.diff(dec)[:, None]).ravel()
    best = table.holding(along, aside)
    assert best["target"].tolist() == list(range(len(along)))
    assert best["margin"].min() > 62
    both = table.holding(along, aside, most=3)
    shared_part = len(both) / len(best) - 1
    assert shared_part == pytest.approx(128 / 1361, abs=0.02)


def test_real_geometry_is_recognised(shared, unpacked):
    """Real geometry matches the landmarks; misread geometry does not."""
    paths = (shared / "data/sdss").glob("frame-r-0*.fits.bz2")
    rows = [frame_row(unpacked(path.name)) for path in paths]
    real = np.concatenate([*rows, real_run(shared, unpacked)[0].rows])
    assert sound(real).all()
    assert FieldTable(real).matches_landmarks()
    for name, off in (("node", 1.0), ("d", 0.1), ("a", -0.05), ("incl", 90.0)):
        misread = real.copy()
        misread[name] += off
        assert not FieldTable(misread).matches_landmarks()


@pytest.mark.parametrize(
    ("name", "value"),
    [("a", np.nan), ("b", 0.0), ("b", np.radians(0.00011)), ("f", 0.396), ("c", 1.0)],
)
def test_unsound_geometry(name, value):
    """Rows without a plausible geometry are recognised."""
    rows = scan(fields=3)
    rows[name][1] = value
    assert sound(rows).tolist() == [True, False, True]
