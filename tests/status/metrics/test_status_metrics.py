"""The file for node-exporter that `harvester status --metrics` writes."""

from __future__ import annotations

import os
import stat

import pytest
from click.testing import CliRunner
from metric_names import series

from harvester.cli import main


def status(*words):
    """Run the command in this process."""
    return CliRunner().invoke(main, ["status", *map(str, words)])


def test_file(places, tmp_path, promtool):
    """The file is whole, every user can read it, and nothing else is left."""
    folder = tmp_path / "textfiles"
    folder.mkdir()
    (folder / "zoo.prom").write_text("old")
    mask = os.umask(0o022)
    try:
        done = status(places.out, "--metrics", folder / "zoo.prom")
    finally:
        os.umask(mask)
    assert (done.exit_code, done.output) == (0, "")
    assert [one.name for one in folder.iterdir()] == ["zoo.prom"]
    assert stat.S_IMODE((folder / "zoo.prom").stat().st_mode) == 0o644
    text = (folder / "zoo.prom").read_text()
    assert promtool("check", "metrics", text=text).returncode == 0
    run = frozenset({("run", places.out.name)})
    assert series(text)["harvester_catalogue_targets", run] == 100


def test_replaced_whole(places, tmp_path, monkeypatch):
    """A file that is being replaced is never half there."""
    path, seen = tmp_path / "zoo.prom", []
    path.write_text("old")
    rename = os.rename

    def look(new, old):
        seen.append((path.read_text(), new.endswith(".prom")))
        rename(new, old)

    monkeypatch.setattr(os, "rename", look)
    assert status(places.out, "--metrics", path).exit_code == 0
    assert seen == [("old", False)]
    assert path.read_text().startswith("# HELP harvester_build_info")


def test_printed(places):
    """A dash prints them."""
    done = status(places.out, "--metrics", "-")
    assert done.exit_code == 0
    assert series(done.output)


def test_no_run(tmp_path):
    """A folder without a run is an error, and the file says so to the alerts."""
    path = tmp_path / "zoo.prom"
    done = status(tmp_path / "zo", "--metrics", path)
    assert (done.exit_code, "there is no harvest in" in done.output) == (2, True)
    run = frozenset({("run", "zo")})
    assert series(path.read_text())["harvester_ledger_readable", run] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--metrics", "zoo.txt"), 2, "end in .prom"),
        (("--metrics", "nowhere/zoo.prom"), 6, "cannot be written"),
        (("--metrics", "-", "--json"), 2, "neither --json nor --watch"),
        (("--metrics", "-", "--watch"), 2, "neither --json nor --watch"),
    ],
)
def test_wrong_use(places, tmp_path, monkeypatch, words, code, said):
    """What cannot be done is refused, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = status(places.out, *words)
    assert (done.exit_code, said in done.output) == (code, True), done.output
    assert sorted(tmp_path.iterdir()) == before
