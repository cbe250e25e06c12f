"""A harvest into a store has there what a harvest on disk has, to the byte."""

from __future__ import annotations

import shutil

import service
from s3_servers import KEYS
from to_store import stamps_on_disk

_OTHERS = {
    *("harvest.toml", "labels.parquet", "rejects.jsonl", "ledger.sqlite", "run.json"),
    *("manifest.parquet", "manifest.csv"),
}


def test_same_bytes(to_store, on_disk):
    """Stamps and manifest are the same as on disk, and verify finds nothing."""
    done = to_store.run()
    assert done.returncode == 0, done.stderr
    there = to_store.server.contents(to_store.prefix)
    stamps = {name: one for name, one in there.items() if name.startswith("cutouts/")}
    assert stamps == stamps_on_disk(on_disk) == stamps_on_disk(to_store.work)
    assert set(there) - set(stamps) == _OTHERS
    for name in ("manifest.parquet", "manifest.csv", "labels.parquet"):
        assert there[name] == (on_disk / name).read_bytes()
    for place in (to_store.work, to_store.url):
        found = to_store.command("verify", place, "--deep", "--json")
        assert found.returncode == 0, found.stdout + found.stderr
    where = ("--endpoint", to_store.server.url)
    found = service.harvester("verify", to_store.url, *where, **KEYS)
    assert "0 missing" in found.stdout, found.stderr
    _send_what_is_made(to_store)


def _send_what_is_made(to_store):
    """Make exports, gallery and report: they follow, and nothing old stays."""
    work = to_store.work
    for words in (("gallery",), ("report",), ("export", "--to", "numpy")):
        done = to_store.command(words[0], work, *words[1:])
        assert done.returncode == 0, done.stderr
    made = _made(work)
    assert {"report.html", "gallery.html", "exports/numpy/SHA256SUMS"} <= set(made)
    assert made.items() <= to_store.server.contents(to_store.prefix).items()
    shutil.rmtree(work / "exports")
    done = to_store.command("export", work, "--to", "numpy", "--bands", "r")
    assert "sent" in done.stderr
    there = to_store.server.contents(f"{to_store.prefix}/exports")
    assert {f"exports/{name}": one for name, one in there.items()} == {
        name: one for name, one in _made(work).items() if name.startswith("exports/")
    }


def _made(work):
    paths = [work / "report.html", work / "gallery.html"]
    paths += [*work.glob("gallery/**/*"), *work.glob("exports/**/*")]
    return {
        path.relative_to(work).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file()
    }
