"""The disk of a run: its kind, by tables of mounts as in proc(5), and its room."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvester.errors import LocalError
from harvester.run import disk
from harvester.run.disk import check_room, disk_words, free_bytes, network_disk

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
36 22 0:45 / /data rw,relatime shared:2 master:1 - nfs4 server:/export rw,vers=4.2
37 36 8:2 / /data/local rw - xfs /dev/sdb1 rw
38 22 0:46 / /my\040disk rw - fuse.sshfs user@host: rw
39 22 0:47 / /over rw - ext4 /dev/sdc rw
40 39 0:48 / /over rw - cifs //server/share rw
half a line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/run", None),
        ("/data", "nfs4"),
        ("/data/a/run", "nfs4"),
        ("/data/local/run", None),
        ("/database/run", None),
        ("/my disk/run", "fuse.sshfs"),
        ("/over/run", "cifs"),
    ],
)
def test_network_disk(tmp_path, folder, kind):
    """The nearest mount above a folder counts; of two at one place the later one."""
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert network_disk(Path(folder), table) == kind


def test_no_table(tmp_path):
    """Where there is no such table, nothing is said."""
    assert network_disk(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(("kind", "lines"), [("nfs4", 1), (None, 0)])
def test_words(tmp_path, monkeypatch, kind, lines):
    """A network disk is told, with its kind; others need no words."""
    monkeypatch.setattr(disk, "network_disk", lambda _: kind)
    told = list(disk_words(tmp_path))
    assert len(told) == lines
    assert all("(nfs4)" in words for words in told)


def test_room(tmp_path, monkeypatch):
    """A harvest that needs more than is free is refused with all three figures."""
    monkeypatch.setattr(disk, "free_bytes", lambda _: 5_000_000_000)
    check_room(tmp_path, stamps=4_000_000_000, frames=1_000_000_000)
    with pytest.raises(LocalError) as caught:
        check_room(tmp_path, stamps=4_000_000_001, frames=1_500_000_000)
    assert "5.0 GB left" in str(caught.value)
    assert "needs 5.5 GB: 4.0 of stamps and up to 1.5 of frames" in str(caught.value)


def test_free_bytes(tmp_path):
    """A folder that is not there yet has the room of the one that it will be in."""
    free = free_bytes(tmp_path / "not" / "there")
    assert free == pytest.approx(free_bytes(tmp_path), rel=0.5)
    assert free > 0
