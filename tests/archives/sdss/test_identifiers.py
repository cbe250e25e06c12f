"""SDSS object identifiers in a catalogue."""

from __future__ import annotations

import numpy as np
import pytest

from harvester.archives.registry import identifiers, kind_of
from harvester.archives.sdss import names, scans
from harvester.archives.sdss.identifiers import IDENTIFIERS


def of_run(run, numbers):
    """Give identifiers of DR8 in camera column 3 of a run, shape ``(n,)``."""
    bits = (2 << 59) + (301 << 48) + (run << 32) + (3 << 29) + 7
    return np.array([bits + (number << 16) for number in numbers], np.uint64)


def test_registered():
    """The catalogue gets the scheme of SDSS, and none of archives without one."""
    assert identifiers() == [IDENTIFIERS]
    kind = kind_of("sdss")
    assert (IDENTIFIERS.name, IDENTIFIERS.title) == (kind.name, kind.title)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (587722952231026744, True),
        (1237652943176138868, True),
        (8647474690312307154, False),
        (587722952231026744 % 2**48, False),
        (299489677444933632, False),
        (2**64 - 1, False),
        (0, False),
    ],
)
def test_bits(number, expected):
    """Numbers of DR7 and DR8 pass; a coadd, a spectrum and other numbers do not."""
    numbers = np.array([number], np.uint64)
    assert IDENTIFIERS.are_identifiers(numbers).tolist() == [expected]


def test_arbitrary_numbers():
    """Hardly any random number of as many digits passes."""
    rng = np.random.default_rng(3)
    numbers = rng.integers(10**17, 10**19, 100_000, np.uint64)
    assert IDENTIFIERS.are_identifiers(numbers).mean() < 0.001


def test_place_test():
    """Identifiers without an implied position are not compared."""
    numbers = np.concatenate([of_run(94, [100, 110, 65]), of_run(9, [100])])
    ra, dec = 150 + np.array([100, 110, 65, 0]) * 0.1498, np.full(4, 0.5)
    test = IDENTIFIERS.place_test(numbers, ra, dec)
    at = test.comparable
    assert at.tolist() == [0, 1, 2]
    assert test.agrees(ra[at], dec[at]).all()
    assert not test.agrees(ra[at] / 15, dec[at]).any()


def test_fewest():
    """Four identifiers that contradict each other are enough; otherwise it takes 25."""
    numbers = of_run(94, range(100, 140, 10))
    along = 150 + np.arange(4) * 1.498
    level = np.full(4, 0.5)
    assert IDENTIFIERS.place_test(numbers, along, level).fewest == 25
    assert IDENTIFIERS.place_test(numbers, along / 15, level).fewest == 4
    run = int(np.flatnonzero(np.isfinite(scans._scans()[0]))[0])
    one = of_run(run, [names._runs()[run][0]])
    test = IDENTIFIERS.place_test(one, np.array([10.0]), np.array([60.0]))
    assert (test.comparable.tolist(), test.fewest) == ([0], 25)


@pytest.mark.parametrize(
    ("column", "expected"), [("specobjid", True), ("objid", False)]
)
def test_look_alike(column, expected):
    """Columns with identifiers of spectra are recognised by name."""
    assert IDENTIFIERS.is_look_alike(column) is expected
