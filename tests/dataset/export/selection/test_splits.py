"""Splits: no frame in two sets, and the same sets whatever is added."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from harvester.dataset.export.selection.axes import Axis
from harvester.dataset.export.selection.healpix import healpix_29, parent_cell
from harvester.dataset.export.selection.splits import parse_split, split_galaxies
from harvester.errors import InputError

_AXES = [Axis("wide", "r"), Axis("deep", "H")]
_HALVES = parse_split("0.6/0.2/0.2", "sky", 3)


def _galaxies(count, seed=0):
    """Give galaxies whose wide frames are 0.2 degrees wide, and deep ones 0.1."""
    random = np.random.default_rng(seed)
    ra, dec = random.uniform(100, 110, count), random.uniform(0, 10, count)
    frames = {
        "wide_r": np.char.mod("%d", ra // 0.2 * 1000 + dec // 0.2),
        "deep_H": np.where(
            random.random(count) < 0.2,
            np.char.mod("%d", (ra + 0.05) // 0.1 * 1000 + dec // 0.1),
            None,
        ),
    }
    return pa.table(
        {
            "object_id": [f"{seed}-{number}" for number in range(count)],
            "_healpix_29": healpix_29(ra, dec),
            **{f"{axis}_product": pa.array(names) for axis, names in frames.items()},
        }
    )


def _sets(galaxies, split=_HALVES):
    return np.array(split_galaxies(galaxies, _AXES, split).to_pylist())


def _shared(values, sets):
    """Give the values that galaxies of several sets have."""
    order = np.argsort(values, kind="stable")
    return [
        values[a]
        for a, b in pairwise(order)
        if values[a] == values[b] and sets[a] != sets[b]
    ]


def test_no_frame_in_two_sets():
    """Galaxies of one frame, of any survey, are in one set; so are near ones."""
    galaxies = _galaxies(5000)
    sets = _sets(galaxies)
    for axis in _AXES:
        names = galaxies[f"{axis.name}_product"]
        known = np.asarray(names.is_valid())
        assert _shared(np.array(names.to_pylist())[known], sets[known]) == []
    cells = parent_cell(np.asarray(galaxies["_healpix_29"]), 12)
    assert _shared(cells, sets) == []


def test_fractions():
    """The sets are about as large as asked for."""
    names, counts = np.unique(_sets(_galaxies(5000)), return_counts=True)
    assert names.tolist() == ["test", "train", "validation"]
    assert np.allclose(counts / 5000, [0.2, 0.6, 0.2], atol=0.08)


def test_added_rows():
    """Added galaxies move others only if they join their group to another one."""
    galaxies, more = _galaxies(1000), _galaxies(1000, seed=1)
    before = _sets(galaxies)
    after = _sets(pa.concat_tables([galaxies, more]))[:1000]
    assert (before == after).mean() > 0.97


def test_seed():
    """The same seed gives the same sets, another seed others."""
    galaxies = _galaxies(1000)
    assert (_sets(galaxies) == _sets(galaxies)).all()
    other = parse_split("0.6/0.2/0.2", "sky", 4)
    assert (_sets(galaxies) != _sets(galaxies, other)).any()


def test_random():
    """At random each galaxy is on its own, and added ones move no other."""
    split = parse_split("0.9/0.1", "random", 0)
    galaxies, more = _galaxies(2000), _galaxies(2000, seed=1)
    before = _sets(galaxies, split)
    after = _sets(pa.concat_tables([galaxies, more]), split)[:2000]
    assert (before == after).all()
    assert 0.08 < (before == "test").mean() < 0.12


@pytest.mark.parametrize("text", ["0.8", "0.8/0.1", "1/0", "a/b", "0.5/0.6/-0.1", ""])
def test_not_fractions(text):
    """Fractions that do not sum to 1, or are not positive, are refused."""
    with pytest.raises(InputError, match=r"0\.8/0\.1/0\.1"):
        parse_split(text, "sky", 0)


def test_empty_set():
    """If all galaxies share a frame, a split is refused."""
    galaxies = _galaxies(50)
    same = pa.array(["one frame"] * 50)
    galaxies = galaxies.set_column(2, "wide_r_product", same)
    with pytest.raises(InputError, match="share a frame"):
        _sets(galaxies)
