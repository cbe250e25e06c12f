"""What waits for a store is bounded, and an outage of the store is waited for."""

from __future__ import annotations

import asyncio

import pytest

from harvester.errors import InputError, OutageError, PermanentError
from harvester.ledger.outbox import Unsent
from harvester.run.sending.backlog import Backlog
from harvester.run.sending.store_outage import StoreOutage

_STAMP = Unsent("cutouts/a", "hash", 100)


async def test_full_backlog():
    """Too many stamps leave no room until one is sent; so do too many bytes."""
    for backlog in (Backlog(most=2), Backlog(most_bytes=150)):
        backlog.add(_STAMP)
        backlog.add(_STAMP)
        assert backlog.is_full
        room = asyncio.ensure_future(backlog.room())
        await asyncio.sleep(0)
        assert not room.done()
        backlog.sent(await backlog.take())
        await room
        backlog.sent(await backlog.take())
        await backlog.all_sent()


class _Store:
    """Fails as often as it is told to."""

    def __init__(self, *failures):
        self.failures = list(failures)

    async def __call__(self):
        """Fail, or give an answer."""
        if self.failures:
            raise self.failures.pop(0)
        return "stored"


_DOWN = OutageError("bucket", "s3://zoo/a: connection refused.")


def _outage(clock, patience_s=10.0):
    return StoreOutage(
        "s3://zoo/a", patience_s, clock=lambda: next(clock), random=lambda: 0.0
    )


async def test_outlasted():
    """After an outage the work is done, and that there was one is known."""
    outage = _outage(iter((100.0, 103.0)))
    assert await outage.outlast(_Store(_DOWN, _DOWN)) == "stored"
    assert (outage.why, outage.over) == ("", 1)


async def test_given_up():
    """An outage that is too long ends it, with its length, cause and remedy."""
    outage = _outage(iter((100.0, 111.0)))
    with pytest.raises(OutageError, match="after 11 s of outage of s3://zoo/a: conn"):
        await outage.outlast(_Store(_DOWN, _DOWN))
    assert outage.why == "connection refused"


async def test_refused():
    """What a store refuses is not tried again."""
    store = _Store(PermanentError("bucket", "s3://zoo/a: 400 Bad Request."), _DOWN)
    with pytest.raises(InputError, match="400"):
        await _outage(iter(())).outlast(store)
    assert len(store.failures) == 1
