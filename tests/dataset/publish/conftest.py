"""An exported data set with a table, pixels in several formats, a card and a list."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvester.dataset.export.card.card import write_card
from harvester.dataset.export.card.facts import DataEdition, card_facts
from harvester.dataset.export.checksums import write_checksums

_OWN = ["id_str", "ra", "dec", "survey", "band", "status", "file_loc", "coverage"]


@pytest.fixture
def data_set(tmp_path):
    """Make it; tests that change it write the list of files again."""
    folder = tmp_path / "demo"
    folder.mkdir()
    pixels = np.arange(4 * 9, dtype=np.float32).reshape(4, 3, 3)
    np.save(folder / "flux.npy", pixels)
    flux = pa.FixedShapeTensorArray.from_numpy_ndarray(pixels)
    ids, labels = ["a", "b", "c", "d"], [0, 1, 1, None]
    table = pa.table({"object_id": ids, "flux": flux, "label": labels})
    pq.write_table(table, folder / "table.parquet")
    rows = [
        {"id_str": one, "ra": 1.0, "dec": 0.0, "survey": "sdss", "band": "r"}
        | {"status": "done", "file_loc": f"{one}.fits", "coverage": 1.0, "label": 1}
        for one in ids
    ]
    meta = {b"harvester": json.dumps({"own_columns": _OWN}).encode()}
    manifest = pa.Table.from_pylist(rows).replace_schema_metadata(meta)
    edition = DataEdition(name="demo", format="numpy", loading='load("demo")')
    write_card(folder, card_facts(manifest, edition))
    write_checksums(folder)
    return folder
