from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import assume, given
from hypothesis import strategies as st

from harvester.cutouts.stamp_file import StampFolder, to_cards, to_fits
from harvester.errors import LocalError

DATA = np.arange(12, dtype=np.float32).reshape(3, 4)


def read(content):
    """Read the primary HDU of a file."""
    return fits.HDUList.fromstring(content)[0]


def test_image_in_primary():
    """The image is in the primary HDU, as big-endian float32, NaN included."""
    data = DATA.copy()
    data[1, 1] = np.nan
    hdu = read(to_fits(data, [("RA", 1.5, "place")], to_cards([("BAND", "r", "b")])))
    np.testing.assert_array_equal(hdu.data, data)
    assert hdu.data.dtype == ">f4"
    assert (hdu.header["RA"], hdu.header["BAND"]) == (1.5, "r")
    hdu.verify("exception")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_real_numbers(value):
    """Every float is read back exactly, from a card of 80 characters."""
    cards = to_cards([("VALUE", value, "some comment that is rather long")])
    assert len(cards) == 80
    header = fits.Header.fromstring(cards)
    assert header["VALUE"] == value
    assert isinstance(header["VALUE"], float)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300))
def test_printable_text(text):
    """Any printable text is read back, of any length and with any number of quotes."""
    # Astropy misreads a quote before a slash, even in cards that it wrote.
    assume("'/" not in text)
    cards = to_cards([("TEXT", text, "comment"), ("AFTER", True, "")])
    header = fits.Header.fromstring(cards)
    assert header["TEXT"] == text.rstrip()
    assert header["AFTER"] is True
    assert len(cards) % 80 == 0


@given(st.text(max_size=300))
def test_hostile_text(text):
    """Text with line breaks, NUL or other alphabets gives a valid header."""
    content = to_fits(DATA, [("OBJECT", text, "x")], b"")
    hdu = read(content)
    hdu.verify("exception")
    assert len(content) % 2880 == 0
    assert len(str(hdu.header["OBJECT"]).rstrip()) <= len(text)


@pytest.mark.skipif(
    not shutil.which("fitsverify"), reason="fitsverify is not installed"
)
def test_other_reader(tmp_path):
    """NASA's FITS checker finds no error or warning."""
    path = tmp_path / "s.fits"
    cards = to_cards(
        [("LONGSTRN", "OGIP 1.0", ""), ("SRCURL", "https://" + "x" * 99, "")]
    )
    path.write_bytes(to_fits(DATA, [("OBJECT", "a\nb'é", "id")], cards))
    done = subprocess.run(
        ["fitsverify", "-q", path], capture_output=True, text=True, check=False
    )
    assert "verification OK" in done.stdout


def test_whole_files(tmp_path):
    """A file is written with its checksum, in new folders, without leftovers."""
    with StampFolder(tmp_path) as folder:
        written = folder.write("a/b/s.fits", b"first")
        folder.write("a/b/s.fits", b"second")
    assert written.sha256 == hashlib.sha256(b"first").hexdigest()
    assert written.size == 5
    assert (tmp_path / "a/b/s.fits").read_bytes() == b"second"
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["s.fits"]


def test_order_of_durability(tmp_path, monkeypatch):
    """Files are synced before the rename; every folder once, at the end."""
    steps = []
    sync, replace = os.fsync, os.rename

    def fsync(descriptor):
        mode = os.fstat(descriptor).st_mode
        steps.append("folder" if stat.S_ISDIR(mode) else "file")
        sync(descriptor)

    def rename(source, target):
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    with StampFolder(tmp_path) as folder:
        folder.write("a/b/1.fits", b"1")
        folder.write("a/b/2.fits", b"2")
    assert steps == ["file", "rename", "file", "rename", "folder", "folder", "folder"]


def test_left_over_part(tmp_path):
    """A file that a crash left incomplete is written again."""
    (tmp_path / "s.fits.part").write_bytes(b"x" * 10_000)
    with StampFolder(tmp_path) as folder:
        folder.write("s.fits", b"new")
    assert (tmp_path / "s.fits").read_bytes() == b"new"
    assert not (tmp_path / "s.fits.part").exists()


def test_link_is_not_followed(tmp_path):
    """A symbolic link in place of the temporary file is not followed."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    root = tmp_path / "out"
    root.mkdir()
    (root / "s.fits.part").symlink_to(precious)
    with StampFolder(root) as folder, pytest.raises(LocalError):
        folder.write("s.fits", b"new")
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "place", ["../s.fits", "/nowhere/s.fits", "a/../../s.fits", "link/new/s.fits"]
)
def test_no_way_out(tmp_path, place):
    """A path outside the output folder is refused, also through a link."""
    root = tmp_path / "out"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with (
        StampFolder(root) as folder,
        pytest.raises(LocalError, match="is not inside the output folder"),
    ):
        folder.write(place, b"new")
    assert {path.name for path in tmp_path.rglob("*")} == {"out", "link"}


def test_folder_moved_away(tmp_path):
    """The output folder itself is never created again."""
    root = tmp_path / "away"
    with (
        pytest.raises(LocalError, match="cannot make the folder"),
        StampFolder(root) as folder,
    ):
        folder.write("cutouts/r/1.fits", b"stamp")
    assert not root.exists()


def test_full_disk(tmp_path, monkeypatch):
    """On a full disk the error names the path, and the incomplete file is removed."""

    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    folder = StampFolder(tmp_path)
    with pytest.raises(LocalError, match=r"s\.fits.*No space left"):
        folder.write("s.fits", b"new")
    assert list(tmp_path.iterdir()) == []


def test_folder_in_the_way(tmp_path):
    """A folder in place of the file is an error; it is not replaced."""
    (tmp_path / "s.fits").mkdir()
    with (
        StampFolder(tmp_path) as folder,
        pytest.raises(LocalError, match="cannot write"),
    ):
        folder.write("s.fits", b"new")
