"""The environment of the loaders has what its tests are about."""

from __future__ import annotations

import importlib

import pytest

_LOADERS = [
    "datasets",
    "h5py",
    "hats",
    "huggingface_hub",
    "lance",
    "lsdb",
    "matplotlib",
    "moto.server",
    "nbmake",
    "nested_pandas",
    "obstore",
    "photutils",
    "reproject",
    "sklearn",
    "webdataset",
    "zarr",
]


@pytest.mark.parametrize("name", _LOADERS)
def test_imports(name):
    """Each loader can be imported."""
    assert importlib.import_module(name)


def test_no_torch():
    """What has gigabytes and no test is left out of the lock."""
    assert importlib.util.find_spec("galaxy_datasets")
    assert importlib.util.find_spec("torch") is None
