"""Names of HST's cameras and filters: their spelling, and similar names."""

from __future__ import annotations

import pytest

from harvester.archives.mast.hst import HST
from harvester.archives.mast.names import FILTERS, nearest, normal_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wfc3/ir", "WFC3/IR"),
        ("Wfc3/Ir", "WFC3/IR"),
        (" WFC3-IR ", "WFC3/IR"),
        ("acs wfc", "ACS/WFC"),
        ("wfpc2", "WFPC2"),
        ("f160w", "F160W"),
        ("Clear1L", "CLEAR1L"),
    ],
)
def test_spelling(text, name):
    """Names that the user types get MAST's spelling."""
    assert normal_name(text) == name


def test_nearest():
    """The known names most similar to a wrong one come first."""
    assert nearest("F16OW", FILTERS["WFC3/IR"])[0] == "F160W"
    assert nearest("wfc3/iir", FILTERS)[0] == "WFC3/IR"
    assert nearest("zzz", FILTERS) == []


def test_in_use():
    """Common filters are filters of their cameras."""
    assert HST.is_common("WFC3/IR", "F160W")
    assert not HST.is_common("WFC3/IR", "F164N")
    assert not HST.is_common("WFC3/XX", "F160W")
    assert all(len(set(names)) == len(names) for names in FILTERS.values())
