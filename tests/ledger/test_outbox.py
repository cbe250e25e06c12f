"""The outbox tells which stamps of a ledger a store has not, or has otherwise."""

from __future__ import annotations

import sqlite3

import pytest

from harvester.ledger.outbox import Outbox, Unsent


@pytest.fixture
def ledger(tmp_path):
    """Make a file with the columns of stamps that the outbox reads."""
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE cutout (file_loc, sha256, size, state)")
        db.executemany(
            "INSERT INTO cutout VALUES (?, ?, 3, ?)",
            [
                ("cutouts/same", "s", "done"),
                ("cutouts/lost", "l", "done"),
                ("cutouts/recut", "new", "done"),
                ("cutouts/changed", "c", "done"),
                ("cutouts/unknown", "u", "done"),
                ("cutouts/wanted", "", "wanted"),
            ],
        )
    return path


def test_compare(ledger, tmp_path):
    """Lost, cut again, changed in the store, of an unknown sender: all are unsent."""
    with Outbox.open(tmp_path / "store.sqlite") as outbox:
        for name, sha256 in {"same": "s", "recut": "old", "changed": "c"}.items():
            outbox.keep_sent(f"cutouts/{name}", sha256, "1")
        outbox.keep_sent("cutouts/lost", "l", "1")
        listed = {"same": "1", "recut": "1", "changed": "2", "unknown": "1"}
        outbox.keep_listed((f"cutouts/{one}", 3, tag) for one, tag in listed.items())
        outbox.keep_listed([("cutouts/strange", 3, "1"), ("harvest.toml", 3, "1")])
        with outbox.comparison(ledger) as comparison:
            assert comparison.count() == 4
            names = [stamp.name for _, stamp in comparison.page(0, 100)]
            (number, _), *_ = comparison.page(0, 1)
            assert len(comparison.page(number, 100)) == 3
        assert sorted(names) == [
            f"cutouts/{one}" for one in ("changed", "lost", "recut", "unknown")
        ]
        assert outbox.unknown(ledger) == ["cutouts/strange"]


def test_current(ledger, tmp_path):
    """A stamp that the ledger has otherwise, or no more, is not current."""
    with Outbox.open(tmp_path / "store.sqlite") as outbox:
        assert outbox.is_current(ledger, Unsent("cutouts/same", "s", 3))
        assert not outbox.is_current(ledger, Unsent("cutouts/recut", "old", 3))
        assert not outbox.is_current(ledger, Unsent("cutouts/wanted", "", 0))


def test_damaged_file(tmp_path):
    """A damaged outbox is made anew: it only saves requests."""
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"no database" * 1000)
    with Outbox.open(path) as outbox:
        writer = outbox.writer
        assert outbox.sent("cutouts/a") is None
    with Outbox.open(path) as outbox:
        assert outbox.writer == writer
