"""What the weights of a drizzled image are."""

from __future__ import annotations

import pytest
from astropy.io import fits
from drizzled import SECONDS, look_up

from harvester.archives.mast.noise import WeightNoise
from harvester.archives.mast.weight_map import WeightMap, stated_weights

#: A mosaic with pixels half as wide as those of its exposures.
_FINE = SECONDS | {"D001SCAL": "0.064125"}


@pytest.mark.parametrize(
    ("cards", "most", "kind"),
    [
        (SECONDS, 1000.0, WeightMap.SECONDS),
        (SECONDS, 500.0, WeightMap.SECONDS),
        (SECONDS | {"D001WTSC": "500.0"}, 990.0, WeightMap.SECONDS),
        (SECONDS, 5000.0, None),
        (SECONDS | {"D001WTSC": ""}, 1000.0, WeightMap.SECONDS),
        (SECONDS | {"D001WTSC": "", "EXPTIME": ""}, 1000.0, WeightMap.UNKNOWN),
        (SECONDS | {"EXPTIME": "1"}, 1000.0, None),
        (_FINE, 250.0, WeightMap.SECONDS),
        (_FINE | {"D001WTSC": str(500**2 * 16)}, 7e8, WeightMap.BACKGROUND),
        (_FINE | {"D001WTSC": "16.0"}, 7e4, WeightMap.TOTAL),
        (_FINE | {"D001WTSC": "3.3"}, 7e4, WeightMap.UNKNOWN),
    ],
)
def test_kind(cards, most, kind):
    """Factor and largest weight tell the type, that it is unknown, or disagree."""
    assert WeightNoise.of(look_up(cards))._kind(most) is kind


def test_real_mosaic(shared):
    """The header of a real mosaic with inverse variances says so."""
    name = "data/hst/abell_2744_dwarf_galaxy_f105w.fits.gz"
    assert stated_weights(look_up(fits.getheader(shared / name))) is (
        WeightMap.BACKGROUND
    )
