"""A harvest into a store has there what a harvest on disk has, to the byte."""

from __future__ import annotations

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
