"""What extend understands of a catalogue, says, does and refuses; without a harvest."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvester.errors import InputError, LockedError
from harvester.ledger.file import owned
from harvester.ledger.growth import UNFINISHED
from harvester.ledger.view import LedgerView
from harvester.places import Places
from harvester.run.begin import remove_scratch, write_settings
from harvester.run.create_run import create_run
from harvester.run.extend import apply, planned
from harvester.run.extend.extending import addition_of, extend_stopped
from harvester.run.extend.finishing import finish_interrupted_extension
from harvester.run.new_run import NewRun
from harvester.settings.settings import load_run_settings, load_settings

HEAD = "name,ra,dec,mag,kind"


def row(number, *, ra=None, mag=None, name=None):
    """Write a row of a catalogue; each galaxy is at its own place."""
    ra = 10 + number if ra is None else ra
    mag = 15 + number if mag is None else mag
    return f"{name or f'g{number}'},{ra},{number / 7:.6f},{mag},spiral"


def write(path, rows, head=HEAD):
    """Write a catalogue."""
    path.write_text("\n".join([head, *rows, ""]))
    return path


@pytest.fixture
def places(tmp_path):
    """Begin a run of twelve galaxies, without a harvest."""
    places = Places(tmp_path / "out")
    places.out.mkdir()
    catalogue = write(tmp_path / "first.csv", map(row, range(12)))
    settings = load_settings(surveys=["sdss:r"], catalogue={"path": str(catalogue)})
    with owned(places.lock):
        write_settings(settings, places)
        create_run(NewRun.of(settings), places, lambda _: None, None)
        remove_scratch(places)
    return places


def extend(places, catalogue=None, *, dry_run=False, say=lambda _: None, **flags):
    """Extend a run as the command does."""
    given = {"removed": "keep", "add_near": False, **flags}
    addition = addition_of(catalogue, given)
    return extend_stopped(places, addition, say=say, dry_run=dry_run)


def targets(places):
    """Give the identifiers of a run by their numbers."""
    with LedgerView.open(places.ledger) as view:
        return {number: values[0] for number, values in view.manifest()}


def labels(places):
    """Give the labels of a run, one dictionary a galaxy."""
    return pq.read_table(places.labels).to_pylist()


def test_appended_rows(places, tmp_path):
    """Rows behind those of the run are added, with their labels."""
    before = labels(places)
    more = write(tmp_path / "more.csv", map(row, range(15)))
    told = extend(places, more)
    assert (told["added"], told["targets"]) == (3, 15)
    assert list(targets(places).values()) == [f"g{number}" for number in range(15)]
    assert labels(places)[:12] == before
    assert [one["mag"] for one in labels(places)[12:]] == [27, 28, 29]
    assert load_run_settings(places).catalogue.path == str(more)


def test_only_new_rows(places, tmp_path):
    """A file of additions leaves the run its catalogue; what it lacks is kept."""
    told = extend(places, write(tmp_path / "new.csv", map(row, range(12, 14))))
    assert (told["added"], told["dropped"]) == (2, 0)
    assert told["catalogue"]["missing"]["galaxies"] == 12
    assert not told["catalogue"]["becomes_catalogue"]
    assert load_run_settings(places).catalogue.path == str(tmp_path / "first.csv")


def test_other_order(places, tmp_path):
    """The order of the rows does not matter: identifiers tell which galaxy is which."""
    rows = [row(number) for number in (13, *reversed(range(12)), 12)]
    told = extend(places, write(tmp_path / "mixed.csv", rows))
    assert told["added"] == 2
    assert told["catalogue"]["relabelled"]["galaxies"] == 0
    assert [targets(places)[n] for n in (0, 11, 12, 13)] == ["g0", "g11", "g13", "g12"]
    assert [one["mag"] for one in labels(places)[11:]] == [26, 28, 27]


def test_changed_rows_told(places, tmp_path):
    """Other positions and labels are told, and those of the run stay."""
    before = targets(places), labels(places)
    rows = [row(0, ra=10.001), row(1, mag=99), *map(row, range(2, 12))]
    said = []
    told = extend(places, write(tmp_path / "new.csv", rows), say=said.append)
    moved = told["catalogue"]["moved"]
    assert (moved["galaxies"], moved["ids"]) == (1, ["g0"])
    assert moved["arcsec"] == pytest.approx(3.6, rel=0.01)
    assert told["catalogue"]["relabelled"] == {"galaxies": 1, "labels": ["mag"]}
    assert (targets(places), labels(places)) == before
    assert any("elsewhere" in one and "g0" in one for one in said)
    assert any("other labels" in one and "mag" in one for one in said)


def test_rounded_positions(places, tmp_path):
    """Positions that another format has rounded are not changed ones."""
    rows = [row(0, ra=10.0000005), *map(row, range(1, 13))]
    told = extend(places, write(tmp_path / "new.csv", rows))
    assert (told["catalogue"]["moved"]["galaxies"], told["added"]) == (0, 1)


@pytest.mark.parametrize(("removed", "left"), [("keep", 12), ("drop", 9)])
def test_removed_rows(places, tmp_path, removed, left):
    """Rows that are gone are kept, or dropped if that is asked for."""
    shorter = write(tmp_path / "new.csv", map(row, range(9)))
    told = extend(places, shorter, removed=removed)
    assert told["catalogue"]["missing"]["galaxies"] == 3
    assert (told["dropped"], len(targets(places))) == (12 - left, left)


def test_dropped_stamps(places, tmp_path):
    """The stamps of removed galaxies are removed, and no others."""
    with LedgerView.open(places.ledger) as view:
        assert view.count_cutouts() == 0
    stamps = [places.out / "cutouts" / f"g{number}.fits" for number in (3, 11)]
    for stamp in stamps:
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text("x")
    _pretend_cut(places, {3: "cutouts/g3.fits", 11: "cutouts/g11.fits"})
    extend(places, write(tmp_path / "new.csv", map(row, range(9))), removed="drop")
    assert [stamp.exists() for stamp in stamps] == [True, False]


def _pretend_cut(places, files):
    with closing(sqlite3.connect(places.ledger)) as db, db:
        db.execute("INSERT INTO product VALUES (1, 0, 'f', 'r', 'u', '[]', 1, 1, '')")
        for number, file in files.items():
            db.execute(
                "INSERT INTO cutout (survey, target, band, product, rank, state, "
                "file_loc) VALUES (0, ?, 'r', 1, 0, 'wanted', ?)",
                (number, file),
            )
        db.execute("UPDATE cutout SET state = 'done'")
        db.execute("UPDATE job SET state = 'done'")


def test_dry_run(places, tmp_path):
    """A dry run tells the same and changes no file."""
    more, said = write(tmp_path / "new.csv", map(row, range(14))), []
    before = {path: path.read_bytes() for path in places.out.iterdir()}
    told = extend(places, more, dry_run=True, say=said.append, surveys=("sdss:i",))
    assert {path: path.read_bytes() for path in places.out.iterdir()} == before
    assert (told["added"], told["added_bands"], told["dry_run"]) == (
        2,
        ["sdss:i"],
        True,
    )
    assert said == told["words"]


def test_same_catalogue(places, tmp_path):
    """The catalogue of the run has nothing new, which is said without reading it."""
    said = []
    told = extend(places, tmp_path / "first.csv", say=said.append)
    assert told["added"] == 0
    assert "already" in said[0]


def test_taken_twice(places, tmp_path):
    """A file that was added is not added again."""
    new = write(tmp_path / "new.csv", map(row, range(12, 14)))
    extend(places, new)
    assert extend(places, new)["added"] == 0
    assert len(targets(places)) == 14


def test_band_added(places):
    """A band joins the survey of its instrument; the settings of the run have it."""
    told = extend(places, surveys=("sdss:i",))
    assert (told["added_bands"], told["surveys"]) == (["sdss:i"], ["sdss:r,i"])
    settings = load_run_settings(places)
    assert [str(one) for one in settings.parsed_surveys()] == ["sdss:r,i"]


def test_survey_added(places):
    """Another archive is added with a job for each galaxy."""
    told = extend(places, surveys=("hst:ACS/WFC:F814W",))
    assert told["added_bands"] == ["hst:ACS/WFC:F814W"]
    with LedgerView.open(places.ledger) as view:
        assert view.states()["hst"]["pending"] == 12


def test_names_that_are_taken(places, tmp_path):
    """A new galaxy whose file name differs by case only gets another one."""
    new = write(tmp_path / "new.csv", [row(13, name="G3"), row(14)])
    extend(places, new)
    with closing(sqlite3.connect(places.ledger)) as db:
        stems = db.execute("SELECT id, stem FROM target WHERE number > 11").fetchall()
    assert stems == [("G3", "G3_2"), ("g14", "g14")]


def test_new_label(places, tmp_path):
    """Labels that the run does not have are left out; those that lack are empty."""
    head = "name,ra,dec,mag,redshift"
    new = write(tmp_path / "new.csv", ["x,200,1,9,0.1", "y,201,2,8,0.2"], head)
    told = extend(places, new)
    assert told["catalogue"]["labels"] == {
        "lacking": ["kind"],
        "left_out": ["redshift"],
    }
    assert labels(places)[12:] == [{"mag": 9, "kind": None}, {"mag": 8, "kind": None}]


def test_list_of_identifiers(places, monkeypatch):
    """Of identifiers without positions, only new ones are asked for."""
    asked = []

    def ask(_archive, ids):
        asked.extend(ids)
        return dict.fromkeys(ids, (99.0, 9.0))

    monkeypatch.setattr(planned, "positions_of", lambda *_: ask)
    settings = load_run_settings(places)
    found = planned.known_or_asked(settings, places, print)("sdss", ["g1", "x", "g0"])
    assert asked == ["x"]
    assert found["g0"] == (10.0, 0.0)
    assert found.keys() == {"g0", "g1", "x"}


# -- what is refused -------------------------------------------------------------------


def refused(places, *words, **flags):
    """Give the message with which an extension is refused; nothing is changed."""
    before = {path: path.read_bytes() for path in places.out.iterdir()}
    with pytest.raises(InputError) as refusal:
        extend(places, *words, **flags)
    assert {path: path.read_bytes() for path in places.out.iterdir()} == before
    return str(refusal.value)


def test_other_id_column(places, tmp_path):
    """Identifiers of another column are refused, with both columns and --id."""
    rows = [f"{n},{10 + n},{n / 7:.6f}" for n in range(12)]
    other = write(tmp_path / "new.csv", rows, "objid,ra,dec")
    message = refused(places, other)
    assert "'objid'" in message
    assert "'name'" in message
    assert "--id" in message


def test_other_identifiers(places, tmp_path):
    """Other identifiers at the same positions are refused, unless that is allowed."""
    rows = [row(number, name=f"NGC {number}") for number in range(12)]
    other = write(tmp_path / "new.csv", rows)
    assert "--add-near" in refused(places, other)
    assert extend(places, other, add_near=True)["added"] == 12


def test_labels_of_another_type(places, tmp_path):
    """A label that does not fit into the column of the run is refused by its name."""
    message = refused(places, write(tmp_path / "new.csv", [row(12, mag="bright")]))
    assert "'mag'" in message


def test_ambiguous_repeats(places, tmp_path):
    """If one identifier is at two other places, none is guessed to be the galaxy."""
    rows = [row(0, ra=50), row(0, ra=60), *map(row, range(1, 12))]
    assert "g0" in refused(places, write(tmp_path / "new.csv", rows))


def test_changed_size(places, tmp_path, monkeypatch):
    """With a setting that changes the stamps, nothing is added."""
    monkeypatch.setenv("HARVESTER__CUTOUT__SIZE", "99px")
    message = refused(places, write(tmp_path / "new.csv", map(row, range(14))))
    assert "size was" in message


def test_unknown_band(places):
    """A band that the archive does not have is refused."""
    assert "sdss:q" in refused(places, surveys=("sdss:q",))


def test_nothing_given(places):
    """Without a catalogue and a survey it says what to give."""
    assert "--survey" in refused(places)


def test_missing_catalogue(places, tmp_path):
    """A typing error in the path is an error."""
    assert "nope.csv" in refused(places, tmp_path / "nope.csv")


def test_run_in_progress(places, tmp_path):
    """While another command owns the run, it only tells what it would do."""
    more = write(tmp_path / "new.csv", map(row, range(14)))
    with owned(places.lock):
        with pytest.raises(LockedError, match="another harvester"):
            extend(places, more)
        assert extend(places, more, dry_run=True)["added"] == 2


# -- interruptions ---------------------------------------------------------------------


def test_interrupted_before_commit(places, tmp_path, monkeypatch):
    """Labels that were written before a kill do no harm, and are written again."""

    def interrupt(*_):
        raise KeyboardInterrupt

    more = write(tmp_path / "new.csv", map(row, range(14)))
    with monkeypatch.context() as patch:
        patch.setattr(apply, "grow_ledger", interrupt)
        with pytest.raises(KeyboardInterrupt):
            extend(places, more)
    places.scratch.mkdir()  # a killed process leaves its temporary files
    assert len(targets(places)) == 12
    extend(places, write(more, [*map(row, range(12)), row(40)]))
    assert len(labels(places)) == len(targets(places)) == 13
    assert labels(places)[12]["mag"] == 55


def test_interrupted_after_commit(places, tmp_path, monkeypatch):
    """After a kill behind the commit, the next command finishes the extension."""
    more = write(tmp_path / "new.csv", [*map(row, range(14)), "bad,x,y,1,z"])
    with monkeypatch.context() as patch:
        patch.setattr(apply, "finish_extension", lambda _: None)
        extend(places, more, surveys=("sdss:i",))
    assert load_run_settings(places).surveys == ["sdss:r"]
    finish_interrupted_extension(places)
    assert load_run_settings(places).surveys == ["sdss:r,i"]
    assert json.loads(places.rejects.read_text())["id"] == "bad"
    with LedgerView.open(places.ledger) as view:
        assert UNFINISHED not in view.facts()


def test_many_labels(places, tmp_path, monkeypatch):
    """The groups of the label file stay of one size: the manifest reads it by them."""
    monkeypatch.setattr("harvester.dataset.grown_labels._ROWS", 8)
    extend(places, write(tmp_path / "new.csv", map(row, range(30))))
    with pq.ParquetFile(places.labels) as file:
        groups = [file.metadata.row_group(n).num_rows for n in range(4)]
    assert groups == [8, 8, 8, 6]
    assert isinstance(pq.read_table(places.labels), pa.Table)
