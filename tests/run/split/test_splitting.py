"""What split makes of a run and of a catalogue, and what it refuses."""

from __future__ import annotations

import json
import os
from contextlib import closing

import pytest
from click.testing import CliRunner
from small_runs import SURVEY, begin, harvest, locate

from harvester.cli import main
from harvester.errors import InputError, LockedError
from harvester.ledger.file import open_to_read, owned
from harvester.ledger.view import LedgerView
from harvester.places import Places
from harvester.run.split.splitting import split_run


@pytest.fixture
def run(tmp_path):
    """Locate twelve galaxies, three to a field, of which the last has no image."""
    places = begin(tmp_path / "run", 12)
    locate(places, lambda number: [number // 3] if number < 11 else [])
    return places


def split(run, parts, by="frames", name="parts"):
    """Split a run; give what was told, and the parts."""
    out = run.out.with_name(name)
    told = split_run(run, out, parts, by, lambda _: None)
    return told, [Places(one) for one in sorted(out.glob("part-*"))]


def rows(places, query):
    """Give what a query reads in a ledger."""
    with closing(open_to_read(places.ledger)) as db:
        return db.execute(query).fetchall()


def command(*words):
    """Run split as in a terminal; give the result."""
    return CliRunner().invoke(main, ["split", *map(str, words)])


def test_whole_together(run):
    """The parts have all galaxies once, with numbers, lines, jobs and locations."""
    _, parts = split(run, 3)
    for query in (
        "SELECT * FROM target ORDER BY number",
        "SELECT * FROM job ORDER BY survey, target",
        "SELECT * FROM cutout ORDER BY survey, target, band, product",
        "SELECT number, name, url FROM product ORDER BY number",
    ):
        together = sorted(row for part in parts for row in rows(part, query))
        assert together == sorted(rows(run, query))
        assert together


def test_frames_once(run):
    """Each frame is fetched by one part only, and nothing is located again."""
    _, parts = split(run, 3)
    asked = [name for part in parts for name in harvest(part)]
    assert sorted(asked) == sorted(harvest(run))
    assert len(asked) == len(set(asked)) == 8


def test_counters(run):
    """Each part counts its own jobs and stamps, and nothing that was asked before."""
    harvest(run, most=3)
    _, parts = split(run, 3)
    counted = [dict(rows(part, "SELECT what, count FROM tally")) for part in parts]
    for what, count in rows(run, "SELECT what, count FROM tally"):
        if what.startswith(("by ", "image")):
            assert not any(what in one for one in counted)
        else:
            assert sum(one.get(what, 0) for one in counted) == count
    assert {one for part in parts for (one,) in rows(part, "SELECT requests FROM host")}
    assert not sum(n for part in parts for (n,) in rows(part, "SELECT bytes FROM host"))


def test_stamps_come_along(run):
    """Stamps of a begun run are in its parts, without taking room again."""
    harvest(run, most=3)
    _, parts = split(run, 3)
    here = [path for part in parts for path in part.out.rglob("*.fits")]
    assert len(here) == 9
    assert all(path.stat().st_nlink == 2 for path in here)


def test_contents_told(run, tmp_path):
    """split.json tells what each part holds, and of which catalogue."""
    told, _ = split(run, 3)
    kept = json.loads((tmp_path / "parts" / "split.json").read_text())
    assert kept.items() <= told.items()
    assert sum(part["galaxies"] for part in kept["parts"]) == 12
    assert sum(part["frames"] for part in kept["parts"]) == 8
    with LedgerView.open(run.ledger) as view:
        sha256 = view.facts()["catalogue sha256"]
    assert kept["source"]["catalogue_sha256"] == sha256


def test_same_again(run):
    """The same run gives the same parts."""
    first, parts = split(run, 3)
    second, again = split(run, 3, name="again")
    assert {k: v for k, v in first.items() if k != "out"} == {
        k: v for k, v in second.items() if k != "out"
    }
    every = "SELECT * FROM target"
    assert [rows(one, every) for one in parts] == [rows(one, every) for one in again]


@pytest.mark.parametrize("parts", [6, 100])
def test_too_many_parts(run, parts, tmp_path):
    """More parts than groups are refused, with how many there can be."""
    with pytest.raises(InputError, match="at most 5 parts"):
        split(run, parts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["galaxies.csv", "run"]


def test_not_located(tmp_path):
    """A run that is not located can be split by the sky only."""
    run = begin(tmp_path / "run", 12)
    with pytest.raises(InputError, match="images of 12 galaxies are not known"):
        split(run, 2)
    _, parts = split(run, 2, "healpix")
    assert len(parts) == 2


def test_spares_told(tmp_path):
    """Frames that two parts may fetch if better ones fail are counted."""
    run = begin(tmp_path / "run", 4)
    locate(run, lambda number: [number, 9])
    said = []
    split_run(run, tmp_path / "parts", 2, "frames", said.append)
    assert said == [
        "2 frames may be fetched twice, but only if better ones cannot be had."
    ]


def test_existing_folder(run, tmp_path):
    """Nothing is written to a folder that exists."""
    (tmp_path / "parts").mkdir()
    with pytest.raises(InputError, match="exists already"):
        split(run, 2)
    assert not list((tmp_path / "parts").iterdir())


def test_rest_of_killed_split(run, tmp_path):
    """What a killed split has left is removed by the next one."""
    rest = tmp_path / "parts.part" / "part-0000"
    rest.mkdir(parents=True)
    (rest / "ledger.sqlite").write_text("torn")
    split(run, 2)
    assert not (tmp_path / "parts.part").exists()


def test_run_at_work(run):
    """A run on which a harvest works is not split."""
    with owned(run.lock), pytest.raises(LockedError):
        split(run, 2)


def test_part_of_part(run):
    """A part is not split again."""
    _, parts = split(run, 2)
    with pytest.raises(InputError, match="is a part of a run"):
        split_run(parts[0], run.out.with_name("more"), 2, "frames", lambda _: None)


def test_damaged_stamp(run):
    """A stamp that is not as the ledger says is told before anything is made."""
    harvest(run, most=3)
    stamp = next(run.out.rglob("*.fits"))
    stamp.write_bytes(b"other")
    with pytest.raises(
        InputError, match=r"1 stamp of .* is not .*\(changed\).*verify --repair"
    ):
        split(run, 2)
    assert not run.out.with_name("parts").exists()


def test_catalogue(tmp_path):
    """A catalogue is split without an archive; how it was read is said."""
    begin(tmp_path / "run", 12)
    out = tmp_path / "parts"
    words = ("--into", 3, "--out", out, "--survey", str(SURVEY), "--by", "healpix")
    done = command(*words, tmp_path / "galaxies.csv")
    assert done.exit_code == 0, done.output
    assert "Read as" in done.output
    assert "diagonal of the largest frame, 16.7 arcmin" in done.output
    assert f"harvester resume {out}/part-0000" in done.output
    parts = [Places(one) for one in sorted(out.glob("part-*"))]
    every = "SELECT id, line FROM target"
    assert sorted(row for one in parts for row in rows(one, every)) == sorted(
        rows(Places(tmp_path / "run"), every)
    )
    assert sorted(path.name for path in out.iterdir()) == [
        "part-0000",
        "part-0001",
        "part-0002",
        "split.json",
    ]


def test_rejected_rows(tmp_path):
    """Rows that are not taken are told, with a file that is there afterwards."""
    begin(tmp_path / "run", 12)
    catalogue, out = tmp_path / "galaxies.csv", tmp_path / "parts"
    catalogue.write_text(catalogue.read_text() + "g99,10,95,1\n")
    done = command("--into", 2, "--out", out, "--survey", str(SURVEY), catalogue)
    assert done.exit_code == 0, done.output
    assert f"the reasons are in {out}/part-0000/rejects.jsonl" in done.output
    for part in out.glob("part-*"):
        (line,) = (part / "rejects.jsonl").read_text().splitlines()
        assert json.loads(line)["id"] == "g99"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--into", "0"), "0 is not in the range"),
        (("--into", "2", "--by", "frames"), "harvester plan"),
        (("--into", "2", "--survey", "sdss:x"), "sdss:x"),
    ],
)
def test_refused_words(tmp_path, words, said):
    """What makes no sense is refused with code 2, and leaves nothing."""
    begin(tmp_path / "run", 2)
    done = command(*words, "--out", tmp_path / "parts", tmp_path / "galaxies.csv")
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "parts").exists()


def test_settings_of_a_run(run, tmp_path):
    """The parts of a run have its settings, so other ones are refused."""
    words = ("--into", "2", "--out", tmp_path / "parts", "--survey", "sdss:i")
    done = command(*words, run.out)
    assert done.exit_code == 2
    assert "its parts have its settings" in done.output


def test_unwritable_folder(run, tmp_path):
    """A folder that cannot be made is this machine's trouble."""
    (tmp_path / "file").write_text("")
    done = command("--into", "2", "--out", tmp_path / "file" / "parts", run.out)
    assert done.exit_code == 6, done.output
    assert os.fspath(tmp_path / "file" / "parts") in done.output
