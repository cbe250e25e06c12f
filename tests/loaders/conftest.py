"""Fixtures for the tests that read data sets with the users' own loaders."""

from __future__ import annotations

import os

import pytest
from small_run import SmallRun

from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.places import Places

# Set before the loaders are imported: no test may ask the network for anything.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

import datasets


def pytest_configure(config):
    """Let the loaders warn: what they say among themselves is not ours to mend."""
    config.addinivalue_line("filterwarnings", "default")


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    """Keep what the loaders cache out of the user's own folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf-cache")


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """Give a run of 120 galaxies in two surveys, one of which has every third."""
    return SmallRun(tmp_path_factory.mktemp("run") / "run", 120)


@pytest.fixture(scope="session")
def exported(small_run, tmp_path_factory):
    """Give a function that exports the run to a format, once for each choice."""
    known = {}

    def export(to, run=small_run, **options):
        key = to, run.out, str(options)
        if key not in known:
            out = tmp_path_factory.mktemp(to) / to
            chosen = ExportOptions(**options)
            known[key] = export_run(Places(run.out), to, chosen, out=out).folder
        return known[key]

    return export
