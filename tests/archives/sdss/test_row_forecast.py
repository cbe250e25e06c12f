"""The rows of galaxies, estimated before a frame is here: compared with real ones."""

from __future__ import annotations

import bz2
from collections import defaultdict

import numpy as np
import pytest
from astropy.io import fits
from field_rows import scan, sky

from harvester.archives.row_forecast import SeenRow
from harvester.archives.sdss.fields import FIELD
from harvester.archives.sdss.names import decode_all
from harvester.archives.sdss.row_forecast import SdssRows
from harvester.cutouts.astrometry import read_astrometry
from harvester.models import Product


def product(run, camcol, field, band="r"):
    """Give a frame."""
    name = f"frame-{band}-{run:06d}-{camcol}-{field:04d}.fits.bz2"
    return Product("sdss", name, band, f"https://a.example/{name}")


def seen(field, row, col):
    """Give what the header of a field tells of one of its pixels."""
    ra, dec = map(float, sky(field, row, col))
    to_ra, to_dec = map(float, sky(field, row + 20, col))
    east = ((to_ra - ra + 180) % 360 - 180) * np.cos(np.radians(dec))
    angle = np.degrees(np.arctan2(east, to_dec - dec)) % 360
    # The centre of the first pixel is at 0.5 in tables of fields.
    return SeenRow(ra, dec, row - 0.5, float(angle))


@pytest.fixture(scope="module")
def fields(shared):
    """Give the geometry of 227 fields in five bands, by number and band."""
    table = fits.getdata(shared / "data/sdss/photoField-002583-2.fits", 1)
    found = {}
    for line in table:
        for place, band in enumerate("ugriz"):
            row = np.zeros((), FIELD)
            for name in "abcde":
                row[name] = line[name][place]
            row["f"] = line["FF"][place]
            # As in the header of a frame of this run.
            row["node"], row["incl"] = 48.377485, 0.000358
            found[int(line["FIELD"]), band] = row
    return found


def errors(fields, chance, *, apart, bands):
    """Estimate rows in fields from one at a distance: by how much they are wrong."""
    numbers = sorted({number for number, _ in fields})[: -apart or None]
    found = []
    for number in chance.choice(numbers, 100):
        band, other = bands(chance)
        near, far = fields[number, band], fields[number + apart, other]
        rows = SdssRows()
        place = seen(near, chance.uniform(0, 1489), chance.uniform(0, 2048))
        rows.learn(product(2583, 2, number, band), place)
        truth = seen(far, chance.uniform(0, 1489), chance.uniform(0, 2048))
        asked = product(2583, 2, number + apart, other)
        estimate = rows.estimate(asked, [truth.ra], [truth.dec])
        off = abs(estimate.rows[0] - truth.row)
        assert off <= estimate.error
        found.append(off)
    return np.array(found)


@pytest.mark.parametrize(
    ("apart", "most"), [(0, 3), (1, 3), (10, 3), (30, 5), (100, 10)]
)
def test_other_fields(fields, apart, most):
    """One frame tells the rows of others in the run within some rows, in any band."""
    chance = np.random.default_rng(apart)
    off = errors(
        fields, chance, apart=apart, bands=lambda by: by.choice(list("ugriz"), 2)
    )
    assert off.max() < most


def test_same_band(fields):
    """In the same field and band it tells them within a row."""
    chance = np.random.default_rng(2)
    off = errors(
        fields, chance, apart=0, bands=lambda by: [by.choice(list("ugriz"))] * 2
    )
    assert off.max() < 1


@pytest.fixture(scope="module")
def skies(shared):
    """Give the coordinates of real frames, by run, camcol, field and band."""
    found = {}
    for path in sorted((shared / "data/sdss").glob("frame-*.fits.bz2")):
        start = bz2.BZ2Decompressor().decompress(path.read_bytes(), 2880 * 20)
        _, band, run, camcol, field = path.name.split(".")[0].split("-")
        header = fits.Header.fromstring(start)
        place = int(run), int(camcol), int(field), band
        found[place] = read_astrometry(header)
    return found


PIXELS = np.array([[100.0, 1900, 1000], [50.0, 700, 1400]])


def test_bands_of_real_frames(skies):
    """A real frame tells the rows of those of its field in other bands."""
    compared = 0
    for (*place, band), one in skies.items():
        rows = SdssRows()
        ra, dec = (float(each[0]) for each in one.to_sky([700.0], [1200.0]))
        angle = float(one.orientations(np.array([ra]), np.array([dec]))[0])
        rows.learn(product(*place, band), SeenRow(ra, dec, 1200.0, angle))
        for (*other, its_band), sky_of in skies.items():
            if other == place:
                estimate = rows.estimate(
                    product(*other, its_band), *sky_of.to_sky(*PIXELS)
                )
                assert np.abs(estimate.rows - PIXELS[1]).max() < 3
                compared += 1
    assert compared == 5**2 + 3**2 + 2**2 + 3


def test_scans_of_real_frames(skies):
    """Before a frame of the strip was fetched, rows are known to a hundred."""
    off = defaultdict(list)
    for place, sky_of in skies.items():
        estimate = SdssRows().estimate(product(*place), *sky_of.to_sky(*PIXELS))
        if estimate is not None:
            assert estimate.error == 100
            off[place[0]].append(np.abs(estimate.rows - PIXELS[1]).max())
    assert off.keys() == {1035, 1043, 2583, 3918}
    worst = sorted(max(each) for each in off.values())
    assert worst[-2] < 20
    assert worst[-1] < 101


def test_galaxies_lie_in_fields(shared):
    """Rows of 3,000 real galaxies, by the scans of their runs, are inside of frames."""
    table = fits.getdata(shared / "data/catalogues/darg_mergers.fits", 1)
    found, known = decode_all(table["object1"].astype(np.uint64))
    rows = []
    for place, ra, dec in zip(found, table["ra1"], table["dec1"], strict=True):
        estimate = SdssRows().estimate(product(*place[:3]), [float(ra)], [float(dec)])
        rows += estimate.rows if estimate else []
    assert len(rows) > 0.9 * known.sum()
    # A galaxy is in the field in which it is at least 64 rows from an edge.
    assert np.percentile(rows, 1) > 64 - 20
    assert np.percentile(rows, 99) < 1425 + 20
    assert np.median(rows) == pytest.approx(744, abs=20)


def test_made_scan():
    """The rows of a scan with a steep inclination, over the end of right ascension."""
    fields = scan(node=300.0, incl=50.0, mu=359.8, nu=-1.05, fields=40)
    rows = SdssRows()
    rows.learn(product(94, 1, 11), seen(fields[0], 1000, 1500))
    for number in (0, 1, 9, 39):
        places = [seen(fields[number], row, col) for row, col in PIXELS[::-1].T]
        ra, dec = [one.ra for one in places], [one.dec for one in places]
        estimate = rows.estimate(product(94, 1, 11 + number), ra, dec)
        off = np.abs(np.array(estimate.rows) - [one.row for one in places])
        assert off.max() <= estimate.error


@pytest.mark.parametrize(
    "other",
    [product(94, 2, 11), product(95, 1, 11), product(94, 1, 200)],
    ids=["camera column", "run", "far"],
)
def test_other_strips(other):
    """Of another strip or far away nothing is known, if its scan is not known."""
    rows = SdssRows()
    rows.learn(product(94, 1, 11), seen(scan()[0], 700, 1000))
    assert rows.estimate(other, [10.0], [0.0]) is None
    assert rows.estimate(product(94, 1, 11), [10.0], [0.0]) is not None


def test_other_names():
    """Files that are not frames have no rows."""
    other = Product("sdss", "psField-001043-5-0025.fit", "r", "https://a.example/p")
    rows = SdssRows()
    rows.learn(other, SeenRow(1.0, 2.0, 3.0, 4.0))
    assert rows.estimate(other, [1.0], [2.0]) is None
