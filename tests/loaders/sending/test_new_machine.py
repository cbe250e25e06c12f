"""A run goes on in a new folder from what its store has."""

from __future__ import annotations

import shutil

import service
from to_store import stamps_on_disk


def _files(folder):
    names = ("labels.parquet", "rejects.jsonl", "manifest.parquet", "manifest.csv")
    return {name: (folder / name).read_bytes() for name in names}


def test_new_machine(to_store, on_disk):
    """Fetched from a ledger that is older than the store, the run ends the same."""
    process = to_store.start()
    to_store.wait_for_stamps(12, process)
    service.kill_group(process)
    new = to_store.folder / "new"
    done = to_store.command("resume", to_store.url, "--work", new)
    assert done.returncode == 0, done.stderr
    assert stamps_on_disk(new) == to_store.stamps() == stamps_on_disk(on_disk)
    assert _files(new) == _files(on_disk)
    # The folder that was left behind does not write over what goes on elsewhere.
    left = to_store.command("resume", to_store.work)
    assert left.returncode == 4, left.stderr
    assert "written by a harvest in another folder" in left.stderr


def test_fetched_whole(to_store, on_disk):
    """Of a finished run everything is fetched; what the store has lost is cut again."""
    assert to_store.run().returncode == 0
    shutil.rmtree(to_store.work)
    lost = sorted(to_store.stamps())[7]
    client = to_store.server.client()
    client.delete_object(Bucket="galaxies", Key=f"{to_store.prefix}/{lost}")
    done = to_store.command("resume", to_store.url, "--work", to_store.work)
    assert done.returncode == 0, done.stderr
    assert "1 stamp is not in the store as the ledger has them" in done.stderr
    assert stamps_on_disk(to_store.work) == to_store.stamps() == stamps_on_disk(on_disk)
    found = to_store.command("verify", to_store.work)
    assert found.returncode == 0, found.stdout


def test_no_run_there(to_store):
    """A prefix without a run is told, with the command that begins one."""
    done = to_store.command("resume", to_store.url, "--work", to_store.work)
    assert done.returncode == 2
    assert "no run was sent there" in done.stderr
    assert f"harvester run CATALOGUE --out {to_store.url}" in done.stderr
