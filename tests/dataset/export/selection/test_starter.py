"""A small edition is the same on every machine and keeps the mix of labels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.dataset.export.selection.starter import starter_rows

_IDS = [f"galaxy {number}" for number in range(1000)]


def test_smaller_is_part_of_larger():
    """The edition of 10 galaxies is a part of the edition of 100."""
    assert set(starter_rows(_IDS, 10)) < set(starter_rows(_IDS, 100))


def test_order_does_not_matter():
    """The same galaxies are chosen from a catalogue in another order."""
    chosen = {_IDS[place] for place in starter_rows(_IDS, 50)}
    backwards = _IDS[::-1]
    assert chosen == {backwards[place] for place in starter_rows(backwards, 50)}


def test_known_choice():
    """The choice is the same on every machine and with every version."""
    assert starter_rows(_IDS, 3).tolist() == [199, 875, 900]


def test_labels_keep_their_share():
    """A rare label keeps its share, and the rarest at least one galaxy."""
    labels = ["common"] * 900 + ["rare"] * 99 + ["single"]
    rows = starter_rows(_IDS, 100, labels)
    assert Counter(labels[row] for row in rows) == {
        "common": 90, "rare": 9, "single": 1
    }  # fmt: skip


@pytest.mark.parametrize("count", [1000, 5000])
def test_all(count):
    """With as many or more than there are, all are chosen."""
    assert starter_rows(_IDS, count, ["a"] * 1000).tolist() == list(range(1000))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.integers(1, 200))
def test_count(labels, count):
    """Exactly as many galaxies as asked for are chosen, each once."""
    rows = starter_rows(_IDS[: len(labels)], count, labels)
    assert len(np.unique(rows)) == len(rows) == min(count, len(labels))
