"""What waits for a store is bounded, and an outage of the store is waited for."""

from __future__ import annotations

import asyncio

import pytest

from harvester.dataset.object_store.opening import need_tls
from harvester.errors import InputError, OutageError, PermanentError
from harvester.ledger.outbox import Unsent
from harvester.places import Places
from harvester.run.sending.backlog import Backlog
from harvester.run.sending.before import need_apart
from harvester.run.sending.store_outage import StoreOutage
from harvester.run.sending.until_stopped import until_stopped

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


def test_apart(tmp_path):
    """A store in the folder of the run would be written over by itself."""
    for folder in (tmp_path, tmp_path / "run", tmp_path / "run" / "store"):
        with pytest.raises(InputError, match="must lie apart"):
            need_apart(f"file://{folder}", Places(tmp_path / "run"))
    need_apart(f"file://{tmp_path}/other", Places(tmp_path / "run"))
    need_apart("gs://zoo/run", Places(tmp_path / "run"))


def test_keys_in_endpoint():
    """The address of a store is kept in the settings: it must have no password."""
    with pytest.raises(InputError, match="no keys"):
        need_tls("https://me:secret@store.example.org")


async def test_stopped():
    """A stop ends the waiting for a store; without one the work is done."""
    stopped, done = asyncio.Event(), asyncio.Event()

    async def work():
        await asyncio.sleep(0)
        done.set()

    await until_stopped(work(), stopped)
    assert done.is_set()
    stopped.set()
    await until_stopped(asyncio.Event().wait(), stopped)
