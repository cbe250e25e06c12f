"""Compressed frames are kept for later sandboxes."""

from __future__ import annotations

import bz2

import pytest

from harvester.sandbox.packed import FOLDER_VARIABLE, Packer
from harvester.sandbox.sas import SyntheticFrames
from harvester.sandbox.sky import Sky
from harvester.sandbox.store import SandboxFrameStore

FRAME = b"pixels" * 1000


def test_nothing_is_kept(tmp_path, monkeypatch):
    """Without a folder a frame is compressed, and no file is made."""
    monkeypatch.chdir(tmp_path)
    assert Packer()(FRAME) == bz2.compress(FRAME)
    assert list(tmp_path.iterdir()) == []


def test_kept(tmp_path, monkeypatch):
    """What was compressed once is read from then on; other bytes are other files."""
    folder = tmp_path / "new" / "packed"
    pack = Packer(folder)
    first, other = pack(FRAME), pack(FRAME + b"!")
    assert bz2.decompress(first) == FRAME
    assert bz2.decompress(other) == FRAME + b"!"
    assert len(list(folder.iterdir())) == 2
    monkeypatch.setattr(bz2, "compress", lambda _: pytest.fail("compressed again"))
    assert Packer(folder)(FRAME) == first


@pytest.mark.parametrize("obstacle", ["a file", "full"])
def test_cannot_be_kept(tmp_path, monkeypatch, obstacle):
    """A folder that takes no file costs nothing but time, and no part stays behind."""
    folder = tmp_path / "packed"
    if obstacle == "a file":
        folder.write_bytes(b"")
    else:
        folder.mkdir()

        def fill_up(path, data):
            path.open("wb").close()
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(folder), "write_bytes", fill_up)
    assert bz2.decompress(Packer(folder)(FRAME)) == FRAME
    assert folder.is_file() or list(folder.iterdir()) == []


async def test_same_frame_of_two_sandboxes(tmp_path, monkeypatch):
    """A second sandbox of the same sky sends the bytes that the first one kept."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    sky = Sky.make(2, targets=3)
    key = sky.galaxies[0].field
    with SandboxFrameStore() as store:
        first = await SyntheticFrames(sky, store).frame(key, "r")
    monkeypatch.setattr(bz2, "compress", lambda _: pytest.fail("compressed again"))
    with SandboxFrameStore() as store:
        assert await SyntheticFrames(sky, store).frame(key, "r") == first
    assert len(list(tmp_path.iterdir())) == 1
