"""One stamp goes to a store: made once, replaced only if the object is our own."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest

from harvester.dataset.object_store.abilities import Abilities
from harvester.dataset.object_store.address import StoreAddress
from harvester.dataset.object_store.objects import Objects
from harvester.errors import InputError
from harvester.ledger.outbox import Outbox, Unsent
from harvester.run.sending.upload import Upload


def _stamp(content):
    return Unsent("cutouts/a.fits", hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def outbox(tmp_path):
    """Open an empty outbox."""
    with Outbox.open(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture(params=["memory", "file", "without conditions"])
async def objects(request, tmp_path):
    """Open stores that keep metadata or not, and know conditions or not."""
    folder = f"file://{tmp_path}/objects"
    url = folder if request.param == "file" else f"memory://{uuid4().hex}/a"
    opened = await Objects.open(StoreAddress.parse(url))
    if request.param == "without conditions":
        opened.abilities = Abilities(keeps_labels=True)
    return opened


async def test_sent_again(objects, outbox):
    """A stamp that is there already is recognised, also without the outbox."""
    await Upload(objects, outbox, "run").send(_stamp(b"pixels"), b"pixels")
    before = await objects.look("cutouts/a.fits")
    await Upload(objects, outbox, "run").send(_stamp(b"pixels"), b"pixels")
    assert await objects.look("cutouts/a.fits") == before
    assert outbox.sent("cutouts/a.fits") == (_stamp(b"pixels").sha256, before.e_tag)


async def test_cut_again(objects, outbox):
    """A stamp that was cut again replaces the one that this run has sent."""
    upload = Upload(objects, outbox, "run")
    await upload.send(_stamp(b"old pixels"), b"old pixels")
    await upload.send(_stamp(b"pixels"), b"pixels")
    assert await objects.read("cutouts/a.fits") == b"pixels"


async def test_of_another(objects, outbox):
    """An object of another program stays as it is."""
    await objects.put_new("cutouts/a.fits", b"foreign", {"run": "other"})
    with pytest.raises(InputError, match="has other bytes"):
        await Upload(objects, outbox, "run").send(_stamp(b"pixels"), b"pixels")
    assert await objects.read("cutouts/a.fits") == b"foreign"


async def test_changed_since(objects, outbox):
    """What this run has sent and another program has changed is not replaced."""
    await Upload(objects, outbox, "run").send(_stamp(b"old pixels"), b"old pixels")
    there = await objects.look("cutouts/a.fits")
    await objects.replace("cutouts/a.fits", b"foreign!", {"run": "x"}, there.e_tag)
    with pytest.raises(InputError, match="has other bytes"):
        await Upload(objects, outbox, "run").send(_stamp(b"pixels"), b"pixels")
    assert await objects.read("cutouts/a.fits") == b"foreign!"


async def test_wrong_tag(objects):
    """Nothing is replaced that has another ETag than was seen."""
    await objects.put_new("a", b"one", {})
    assert await objects.replace("a", b"two", {}, '"0"') is None
    assert await objects.read("a") == b"one"
    assert await objects.put_new("a", b"two", {}) is None
