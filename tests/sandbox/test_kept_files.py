"""Painted files are kept for later sandboxes of the same sky."""

from __future__ import annotations

import pytest
import requests

from harvester.sandbox import kept_files
from harvester.sandbox.kept_files import FOLDER_VARIABLE, KeptFiles
from harvester.sandbox.server import SandboxOptions, run_in_thread

FILE = b"pixels" * 1000


def give():
    """Give the file, as painting does."""
    return FILE


def refuse():
    """Fail: the file is there already."""
    pytest.fail("painted again")


def test_nothing_is_kept(tmp_path, monkeypatch):
    """Without a folder a file is painted each time, and none is written."""
    monkeypatch.chdir(tmp_path)
    assert KeptFiles(None, "sky").get("name", give) == FILE
    assert KeptFiles(None, "sky").get("name", lambda: b"other") == b"other"
    assert list(tmp_path.iterdir()) == []


def test_kept(tmp_path):
    """What was painted once is read from then on."""
    folder = tmp_path / "new" / "painted"
    assert KeptFiles(folder, "sky").get("name", give) == FILE
    assert KeptFiles(folder, "sky").get("name", refuse) == FILE
    assert len(list(folder.iterdir())) == 1


def test_others(tmp_path, monkeypatch):
    """Another sky, another name and other code have files of their own."""
    KeptFiles(tmp_path, "sky").get("name", give)
    assert KeptFiles(tmp_path, "other").get("name", lambda: b"1") == b"1"
    assert KeptFiles(tmp_path, "sky").get("other", lambda: b"2") == b"2"
    monkeypatch.setattr(kept_files, "_code", lambda: "changed")
    assert KeptFiles(tmp_path, "sky").get("name", lambda: b"3") == b"3"
    assert len(list(tmp_path.iterdir())) == 4


def test_code_has_a_digest(tmp_path, monkeypatch):
    """A module that changes, comes or goes makes another digest."""
    digests = []
    monkeypatch.setattr(kept_files, "__file__", str(tmp_path / "kept_files.py"))
    for text in ("one", "two", None):
        (tmp_path / "paint.py").write_text(text) if text else (
            tmp_path / "paint.py"
        ).unlink()
        kept_files._code.cache_clear()
        digests.append(kept_files._code())
    kept_files._code.cache_clear()
    assert len(set(digests)) == 3


@pytest.mark.parametrize("obstacle", ["a file", "full"])
def test_cannot_be_kept(tmp_path, monkeypatch, obstacle):
    """A folder that takes no file costs nothing but time, and no part stays behind."""
    folder = tmp_path / "painted"
    if obstacle == "a file":
        folder.write_bytes(b"")
    else:
        folder.mkdir()

        def fill_up(path, data):
            path.open("wb").close()
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(folder), "write_bytes", fill_up)
    assert KeptFiles(folder, "sky").get("name", give) == FILE
    assert folder.is_file() or list(folder.iterdir()) == []


def test_next_sandbox(tmp_path, monkeypatch):
    """A sandbox of the same sky sends what the one before has painted."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    first, other = _a_frame(seed=2), _a_frame(seed=3)
    assert first != other
    (kept,) = (path for path in tmp_path.iterdir() if path.read_bytes() == first)
    kept.write_bytes(b"kept")
    assert _a_frame(seed=2) == b"kept"
    assert len(list(tmp_path.iterdir())) == 2


def _a_frame(seed):
    with run_in_thread(SandboxOptions(seed=seed, targets=3)) as running:
        run, camcol, field = running.sky.galaxies[0].field
        name = f"frame-r-{run:06d}-{camcol}-{field:04d}.fits.bz2"
        path = f"/dr17/eboss/photoObj/frames/301/{run}/{camcol}/{name}"
        return requests.get(running.urls["sdss-sas"] + path, timeout=60).content
