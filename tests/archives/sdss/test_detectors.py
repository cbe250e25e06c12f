"""Gain and dark variance of the CCDs of the SDSS camera."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from harvester.archives.sdss.detectors import WELL_COUNTS, detector


def test_as_in_photo_field(shared):
    """The table has what the survey's own file says of the five CCDs of a column."""
    path = shared / "data/sdss/photoField-002583-2.fits"
    row = fits.getdata(path)[0]
    for place, band in enumerate("ugriz"):
        found = detector(band, int(row["CAMCOL"]), int(row["RUN"]))
        assert found.gain == pytest.approx(float(row["GAIN"][place]))
        assert found.dark_variance == pytest.approx(float(row["DARK_VARIANCE"][place]))


def test_well_depth(shared):
    """Pixels count as saturated just below the lowest level that the file states."""
    levels = fits.getdata(shared / "data/sdss/photoField-002583-2.fits")
    lowest = int(np.min(levels["SATURATION_LEVEL"]))
    assert 0.95 * lowest < WELL_COUNTS < lowest


@pytest.mark.parametrize(
    ("band", "camcol", "run", "gain", "dark_variance"),
    [
        ("u", 2, 1033, 1.595, 12.6025),
        ("u", 2, 1140, 1.825, 12.6025),
        ("i", 2, 1478, 6.565, 5.76),
        ("i", 2, 1869, 5.195, 6.25),
        ("i", 4, 1478, 4.885, 6.25),
        ("i", 4, 8162, 4.885, 7.5625),
        ("z", 4, 94, 4.775, 9.61),
        ("z", 4, 2583, 4.775, 12.6025),
        ("z", 5, 1043, 3.48, 1.8225),
        ("z", 5, 1904, 3.48, 2.1025),
        ("g", 6, 94, 4.035, 1.8225),
        ("g", 6, 8162, 4.035, 1.8225),
    ],
)
def test_change_between_runs(band, camcol, run, gain, dark_variance):
    """Some values depend on the run; the others do not."""
    assert detector(band, camcol, run) == (gain, dark_variance)
