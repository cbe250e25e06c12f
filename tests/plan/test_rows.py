"""The bill counts the blocks of the rows in which galaxies are expected."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_bill import ALLOWED, COUNTS, SDSS, SPEC

from harvester.archives.kind import Way
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import FrameGroup, LedgerView
from harvester.models import Finding, Product, Target
from harvester.plan.bill import make_bill
from harvester.plan.rows import with_rows

GROUP = FrameGroup(0, mirrored=False, stamps=1, frames=225, sized=0, size=0)

#: The galaxy of truth_open.json, in a real frame.
RA, DEC = 3.62980, 15.81727
FRAME = "frame-r-001043-5-0025.fits.bz2"


@pytest.fixture
async def path(tmp_path):
    """Give a ledger with two located galaxies; of the scan of one nothing is known."""
    path = tmp_path / "ledger.sqlite"
    targets = [
        Target(number, f"g{number}", RA, DEC, f"g{number}") for number in range(2)
    ]
    create_ledger(path, targets=targets, rejects=[], surveys=[SDSS], facts={})
    names = [FRAME, "frame-r-000094-5-0025.fits.bz2"]
    async with Ledger.open(path) as ledger:
        findings = [
            Finding(target, {"r": [Product("sdss", name, "r", f"https://a/{name}")]})
            for target, name in zip(targets, names, strict=True)
        ]
        await ledger.record_located(
            SDSS, findings, file_loc=lambda *_: "f", keep_all=False
        )
    return path


async def test_rows_of_frames(path):
    """Frames to come have the rows of their stamps, where the scan is known."""
    with LedgerView.open(path) as view:
        (group,) = with_rows(view, {"sdss": SPEC})
    assert group.frames == 2
    (((start, stop),),) = group.rows
    assert stop - start == 40
    # By the header of the frame the galaxy is in row 593.
    assert 593 - 100 < (start + stop) / 2 < 593 + 100


def bill_of(way, *rows):
    """Make the bill of frames with one galaxy, which come in a way."""
    counts = replace(COUNTS, to_come=[GROUP._replace(rows=rows)])
    return make_bill(counts, replace(ALLOWED, ways={"sdss": way} if way else {}))


def test_early_stop():
    """For galaxies in the first rows less is billed than for galaxies anywhere."""
    first, last, anywhere = (
        bill_of(Way.EARLY, *rows) for rows in ([((9, 49),)], [((1400, 1440),)], [])
    )
    sizes = [one["hosts"]["sas"]["bytes"] for one in (first, anywhere, last)]
    assert sizes[0] < 0.2 * sizes[1] < sizes[1] < 0.7 * sizes[2]
    assert first["cpu"]["seconds"] < anywhere["cpu"]["seconds"] < last["cpu"]["seconds"]


def test_blocks():
    """By ranges the requests are the mean over the rows that are known."""
    first, middle = ((9, 49),), ((700, 740),)
    requests = [
        bill_of(Way.RANGES, *rows)["hosts"]["sas"]["requests"]
        for rows in ([first], [middle], [first, middle])
    ]
    assert requests[0] == 225 < requests[1]
    assert requests[2] == pytest.approx(sum(requests[:2]) / 2, abs=1)


def test_shares():
    """Each frame comes in the way that its rows make the quickest."""
    rows = [((start, start + 40),) for start in range(0, 1440, 30)]
    ways = bill_of(None, *rows)["surveys"]["sdss:r"]["ways"]
    assert sum(ways.values()) == 225
    assert len(ways) > 1
