"""Catalogues that were once read wrong, and what is right."""

from __future__ import annotations

import pytest

from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import open_catalogue
from harvester.errors import InputError

#: File, options, and the right identifiers and positions.
CASES = [
    (
        "unit_in_header.csv",
        {},
        [("A", 150.100011, 2.20011), ("B", 352.5, -5.25)],
    ),
    (
        "small_float_ids.csv",
        {},
        [("12", 150.1, 2.2), ("13", 150.2, 2.3)],
    ),
    (
        "latin1_bytes.parquet",
        {},
        [("J\u00f6rg-1", 150.1, 2.2), ("J-2", 150.2, 2.3)],
    ),
    (
        "headerless.csv",
        {"ra": "4", "dec": "5"},
        [
            ("1237648720142401612", 150.10001, 2.20011),
            ("1237648720142401613", 150.20002, 2.30022),
            ("1237648720142401614", 150.30003, 2.40033),
        ],
    ),
]


@pytest.mark.parametrize(("name", "options", "expected"), CASES)
def test_right_values(shared, name, options, expected):
    """Each is read right."""
    path = shared / "cases" / "catalogues" / name
    with open_catalogue(path, ReadOptions(**options)) as catalogue:
        found = [(t.id, t.ra, t.dec) for t in catalogue.targets()]
        assert catalogue.rejects == []
    assert [each[0] for each in found] == [each[0] for each in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=1e-9)


def test_no_header(shared):
    """Without a header nothing is taken by its values."""
    path = shared / "cases" / "catalogues" / "headerless.csv"
    with pytest.raises(InputError, match="no header") as caught, open_catalogue(path):
        pass
    assert "4: 150.10001  5: 2.20011" in str(caught.value)
