"""What users write today to load the stamps of a run: FITS files and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def load_by_hand(out: Path) -> Iterator[dict[str, Any]]:
    """Pivot the manifest, open the files, change byte order, replace NaN, stack."""
    import pandas as pd
    from astropy.io import fits

    manifest = pd.read_parquet(out / "manifest.parquet")
    done = manifest[manifest["status"] == "done"]
    bands = sorted(done["band"].unique())
    files = done.pivot_table(
        index="id_str", columns="band", values="file_loc", aggfunc="first"
    ).dropna()
    labels = done.drop_duplicates("id_str").set_index("id_str")["class"]
    for name, row in files.iterrows():
        flux, mask = [], []
        for band in bands:
            with fits.open(out / row[band]) as hdus:
                flux.append(np.nan_to_num(hdus[0].data.astype("=f4")))
                mask.append(hdus["MASK"].data)
        yield {
            "id": name,
            "flux": np.stack(flux),
            "mask": np.stack(mask),
            "label": labels[name],
        }
