"""The scans of SDSS: real galaxies lie on them, wrong positions do not."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from harvester.archives.sdss.names import decode_all
from harvester.archives.sdss.scans import have_known_scans, lie_in_fields

#: Middles of fields by the sky coordinates of real r frames: run, camcol, field, place.
MIDDLES = [
    ((1035, 6, 17, 301), 8.02684, 15.92977),
    ((1043, 5, 25, 301), 3.64754, 15.73315),
    ((2583, 2, 136, 301), 323.34279, -0.73403),
]


@pytest.fixture(scope="module")
def mergers(shared):
    """Give fields and positions of the mergers of Darg et al."""
    rows = fits.getdata(shared / "data/catalogues/darg_mergers.fits", 1)
    fields, known = decode_all(rows["object1"].astype(np.uint64))
    ra, dec = (rows[name].astype(float) for name in ("ra1", "dec1"))
    return fields[known], ra[known], dec[known]


@pytest.mark.parametrize(("field", "ra", "dec"), MIDDLES)
def test_middles_of_frames(field, ra, dec):
    """Centres of real frames, not used in the fit, lie on their scans."""
    fields = np.array([field])
    assert have_known_scans(fields).all()
    assert lie_in_fields(fields, np.array([ra]), np.array([dec])).all()
    assert not lie_in_fields(fields, np.array([ra + 0.5]), np.array([dec])).any()


def test_real_catalogue(mergers):
    """Nearly all of 3,000 real galaxies have known scans, and all lie on them."""
    fields, ra, dec = mergers
    known = have_known_scans(fields)
    assert known.mean() > 0.9
    assert lie_in_fields(fields, ra, dec)[known].all()


@pytest.mark.parametrize(
    "slip",
    [
        lambda ra, dec: (ra / 15, dec),
        lambda ra, dec: (np.radians(ra), np.radians(dec)),
        lambda ra, dec: (dec % 360, np.clip(ra, -90, 90)),
        lambda ra, dec: (ra, -dec),
        lambda ra, dec: (np.roll(ra, 1), np.roll(dec, 1)),
    ],
    ids=["hours", "radians", "swapped", "sign", "shifted"],
)
def test_slips(mergers, slip):
    """Wrong columns or units of positions are noticed for nine galaxies in ten."""
    fields, ra, dec = mergers
    known = have_known_scans(fields)
    assert lie_in_fields(fields, *slip(ra, dec))[known].mean() < 0.1


def test_old_equinox(mergers):
    """Most positions of equinox 1950 taken for 2000 are noticed."""
    fields, ra, dec = mergers
    old = SkyCoord(ra, dec, unit="deg").transform_to("fk4")
    assert (
        lie_in_fields(fields, old.ra.deg, old.dec.deg)[have_known_scans(fields)].mean()
        < 0.5
    )


def test_unknown_scan():
    """A run with an unknown scan does not match any position."""
    fields = np.array([(94, 1, 100, 301)])
    assert not have_known_scans(fields).any()
    assert not lie_in_fields(fields, np.array([1.0]), np.array([2.0])).any()
