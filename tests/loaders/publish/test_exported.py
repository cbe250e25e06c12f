"""What `harvester export` writes is what `harvester publish` takes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from small_data_set import contents_of
from small_run import SmallRun

from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.places import Places


@pytest.mark.parametrize("starter", [None, 12])
def test_export_and_publish(hub, to_hub, tmp_path, starter):
    """An export is published as it is; the pixels on the hub are those of the run."""
    run = SmallRun(tmp_path / "run")
    out = tmp_path / "out"
    options = ExportOptions(starter=starter)
    made = export_run(Places(run.out), "numpy", options, out=out, quiet=True)
    code, output, errors = to_hub(out, "--to", "hf://astro/small")
    assert (code, errors) == (0, ""), output
    there = hub.files("astro/small")
    assert {n: c for n, c in there.items() if n != ".gitattributes"} == contents_of(out)
    flux = np.load(io.BytesIO(there["wide/flux.npy"]))
    assert len(flux) == made.stamps["wide"] == (starter or run.count)
    assert f"Image stamps of {len(flux)} galaxies".encode() in there["README.md"]
