"""Reads all stamps of an export with the program that its format is for."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

#: Gives the fluxes of an export, some at a time: arrays whose first axis is galaxies.
Reader: TypeAlias = "Callable[[Path], Iterator[NDArray[np.float32]]]"

#: Stamps in a batch.
_BATCH = 256


def _datasets(out: Path) -> Iterator[NDArray[np.float32]]:
    for batch in hugging_face(out).with_format("numpy").iter(batch_size=_BATCH):
        yield batch["flux"]


def hugging_face(out: Path) -> Any:  # noqa: ANN401 - of the loaders
    """Open an export to HATS with `datasets`; the first time it is converted."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets

    datasets.disable_progress_bars()
    cache = str(out.parent / "cache")
    data = datasets.load_dataset(str(out), "sky", split="train", cache_dir=cache)
    return data.select_columns(["object_id", "flux", "class"])


def _lsdb(out: Path) -> Iterator[Any]:
    logging.disable()  # it tries kinds of files in turn, and logs each try
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lsdb

        catalog = lsdb.open_catalog(out).load_extension("images_sky", columns=["flux"])
        yield catalog.compute(progress_bar=False)["flux"].array


def _arrow(out: Path) -> Iterator[NDArray[np.float32]]:
    import pyarrow.parquet as pq

    for path in sorted(out.glob("sky/dataset/Norder=*/Dir=*/Npix=*.parquet")):
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, columns=["flux"])["flux"]
            yield column.combine_chunks().to_numpy_ndarray()


def _lance(out: Path) -> Iterator[NDArray[np.float32]]:
    import lance

    data = lance.dataset(out / "sky.lance")
    for batch in data.to_batches(columns=["flux"]):
        yield batch["flux"].flatten().to_numpy().reshape(len(batch), -1)


def _zarr(out: Path) -> Iterator[NDArray[np.float32]]:
    import zarr

    flux = zarr.open_group(out / "sky", mode="r")["flux"]
    rows = flux.shards[0]
    for start in range(0, flux.shape[0], rows):
        yield flux[start : start + rows]


def _hdf5(out: Path) -> Iterator[NDArray[np.float32]]:
    import h5py

    for path in sorted(out.glob("sky/**/*.hdf5")):
        with h5py.File(path) as file:
            yield file["image_flux"][:]


def _webdataset(out: Path) -> Iterator[NDArray[np.float32]]:
    import webdataset

    names = [str(path) for path in sorted(out.rglob("*.tar"))]
    for sample in webdataset.WebDataset(names, shardshuffle=False).decode():
        yield sample["sky.npy"][None]


def _numpy(out: Path) -> Iterator[NDArray[np.float32]]:
    flux = np.load(out / "sky" / "flux.npy", "r")
    for start in range(0, len(flux), _BATCH):
        yield np.array(flux[start : start + _BATCH])


#: What reads which format.
READERS: dict[str, tuple[str, Reader]] = {
    "datasets, batches of 256": ("hats", _datasets),
    "lsdb, extension": ("hats", _lsdb),
    "pyarrow": ("hats", _arrow),
    "lance": ("lance", _lance),
    "zarr": ("zarr", _zarr),
    "h5py": ("hdf5", _hdf5),
    "webdataset": ("webdataset", _webdataset),
    "numpy, mapped": ("numpy", _numpy),
}
