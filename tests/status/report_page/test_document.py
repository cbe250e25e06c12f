"""The report: its numbers, what it leaves out, hostile text, and its file."""

from __future__ import annotations

import json
import re

import pytest
from page_run import change, write_history, write_ledger, write_stamp

from harvester.errors import HarvesterError, InputError
from harvester.places import Places
from harvester.status.report_page import stamp_section
from harvester.status.report_page.document import write_report
from harvester.status.report_page.facts import ChosenSetting


def test_counts(report_of, tmp_path):
    """The first lines and those of each band tell how many galaxies are in a state."""
    made = report_of(write_ledger(tmp_path / "run", failed=[("not_found", 5)]))
    assert made.text("first").startswith("In short 35 of 60 settled stopped 58% 60")
    assert "20 done, 10 no coverage, 5 failed, 25 pending" in made.text("came")
    assert "harvester resume /" in made.text("first")


def test_failures(report_of, tmp_path):
    """A group of failures tells what it means, its first galaxies, and their number."""
    places = write_ledger(tmp_path / "run", failed=[("not_found", 24), ("html", 2)])
    made = report_of(places)
    assert made.text("failed").startswith("What failed, and why 26 jobs failed, for 2")
    group = " ".join(made.page.select("#failed details")[0].get_text(" ").split())
    assert group.startswith("not_found sdss:r 24 jobs The archive names a file")
    assert "The first 20 of 24 galaxies are shown." in group
    assert "retry" in group
    assert "--limit 10" in group
    rows = made.rows("failed")
    assert len(rows) == 20 + 2
    assert rows[0] == ["g0030", "0.30000", "+0.10000", "3"]


def test_bill(report_of, tmp_path):
    """The bill that the run kept is compared with what was counted."""
    places = write_ledger(tmp_path / "run")
    bill = {"frames": {"sdss:r": 2}, "requests": {"h": 8}, "bytes": {"h": 4_000_000}}
    change(places.out, "INSERT INTO run VALUES ('bill sdss', ?)", [(json.dumps(bill),)])
    change(places.out, "INSERT INTO host VALUES ('h', 10, 1000000, 0)", [()])
    assert report_of(places).rows("bill") == [
        ["sdss:r: frames", "2", "1", "0.500"],
        ["h: requests", "8", "10", "1.250"],
        ["h: bytes", "4 MB", "1 MB", "0.250"],
    ]


def test_no_bill(report_of, tmp_path):
    """A run without a bill says so, and has the real figures."""
    made = report_of(write_ledger(tmp_path / "run"))
    assert "The run has kept no bill" in made.text("bill")
    assert made.rows("bill") == [["sdss:r: frames", "-", "1", "-"]]


def test_charts(report_of, tmp_path):
    """Charts are drawings with a scale, and their numbers are in a table as well."""
    places = write_ledger(tmp_path / "run")
    write_history(places.out)
    made = report_of(places)
    drawings = made.page.select("#charts svg")
    assert len(drawings) == 4
    label = drawings[0]["aria-label"]
    assert label.startswith("Galaxies settled a minute, from 20")
    assert label.endswith("sdss:r at most 3/min")
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", drawings[0].find("path")["d"])
    # The scale ends at 5, so that 3 a minute is 40 of 100 from the top.
    assert {y for _, y in points} == {"40.0"}
    assert [row[1] for row in made.rows("charts")][:24] == ["3/min"] * 24


def test_hosts(report_of, tmp_path):
    """A host tells requests, bytes, its states in the history, and its cool-down."""
    places = write_ledger(tmp_path / "run")
    write_history(places.out, minutes=5)
    change(places.out, "INSERT INTO host VALUES ('h', 10, 1000000, 86400)", [()])
    slowed = "UPDATE host_history SET state = ?, rate = 2 WHERE requests = 12"
    change(places.out, slowed, [("slowed",)])
    text = report_of(places).text("hosts")
    assert "h 10 requests, 1 MB Of 5 moments in the history: slowed at 1" in text
    assert "4 requests/s allowed, at least 2 Its last cool-down ended at 1970-" in text


def test_settings(report_of, tmp_path):
    """Settings that differ from the defaults are listed with both values."""
    places = write_ledger(tmp_path / "run")
    places.settings.write_text('[politeness]\ncontact = "me@example.org"\n')
    made = report_of(places, [ChosenSetting("sdss.way", '"early"', '"auto"')])
    assert made.rows("asked") == [["sdss.way", '"early"', '"auto"']]
    assert "me@example.org" not in made.file.read_text()


def test_stamps(report_of, tmp_path, monkeypatch):
    """Some stamps are inside the file; there are no more pictures than allowed."""
    places = write_ledger(tmp_path / "run", 60, done=0)
    for target in range(0, 60, 2):
        write_stamp(places, target)
    change(places.out, "UPDATE job SET state = ? WHERE target < 60", [("done",)])
    made = report_of(places)
    names = [one["alt"] for one in made.page.select("#samples img")]
    evenly = [0, 6, 10, 16, 20, 26, 30, 36, 40, 46, 50, 56]
    assert names == [f"g{number:04d} in SDSS r" for number in evenly]
    assert "12 of 30 stamps" in made.text("stamps")
    monkeypatch.setattr(stamp_section, "_MOST_SIZE", 5_000)
    few = report_of(places).page.select("#samples img")
    assert len("".join(one["src"] for one in few[:-1])) < 5_000


def test_lost_stamp(report_of, tmp_path):
    """Stamps whose files cannot be read are counted, and the others are shown."""
    places = write_ledger(tmp_path / "run", done=0)
    paths = [write_stamp(places, target) for target in (0, 30)]
    change(places.out, "UPDATE job SET state = ? WHERE target IN (0, 30)", [("done",)])
    paths[0].unlink()
    made = report_of(places)
    assert len(made.page.select("#samples img")) == 1
    assert "1 stamp could not be read." in made.text("stamps")


def test_hostile_text(report_of, hostile_run, hostile):
    """Names of galaxies and messages of servers are text, and never markup."""
    made = report_of(hostile_run)
    assert made.page.find("script") is None
    assert len(made.page.find_all("style")) == 1
    names = {name for one in made.page.find_all(True) for name in one.attrs}
    assert not {name for name in names if name.startswith("on")}
    assert {one["src"][:5] for one in made.page.find_all("img")} == {"data:"}
    shown = {one.get_text() for one in made.page.find_all("bdi")}
    assert {f"{hostile}30", f"http_500 {hostile}", hostile} <= shown
    assert "<script>hurt=1</script>" in shown


def test_nothing_outside(report_of, hostile_run):
    """The file names no other file and no address that a browser would open."""
    made = report_of(hostile_run)
    named = [
        one[name]
        for one in made.page.find_all(True)
        for name in ("src", "href", "srcset", "action", "data")
        if name in one.attrs
    ]
    assert all(one.startswith("data:image/jpeg;base64,") for one in named)
    style = made.page.find("style").string
    assert not re.search(r"url\(|@import|https?:", style)
    policy = made.page.find("meta", {"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'; img-src data:;")


def test_forbidden_characters(report_of, tmp_path):
    """Characters that HTML forbids are replaced, and long texts are cut."""
    places = write_ledger(tmp_path / "run", failed=[(f"bad\x01\x1b {'x' * 999}", 1)])
    shown = report_of(places).page.select_one("#failed summary bdi").get_text()
    assert shown == f"bad{2 * chr(0xFFFD)} {'x' * 294}…"


def test_size(report_of, tmp_path):
    """Long names and reasons do not make the file large: they are cut."""
    reasons = [(f"http_{number} {'<' * 50_000}", 30) for number in range(60)]
    places = write_ledger(tmp_path / "run", 2_000, done=0, failed=reasons)
    change(places.out, "UPDATE target SET id = number || ?", [("&" * 5_000,)])
    made = report_of(places)
    assert made.file.stat().st_size < 3_000_000
    assert "The reason is too long for a command" in made.text("failed")
    assert "10 more reasons are left out." in made.text("failed")


def test_old_history(report_of, tmp_path):
    """Without a history the report says why there are no lines."""
    made = report_of(write_ledger(tmp_path / "run"))
    assert "There are no lines yet" in made.text("charts")


def test_written_again(tmp_path):
    """A later report replaces an earlier one, and no part of it stays behind."""
    places, file = write_ledger(tmp_path / "run"), tmp_path / "report.html"
    write_report(places, file, [])
    before = file.stat().st_ino
    write_report(places, file, [])
    assert file.stat().st_ino != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "run"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_other_file(tmp_path, is_folder):
    """What is no report is never replaced."""
    places, file = write_ledger(tmp_path / "run"), tmp_path / "galaxies.csv"
    file.mkdir() if is_folder else file.write_text("objid,ra,dec\n")
    with pytest.raises(InputError, match="Choose another --out"):
        write_report(places, file, [])
    assert is_folder or file.read_text() == "objid,ra,dec\n"


def test_no_run(tmp_path):
    """A folder without a run is refused, and no file is written."""
    with pytest.raises(HarvesterError, match="there is no harvest in"):
        write_report(Places(tmp_path), tmp_path / "report.html", [])
    assert list(tmp_path.iterdir()) == []
