"""Parts of a split run are merged into what one undivided harvest would have made."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from small_runs import begin, harvest, locate

from harvester.cli import main
from harvester.dataset.current_manifest import make_manifest
from harvester.dataset.verify import verify
from harvester.errors import InputError, LockedError
from harvester.ledger.file import open_to_read, owned
from harvester.places import Places
from harvester.run.merge import merging
from harvester.run.merge.merging import merge_parts
from harvester.run.split.splitting import split_run
from harvester.states import State
from harvester.status.report import read_report, unsettled

#: What has a time, or is of one run only.
_PASSING = ("merged", "began", "settled")


#: The cutouts with the names of their products.
_STAMPS = """
    SELECT c.survey, target, c.band, name, rank, state, note, file_loc, sha256, c.size,
        coverage, c.facts
    FROM cutout AS c
    JOIN product AS p ON p.number = product
"""


def fields(number):
    """Give the fields of a galaxy; a part would find the second one by itself."""
    return [number // 3, 90 + number] if number < 11 else []


@pytest.fixture
def run(tmp_path):
    """Locate twelve galaxies; one has no image."""
    places = begin(tmp_path / "run", 12)
    locate(places, fields)
    return places


@pytest.fixture
def parts(run):
    """Split them into three parts."""
    return split(run, 3)


def split(run, count, name="parts", by="frames"):
    """Split a run; give its parts."""
    out = run.out.with_name(name)
    split_run(run, out, count, by, lambda _: None)
    return [Places(one) for one in sorted(out.glob("part-*"))]


def merge(tmp_path, *folders, name="merged"):
    """Merge the parts of a split, or some folders; give the places of the run."""
    merge_parts(folders or [tmp_path / "parts"], tmp_path / name)
    return Places(tmp_path / name)


def rows(places, query):
    """Give what a query reads in a ledger."""
    with closing(open_to_read(places.ledger)) as db:
        return db.execute(query).fetchall()


def content(places):
    """Give the rows of a ledger that do not name a time; products by their names."""
    tables = (
        "SELECT * FROM target",
        "SELECT * FROM reject",
        "SELECT * FROM survey",
        "SELECT * FROM job",
        "SELECT * FROM tally WHERE count > 0",
        "SELECT name, requests, bytes FROM host",
        "SELECT survey, name, band, url, mirrors, size, fetched, facts FROM product",
        _STAMPS,
        f"SELECT * FROM run WHERE key NOT IN {_PASSING}",
    )
    return [sorted(rows(places, one)) for one in tables]


def files(places):
    """Give the files that every run of the same galaxies has, with their content."""
    make_manifest(places)
    kept = [places.labels, places.rejects, places.manifest, places.settings]
    kept += [places.manifest.with_suffix(".csv"), *places.out.rglob("*.fits")]
    return {one.relative_to(places.out).as_posix(): one.read_bytes() for one in kept}


def test_as_undivided(run, parts, tmp_path):
    """Ledger, labels, stamps and manifest are those of one undivided harvest."""
    for part in parts:
        harvest(part)
    merged = merge(tmp_path)
    harvest(run)
    assert content(merged) == content(run)
    assert files(merged) == files(run)
    found = verify(merged)
    assert (found.checked, found.lost, found.orphans) == (22, [], [])
    assert not unsettled(read_report(merged))


def test_settings_of_the_whole(run, parts, tmp_path):
    """The merged run has the settings of before the split, not those of a part."""
    before = run.settings.read_bytes()
    for part in parts:
        harvest(part)
        text = part.settings.read_text()
        part.settings.write_text(text.replace('contact = ""', 'contact = "x"'))
        assert part.settings.read_bytes() != before
    assert merge(tmp_path).settings.read_bytes() == before


def test_linked(parts, tmp_path):
    """Stamps of one file system take no room again."""
    for part in parts:
        harvest(part)
    merged = merge(tmp_path)
    assert {path.stat().st_nlink for path in merged.out.rglob("*.fits")} == {2}


def test_begun_run(run, tmp_path):
    """Of a run that was begun before, what was done and spent counts, too."""
    harvest(run, most=3)
    shutil.copytree(run.out, tmp_path / "undivided")
    for part in split(run, 3):
        harvest(part)
    merged, undivided = merge(tmp_path), Places(tmp_path / "undivided")
    harvest(undivided)
    assert content(merged) == content(undivided)
    assert files(merged) == files(undivided)


def test_unfinished(run, parts, tmp_path):
    """Parts are merged as they are; what is left is harvested in the merged run."""
    harvest(parts[0])
    harvest(parts[1], most=1)
    merged = merge(tmp_path)
    assert unsettled(read_report(merged))
    harvest(merged)
    harvest(run)
    assert content(merged) == content(run)
    assert files(merged) == files(run)


def test_products_of_parts(run, parts, tmp_path):
    """Two parts that have found the same product later have it once."""
    for number, part in enumerate(parts[:2]):
        harvest(part)
        with closing(sqlite3.connect(part.ledger)) as db, db:
            db.execute(
                "INSERT INTO product (survey, name, band, url, mirrors, size, fetched) "
                "VALUES (0, 'found later', 'r', 'https://x', '[]', ?, ?)",
                (None if number else 7, number),
            )
            (found,) = db.execute("SELECT max(number) FROM product").fetchone()
            (target,) = db.execute("SELECT min(number) FROM target").fetchone()
            db.execute(
                "INSERT INTO cutout (survey, target, band, product, rank, state, "
                "file_loc) VALUES (0, ?, 'r', ?, 5, 'spare', 'x')",
                (target, found),
            )
    merged = merge(tmp_path)
    later = "SELECT size, fetched FROM product WHERE name = 'found later'"
    assert rows(merged, later) == [(7, 1)]
    pairs = "SELECT count(DISTINCT product), count(*) FROM cutout WHERE rank = 5"
    assert rows(merged, pairs) == [(1, 2)]


def test_history(parts, tmp_path):
    """The history of the merged run is that of all its parts together."""
    for shift, part in enumerate(parts):
        with closing(sqlite3.connect(part.ledger)) as db, db:
            for minute, done in ((0, 1), (2, 3)):
                at = 6000 + 60 * (minute + shift) + 7
                moment = (at, done, 4 - done)
                db.execute(
                    "INSERT INTO band_history VALUES (0, 'r', ?, ?, 0, 0, ?)", moment
                )
                db.execute(
                    "INSERT INTO host_history VALUES "
                    "('a', ?, ?, ?, 1, 0, 2.0, 'open', 3, 0.5, NULL)",
                    (at, done, 10 * done),
                )
    merged = merge(tmp_path)
    bands = "SELECT at, done, open FROM band_history ORDER BY at"
    assert rows(merged, bands) == [
        (6000, 1, 11), (6060, 2, 10), (6120, 5, 7), (6180, 7, 5), (6240, 9, 3)
    ]  # fmt: skip
    hosts = "SELECT requests, bytes, in_flight, rate, answers, p95_s FROM host_history"
    assert rows(merged, f"{hosts} WHERE at = 6120") == [(5, 50, 2, 4.0, 6, None)]


@pytest.mark.parametrize(("lacking", "bill"), [(0, '{"frames": {"r": 7}}'), (1, None)])
def test_bills(tmp_path, lacking, bill):
    """Bills that each part has made are added up; an incomplete sum is left out."""
    split(begin(tmp_path / "run", 12), 2, by="healpix")
    for number in range(lacking, 2):
        told = json.dumps({"frames": {"r": 3 + number}})
        change_fact(Places(tmp_path / "parts" / f"part-000{number}"), "bill sdss", told)
    kept = rows(merge(tmp_path), "SELECT value FROM run WHERE key = 'bill sdss'")
    assert kept == ([(bill,)] if bill else [])


def test_planned_bill(run, tmp_path):
    """The bill of a run that was located before it was split stays its bill."""
    change_fact(run, "bill sdss", '{"frames": {"r": 1}}')
    for part in split(run, 2):
        change_fact(part, "bill sdss", '{"frames": {"r": 3}}')
    kept = rows(merge(tmp_path), "SELECT value FROM run WHERE key = 'bill sdss'")
    assert kept == [('{"frames": {"r": 1}}',)]


def test_again(parts, tmp_path):
    """Merging again changes nothing; another state is not merged over it."""
    harvest(parts[0])
    merged = merge(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in merged.out.rglob("*")}
    assert not merge_parts([tmp_path / "parts"], merged.out)["is_new"]
    after = {path: path.stat().st_mtime_ns for path in merged.out.rglob("*")}
    assert {p: t for p, t in after.items() if p.is_file()} == {
        p: t for p, t in before.items() if p.is_file()
    } | {merged.lock: after[merged.lock]}
    harvest(parts[1])
    with pytest.raises(InputError, match="stood otherwise"):
        merge(tmp_path)


@pytest.mark.parametrize("step", ["share_stamps", "join_ledgers", "make_manifest"])
def test_killed(run, parts, tmp_path, monkeypatch, step):
    """Killed at any step, it is simply called again."""
    for part in parts:
        harvest(part)
    calls = []

    def killed(*args):
        if calls:
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args) if step == "share_stamps" else killed()

    real = getattr(merging, step)
    monkeypatch.setattr(merging, step, killed)
    with pytest.raises(KeyboardInterrupt):
        merge(tmp_path)
    monkeypatch.undo()
    merged = merge(tmp_path)
    harvest(run)
    assert content(merged) == content(run)
    assert files(merged) == files(run)
    assert not (merged.out / "merge.json").exists()


def test_killed_and_gone_on(run, parts, tmp_path, monkeypatch):
    """Stamps that an interrupted merge took of an earlier state are not left over."""
    harvest(parts[0])
    monkeypatch.setattr(merging, "join_ledgers", None)
    with pytest.raises(TypeError):
        merge(tmp_path)
    monkeypatch.undo()
    stray = tmp_path / "merged" / "cutouts" / "sdss" / "r" / "0000" / "stray.fits"
    stray.write_bytes(b"of a galaxy that was cut again")
    for part in parts[1:]:
        harvest(part)
    merged = merge(tmp_path)
    assert verify(merged).orphans == []
    harvest(run)
    assert files(merged) == files(run)


# -- what is refused -----------------------------------------------------------------


def refused(tmp_path, *folders, name="merged"):
    """Merge as in a terminal what does not fit; give code and message."""
    words = ["merge", *map(str, folders), "--out", str(tmp_path / name)]
    done = CliRunner().invoke(main, words)
    assert not (tmp_path / name / "ledger.sqlite").exists()
    return done.exit_code, done.output


def test_missing_part(parts, tmp_path):
    """A part that is not given is named."""
    code, said = refused(tmp_path, parts[0].out, parts[2].out)
    assert code == 2
    assert "of 3 parts these are missing: 1." in said


def test_given_twice(parts, tmp_path):
    """A part and its copy are not merged."""
    shutil.copytree(parts[1].out, tmp_path / "copy")
    code, said = refused(tmp_path, tmp_path / "parts", tmp_path / "copy")
    assert code == 2
    assert "part 1 is given twice" in said


def test_other_split(run, parts, tmp_path):
    """Parts of two splits are not merged."""
    others = split(run, 2, "others")
    code, said = refused(tmp_path, *(one.out for one in (*parts[:2], others[1])))
    assert code == 2
    assert "different splits" in said


def change_fact(places, key, value):
    """Replace a fact of a run."""
    with closing(sqlite3.connect(places.ledger)) as db, db:
        db.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, value))


def test_other_settings(parts, tmp_path):
    """A part that was made with other settings is named, and the setting."""
    (text,) = rows(parts[1], "SELECT value FROM run WHERE key = 'settings'")[0]
    settings = json.loads(text) | {"size": "sdss=99px"}
    change_fact(parts[1], "settings", json.dumps(settings))
    code, said = refused(tmp_path, tmp_path / "parts")
    assert code == 2
    assert "size 'sdss=15.84arcsec', and 'sdss=99px'" in said
    assert "part-0001" in said


def test_other_version(parts, tmp_path):
    """Parts on which different versions have worked are not merged."""
    for number, part in enumerate(parts):
        change_fact(part, f"worked harvester 0.{number // 2}", "")
    code, said = refused(tmp_path, tmp_path / "parts")
    assert code == 2
    assert "0.0 on " in said
    assert "0.1 on " in said


def test_other_galaxies(parts, tmp_path):
    """A part that has lost a galaxy is refused."""
    with closing(sqlite3.connect(parts[0].ledger)) as db, db:
        (lost,) = db.execute("SELECT min(number) FROM target").fetchone()
        for table in ("cutout", "job"):
            db.execute(f"DELETE FROM {table} WHERE target = ?", (lost,))
        db.execute("DELETE FROM target WHERE number = ?", (lost,))
    code, said = refused(tmp_path, tmp_path / "parts")
    assert code == 2
    assert "has other galaxies" in said


def test_not_a_part(run, tmp_path):
    """A run that is no part is refused."""
    code, said = refused(tmp_path, run.out)
    assert code == 2
    assert "is no part of a split run" in said


def test_no_run(tmp_path):
    """A folder without a run is refused, with how to begin one."""
    code, said = refused(tmp_path, tmp_path)
    assert code == 2
    assert "there is no harvest in" in said


@pytest.mark.parametrize("name", ["run", "files", "file"])
def test_other_files(run, parts, tmp_path, name):
    """A folder that has anything else is left as it is."""
    (tmp_path / "files").mkdir()
    for file in (tmp_path / "files" / "labels.parquet", tmp_path / "file"):
        file.write_text("mine")
    before = _listed(tmp_path / name)
    with pytest.raises(InputError, match="choose another folder"):
        merge(tmp_path, name=name)
    assert _listed(tmp_path / name) == before


def _listed(folder):
    return folder.is_file(), sorted(folder.rglob("*"))


def test_part_at_work(parts, tmp_path):
    """A part on which a harvest works is not merged."""
    with owned(parts[1].lock), pytest.raises(LockedError):
        merge(tmp_path)


def test_worked_meanwhile(parts, tmp_path, monkeypatch):
    """A harvest that began during the merge is noticed."""
    real = merging.share_stamps

    def beside(*args):
        harvest(parts[0])
        return real(*args)

    monkeypatch.setattr(merging, "share_stamps", beside)
    with pytest.raises(LockedError, match=r"worked on .*part-0000 meanwhile"):
        merge(tmp_path)
    assert not (tmp_path / "merged" / "ledger.sqlite").exists()


def test_damaged_stamp(parts, tmp_path):
    """A stamp with other bytes than its ledger says is not taken."""
    harvest(parts[0])
    stamp = next(parts[0].out.rglob("*.fits"))
    stamp.write_bytes(b"other")
    code, said = refused(tmp_path, tmp_path / "parts")
    assert code == 2
    assert f"{stamp.name} (changed)" in said
    assert "verify --repair" in said


def test_part_grows(parts):
    """A part takes no galaxies: another part could give them the same numbers."""
    more = parts[0].out.parent.with_name("more.csv")
    more.write_text("name,ra,dec,mag\nh1,200,5,15\n")
    words = ["extend", str(parts[0].out), str(more)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "merge the parts" in done.output


def test_all_states(run, tmp_path):
    """Failed and postponed jobs come through as they are."""
    with closing(sqlite3.connect(run.ledger)) as db, db:
        db.execute(
            "UPDATE job SET state = 'failed', reason = 'http_500' WHERE target = 1"
        )
        db.execute("UPDATE job SET attempts = 2, due = 1e10 WHERE target = 5")
    split(run, 3)
    merged = merge(tmp_path)
    assert content(merged) == content(run)
    counts = dict(rows(merged, "SELECT what, count FROM tally"))
    assert counts[State.FAILED] == 1
