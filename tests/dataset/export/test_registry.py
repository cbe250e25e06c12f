"""Formats of this package and of others."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from harvester.dataset.export import registry
from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.errors import InputError
from harvester.places import Places

_PAGE = Path(__file__).parents[3] / "docs" / "add-an-export.md"


@pytest.fixture
def added(monkeypatch):
    """Give a function that adds an entry point of another package."""

    def add(value):
        point = EntryPoint("mine", value, registry.GROUP)
        monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [point])
        registry.export_formats.cache_clear()
        return registry.export_formats()

    yield add
    monkeypatch.undo()
    registry.export_formats.cache_clear()


class _Mine:
    name = "mine"


class _Taken:
    name = "numpy"


MINE, TAKEN = _Mine(), _Taken()


def test_own_formats():
    """Every module of a format is found, under the name that it gives."""
    assert {"numpy", "hdf5", "webdataset", "zoobot", "fits-cube"} <= set(
        registry.export_formats()
    )


def test_format_of_another_package(added, monkeypatch):
    """A format of another package is one of the known ones."""
    monkeypatch.setattr(EntryPoint, "load", lambda _self: MINE)
    assert added("x:MINE")["mine"] is MINE


def test_broken_format(added):
    """A format that cannot be loaded is an error that names it."""
    with pytest.raises(InputError, match=r"'mine'.*cannot be loaded"):
        added("no_such_module:FORMAT")


def test_taken_name(added, monkeypatch):
    """A format with the name of another one is an error that names it."""
    monkeypatch.setattr(EntryPoint, "load", lambda _self: TAKEN)
    with pytest.raises(InputError, match="'numpy', but that name is in use"):
        added("x:TAKEN")


def test_example_of_the_page(added, monkeypatch, run):
    """The format that the documentation shows exports a run, and its line loads it."""
    example, loaded = {}, {}
    code = _PAGE.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    exec(code, example)
    monkeypatch.setattr(EntryPoint, "load", lambda _self: example["FORMAT"])
    added("x:FORMAT")
    done = export_run(Places(run.out), "table", ExportOptions())
    exec(done.loading, loaded)
    assert loaded["table"].num_rows == done.galaxies == 30
