"""Messages to the webhook: which events make one, and what it says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harvester.errors import LocalError
from harvester.events import HostChanged, Note, Stalled
from harvester.places import Places
from harvester.status.notify import Notifier, Occasion, notifying

_PLACES = Places(Path("/runs/zoo"))


def messages(notifier):
    """Take the messages that wait."""
    return [notifier.queue.get_nowait() for _ in range(notifier.queue.qsize())]


@pytest.fixture
def notifier():
    """Give one that makes messages of all occasions."""
    return Notifier(_PLACES, list(Occasion))


def test_stall(notifier):
    """A stall and its end are told; notes are not."""
    notifier.listener(Note("hello"))
    notifier.listener(Stalled("nothing has moved for 5 min", 300.4))
    notifier.listener(Stalled("it moves again", 1.0, is_over=True))
    one, other = messages(notifier)
    assert (one["event"], one["seconds"], one["is_over"]) == ("stall", 300, False)
    assert one["text"] == "harvester /runs/zoo: nothing has moved for 5 min"
    assert other["is_over"]


def test_breaker(notifier):
    """A host that goes down is told once, and that it is back."""
    for kind in ("slowed", "down", "down", "refuses everything", "open", "slowed"):
        notifier.listener(HostChanged("a.org", kind, f"a.org: {kind}"))
    told = [(one["kind"], one["host"], one["is_over"]) for one in messages(notifier)]
    assert told == [("down", "a.org", False), ("open", "a.org", True)]


def test_only_what_is_wanted():
    """Of other occasions than the wanted ones nothing is sent."""
    notifier = Notifier(_PLACES, ["finish"])
    notifier.listener(Stalled("nothing has moved", 300))
    assert messages(notifier) == []


def test_too_many(notifier, caplog):
    """Messages that find the queue full are lost, and the log says so."""
    for _ in range(30):
        notifier.listener(Stalled("nothing has moved", 300))
    assert len(messages(notifier)) == 20
    assert "too many wait" in caplog.text


def _report(located=0, failed=0):
    states = {"pending": 0, "located": located, "done": 5, "failed": failed}
    return {"surveys": {"a": states}, "cutouts": 5, "failures": []}


@pytest.mark.parametrize(
    ("report", "troubles", "outcome", "words"),
    [
        (_report(), [], "settled", "the harvest is done"),
        (_report(failed=2), [], "settled", "2 jobs failed"),
        (_report(located=1), ["a.org is down"], "unsettled", "1 job left: a.org"),
    ],
)
def test_end(notifier, report, troubles, outcome, words):
    """The end is told with its outcome and the counts."""
    with notifier.telling_end() as ended:
        ended(report, troubles, "")
    (one,) = messages(notifier)
    assert (one["event"], one["outcome"], one["cutouts"]) == ("finish", outcome, 5)
    assert words in one["text"]
    assert "report" not in one


def test_end_with_report(notifier):
    """The message about the end has the path of the report that was written."""
    with notifier.telling_end() as ended:
        ended(_report(), [], "/data/zoo/report.html")
    (one,) = messages(notifier)
    assert one["report"] == "/data/zoo/report.html"


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        (LocalError("the disk is full"), "error", "the disk is full"),
        (ExceptionGroup("", [LocalError("no room")]), "error", "no room"),
        (KeyError("CANARY"), "error", "KeyError"),
        (asyncio.CancelledError(), "stopped", "was stopped"),
    ],
    ids=["local", "group", "bug", "stopped"],
)
def test_end_with_an_error(notifier, error, outcome, words):
    """An end with an error is told too, without the text of an unexpected one."""
    with pytest.raises(type(error)), notifier.telling_end():
        raise error
    (one,) = messages(notifier)
    assert one["outcome"] == outcome
    assert words in one["text"]
    assert "CANARY" not in str(one)


async def test_last_messages_are_sent():
    """What waits when the harvest ends is sent before the block is left."""
    sent = []

    async def post(message):
        await asyncio.sleep(0)
        sent.append(message["event"])
        return True

    async with notifying(_PLACES, post, list(Occasion)) as notifier:
        notifier.listener(Stalled("nothing has moved", 300))
        notifier.finished("settled", "the harvest is done")
    assert sent == ["stall", "finish"]


async def test_slow_webhook(monkeypatch):
    """A webhook that does not answer keeps the end waiting for a moment only."""
    monkeypatch.setattr("harvester.status.notify._LAST_S", 0.05)

    async def post(_message):
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        async with notifying(_PLACES, post, list(Occasion)) as notifier:
            notifier.finished("settled", "the harvest is done")


async def test_no_webhook():
    """Without a webhook nothing is queued."""
    async with notifying(_PLACES, None, list(Occasion)) as notifier:
        notifier.finished("settled", "the harvest is done")
        assert messages(notifier) == []
