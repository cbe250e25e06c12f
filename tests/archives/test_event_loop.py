"""Long lists are processed outside the event loop."""

from __future__ import annotations

import threading

import pytest

from harvester.archives.sdss import archive as sdss
from harvester.archives.sdss import routes
from harvester.archives.sdss.archive import Sdss
from harvester.ledger import listing, moves, waiting
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.listing import Offer
from harvester.models import Ask, Product, Survey, Target

SDSS = Survey.parse("sdss:u,g,r,i,z")
HST = Survey.parse("hst:WFC3/IR:F160W")
GALAXY = Target(0, "1237652943176138868", 2.02, 14.84, "galaxy")


@pytest.fixture
def threads(monkeypatch):
    """Give a function that records the threads in which a function is called."""

    class Threads(list):
        def watch(self, module, name):
            call = getattr(module, name)

            def noted(*args, **options):
                self.append(threading.current_thread())
                return call(*args, **options)

            monkeypatch.setattr(module, name, noted)

    return Threads()


@pytest.fixture
def path(tmp_path):
    """Give a new ledger of one galaxy."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(path, targets=[GALAXY], rejects=[], surveys=[SDSS, HST], facts={})
    return path


def is_beside(threads):
    """Whether something was called, and never in the event loop's thread."""
    return bool(threads) and threading.current_thread() not in threads


async def test_identifiers(threads):
    """Identifiers are decoded, and frames named, in another thread."""
    threads.watch(routes, "decode")
    threads.watch(sdss, "frame")
    archive = Sdss(None, base="https://sas", release=17, cache=None, listener=print)
    (found,) = [batch async for batch in archive.locate(SDSS, [Ask(GALAXY)])]
    assert len(found[0].choices) == 5
    assert len(threads) == 1 + 5
    assert is_beside(threads)


async def test_listing(threads, path):
    """Lists of images are written to the ledger and read in other threads."""
    threads.watch(moves.json, "dumps")
    threads.watch(listing, "read_product")
    product = Product("hst", "n_drz.fits", "F160W", "https://mast/n", ("https://s3/n",))
    async with Ledger.open(path) as kept:
        await kept.keep_listing(HST, [Offer(product, "CIRCLE 1 2 3", 9.0)])
        assert len(await kept.offers(HST)) == 1
    assert len(threads) == 2
    assert is_beside(threads)


async def test_jobs(threads, path):
    """Asks are made from rows of the ledger in another thread."""
    threads.watch(waiting, "Ask")
    async with Ledger.open(path) as kept:
        ((_, ask),) = await kept.pending(SDSS, limit=9)
    assert ask.target == GALAXY
    assert is_beside(threads)
