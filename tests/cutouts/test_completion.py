"""Stamps over a row edge, completed from the frame that continues it.

No two neighbouring frames of the survey are among the real data: frames of a scan are
made by cutting one image, synthetic or real, into two that share rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from make_frames import noise, sdss_frame, sdss_header, sky_of, write_fits

from harvester.cutouts.cutouts import cut_frame, find_end
from harvester.cutouts.frame_file import CorruptFrameError, open_frame
from harvester.models import (
    Bit,
    CutoutSpec,
    FrameJob,
    Neighbour,
    Plane,
    Product,
    StampSize,
    Wanted,
)

#: Rows of a frame, and rows from the first of one to the first of the next.
ROWS, STEP, COLUMNS = 300, 172, 90
SIDE = 41

#: A scan of two and a half frames; none of its pixels is zero.
SCAN = noise((ROWS + 2 * STEP, COLUMNS))


def part(number, data=SCAN, rows=ROWS):
    """Give a field of the scan: its pixels and its header."""
    first = number * STEP
    header = sdss_header(data.shape)
    header["CRPIX2"] -= first
    header["FRAME"] += number
    return data[first : first + rows], header


def product(number):
    """Give the product of a field."""
    name = f"frame-r-001043-5-{25 + number:04d}.fits.bz2"
    return Product("sdss", name, "r", f"https://archive.example/{name}")


@pytest.fixture
def fields(tmp_path):
    """Write three fields of the scan."""
    return [sdss_frame(tmp_path / product(n).name, *part(n)) for n in range(3)]


def job(fields, root, *rows, steps=(), column=45, planes="flux mask", mode="partial"):
    """Request stamps of the middle field at rows, with neighbours."""
    header = part(1)[1]
    wanted = tuple(
        Wanted(n, str(row), *sky_of(header, column, row), f"r/{row}.fits")
        for n, row in enumerate(rows)
    )
    spec = CutoutSpec(
        StampSize.parse(f"{SIDE}px"),
        mode,
        tuple(map(Plane, planes.split())),
        complete=not steps and mode == "partial",
    )
    beside = tuple(
        Neighbour(product(1 + step), str(fields[1 + step]), step, parent=f"etag:{step}")
        for step in steps
    )
    return FrameJob(
        product(1), str(fields[1]), str(root), wanted, spec, neighbours=beside
    )


def expected(row, column=45, half=SIDE // 2):
    """Give the pixels of the scan around a place of the middle field."""
    row += STEP
    return SCAN[row - half : row + half + 1, column - half : column + half + 1]


def test_lacking(fields, tmp_path):
    """Stamps that lack rows tell behind which edges, and are not written yet."""
    cut = cut_frame(job(fields, tmp_path, 5, 150, ROWS - 5))
    assert [one.lacks for one in cut] == [(-1,), (), (1,)]
    assert [one.facts and one.facts.flags for one in cut] == [None, "", None]
    assert len(list(tmp_path.glob("r/*"))) == 1


@pytest.mark.parametrize(("row", "step"), [(5, -1), (ROWS - 5, 1)])
def test_completed(fields, tmp_path, row, step):
    """With the neighbour, the stamp is that of the whole scan; its mask says how."""
    (receipt,) = cut_frame(job(fields, tmp_path, row, steps=[step]))
    assert (receipt.coverage, receipt.lacks) == (1, ())
    with fits.open(tmp_path / receipt.file_loc) as hdus:
        np.testing.assert_array_equal(hdus[0].data, expected(row))
        assert hdus[0].header["FILLFROM"] == product(1 + step).name
        bits = hdus["MASK"].data
    filled = np.flatnonzero((bits == Bit.GOOD | Bit.FILLED).all(axis=1))
    assert len(filled) == SIDE // 2 - 4 - (step < 0)
    assert ((bits == Bit.GOOD).sum(axis=1) == SIDE).sum() == SIDE - len(filled)
    assert (filled[0] == 0) == (step < 0)
    assert receipt.facts.flags == "edge filled"
    assert receipt.facts.filled_from == product(1 + step).name
    assert receipt.facts.filled_parent == f"etag:{step}"


def test_same_bytes(fields, tmp_path):
    """The file does not depend on the stamps beside it, nor on the other neighbour."""
    (alone,) = cut_frame(job(fields, tmp_path, ROWS - 5, steps=[1]))
    both = cut_frame(job(fields, tmp_path, 5, ROWS - 5, steps=[-1, 1]))
    assert both.receipts[1].sha256 == alone.sha256


def test_corner(fields, tmp_path):
    """Over a column edge the stamp stays partial, with its coverage."""
    (receipt,) = cut_frame(job(fields, tmp_path, ROWS - 5, steps=[1], column=10))
    assert receipt.coverage == round(31 / SIDE, 6)
    flux, bits = (fits.getdata(tmp_path / receipt.file_loc, n) for n in (0, "MASK"))
    assert np.isnan(flux[:, :10]).all()
    assert (bits[:, :10] == Bit.OUTSIDE).all()
    assert np.isfinite(flux[:, 10:]).all()
    assert receipt.facts.flags == "edge partial filled"


def test_trimmed(fields, tmp_path):
    """A stamp that is trimmed at the edge lacks nothing, and is not completed."""
    (receipt,) = cut_frame(job(fields, tmp_path, ROWS - 5, mode="trim"))
    assert (receipt.lacks, receipt.shape) == ((), (25, SIDE))
    assert receipt.facts.flags == "edge partial"


def test_not_asked(fields, tmp_path):
    """Without the setting the stamp is written as it is."""
    asked = job(fields, tmp_path, ROWS - 5)
    asked = replace(asked, spec=replace(asked.spec, complete=False))
    (receipt,) = cut_frame(asked)
    assert (receipt.lacks, receipt.facts.flags) == ((), "edge partial")


@pytest.mark.parametrize("value", [0, np.nan])
def test_no_data(fields, tmp_path, value):
    """A place without data in its own frame is not made of the neighbour alone."""
    data, header = part(1)
    data = data.copy()
    data[-26:] = value
    sdss_frame(fields[1], data, header)
    for steps in ((), (1,)):
        (receipt,) = cut_frame(job(fields, tmp_path, ROWS - 5, steps=steps))
        assert (receipt.problem, receipt.lacks) == ("no_data", ())


def rewrite(fields, change):
    """Change the pixels of the last field."""
    data, header = part(2)
    return [*fields[:2], sdss_frame(fields[2], change(data.copy()), header)]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: np.roll(data, 1, axis=0),
        lambda data: np.roll(data, 1, axis=1),
        lambda data: data + np.float32(0.2),
        lambda data: noise(data.shape, seed=9),
        lambda data: data * np.nan,
    ],
    ids=["row", "column", "level", "other", "empty"],
)
def test_other_pixels(fields, tmp_path, change):
    """A neighbour whose shared rows differ adds nothing, and is not asked again."""
    fields = rewrite(fields, change)
    (receipt,) = cut_frame(job(fields, tmp_path, ROWS - 5, steps=[1]))
    assert receipt.lacks == ()
    assert receipt.coverage == round(25 / SIDE, 6)
    assert (receipt.facts.flags, receipt.facts.filled_from) == ("edge partial", "")


def test_header_off(fields, tmp_path):
    """Where the header of the neighbour is half a pixel off, the pixels decide."""
    data, header = part(2)
    header["CRPIX2"] += 0.6
    sdss_frame(fields[2], data, header)
    (receipt,) = cut_frame(job(fields, tmp_path, ROWS - 5, steps=[1]))
    np.testing.assert_array_equal(
        fits.getdata(tmp_path / receipt.file_loc), expected(ROWS - 5)
    )


def test_wrong_neighbour(fields, tmp_path):
    """A neighbour with the header of another field may be fetched again."""
    data, header = part(2)
    header["RUN"] = 94
    sdss_frame(fields[2], data, header)
    with pytest.raises(CorruptFrameError, match=r"0027.*run 94"):
        cut_frame(job(fields, tmp_path, ROWS - 5, steps=[1]))


def test_beginnings(fields, tmp_path):
    """The rows that a fetch of the beginning needs include those to be compared."""
    asked = job(fields, tmp_path, 5, ROWS - 5)
    below, above = asked.wanted

    def last_row(number, wanted):
        with open_frame(fields[number]) as frame:
            start = next(frame.hdus()).start
            end = find_end(frame, "sdss", [wanted], asked.spec)
        return (end - start) / COLUMNS / 4

    assert last_row(1, below) == 128
    assert last_row(1, above) == ROWS
    assert last_row(2, above) == ROWS - 5 - STEP + SIDE // 2 + 1
    far = replace(above, dec=sky_of(part(1)[1], 45, STEP - 10)[1])
    assert last_row(2, far) == 128


def test_not_found_in_a_beginning(fields, tmp_path):
    """A neighbour of which too little was fetched is refused, to be fetched whole."""
    packed = fields[2].read_bytes()
    assert len(packed) > 50_000
    fields[2].write_bytes(packed[:2000])
    asked = job(fields, tmp_path, ROWS - 5, steps=[1])
    (beside,) = asked.neighbours
    with pytest.raises(CorruptFrameError):
        cut_frame(replace(asked, neighbours=(replace(beside, is_whole=False),)))


@pytest.mark.parametrize("place", [(650.0, 1200.0), (805.0, 1000.0)])
def test_real_frame(unpacked, tmp_path, place):
    """Rows of a real frame continue those that another part of it ends with.

    Real neighbours have the same counts of the camera, less another model of the sky:
    here the other part has another level and slope of the sky, and is rounded again.
    """
    name = "frame-r-003918-3-0213.fits.bz2"
    with fits.open(unpacked(name), memmap=False) as hdus:
        data, header = hdus[0].data, hdus[0].header
    noise_of_sky = 1.4826 * np.median(np.abs(data - np.median(data)))
    ramp = np.linspace(0, 0.04 * noise_of_sky, 809)[:, None]
    other = ((data[680:] + ramp) / 0.005).round() * 0.005
    fields = []
    for number, pixels in enumerate((data[:809], other.astype("f4"))):
        part_name = name.replace("0213", f"{213 + number:04d}")
        header["CRPIX2"], header["FRAME"] = 745 - 680 * number, 213 + number
        image = fits.PrimaryHDU(pixels, header)
        fields.append(
            (part_name, write_fits(tmp_path / part_name, fits.HDUList(image)))
        )
    header["CRPIX2"] = 745
    (own, path), (beside, other_path) = fields
    row, column = place
    wanted = (Wanted(0, "g", *sky_of(header, column, row), "g.fits"),)
    spec = CutoutSpec(StampSize.parse("400px"))
    url = "https://archive.example/"
    neighbour = Neighbour(Product("sdss", beside, "r", url), str(other_path), 1)
    asked = FrameJob(
        Product("sdss", own, "r", url), str(path), str(tmp_path), wanted, spec
    )
    (receipt,) = cut_frame(replace(asked, neighbours=(neighbour,)))
    assert receipt.coverage == 1
    stamp = fits.getdata(tmp_path / "g.fits")
    top, left = receipt.facts.y0, receipt.facts.x0
    truth = data[top : top + 400, left : left + 400]
    np.testing.assert_array_equal(stamp[: 809 - top], truth[: 809 - top])
    apart = stamp[809 - top :] - truth[809 - top :]
    assert np.abs(apart).max() < 0.2 * noise_of_sky
