"""The synthetic sky: repeatable, and with the geometry of the surveys."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from harvester.sandbox.regions import DIALECTS
from harvester.sandbox.scans import COLUMNS, FIELD_STEP, ROWS, RUNS, FieldKey, ScanField
from harvester.sandbox.sky import Sky


@pytest.fixture(scope="module")
def sky() -> Sky:
    """Make one sky for all tests; no test changes it."""
    return Sky.make(11, targets=300)


def _pixels(sky, galaxy):
    return sky.fields[galaxy.field].wcs("r").all_world2pix(galaxy.ra, galaxy.dec, 0)


def _f160w(sky):
    return [obs for obs in sky.observations if obs.filters == "F160W"]


def _decoded(objid):
    return FieldKey(objid >> 32 & 0xFFFF, objid >> 29 & 7, objid >> 16 & 0xFFF)


def test_same_seed():
    """The same seed gives the same sky; another seed gives another."""
    one, two, other = Sky.make(5, 60), Sky.make(5, 60), Sky.make(6, 60)
    assert one.galaxies == two.galaxies
    assert one.observations == two.observations
    assert list(one.fields) == list(two.fields)
    assert one.galaxies != other.galaxies


def test_hst_images_off():
    """Without HST images the galaxies are the same and there are no observations."""
    assert Sky.make(5, 60, hst_images=False).galaxies == Sky.make(5, 60).galaxies
    assert Sky.make(5, 60, hst_images=False).observations == ()


@pytest.mark.parametrize("per_image", [1, 5, 12])
def test_galaxies_an_image(per_image):
    """Each F160W image has ``per_image`` galaxies, and every galaxy has an image."""
    sky = Sky.make(3, 3 * per_image, per_field=per_image, per_image=per_image)
    first = [obs for obs in sky.observations if obs.filters == "F160W"]
    seen = [sky.galaxies_in_observation(obs) for obs in first]
    assert {len(galaxies) for galaxies in seen} == {per_image}
    assert {one for galaxies in seen for one in galaxies} == set(sky.galaxies)


def test_legal_fields(sky, shared):
    """Every field is in the survey's run list for rerun 301."""
    listed = {}
    runs = shared / "fixtures/sdss/tables/runList-dr10.par"
    for line in runs.read_text().splitlines():
        words = line.split()
        if words[:1] == ["RUNDATA"] and words[2] == "301":
            listed[int(words[1])] = (int(words[6]), int(words[7]))
    for run in RUNS.values():
        assert (run.first, run.last) == listed[run.number]
    for key in sky.fields:
        assert listed[key.run][0] <= key.field <= listed[key.run][1]
        assert 1 <= key.camcol <= 6


def test_few_fields(sky):
    """Galaxies are clustered: 300 of them lie in 22 fields, at least 10 in each."""
    assert len(sky.galaxies) == 300
    assert len(sky.fields) == 22
    assert all(len(sky.galaxies_in_field(key)) >= 10 for key in sky.fields)


def test_identifiers(sky):
    """DR8 identifiers have the primary field; 2 % of DR7 ones have a missing field."""
    lost = [g for g in sky.galaxies if _decoded(g.objid) not in sky.fields]
    assert len(lost) == 6
    for galaxy in sky.galaxies:
        assert _decoded(galaxy.dr8_objid) == galaxy.field
        assert galaxy.dr8_objid >> 59 == 2
        assert galaxy.dr8_objid >> 48 & 0x7FF == 301
        assert galaxy.objid >> 59 == 1
        assert galaxy.objid >> 48 & 0x7FF in {40, 41}
        if galaxy not in lost:
            assert _decoded(galaxy.objid) == galaxy.field
    for galaxy in lost:
        key = _decoded(galaxy.objid)
        assert RUNS[key.run].first <= key.field <= RUNS[key.run].last
    assert len({g.objid for g in sky.galaxies}) == len(sky.galaxies)


def test_smallest_sky():
    """One galaxy has the identifier of a missing field; two galaxies have images."""
    (galaxy,) = Sky.make(1, targets=1).galaxies
    assert _decoded(galaxy.objid) != galaxy.field
    assert Sky.make(1, targets=2).observations


def test_primary_fields(sky):
    """Galaxies are inside their field, some at a column edge, some in shared rows."""
    pixels = np.array([_pixels(sky, g) for g in sky.galaxies])
    assert (pixels >= 0).all()
    assert (pixels < [COLUMNS, ROWS]).all()
    at_edge = (pixels[:, 0] < 20) | (pixels[:, 0] > COLUMNS - 20)
    shared_rows = (pixels[:, 1] < 128) | (pixels[:, 1] > FIELD_STEP)
    near_row_edge = (pixels[:, 1] < 63) | (pixels[:, 1] > ROWS - 63)
    assert 3 <= at_edge.sum() <= 40
    assert shared_rows.sum() >= 3
    assert near_row_edge.sum() <= 5


def test_overlap_galaxies(sky):
    """A galaxy in the rows shared by two fields is found in both."""
    homes = [g for key in sky.fields for g in sky.galaxies_in_field(key)]
    twice = [g for g in sky.galaxies if homes.count(g) == 2]
    assert twice
    assert all(homes.count(g) >= 1 for g in sky.galaxies)


def test_separation(sky):
    """No two galaxies are within 12 arcsec of each other."""
    places = SkyCoord(
        [g.ra for g in sky.galaxies], [g.dec for g in sky.galaxies], unit="deg"
    )
    _, nearest, _ = places.match_to_catalog_sky(places, nthneighbor=2)
    assert nearest.min().arcsec >= 12


@pytest.mark.parametrize("band", "ugriz")
def test_continued_grid(band):
    """Neighbouring fields share 128 rows and continue the pixel grid."""
    field = ScanField.of(FieldKey(2873, 5, 200))
    after = ScanField.of(FieldKey(2873, 5, 201))
    x, y = np.array([0.0, 1024.0, 2047.0]), np.full(3, 1400.0)
    there = after.wcs(band).all_world2pix(*field.wcs(band).all_pix2world(x, y, 0), 0)
    assert ROWS - FIELD_STEP == 128
    assert np.abs(there[0] - x).max() < 0.1
    assert np.abs(there[1] - (1400 - FIELD_STEP)).max() < 0.1


def test_band_offsets():
    """A position differs by 1 to 10 pixels between bands."""
    field = ScanField.of(FieldKey(94, 3, 100))
    ra, dec = field.wcs("r").wcs.crval
    spots = [np.array(field.wcs(band).all_world2pix(ra, dec, 0)) for band in "ugriz"]
    apart = [np.hypot(*(one - two)) for one, two in combinations(spots, 2)]
    assert min(apart) > 1
    assert 5 < max(apart) < 10


@pytest.mark.parametrize("key", [(94, 3, 100), (7178, 6, 200), (4247, 1, 150)])
def test_scan_coordinates(key):
    """The asTrans terms and the TAN projection agree to a tenth of a pixel."""
    field = ScanField.of(FieldKey(*key))
    a, b, c, d, e, f = field.astrans("g")
    x, y = (v.ravel() for v in np.meshgrid([0.0, 2047.0], [0.0, 1488.0]))
    mu = np.radians(a + b * (y + 0.5) + c * (x + 0.5) - field.node)
    nu = np.radians(d + e * (y + 0.5) + f * (x + 0.5))
    tilt = np.radians(field.incl)
    flat = np.sin(mu) * np.cos(nu)
    ra = np.arctan2(
        flat * np.cos(tilt) - np.sin(nu) * np.sin(tilt), np.cos(mu) * np.cos(nu)
    )
    dec = np.arcsin(flat * np.sin(tilt) + np.sin(nu) * np.cos(tilt))
    there = field.wcs("g").all_world2pix(
        np.degrees(ra) + field.node, np.degrees(dec), 0
    )
    assert np.hypot(there[0] - x, there[1] - y).max() < 0.1


def test_plain_arithmetic_is_astropy():
    """The sandbox's own projection agrees with astropy's."""
    tangent = ScanField.of(FieldKey(4192, 2, 250)).tangent("i")
    wcs = tangent.wcs(COLUMNS, ROWS)
    x, y = np.array([0.0, 300.5, 2047.0]), np.array([1488.0, 12.25, 0.0])
    ra, dec = tangent.to_sky(x, y)
    assert np.allclose([ra, dec], wcs.all_pix2world(x, y, 0), rtol=0, atol=1e-10)
    assert np.allclose(tangent.to_pixel(ra, dec), [x, y], rtol=0, atol=1e-6)


def test_hst_coverage(sky):
    """20 to 35 % of the galaxies are in an F160W image, and some are in several."""
    images = _f160w(sky)
    inside = [
        g.number
        for obs in images
        for g in sky.galaxies_in_observation(obs)
        if _is_inside(obs, g)
    ]
    assert 0.2 < len(set(inside)) / len(sky.galaxies) < 0.35
    assert len(inside) > len(set(inside)), "no galaxy was observed twice"
    assert {obs.filters for obs in sky.observations} == {
        "F160W",
        "F140W",
        "F125W",
        "F814W",
    }


def _is_inside(obs, galaxy):
    x, y = obs.wcs().all_world2pix(galaxy.ra, galaxy.dec, 0)
    return 0 < x < obs.nx - 1 and 0 < y < obs.ny - 1


def test_overlapping_depths(sky):
    """Some galaxies have images with different exposure times."""
    by_target = {}
    for obs in _f160w(sky):
        for galaxy in sky.galaxies_in_observation(obs):
            by_target.setdefault(galaxy.number, set()).add(obs.t_exptime)
    assert any(len(times) > 1 for times in by_target.values())


def test_awkward_galaxies(sky):
    """Some galaxies are at the edge of an image, some in its empty corner."""
    spots = [
        (obs, *obs.tangent.to_pixel(g.ra, g.dec))
        for obs in _f160w(sky)
        for g in sky.galaxies_in_observation(obs)
    ]
    assert any(0 < obs.nx - x < 20 and 0 < y < obs.ny for obs, x, y in spots)
    assert any(np.hypot(x - 12, y - 12) < 1 for _, x, y in spots)


def test_region_spellings(shared):
    """Every footprint spelling of the archive occurs, and two are missing."""
    recorded = json.loads((shared / "fixtures/mast/s_region_examples.json").read_text())
    texts = [obs.s_region for obs in Sky.make(3, 300).observations]
    said = [text for text in texts if text is not None]
    assert len(texts) - len(said) == 2
    starts = {
        "POLYGON ICRS ",
        "POLYGON J2000 ",
        "POLYGON GSC1  ",
        "CIRCLE ICRS  ",
        "CIRCLE ",
        "POLYGON -",
    }
    assert all(any(text.startswith(start) for text in said) for start in starts)
    assert any(text.count("POLYGON") == 2 for text in said)
    words = recorded["frameless_polygon_negative_ra"].split()
    assert words[-2:] == words[-4:-2] == words[1:3]
    twice = [t.split() for t in said if t.startswith("POLYGON -")]
    assert all(t[-2:] == t[-4:-2] for t in twice)
    assert len(set(DIALECTS)) == 8


def test_meridian(sky):
    """One F160W image has galaxies on both sides of RA 0."""
    for obs in _f160w(sky):
        ras = [ra for polygon in obs.footprint for ra, _ in polygon]
        if ras and min(ras) < 1 and max(ras) > 359:
            galaxies = sky.galaxies_in_observation(obs)
            assert {galaxy.ra > 180 for galaxy in galaxies} == {True, False}
            return
    pytest.fail("no footprint crosses RA 0")


def test_regions_cover_images(sky):
    """Each footprint is centred on its image, within a third of its size."""
    for obs in sky.observations:
        for polygon in obs.footprint:
            x, y = obs.tangent.to_pixel(*zip(*polygon, strict=True))
            assert abs(x.mean() - obs.nx / 2) < obs.nx / 3
            assert abs(y.mean() - obs.ny / 2) < obs.ny / 3


def test_large_sky():
    """A sky of Galaxy Zoo's size has all 47,675 galaxies and at most 1,500 images."""
    sky = Sky.make(2, targets=47_675)
    assert len(sky.galaxies) == 47_675
    assert 1000 < len(sky.observations) <= 1500
    assert len({obs.obs_id for obs in sky.observations}) == len(sky.observations)


def test_no_room():
    """A sky that needs more fields than exist raises ValueError."""
    with pytest.raises(ValueError, match="no room"):
        Sky.make(1, targets=60_000, per_field=1)
