"""What is imported before the first request, and in the server of the workers."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from threading import Thread

import pytest
from astropy.table import Table

from harvester.archives.registry import services
from harvester.importing import IMPORTING

#: Not needed by any part of a harvest.
_NEVER = {
    *("IPython", "PIL", "matplotlib", "pandas", "rich.progress", "torch"),
    *("astropy.modeling", "astropy.nddata", "astropy.visualization", "astropy.wcs"),
    *("harvester.api", "harvester.dataset.export.export", "harvester.dataset.opened"),
    *("harvester.dataset.gallery.gallery", "harvester.sandbox.server"),
    *("pyarrow.dataset", "scipy"),
}

#: Needed by the process that reads the catalogue only.
_OF_CATALOGUE = {
    *("harvester.catalogue.reader", "harvester.dataset.manifest", "pyarrow"),
    "harvester.run.create_run",
}

#: Needed by the process that harvests, but not by its workers.
_OF_HARVEST = {
    *("aiohttp", "aiosqlite", "astroquery", "click", "pyarrow", "pydantic_settings"),
    *("requests", "harvester.ledger.ledger", "harvester.transport.transport"),
}

#: Prints the modules of a harvest when aiohttp is first told to send a request, which
#: is never sent. The WCS, which is imported beside other work, is left out.
_HARVEST = """
import json, os, sys
import aiohttp.client
import harvester.cutouts.astrometry
import harvester.run.lane


async def tell(*_, **__):
    print(json.dumps(sorted(sys.modules)), flush=True)
    os._exit(0)


aiohttp.client.ClientSession._request = tell
harvester.cutouts.astrometry.load_wcs = harvester.run.lane.load_wcs = lambda: None
from harvester.cli import main
main()
"""


def _modules(code, *words):
    """Run a program that prints the names of its modules, and return these."""
    said = subprocess.check_output([sys.executable, "-c", code, *words], text=True)
    return set(json.loads(said.splitlines()[-1]))


def _until_first_request(tmp_path, identifier, suffix="csv"):
    """Harvest one galaxy, and return the modules when the first request is sent."""
    catalogue = tmp_path / f"one.{suffix}"
    Table({"objid": [identifier], "ra": [150.0], "dec": [2.0]}).write(catalogue)
    elsewhere = [
        f"--base-url={name}=http://127.0.0.1:{port}"
        for port, name in enumerate(services(), 1)
    ]
    words = ["run", catalogue, "--out", tmp_path / "out", "--survey", "sdss:r"]
    return _modules(_HARVEST, *map(str, words), *elsewhere)


def test_first_query(tmp_path):
    """Until the first query nothing is imported that a harvest does not need."""
    loaded = _until_first_request(tmp_path, "a")
    assert {"astroquery.sdss", "harvester.run.harvest"} <= loaded
    assert not loaded & (_NEVER | _OF_CATALOGUE | {"astroquery.mast"})


@pytest.mark.parametrize("suffix", ["csv", "fits"])
def test_first_frame(tmp_path, suffix):
    """If identifiers name all fields, neither astropy nor astroquery is imported.

    A catalogue that needs astropy is read by another process.
    """
    identifier = (2 << 59) + (94 << 32) + (6 << 29) + (100 << 16)
    loaded = _until_first_request(tmp_path, identifier, suffix)
    assert "harvester.run.harvest" in loaded
    assert not loaded & (_NEVER | _OF_CATALOGUE | {"astropy", "astroquery", "requests"})


def test_fork_server():
    """The server of the workers imports only what cutting needs."""
    loaded = _modules(
        "import json, sys\n"
        "import harvester.cutouts.forkserver\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    assert {"astropy.wcs", "harvester.cutouts.cutouts"} <= loaded
    assert not loaded & (_OF_HARVEST | _NEVER - {"astropy.wcs"})


@pytest.fixture
def collecting():
    """Restore after the test whether garbage is collected."""
    was_enabled = gc.isenabled()
    yield
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize("is_enabled", [True, False])
def test_collection_is_restored(collecting, is_enabled):
    """Garbage is not collected during imports, and afterwards as it was before."""
    (gc.enable if is_enabled else gc.disable)()
    frozen = gc.get_freeze_count()
    with IMPORTING:
        with IMPORTING:
            pass
        assert not gc.isenabled()
    assert (gc.isenabled(), gc.get_freeze_count()) == (is_enabled, frozen)


@pytest.mark.parametrize("is_imported", [True, False])
def test_new_objects_move_after_an_import(collecting, monkeypatch, is_imported):
    """Only after an import new objects are moved to the oldest generation."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    moves = []
    monkeypatch.setattr(gc, "freeze", lambda: moves.append("freeze"))
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)
    gc.enable()
    with IMPORTING:
        if is_imported:
            import colorsys  # noqa: F401 - a module that nothing needs
    assert bool(moves) == is_imported


def _take_turn():
    with IMPORTING:
        pass


def test_collection_after_failure(collecting):
    """An import that fails leaves the collection of garbage on, and the lock free."""
    gc.enable()
    with pytest.raises(ImportError), IMPORTING:
        import no_such_module  # noqa: F401 - it does not exist
    assert gc.isenabled()
    other = Thread(target=_take_turn, daemon=True)
    other.start()
    other.join(60)
    assert not other.is_alive()
