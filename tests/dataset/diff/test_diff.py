"""What differs between two data sets, by galaxy and by pixel."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from harvester.cutouts.stamp_file import Extension, to_cards, to_fits
from harvester.dataset.diff.command import diff
from harvester.dataset.diff.report import find_differences
from harvester.dataset.manifest import write_labels, write_manifest
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.places import Places

FLUX = np.arange(12, dtype=np.float32).reshape(3, 4)
FLUX[1, 1] = np.nan
IVAR = np.full((3, 4), 4, np.float32)


def row(number, name, **changes):
    """Give a row of a manifest whose stamp is done."""
    values = dict.fromkeys(MANIFEST_COLUMNS) | {
        "id_str": name, "ra": 10.0, "dec": -5.0, "survey": "sdss", "band": "r",
        "status": "done", "reason": "", "missing_reason": "", "product": "frame",
        "file_loc": f"cutouts/{name}.fits", "sha256": "same", "parent": "etag:1",
        "target": number,
    }  # fmt: skip
    return number, tuple((values | changes).values())


def make(out, rows, labels, facts=None, stamps=None):
    """Write a run with these rows, labels and stamps."""
    places = Places(out)
    (out / "cutouts").mkdir(parents=True)
    write_labels(places.labels, pa.table(labels).to_reader())
    write_manifest(places, rows, facts)
    for name, (flux, planes) in (stamps or {}).items():
        content = to_fits(flux, [], to_cards([]), planes)
        (out / f"cutouts/{name}.fits").write_bytes(content)
    return out


def test_same(tmp_path):
    """Runs with the same rows, in another order and found elsewhere, are the same."""
    rows = [row(0, "a"), row(1, "b", parent="sha256:2")]
    one = make(tmp_path / "a", rows, {"kind": ["x", None], "z": [np.nan, 1.0]})
    rows = [row(0, "b", file_loc="other.fits"), row(1, "a")]
    other = make(tmp_path / "b", rows, {"kind": [None, "x"], "z": [1.0, np.nan]})
    found = find_differences(one, other / "manifest.parquet")
    assert found.is_same
    assert list(found.words()) == ["the galaxies, labels and stamps are the same"]


def test_catalogue_changed(tmp_path):
    """Galaxies and labels that come, go or change are told."""
    labels = {"kind": ["x", "y"], "old": [1, 2]}
    one = make(tmp_path / "a", [row(0, "a"), row(1, "b")], labels)
    rows = [row(0, "a", ra=10.001), row(1, "c")]
    other = make(tmp_path / "b", rows, {"kind": ["z", "y"], "new": [1, 2]})
    found = find_differences(one, other).galaxies
    assert [key.id_str for key in found.removed] == ["b"]
    assert [key.id_str for key in found.added] == ["c"]
    assert found.moved == {"a": pytest.approx(3.586, abs=0.001)}
    assert found.labels == {"kind": 1}
    assert (found.labels_removed, found.labels_added) == (["old"], ["new"])


def test_release_changed(tmp_path):
    """Another frame or status is told with what it was; also another setting."""
    rows = [row(0, "a"), row(1, "b"), row(2, "b", band="g")]
    one = make(
        tmp_path / "a", rows, {"n": [1, 2, 3]}, {"settings": {"sdss release": "16"}}
    )
    gone = {"file_loc": None, "sha256": None, "status": "failed", "product": None}
    rows = [row(0, "a", product="newer"), row(1, "b", **gone), row(2, "b", band="g")]
    other = make(
        tmp_path / "b", rows, {"n": [1, 2, 3]}, {"settings": {"sdss release": "17"}}
    )
    found = find_differences(one, other)
    assert found.runs == [("sdss release", "16", "17")]
    changes = {key.id_str: dict.fromkeys(c[0] for c in one) for key, one in
               found.galaxies.stamps.items()}  # fmt: skip
    assert changes == {"a": {"product": None}, "b": {"status": None, "product": None}}


@pytest.mark.parametrize(
    ("flux", "planes", "said"),
    [
        (FLUX + 1, [Extension("IVAR", IVAR)], "flux by at most 1 (2 sigma)"),
        (FLUX, [Extension("IVAR", 2 * IVAR)], "12 pixels of ivar"),
        (FLUX, [], "ivar in one only"),
        (FLUX[:2], [Extension("IVAR", IVAR[:2])], "4 x 3 pixels -> 4 x 2"),
        (FLUX, [Extension("IVAR", IVAR)], "the same pixels, other header cards"),
    ],
)  # fmt: skip
def test_pixels(tmp_path, flux, planes, said):
    """Of a stamp with other bytes it is told which pixels differ, and by how much."""
    stamps = {"a": (FLUX, [Extension("IVAR", IVAR)])}
    one = make(tmp_path / "a", [row(0, "a")], {"n": [1]}, None, stamps)
    rows = [row(0, "a", sha256="other")]
    other = make(tmp_path / "b", rows, {"n": [1]}, None, {"a": (flux, planes)})
    done = CliRunner().invoke(diff, [str(one), str(other)])
    assert done.exit_code == 3
    assert "a sdss r: " in done.output
    assert f"{said}\n" in done.output
    told = json.loads(CliRunner().invoke(diff, [str(one), str(other), "--json"]).output)
    assert told["pixels"][0][:4] == ["a", "sdss", "r", 0]


def test_stamp_missing(tmp_path):
    """A stamp whose file is gone is named, and the others are still compared."""
    one = make(tmp_path / "a", [row(0, "a")], {"n": [1]})
    other = make(tmp_path / "b", [row(0, "a", sha256="other")], {"n": [1]})
    assert [key.id_str for key in find_differences(one, other).not_compared] == ["a"]


def test_no_run(tmp_path):
    """A folder without a harvest is refused with what to do."""
    done = CliRunner().invoke(diff, [str(tmp_path), str(tmp_path)])
    assert "there is no harvest" in str(done.exception)
    assert "harvester run CATALOGUE" in str(done.exception)
