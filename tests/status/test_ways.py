"""What status tells of the ways in which frames came."""

from __future__ import annotations

import pytest

from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Survey
from harvester.places import Places
from harvester.status.report import read_report
from harvester.status.report_words import words

SURVEY = Survey.parse("sdss:r")


@pytest.fixture
async def places(tmp_path):
    """Give a run of which some frames came by blocks, and one was doubtful."""
    run = Places(tmp_path)
    create_ledger(run.ledger, targets=[], rejects=[], surveys=[SURVEY], facts={})
    async with Ledger.open(run.ledger) as ledger:
        for what in (
            "way ranges",
            "way ranges",
            "way early",
            "doubt runs",
            "ahead enough",
        ):
            ledger.count(SURVEY, what)
    return run


async def test_ways(places):
    """Frames are counted by their way, doubts by their reason."""
    report = read_report(places)
    assert report["ways"] == {"sdss:r": {"early": 1, "ranges": 2}}
    assert report["doubts"] == {"sdss:r": {"runs": 1}}
    assert report["ahead"] == {"sdss:r": {"enough": 1}}
    said = words(report)
    assert "sdss:r: frames by the way they came: early 1, ranges 2" in said
    assert "1 frame read from the beginning" in said
    assert "could not be proved: runs 1" in said
