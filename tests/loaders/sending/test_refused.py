"""What a store refuses, or has of others, ends the command with a clear sentence."""

from __future__ import annotations

import sqlite3

import service


def test_no_bucket(to_store):
    """A bucket that is not there is told before anything is made."""
    place = ("--out", "s3://nowhere/runs", "--work", to_store.work)
    catalogue = to_store.archives.catalogue
    done = to_store.command("run", catalogue, *place, *to_store.archives.flags())
    assert done.returncode == 2
    assert "there is no such bucket" in done.stderr
    assert "Traceback" not in done.stderr
    assert not to_store.work.exists()


def test_strange_object(to_store):
    """An object of another program is not overwritten; once removed, resume goes on."""
    assert to_store.run("--locate-only").returncode == 0
    where = {"Bucket": "galaxies", "Key": f"{to_store.prefix}/{_a_stamp(to_store)}"}
    client = to_store.server.client()
    client.put_object(**where, Body=b"mine")
    done = to_store.run()
    assert done.returncode == 2
    assert f"{where['Key']} has other bytes" in done.stderr
    assert client.get_object(**where)["Body"].read() == b"mine"
    client.delete_object(**where)
    assert to_store.command("resume", to_store.work).returncode == 0
    assert len(to_store.stamps()) == 48
    _refuse_other_run(to_store)


def _a_stamp(to_store):
    """Give the name of a stamp that is going to be made."""
    with sqlite3.connect(to_store.work / "ledger.sqlite") as db:
        return db.execute("SELECT min(file_loc) FROM cutout").fetchone()[0]


def _refuse_other_run(to_store):
    """Another run in the same place is refused, and told how to continue that one."""
    other = to_store.folder / "other"
    place = ("--out", to_store.url, "--work", other)
    catalogue = to_store.archives.catalogue
    done = to_store.command("run", catalogue, *place, *to_store.archives.flags())
    assert done.returncode == 2
    assert f"harvester resume {to_store.url}" in done.stderr
    assert not other.exists()


def test_unreachable(to_store):
    """A store that is down ends a new run at once with exit code 5."""
    to_store.server.kill()
    done = to_store.run()
    to_store.server.start()
    assert done.returncode == 5
    assert f"{to_store.url}: connection refused" in done.stderr
    assert not (to_store.work / "ledger.sqlite").exists()


def test_no_keys(to_store):
    """Without keys the message says which variables to set."""
    # Where a machine in a cloud would ask for keys.
    nowhere = {"AWS_METADATA_ENDPOINT": f"{to_store.server.url}/nothing"}
    url = to_store.server.url
    done = service.harvester(*to_store.words(), AWS_ENDPOINT_URL=url, **nowhere)
    assert done.returncode == 2
    assert "AWS_ACCESS_KEY_ID" in done.stderr
    assert "Traceback" not in done.stderr
