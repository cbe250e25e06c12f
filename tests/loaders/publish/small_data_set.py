"""A small exported data set: three tables with pixels, a card and a list of files."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harvester.dataset.export.card.card import write_card
from harvester.dataset.export.card.facts import DataEdition, card_facts
from harvester.dataset.export.checksums import write_checksums

_OWN = ["id_str", "ra", "dec", "survey", "band", "status", "file_loc", "coverage"]


def make_data_set(folder, *, galaxies=40, seed=0):
    """Write a data set of three tables with pixels, a card and a list of its files."""
    rng = np.random.default_rng(seed)
    for number in range(3):
        path = folder / "images" / f"part-{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        ids = [f"galaxy-{number}-{place}" for place in range(galaxies)]
        pixels = rng.normal(size=(galaxies, 1, 64, 64)).astype(np.float32)
        flux = pa.FixedShapeTensorArray.from_numpy_ndarray(pixels)
        labels = pa.array(rng.integers(0, 2, galaxies))
        table = pa.table({"object_id": ids, "flux": flux, "label": labels})
        pq.write_table(table, path, compression="none")
    (folder / "export.json").write_text('{"format": "hats"}\n')
    rows = [
        {"id_str": f"g{n}", "ra": 1.0 + n, "dec": 0.0, "survey": "sdss", "band": "r"}
        | {"status": "done", "file_loc": f"{n}.fits", "coverage": 1.0, "label": n % 2}
        for n in range(galaxies)
    ]
    meta = {b"harvester": json.dumps({"version": "0", "own_columns": _OWN}).encode()}
    manifest = pa.Table.from_pylist(rows).replace_schema_metadata(meta)
    edition = DataEdition(name="demo", format="hats", loading='load("demo")')
    write_card(folder, card_facts(manifest, edition))
    write_checksums(folder)
    return folder


def contents_of(folder):
    """Give the bytes of each file of a folder, by its relative path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
