"""Exports are written and loaded many times faster than by hand.

The CPU is measured, which other programs on the machine hardly change. The figures of
whole data sets are in docs/performance.md.
"""

from __future__ import annotations

import time
from itertools import islice

import datasets
import pytest
from glue import load_by_hand
from loading import from_generator
from made_run import make_run
from readers import hugging_face
from stamp_sources import painted

from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.places import Places

_GALAXIES = 600


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give a run of stamps that the sandbox has painted."""
    out = tmp_path_factory.mktemp("made") / "run"
    make_run(out, painted(), _GALAXIES)
    return out


def _cpu(work):
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.timeout(900)
def test_export_against_generator(made, tmp_path):
    """An export takes a third of the CPU of `Dataset.from_generator`, or less."""
    ours, usual = [], []
    for turn in range(2):
        out = tmp_path / f"out-{turn}"
        ours.append(
            _cpu(
                lambda out=out: export_run(
                    Places(made), "hats", ExportOptions(), out=out
                )
            )
        )
        cache = tmp_path / f"cache-{turn}"
        usual.append(_cpu(lambda cache=cache: from_generator(made, cache)))
    # The first turn imports the libraries.
    assert usual[1] > 3 * ours[1]


def test_loading_against_glue(made, tmp_path):
    """Batches come at ten times the rate of files that are read by hand."""
    out = export_run(Places(made), "hats", ExportOptions(), out=tmp_path / "out").folder
    data = hugging_face(out).with_format("numpy")
    assert len(data) == _GALAXIES

    def read():
        for batch in data.iter(batch_size=256):
            assert batch["flux"].shape[1] == 2 * 40 * 40

    rows = load_by_hand(made)
    next(rows)
    by_hand = _cpu(lambda: list(islice(rows, 200))) / 200
    read()
    assert min(_cpu(read) for _ in range(3)) / _GALAXIES < by_hand / 10
    assert isinstance(data, datasets.Dataset)
