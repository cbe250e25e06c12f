"""``harvester.open``: the table, the galaxies, and choices among them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from written_run import GREEN, INFRARED, RED, write_run

import harvester
from harvester.errors import InputError, LocalError

LABELS = {"kind": ["a", "b", "a", "b", "a"], "z": [0.1, 0.2, 0.3, 0.4, 0.5]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give a run of five galaxies in three bands; two stamps are missing."""
    out = tmp_path_factory.mktemp("run")
    missing = {(1, "F160W"), (3, "r")}
    return write_run(out, LABELS, (GREEN, RED, INFRARED), missing=missing)


def test_numbers_and_identifiers(run):
    """Galaxies come by number from both ends, by identifier, and as parts."""
    data = harvester.open(run)
    assert len(data) == 5
    assert [one.id for one in data] == ["000", "001", "002", "003", "004"]
    assert (data[1].id, data[-1].id, data["003"].id) == ("001", "004", "003")
    assert data[np.int64(2)].id == "002"
    assert [one.id for one in data[1:4:2]] == ["001", "003"]
    assert "003" in data
    assert "3" not in data
    assert data.bands == (("sdss", "g"), ("sdss", "r"), ("hst", "F160W"))
    with pytest.raises(IndexError, match="no galaxy 5: there are 5"):
        data[5]
    with pytest.raises(InputError, match="no galaxy has the identifier '5'"):
        data["5"]


def test_same_identifier_at_two_places(tmp_path):
    """An identifier that two galaxies share does not choose one of them."""
    write_run(tmp_path, {"n": [1, 2]})
    data = harvester.open(tmp_path)
    ids = pa.array(["same"] * data.table.num_rows)
    data = type(data)(data.out, data.table.set_column(0, "id_str", ids))
    assert len(data) == 2
    with pytest.raises(InputError, match=r"galaxies number \[0, 1\]"):
        data["same"]


def test_galaxy(run):
    """A galaxy tells its labels, its stamps, and why one is missing."""
    galaxy = harvester.open(run)["001"]
    assert (galaxy.ra, galaxy.dec) == (150.01, 2.0)
    assert galaxy.labels == {"kind": "b", "z": 0.2}
    assert galaxy.bands == (("sdss", "g"), ("sdss", "r"))
    assert ("sdss", "g") in galaxy
    assert "hst:F160W" not in galaxy
    assert galaxy["sdss:r"].path == galaxy["sdss", "r"].path
    with pytest.raises(InputError, match="no_coverage, outside_footprint"):
        galaxy["hst", "F160W"]
    with pytest.raises(InputError, match=r"no band .* sdss:g, sdss:r, hst:F160W"):
        galaxy["sdss", "i"]


@pytest.mark.parametrize(
    ("choice", "ids"),
    [
        ({"survey": "hst", "status": "done"}, ["000", "002", "003", "004"]),
        ({"band": "r", "status": "no_coverage"}, ["003"]),
        ({"band": ["g", "r"], "min_coverage": 0.98}, ["000", "001", "002"]),
    ],
)
def test_where(run, choice, ids):
    """Rows are kept by survey, band, status and coverage, with their galaxies."""
    chosen = harvester.open(run).where(**choice)
    assert [galaxy.id for galaxy in chosen] == ids
    for name in {"survey", "status"} & set(choice):
        assert set(chosen.table[name].to_pylist()) == {choice[name]}


def test_where_with_conditions(run):
    """Conditions are expressions of Arrow, or a truth value for each row."""
    data = harvester.open(run)
    by_expression = data.where((pc.field("z") > 0.15) & (pc.field("kind") == "a"))
    by_array = data.where(np.asarray(data.table["z"]) > 0.45)
    assert [galaxy.id for galaxy in by_expression] == ["002", "004"]
    assert [galaxy.id for galaxy in by_array] == ["004"]


@pytest.mark.parametrize(
    ("condition", "choice", "words"),
    [
        (None, {"survey": "sdds"}, "no row has the survey 'sdds'; there are hst, sdss"),
        (None, {"min_coverage": 95}, "95 is not a number from 0 to 1"),
        ([True] * 5, {}, "5 values of type bool, .* each of the 15 rows"),
        (pc.field("nowhere") > 1, {}, "cannot be applied"),
    ],
)
def test_choices_that_cannot_be(run, condition, choice, words):
    """A value that is nowhere, and a condition that does not fit, are errors."""
    with pytest.raises(InputError, match=words):
        harvester.open(run).where(condition, **choice)


def test_complete(run):
    """Galaxies that lack a stamp in one of the bands are left out, with all rows."""
    data = harvester.open(run)
    assert [one.id for one in data.complete()] == ["000", "002", "004"]
    both = data.complete(["sdss:g", ("hst", "F160W")])
    assert [one.id for one in both] == ["000", "002", "003", "004"]
    assert both.table.num_rows == 12
    with pytest.raises(InputError, match="no band 'sdss:z'"):
        data.complete("sdss:z")


def test_shown(run):
    """Data set, galaxy and stamp say what they are in one line."""
    data = harvester.open(run)
    stamps = "5 in sdss:g, 4 in sdss:r, 4 in hst:F160W"
    assert repr(data) == f"<5 galaxies, stamps: {stamps}>"
    assert repr(data[1]) == "<galaxy 001: sdss:g, sdss:r>"
    assert repr(data[1]["sdss", "g"]) == "<stamp 001 sdss g>"


def test_no_run(tmp_path):
    """A folder without a run is an error; a run without a galaxy is not."""
    with pytest.raises(InputError, match="there is no harvest in"):
        harvester.open(tmp_path)
    empty = harvester.open(write_run(tmp_path, {"z": pa.array([], pa.float64())}))
    assert (len(empty), list(empty), empty.bands) == (0, [], ())
    assert (len(empty.complete()), len(empty.where(survey="sdss"))) == (0, 0)


def test_lost_file(tmp_path):
    """A stamp whose file is gone is an error that names it, when it is read."""
    stamp = harvester.open(write_run(tmp_path, {"n": [1]}))[0]["sdss", "r"]
    stamp.path.unlink()
    with pytest.raises(LocalError, match=r"000\.fits cannot be read"):
        stamp.flux  # noqa: B018 - it raises
