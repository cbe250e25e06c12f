"""The command ``harvester report``: its file, its settings, its errors."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from page_run import write_ledger

from harvester.cli import main
from harvester.places import Places
from harvester.run.report.at_end import report_at_end
from harvester.run.report.chosen_settings import chosen_settings
from harvester.settings.settings import load_settings
from harvester.status.report_page import document


def call(*words):
    """Run the command in this process."""
    return CliRunner().invoke(main, ["report", *map(str, words)])


@pytest.fixture
def places(tmp_path):
    """Return a run whose settings are those by default."""
    places = write_ledger(tmp_path / "run")
    places.settings.write_text(load_settings(None).to_toml())
    return places


def test_file(places):
    """Without --out the report is in the folder of the run; JSON names it."""
    done = call(places.out, "--json")
    file = places.out / "report.html"
    assert json.loads(done.output) == {"file": str(file), "bytes": file.stat().st_size}


def test_out(places, tmp_path):
    """With --out it is there, and nothing is written into the run."""
    before = {path: path.stat().st_mtime_ns for path in places.out.iterdir()}
    done = call(places.out, "--out", tmp_path / "mine.html")
    assert done.exit_code == 0
    assert (tmp_path / "mine.html").stat().st_size > 10_000
    assert {path: path.stat().st_mtime_ns for path in places.out.iterdir()} == before


def test_no_run(tmp_path):
    """A folder without a run ends with exit code 2, and how to begin one."""
    done = call(tmp_path)
    assert done.exit_code == 2
    assert "harvester run CATALOGUE --out FOLDER" in done.output


def test_other_file(places, tmp_path):
    """A file that is no report is kept, with exit code 2."""
    (tmp_path / "galaxies.csv").write_text("objid\n")
    assert call(places.out, "--out", tmp_path / "galaxies.csv").exit_code == 2
    assert (tmp_path / "galaxies.csv").read_text() == "objid\n"


async def test_bug_at_end(places, monkeypatch, caplog):
    """A bug in the report is logged, and the harvest ends without it."""
    monkeypatch.setattr(document, "write_report", lambda *_: 1 / 0)
    assert await report_at_end(places) == ""
    assert "the report is left out" in caplog.text
    monkeypatch.undo()
    assert await report_at_end(places) == str(places.report)


def test_defaults(places):
    """Settings that are as by default are not listed."""
    assert chosen_settings(places) == []


def test_chosen(tmp_path):
    """A setting with another value is listed with its default; the contact is not."""
    text = '[politeness]\ncontact = "me@example.org"\npatience_s = 60\n'
    (tmp_path / "harvest.toml").write_text(f"{text}[cutout]\ncomplete = true\n")
    places = Places(tmp_path)
    listed = {one.name: one for one in chosen_settings(places)}
    assert listed["politeness.patience_s"].value == "60.0"
    assert float(listed["politeness.patience_s"].default) != 60
    assert listed["politeness.contact"].value == "(not shown)"
    assert "cutout.complete" not in listed
