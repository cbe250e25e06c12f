"""Samples for training, with and without torch."""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import ModuleType

import numpy as np
import pytest
from written_run import GREEN, INFRARED, RED, write_run

import harvester
from harvester.dataset.opened.samples import StampSamples
from harvester.errors import InputError

LABELS = {"kind": ["b", "a", "c", "b"], "z": [0.5, 1.5, 2.5, 3.5], "n": [1, 2, 3, None]}


@pytest.fixture
def data(tmp_path):
    """Give a run of four galaxies, one of which has no stamp in r."""
    bands = (GREEN, RED, INFRARED)
    return harvester.open(write_run(tmp_path, LABELS, bands, missing={(2, "r")}))


@pytest.fixture
def torch(monkeypatch):
    """Put a stand-in for torch in place, which has ``Dataset`` only."""
    modules = {
        name: ModuleType(name) for name in ("torch", "torch.utils", "torch.utils.data")
    }
    modules["torch.utils.data"].Dataset = type("Dataset", (), {})
    for name, module in modules.items():
        module.__spec__ = __spec__
        monkeypatch.setitem(sys.modules, name, module)
    home = "harvester.dataset.opened.torch_dataset"
    monkeypatch.delitem(sys.modules, home, raising=False)
    yield modules["torch.utils.data"]
    sys.modules.pop(home, None)


def test_item(data):
    """An item has the bands in the order that was asked for, native and contiguous."""
    samples = StampSamples(data, ["sdss:r", "sdss:g"], "z", planes=["flux", "good"])
    assert len(samples) == 3
    item = samples[1]
    assert list(item) == ["id_str", "flux", "good", "z"]
    assert (item["id_str"], item["z"]) == ("001", 1.5)
    flux = item["flux"]
    assert (flux.shape, flux.dtype, flux.flags.c_contiguous) == (
        *((2, 24, 24), np.dtype(np.float32)),
        True,
    )
    for place, band in enumerate(["r", "g"]):
        stamp = data["001"]["sdss", band]
        assert np.array_equal(flux[place], stamp.flux, equal_nan=True)
        assert np.array_equal(item["good"][place], stamp.good)
    assert samples[-1]["id_str"] == "003"
    with pytest.raises(IndexError, match="no item 3: there are 3"):
        samples[3]


def test_fill(data):
    """Pixels without a value are NaN, or what was asked for."""
    assert np.isnan(StampSamples(data, "sdss:g")[0]["flux"][0, 0, 0])
    filled = StampSamples(data, "sdss:g", fill=-1)[0]["flux"]
    assert filled[0, 0, 0] == -1
    assert np.isfinite(filled).all()


def test_classes(data):
    """Labels that are text become numbers of sorted classes."""
    samples = StampSamples(data, "sdss:g", "kind")
    assert samples.classes == {"kind": ["a", "b", "c"]}
    assert [samples[n]["kind"] for n in range(4)] == [1, 0, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None,), r"do not all have the same shape \(24 x 24: 000 in sdss:g; 60 x 60"),
        ((["sdss:g"], ["n"]), r"1 galaxies have no 'n'. Leave them out with where"),
        ((["sdss:g"], ["galaxy"]), "there is no label 'galaxy'; there are id_str"),
        ((["sdss:y"],), "there is no band 'sdss:y'"),
        (([],), "no band is named"),
    ],
)
def test_what_cannot_be_trained_on(data, arguments, words):
    """Stamps of several shapes, labels without values and wrong names are errors."""
    with pytest.raises(InputError, match=words):
        StampSamples(data, *arguments)


def test_planes_that_are_not_there(tmp_path):
    """A plane that does not exist, or that the run did not keep, is an error."""
    data = harvester.open(write_run(tmp_path, {"n": [1]}, (RED,), planes=()))
    with pytest.raises(InputError, match="no plane 'noise'; there are flux, ivar"):
        StampSamples(data, planes="noise")
    with pytest.raises(InputError, match=r"000\.fits has no plane 'ivar'"):
        StampSamples(data, planes="ivar")[0]


def test_no_complete_galaxy(tmp_path):
    """If no galaxy has all bands there is nothing to train on."""
    run = write_run(tmp_path, {"n": [1]}, missing={(0, "r")})
    with pytest.raises(InputError, match=r"no galaxy of .* in all of sdss:g, sdss:r"):
        StampSamples(harvester.open(run))


def test_shape_that_changes(data):
    """A stamp that has another shape than the manifest says is an error."""
    samples = StampSamples(data, "sdss:g")
    other = data["000"]["hst", "F160W"].path
    other.replace(data["001"]["sdss", "g"].path)
    with pytest.raises(InputError, match=r"001\.fits is \(60, 60\), others \(24, 24\)"):
        samples[1]


def test_other_processes(data):
    """Samples can be pickled, so that processes started afresh read them."""
    samples = StampSamples(data, "sdss:g", planes=["flux", "good"])
    same = pickle.loads(pickle.dumps(samples))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        found = pool.submit(_sum_of, same, 2).result()
    assert found == pytest.approx(_sum_of(samples, 2))


def _sum_of(samples, number):
    return samples[number]["flux"].sum(where=samples[number]["good"])


def test_torch(data, torch):
    """With torch there, the samples are a data set of torch that can be pickled."""
    samples = data.torch(["sdss:g", "sdss:r"], "kind", fill=0)
    assert isinstance(samples, torch.Dataset)
    assert pickle.loads(pickle.dumps(samples))[2]["id_str"] == "003"
    assert repr(samples) == "<3 samples of sdss:g, sdss:r, shape (24, 24)>"


def test_no_torch(data, monkeypatch):
    """Without torch the error says what to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="pip install torch"):
        data.torch("sdss:g")
