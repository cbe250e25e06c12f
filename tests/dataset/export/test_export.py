"""What all exports have in common."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.errors import InputError
from harvester.places import Places


def _export(run, to="numpy", **options):
    return export_run(Places(run.out), to, ExportOptions(**options)).folder


def test_arrays_and_table(run):
    """Row i of a survey's table belongs to element i of its arrays."""
    out = _export(run)
    table = pq.read_table(out / "wide" / "stamps.parquet")
    flux = np.load(out / "wide" / "flux.npy", "r")
    assert flux.shape == (30, 3, 8, 8)
    for name, stamps in zip(table["object_id"].to_pylist(), flux, strict=True):
        for band, stamp in zip("gri", stamps, strict=True):
            file = f"cutouts/wide/{band}/0000/{name}.fits"
            assert np.array_equal(stamp, run.pixels[file]["flux"], equal_nan=True)


def test_no_coverage_stays_a_row(run):
    """A galaxy without a stamp is in the table of galaxies, not in the survey's."""
    out = _export(run)
    galaxies = pq.read_table(out / "galaxies.parquet")
    assert galaxies.num_rows == 30
    assert galaxies["deep_H_status"].to_pylist().count("no_coverage") == 20
    assert pq.read_metadata(out / "deep" / "stamps.parquet").num_rows == 10
    assert galaxies["_healpix_29"].to_pylist() == sorted(
        galaxies["_healpix_29"].to_pylist()
    )


def test_same_identifier_twice(run):
    """Two rows of a catalogue with one identifier stay two, with distinct ids."""
    for row in run.rows:
        if row["id_str"] == "G001":
            row |= {
                "id_str": "G000",
                "ra": run.rows[0]["ra"],
                "dec": run.rows[0]["dec"],
            }
    run.write()
    galaxies = pq.read_table(_export(run) / "galaxies.parquet")
    assert galaxies.num_rows == 30
    votes = galaxies.filter(pc.equal(galaxies["id_str"], "G000"))
    assert dict(
        zip(votes["object_id"].to_pylist(), votes["votes"].to_pylist(), strict=True)
    ) == {"G000": 0, "G000_2": 1}
    assert galaxies["id_str"].to_pylist().count("G000") == 2


def test_several_stamps_in_a_band(run):
    """Of several images of a galaxy in a band the best is exported."""
    row = run.rows[3]
    file = row["file_loc"].replace(".fits", "@1.fits")
    run.stamp(file, np.zeros((12, 12)))
    run.rows.insert(4, row | {"file_loc": file})
    run.write()
    out = _export(run)
    assert np.load(out / "deep" / "flux.npy").shape == (10, 1, 12, 12)
    assert (np.load(out / "deep" / "flux.npy") != 0).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bands": ("k",)}, "--bands k.*wide:g"),
        ({"labels": ("colour",)}, "--labels colour.*class, votes, redshift"),
        ({"min_coverage": 1.0, "bands": ("deep:H",)}, None),
    ],
)
def test_filters(run, options, words):
    """A band or label that does not exist is refused with those that do."""
    if words:
        with pytest.raises(InputError, match=words):
            _export(run, **options)
    else:
        assert len(np.load(_export(run, **options) / "deep" / "flux.npy")) == 8


def test_several_shapes(run):
    """Stamps of several shapes are refused, with the shapes and some galaxies."""
    row = next(row for row in run.rows if row["id_str"] == "G007")
    run.stamp(row["file_loc"], np.zeros((8, 7)))
    row["nx"] = 7
    run.write()
    with pytest.raises(InputError, match="8 x 7 pixels: 1, such as G007"):
        _export(run)


def test_unknown_format(run):
    """An unknown format is refused with those that exist."""
    with pytest.raises(InputError, match=r"no format 'numpi'.*numpy"):
        _export(run, "numpi")


def test_complete_export_is_kept(run, capsys):
    """The same command again does nothing; a changed run is exported again."""
    out = _export(run)
    made = (out / "galaxies.parquet").stat().st_mtime_ns
    _export(run)
    assert "complete already" in capsys.readouterr().out
    assert (out / "galaxies.parquet").stat().st_mtime_ns == made
    run.rows[0]["votes"] = 77
    run.write()
    _export(run)
    assert 77 in pq.read_table(out / "galaxies.parquet")["votes"].to_pylist()
    assert json.loads((out / "export.json").read_text())["format"] == "numpy"


def test_foreign_folder(run, tmp_path):
    """A folder with the user's files is not overwritten."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="no export wrote"):
        export_run(Places(run.out), "numpy", ExportOptions(), out=mine)


def test_taken_names(run):
    """A label whose name the export uses gets a prefix, and none is lost."""
    for row in run.rows:
        row |= {"split": 1, "label_split": 2, "wide_r_status": 3}
    run.write()
    galaxies = pq.read_table(_export(run) / "galaxies.parquet")
    row = galaxies.to_pylist()[0]
    assert (row["label_split"], row["label_label_split"]) == (1, 2)
    assert (row["wide_r_status"], row["label_wide_r_status"]) == ("done", 3)
