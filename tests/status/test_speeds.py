"""What status tells of the hosts that files came from."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import HostFacts, Survey
from harvester.places import Places
from harvester.status.report import read_report
from harvester.status.report_words import words
from harvester.status.speeds import speed_words

FACTS = HostFacts(11.23e6, 0.1804, 5.0, ranges=True, ranges_at=4.0, limit="rate")


async def test_report(tmp_path):
    """JSON has each value, the text a line for each host."""
    run = Places(tmp_path)
    surveys = [Survey.parse("sdss:r")]
    create_ledger(run.ledger, targets=[], rejects=[], surveys=surveys, facts={})
    async with Ledger.open(run.ledger) as ledger:
        ledger.keep_host_facts({"data.sdss.org": FACTS})
    report = read_report(run)
    assert report["speeds"] == {"data.sdss.org": asdict(FACTS)}
    assert (
        "data.sdss.org: 11.2 MB/s, 180 ms to the first byte, ranges: yes, "
        "the allowed rate limits"
    ) in words(report).splitlines()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (HostFacts(), []),
        (HostFacts(latency_s=0.02), ["a: 20 ms to the first byte"]),
        (HostFacts(ranges=False), ["a: ranges: no"]),
        (HostFacts(several=False), ["a: several in one reply: no"]),
        (HostFacts(1e6, limit="cores"), ["a: 1 MB/s, the cores limit"]),
    ],
)
def test_parts(facts, said):
    """Only what is known is told."""
    assert list(speed_words({"a": asdict(facts)})) == said
