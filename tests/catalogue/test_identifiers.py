"""Identifiers stay exact."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.archives.sdss.identifiers import IDENTIFIERS
from harvester.catalogue.identifiers import (
    as_text,
    exact,
    follows,
    is_rounded,
    natural_type,
    numbers_of,
    trouble,
)

DR7 = 587722952231026744
DR8 = 1237652943176138868
STRIPE82_COADD = 8647474690312307154


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_integers_round_trip(values):
    """Integers of 64 bits, also with the top bit set, keep all of their digits."""
    column = pa.array(values, pa.uint64())
    assert as_text(column).to_pylist() == [str(value) for value in values]


@given(st.lists(st.integers(10**15, 10**25), min_size=1))
def test_text_round_trips(values):
    """Text of digits, of any length and with blanks around, keeps its digits."""
    column = pa.array([f"  {value} " for value in values])
    assert as_text(column).to_pylist() == [str(value) for value in values]


def test_missing_ids_are_null():
    """Blanks and values that mean "no value" are not identifiers."""
    assert as_text(pa.array(["", "  ", "-9999", None])).null_count == 4
    assert as_text(pa.array([-9999, 5])).to_pylist() == [None, "5"]


def test_dictionary_is_text():
    """A dictionary-encoded column of Parquet is read like plain text."""
    assert as_text(pa.array(["a", "b"]).dictionary_encode()).to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([float(DR8)]),
        pa.array([2.0**24], pa.float32()),
        pa.array([1.5]),
        pa.array([float("inf"), None]),
        pa.array([float(2**53)]),
        pa.array([b"\x01\xff\x02\x00"], pa.binary(4)),
        pa.array(["1.24E+18", "1.24E+18"]),
        pa.array(["587722952231026744.0"]),
        pa.array([[1, 2]]),
        pa.array([True]),
    ],
)
def test_trouble_is_told(column):
    """Floats, text of floats, and nested or boolean values are not identifiers."""
    assert trouble(column).startswith("holds ")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([DR7]),
        pa.array([str(DR8)]),
        pa.array(["J000411.19+020924.0"]),
        pa.array(["1E5A", "12"]),
        pa.array(["NGC 5257"]),
    ],
)
def test_no_trouble(column):
    """Integers and names are identifiers, also names with a dot or an E in them."""
    assert trouble(column) == ""


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([12.0, 13.0]), ["12", "13"]),
        (pa.array([12.0, None, float("nan"), -9999.0]), ["12", None, None, None]),
        (pa.array([3.0], pa.float32()), ["3"]),
        (pa.array([2.0**53 - 1]), ["9007199254740991"]),
        (pa.array(["12.0", " 13.0 ", "14", ""]), ["12", "13", "14", None]),
        (pa.array(["12.50", "13.1"]), ["12.50", "13.1"]),
        (pa.array(["12.0", "NGC 1"]), ["12.0", "NGC 1"]),
        (pa.array([12, 13]).cast(pa.decimal128(25, 2)), ["12", "13"]),
        (pa.array([DR8]).cast(pa.decimal128(20, 0)), [str(DR8)]),
        (pa.array([b"a", b"b  "], pa.large_binary()), ["a", "b"]),
        (pa.array([b"ab\0\0"], pa.binary(4)), ["ab"]),
        (pa.array([b"J\xf6rg", b"x"]), ["J\xf6rg", "x"]),
        (pa.array([b"J\xc3\xb6rg"]).dictionary_encode(), ["J\xf6rg"]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        *((pa.array([7], kind), ["7"]) for kind in (pa.int8(), pa.uint64())),
        (pa.array(["9007199254740991.0", "12.0"]), ["9007199254740991", "12"]),
    ],
)
def test_exact_identifiers(column, expected):
    """Whole numbers, bytes and decimals become text, and no digit is lost."""
    assert trouble(column) == ""
    assert as_text(exact(column)[0]).to_pylist() == expected


def test_beyond_exact_floats():
    """From 2^53 on a number with a decimal point may have lost digits."""
    assert "lost" in trouble(pa.array(["9007199254740993.0", "12.0"]))


def test_latin1_is_told():
    """Bytes that are not UTF-8 are read as Latin-1, with a note."""
    assert "Latin-1" in exact(pa.array([b"J\xf6rg"]))[1][0]
    assert exact(pa.array([b"Joerg"]))[1] == []


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5))
def test_numbers_of_scheme(values):
    """SDSS ids among other values are returned with their rows."""
    ids = [DR7, *values, DR8]
    rows, numbers = numbers_of(pa.array([str(each) for each in ids]), IDENTIFIERS)
    assert {0, len(ids) - 1} <= set(rows.tolist())
    assert numbers.tolist() == [ids[row] for row in rows.tolist()]


def test_rounded_integers_are_found():
    """Ids that were once float64 are all multiples of 64."""
    exact = [DR7 + n for n in range(20)]
    rounded = [int(float(value)) for value in exact]
    for values, expected in ((exact, False), (rounded, True)):
        assert is_rounded(pa.array(values)) is expected
        assert is_rounded(pa.array([str(value) for value in values])) is expected


@pytest.mark.parametrize("values", [[64, 128, 192, 256], [DR7 * 2 // 64 * 64] * 2])
def test_small_numbers_are_not_rounded(values):
    """Small multiples of 64, or only two large ones, do not mean rounding."""
    assert not is_rounded(pa.array(values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([DR7, DR8], True),
        ([DR7] + [STRIPE82_COADD] * 4, True),
        ([STRIPE82_COADD], False),
        ([1, 2, 3], False),
        (["J0004+0209"], False),
        ([], False),
        ([2**64 - 1, 10**30], False),
    ],
)
def test_sdss_ids_are_recognised(values, expected):
    """SDSS ids are recognised by their bits, except those of the Stripe 82 coadd."""
    column = pa.array([str(value) for value in values])
    assert follows(column, IDENTIFIERS) is expected


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", " 2 ", None], pa.int64()),
        ([str(2**63)], pa.uint64()),
        (["1.5", "-9999"], pa.float64()),
        (["1E3"], pa.float64()),
        ([str(10**22)], pa.string()),
        (["1", "x"], pa.string()),
        ([None, ""], pa.string()),
    ],
)
def test_natural_types(values, kind):
    """Text becomes numbers if no digit is lost, otherwise it stays text."""
    assert natural_type(pa.array(values, pa.string())) == kind
