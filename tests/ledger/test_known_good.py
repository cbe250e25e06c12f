"""The last good file of a survey, which shows whether its host refuses everything."""

from __future__ import annotations

from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Finding, Product, Receipt, Survey, Target

_SDSS = Survey.parse("sdss:r")


def _finding(number):
    url = f"https://data.sdss.org/sas/{number}"
    product = Product("sdss", f"frame{number}", "r", url)
    target = Target(number, f"id{number}", 1.0 * number, 0.0, f"id{number}", number)
    return Finding(target, {"r": [product]})


async def test_known_good(tmp_path):
    """The known good file is the last frame cut; before the first there is none."""
    findings = [_finding(number) for number in range(4)]
    create_ledger(
        tmp_path / "ledger.sqlite",
        targets=[finding.target for finding in findings],
        rejects=[],
        surveys=[_SDSS, Survey.parse("hst:WFC3/IR:F160W")],
        facts={},
    )
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record_located(_SDSS, findings, file_loc=file_loc, keep_all=False)
        assert await ledger.known_good() == []
        frames = [number async for number, _ in ledger.frames_due(_SDSS)]
        for target, number in enumerate(frames[:3]):
            cut = [Receipt(target, sha256="s", size=9)]
            await ledger.record_receipts(_SDSS, number, cut)
        assert await ledger.known_good() == [findings[2].choices["r"][0].url]
