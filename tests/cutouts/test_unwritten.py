"""Stamps that are cut in one place and written in another."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from make_frames import job, noise, sdss_frame, sdss_header, sky_of

from harvester.cutouts.cutouts import cut_frame
from harvester.cutouts.unwritten import cut_unwritten, write_cut
from harvester.errors import TransientError

SHAPE = (40, 60)
HEADER = sdss_header(SHAPE)
PLACES = [sky_of(HEADER, 30, 20), sky_of(HEADER, -50, 20), sky_of(HEADER, 11, 12)]


@pytest.fixture
def frame_job(tmp_path):
    """Give a job for two stamps in a frame, and one outside of it."""
    frame = sdss_frame(tmp_path / "frame.fits", noise(SHAPE))
    (tmp_path / "here").mkdir()
    return job(frame, tmp_path / "here", PLACES)


def test_same_bytes(frame_job, tmp_path):
    """Receipts and files are those of cutting and writing at once."""
    unwritten = pickle.loads(pickle.dumps(cut_unwritten(replace(frame_job, root=""))))
    assert not list((tmp_path / "here").iterdir())
    there = tmp_path / "there"
    there.mkdir()
    cut, expected = write_cut(there, unwritten), cut_frame(frame_job)
    assert cut == expected
    assert [one.problem for one in cut] == ["", "outside", ""]
    for receipt in expected:
        if receipt.file_loc:
            written = (there / receipt.file_loc).read_bytes()
            assert written == (tmp_path / "here" / receipt.file_loc).read_bytes()


def test_damaged_on_the_way(frame_job, tmp_path):
    """Bytes that differ from the receipts are an error that is tried again."""
    unwritten = cut_unwritten(frame_job)
    content = unwritten.content[:-1] + b"?"
    with pytest.raises(TransientError, match="damaged on their way"):
        write_cut(tmp_path / "here", replace(unwritten, content=content))
