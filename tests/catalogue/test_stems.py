"""File names for targets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.stems import Stems


def unique_stems(ids):
    """Return the file names of all identifiers."""
    stems = Stems(ids)
    return [stems.name(text) for text in ids]


SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}")
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

hostile = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "..",
            ".",
            "",
            "/etc/passwd",
            "a/../../b",
            "a\0b",
            "CON",
            "nul.fits",
            "x" * 300,
        ]
    ),
    st.sampled_from(["ab", "AB", "ab_2", "aB", "ab.", "ab.part", "a b", "a\nb", "é"]),
)


@given(st.lists(hostile, max_size=30))
def test_stems_are_safe(ids):
    """For any identifiers the names are valid and differ without regard to case."""
    stems = unique_stems(ids)
    assert len(stems) == len(ids)
    assert len({stem.lower() for stem in stems}) == len(ids)
    for stem in stems:
        assert SAFE.fullmatch(stem)
        assert not DEVICE.fullmatch(stem)
        assert not stem.endswith(".")
        assert not stem.lower().endswith(".part")


@pytest.mark.parametrize(
    "text", ["587722952231026744", "J000411.19+020924.0", "COS_1-2", "a" * 64]
)
def test_safe_id_is_its_stem(text):
    """An identifier that is a valid file name is used as it is."""
    assert unique_stems([text]) == [text]


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("SDSS J0004", "SDSS_J0004-"),
        ("../../etc", "etc-"),
        ("con.fits", "con_fits-"),
        ("a.part", "a_part-"),
        ("ends.", "ends-"),
        ("", "target-"),
        ("星", "target-"),
        ("b" * 300, "b" * 55 + "-"),
    ],
)
def test_unsafe_id_is_made_over(text, beginning):
    """Other identifiers keep their valid characters and get 8 digits of a hash."""
    (stem,) = unique_stems([text])
    assert re.fullmatch(re.escape(beginning) + "[0-9a-f]{8}", stem)


def test_unsafe_ids_stay_apart():
    """Identifiers with the same valid characters differ by their hash."""
    one, other = unique_stems(["a b", "a/b"])
    assert one != other
    assert (one[:4], other[:4]) == ("a_b-", "a_b-")


def test_duplicates_are_numbered():
    """Repeated identifiers, in any case of letters, are numbered in order."""
    assert unique_stems(["m51", "M51", "m51", "x"]) == ["m51", "M51_2", "m51_3", "x"]


def test_number_may_be_taken():
    """A numbered name that another identifier already has is skipped."""
    assert unique_stems(["a", "a_2", "a"]) == ["a", "a_2", "a_3"]


def test_stem_depends_on_id_only():
    """The name of an identifier does not depend on its neighbours."""
    assert unique_stems(["a b", "c"])[0] == unique_stems(["d", "a b"])[1]
