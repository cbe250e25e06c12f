"""What the locators find without a request."""

from __future__ import annotations

from harvester.archives.mast.archive import Mast
from harvester.archives.mast.hst import HST as MISSION
from harvester.archives.sdss.archive import Sdss
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.listing import Offer
from harvester.models import Ask, Product, StampSize, Survey, Target

SDSS = Survey.parse("sdss:r")
HST = Survey.parse("hst:WFC3/IR:F160W")


def of_run(number, field):
    """Give a galaxy of a scan along the equator, whose identifier names a field."""
    identifier = str((2 << 59) + (3836 << 32) + (3 << 29) + (field << 16))
    return Ask(Target(number, identifier, 15 + number * 0.15, 0.1, "g"))


async def numbers(batches):
    """Give the numbers of the targets found."""
    return [finding.target.number async for batch in batches for finding in batch]


async def test_identifiers():
    """Galaxies whose identifiers name fields are found; outliers need a request."""
    said = []
    archive = Sdss(
        None, base="https://sas", release=17, cache=None, listener=said.append
    )
    scan = [of_run(n, field) for n, field in enumerate([100, 101, 102, 103, 164])]
    nameless = Ask(Target(7, "NGC 7", 2.0, 1.0, "n"))
    again = Ask(Target(8, scan[0].target.id, 15.0, 0.1, "g"), by_position=True)
    asks = [*scan, nameless, again]
    assert await numbers(archive.recognise(SDSS, asks)) == [0, 1, 2, 3]
    # Without its neighbours an outlier cannot be recognised, so it is remembered.
    assert await numbers(archive.recognise(SDSS, scan[4:])) == []
    assert len(said) == 1


async def test_listing(tmp_path):
    """With a kept list a survey needs no request; others find nothing."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(path, targets=[], rejects=[], surveys=[HST], facts={})
    async with Ledger.open(path) as ledger:
        archive = Mast(
            None,
            ledger,
            MISSION,
            bases={},
            size=StampSize.parse("10px"),
            observations="best",
        )
        asks = [Ask(Target(0, "g", 10.0, 20.0, "g")), Ask(Target(1, "h", 50.0, 0, "h"))]
        assert await numbers(archive.recognise(HST, asks)) == []
        image = Product("hst", "a_drz.fits", "F160W", "https://mast/a")
        await ledger.keep_listing(HST, [Offer(image, "CIRCLE 10 20 0.05", 900.0)])
        assert await numbers(archive.recognise(HST, asks)) == [0, 1]
