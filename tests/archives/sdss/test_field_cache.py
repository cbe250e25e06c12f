"""The table of all fields on disk: shared, checked, written whole."""

from __future__ import annotations

import numpy as np
import pytest
from field_rows import scan

from harvester.archives.sdss.field_cache import FieldCache, shared_folder
from harvester.archives.sdss.fields import FieldTable
from harvester.archives.sdss.kind import field_cache
from harvester.places import Places
from harvester.settings.settings import load_settings

SOURCE = "https://skyserver.sdss.org"


def cache(*folders, release=17, source=SOURCE):
    """Give a cache in some folders."""
    return FieldCache(folders, release=release, source=source)


@pytest.fixture
def table():
    """Give a table of three fields."""
    return FieldTable(scan(fields=3))


def test_kept_table_comes_back(tmp_path, table):
    """A kept table is the same in the next run, with its date."""
    assert not cache(tmp_path / "new").exists()
    assert cache(tmp_path / "new").load() is None
    path = cache(tmp_path / "new").keep(table)
    assert cache(tmp_path / "new").exists()
    loaded, day = cache(tmp_path / "new").load()
    assert np.array_equal(loaded.rows, table.rows)
    assert len(day) == len("2026-11-23")
    assert list(path.parent.iterdir()) == [path]


def test_another_source_or_release(tmp_path, table):
    """A table of another release or server is not used."""
    cache(tmp_path).keep(table)
    assert cache(tmp_path, release=18).load() is None
    assert cache(tmp_path, source="http://127.0.0.1:8000").load() is None


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_table_is_none(tmp_path, table, damage, place):
    """A truncated or altered file is not used, and is replaced."""
    path = cache(tmp_path).keep(table)
    content = bytearray(path.read_bytes())
    at = int(len(content) * place)
    if damage == "cut":
        del content[at:]
    else:
        content[at] ^= 0xFF
    path.write_bytes(content)
    loaded = cache(tmp_path).load()
    # Some bytes of the container do not matter for its content.
    assert loaded is None or np.array_equal(loaded[0].rows, table.rows)
    assert damage == "flipped" or loaded is None
    cache(tmp_path).keep(table)
    assert cache(tmp_path).load() is not None


def test_altered_row_is_noticed(tmp_path, table):
    """A table with altered rows is not used, even if well-formed."""
    path = cache(tmp_path).keep(table)
    with np.load(path) as file:
        rows, about = file["rows"], file["about"]
    rows["a"][1] += 1e-9
    np.savez(path, rows=rows, about=about)
    assert cache(tmp_path).load() is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>", b"\x93NUMPY"])
def test_foreign_file(tmp_path, table, content):
    """Another file with the same name is not used."""
    cache(tmp_path).keep(table).write_bytes(content)
    assert cache(tmp_path).load() is None


def test_unwritable_folder(tmp_path, table):
    """If the shared folder is not writable, the folder of the run is used."""
    (tmp_path / "file").write_text("not a folder")
    shared = tmp_path / "file" / "harvester"
    path = cache(shared, tmp_path / "run").keep(table)
    assert path.parent == tmp_path / "run"
    assert cache(shared, tmp_path / "run").load() is not None
    assert cache(shared).keep(table) is None
    assert cache(shared).load() is None


def test_shared_folder(monkeypatch, tmp_path):
    """Runs share the user's cache folder of the XDG convention."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert shared_folder() == tmp_path / "harvester"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shared_folder() == tmp_path / ".cache" / "harvester"


def test_rehearsal_keeps_to_itself(monkeypatch, tmp_path, table):
    """A table from the sandbox stays in its run, unless a folder is set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    places = Places(tmp_path / "run")

    def folder(**flags):
        settings = load_settings(**flags)
        asked = {"sdss-sky": settings.services.sdss_sky.base_url or SOURCE}
        official = {"sdss-sky": SOURCE}
        section = settings.archive("sdss")
        return field_cache(section, official, asked, places.tables).keep(table).parent

    sandbox = {"sdss_sky": {"base_url": "http://127.0.0.1:8000"}}
    assert folder() == tmp_path / "home" / "harvester"
    assert folder(services=sandbox) == tmp_path / "run" / "tables"
    named = str(tmp_path / "named")
    assert folder(services=sandbox, sdss={"cache_dir": named}) == tmp_path / "named"
