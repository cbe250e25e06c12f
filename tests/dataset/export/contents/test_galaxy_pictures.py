"""Which bands are drawn in which colour."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from harvester.dataset.export.contents import galaxy_pictures
from harvester.dataset.export.contents.galaxy_pictures import GalaxyPictures
from harvester.dataset.export.options import ExportOptions
from harvester.dataset.export.selection.selection import select
from harvester.dataset.export.selection.snapshot import take_snapshot
from harvester.places import Places

_NM = {"g": 770, "r": 480, "i": 620}


@pytest.fixture
def drawn(run, monkeypatch):
    """Give a function that draws the first galaxy with light in one band only."""

    def draw(lit, kinds):
        monkeypatch.setattr(galaxy_pictures, "kinds", lambda: kinds)
        snapshot = take_snapshot(Places(run.out))
        selection = select(run.out, snapshot, ExportOptions())
        survey = selection.surveys[0]
        flux = np.random.default_rng(0).normal(0, 1, (1, 3, 8, 8)).astype("f4")
        flux[0, survey.bands.index(lit), 3:5, 3:5] = 500
        (picture,) = GalaxyPictures(selection, survey).draw(flux, survey.rows[:1])
        return "RGB"[picture[3:5, 3:5].sum(axis=(0, 1)).argmax()]

    return draw


@pytest.mark.parametrize(("band", "colour"), [("g", "R"), ("i", "G"), ("r", "B")])
def test_by_wavelength(drawn, band, colour):
    """The archive's wavelengths decide, whatever the order of the bands in the run."""
    kind = SimpleNamespace(wavelength_nm=lambda _instrument, name: _NM[name])
    assert drawn(band, {"wide": kind}) == colour


@pytest.mark.parametrize(("band", "colour"), [("g", "B"), ("r", "G"), ("i", "R")])
def test_without_wavelengths(drawn, band, colour):
    """Without wavelengths bands count as ordered from blue to red."""
    assert drawn(band, {}) == colour
