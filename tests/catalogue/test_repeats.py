"""Rows that repeat other rows."""

from __future__ import annotations

import numpy as np
import pytest

from harvester.catalogue import repeats as module
from harvester.catalogue.repeats import find_repeats, first_lines, tell_repeats

ARCSEC = 1 / 3600


def find(*rows):
    """Compare rows of ``(id, ra, dec)``."""
    ids, ra, dec = zip(*rows, strict=True)
    codes = np.unique(ids, return_inverse=True)[1]
    return find_repeats(codes, np.array(ra, float), np.array(dec, float))


def test_same_id_same_place():
    """The first row is kept, and the later ones repeat it."""
    repeats = find(("a", 10, 20), ("b", 11, 20), ("a", 10, 20), ("a", 10, 20))
    assert repeats.firsts == {2: 0, 3: 0}
    assert not len(repeats.again)
    assert not len(repeats.crowded)


@pytest.mark.parametrize(
    ("shift", "is_same"), [(0.4, True), (0.49, True), (0.51, False), (2.0, False)]
)
@pytest.mark.parametrize("dec", [0.0, 60.0, -89.0])
def test_half_an_arcsec(shift, is_same, dec):
    """Positions up to 0.5 arcsec apart, measured on the sphere, are the same."""
    ra = shift * ARCSEC / np.cos(np.radians(dec))
    assert find(("a", 10, dec), ("a", 10 + ra, dec)).firsts == (
        {1: 0} if is_same else {}
    )


def test_same_place_across_zero():
    """RA 0 and just below 360 are neighbours."""
    assert find(("a", 0.0, 5), ("a", 360 - 0.1 * ARCSEC, 5)).firsts == {1: 0}


def test_same_id_elsewhere():
    """Rows with the same id at two positions are both kept, with a note."""
    repeats = find(("a", 10, 20), ("a", 10, 21), ("b", 1, 1))
    assert repeats.firsts == {}
    assert repeats.again.tolist() == [0, 1]


def test_other_id_same_place():
    """Rows with two ids at one position are both kept, with a note."""
    repeats = find(("a", 10, 20), ("b", 10, 20), ("c", 1, 1))
    assert repeats.firsts == {}
    assert repeats.crowded.tolist() == [0, 1]


def test_repeat_is_not_crowded():
    """A row that is left out does not count as a neighbour of others."""
    repeats = find(("a", 10, 20), ("a", 10, 20), ("b", 1, 1))
    assert repeats.crowded.tolist() == []


def test_chain_of_neighbours():
    """A row near a repeat, but not near the row that it repeats, is kept."""
    step = 0.4 * ARCSEC
    repeats = find(("a", 10, 0), ("a", 10, step), ("a", 10, 2 * step))
    assert repeats.firsts == {1: 0}
    assert repeats.again.tolist() == [0, 2]


def test_no_rows():
    """Without rows there are no repeats."""
    repeats = find_repeats(np.empty(0, np.int64), np.empty(0), np.empty(0))
    assert repeats.firsts == {}
    assert list(tell_repeats(repeats, np.empty(0, np.int64))) == []


def test_notes_name_lines():
    """Each kind of repeat has a note with the number and the first lines."""
    repeats = find(("a", 10, 20), ("a", 10, 20), ("b", 10, 20), ("a", 50, 50))
    notes = list(tell_repeats(repeats, np.array([2, 3, 4, 5])))
    assert [note[note.index(":") :] for note in notes] == [
        ": 1 (line 3).",
        ": 2 (lines 2, 5).",
        ": 2 (lines 2, 4).",
    ]


def test_many_lines_are_cut_short():
    """A note names only the first lines."""
    assert first_lines(np.arange(1, 8)) == "lines 1, 2, 3, 4, 5, ..."


def test_bands_leave_no_trace(monkeypatch):
    """Rows near each other on both sides of the edge of a band are found."""
    random = np.random.default_rng(3)
    dec = random.permutation(np.repeat(np.arange(40) * 0.3 * ARCSEC, 2))
    rows = [(n % 7, random.integers(0, 3) * 0.3 * ARCSEC, d) for n, d in enumerate(dec)]
    whole = find(*rows)
    monkeypatch.setattr(module, "_BAND", 3)
    parts = find(*rows)
    assert parts.firsts == whole.firsts
    assert parts.firsts
    assert parts.crowded.tolist() == whole.crowded.tolist()
    assert parts.again.tolist() == whole.again.tolist()
