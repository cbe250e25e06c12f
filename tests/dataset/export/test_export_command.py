"""The command ``harvester export``: options, exit codes, and what it prints."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from harvester.cli import main


def _call(*words):
    return CliRunner().invoke(main, ["export", *map(str, words)])


def test_json(run, tmp_path):
    """With --json the result is on standard output, and everything else is not."""
    out = tmp_path / "out"
    made = _call(run.out, "--to", "numpy", "--out", out, "--json", "--bands", "wide:r")
    told = json.loads(made.stdout)
    assert told["folder"] == str(out)
    assert told["stamps"] == {"wide": 30}
    assert (out / "README.md").exists()


def test_labels_and_split(run):
    """Labels and splits of the command line arrive in the tables."""
    options = ["--labels", "class, votes", "--split", "0.4/0.3/0.3", "--seed", "1"]
    made = _call(run.out, "--to", "numpy", *options)
    assert made.exit_code == 0, made.output
    table = pq.read_table(run.out / "exports" / "numpy" / "galaxies.parquet")
    assert table.column_names[-2:] == ["class", "votes"]
    assert set(table["split"].to_pylist()) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--to", "nympy"], 2, "there is no format 'nympy'"),
        (["--to", "numpy", "--split", "0.8/0.1"], 2, "0.8/0.1/0.1"),
        (["--to", "numpy", "--bands", "g,q"], 2, "--bands q"),
        (["--to", "numpy", "--labels", "clas"], 2, "--labels clas"),
        (["--to", "numpy", "--min-coverage", "2"], 2, "--min-coverage"),
        (["--to", "numpy", "--bands", ""], 2, "Leave --bands out"),
        (["--to", "numpy", "--labels", "class,"], 2, "Leave --labels out"),
        (["--to", "numpy", "--split", ""], 2, "0.8/0.1/0.1"),
        (["--to", "numpy", "--by", "random"], 2, "--split"),
        (["--to", "numpy", "--seed", "0"], 2, "--split"),
        (["--to", "numpy", "--images", "fits"], 2, "zoobot"),
        (["--to", "fits-cube", "--native-endian"], 2, "numpy"),
        (["--to", "numpy", "--out", "/proc/x"], 6, "/proc/x"),
    ],
)
def test_bad_words(run, words, code, told):
    """What cannot be exported is refused with what to write instead."""
    made = _call(run.out, *words)
    assert (made.exit_code, told in made.output) == (code, True), made.output
    assert "Traceback" not in made.output


def test_no_run(tmp_path):
    """A folder without a run is refused, with how to begin one."""
    made = _call(tmp_path, "--to", "numpy")
    assert made.exit_code == 2
    assert "there is no harvest in" in made.output


def test_nothing_left(run):
    """If no stamp is left after the filters, that is an error."""
    for row in run.rows:
        row["coverage"] = 0.5
    run.write()
    made = _call(run.out, "--to", "numpy", "--min-coverage", "0.9")
    assert made.exit_code == 2
    assert "no stamp is left" in made.output


def test_unfinished_harvest(run):
    """What a running harvest has made is exported, and the rest is counted."""
    for row in run.rows[-8:]:
        row |= {"status": "located", "file_loc": None}
    run.write()
    made = _call(run.out, "--to", "numpy")
    assert made.exit_code == 0
    assert "8 of 120 rows of the manifest are not settled" in made.output


def test_lost_stamp(run):
    """A stamp that is missing on disk is an error that says how to get it back."""
    (run.out / run.rows[0]["file_loc"]).unlink()
    made = _call(run.out, "--to", "numpy")
    assert made.exit_code == 6
    assert run.rows[0]["file_loc"] in made.output
    assert "harvester verify --repair" in made.output
