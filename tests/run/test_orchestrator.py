"""Two lanes in parallel; the archive of one does not know a name in the settings."""

from __future__ import annotations

import asyncio

import pytest

from harvester.errors import InputError, OutageError
from harvester.run.orchestrator import Orchestrator


class Lane:
    """Works until it may end, or is refused at once."""

    def __init__(self, refusal=None, other=None):
        self.runs = 0
        self._refusal = refusal
        self._other = other
        self.may_end = asyncio.Event()
        self.is_done = False
        self.troubles = []

    async def run(self):
        """Work."""
        self.runs += 1
        if self._refusal:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fail())
        await self.may_end.wait()
        self.is_done = True

    async def _fail(self):
        raise self._refusal

    def refuse(self, group):
        """Keep the errors, and let the other lane end."""
        self.troubles = list(group.exceptions)
        self._other.may_end.set()


@pytest.fixture
def lanes():
    """Return a lane that is refused, and one that works."""
    other = Lane()
    return [Lane(InputError("no image of F999X"), other), other]


async def test_refused_before_there_is_a_stamp(lanes):
    """An unknown name ends a run without stamps at once."""
    with pytest.raises(BaseExceptionGroup) as caught:
        await Orchestrator(lanes).run()
    assert caught.value.subgroup(InputError)
    assert not lanes[1].is_done


async def test_refused_beside_stamps(lanes):
    """In a run with stamps the other archive continues, and the error is kept."""
    orchestrator = Orchestrator(lanes, has_stamps=lambda: True)
    await asyncio.wait_for(orchestrator.run(), 20)
    assert lanes[1].is_done
    assert len(orchestrator.troubles) == 1


async def test_other_errors(lanes):
    """Errors other than those of the settings end all lanes, with stamps or without."""
    lanes[0] = Lane(OutageError("bug", "should have been caught"))
    with pytest.raises(BaseExceptionGroup):
        await Orchestrator(lanes, has_stamps=lambda: True).run()
    assert not lanes[1].is_done


async def test_taken_up_after_its_end():
    """A lane that has ended works again if jobs became due while another one works."""
    one, other = Lane(), Lane()
    one.may_end.set()
    orchestrator = Orchestrator([one, other])
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(orchestrator.run())
        while not one.is_done:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert orchestrator.take_up()
        other.may_end.set()
        await running
    # The other one was at work: it looks again, because it may have been at its end.
    assert (one.runs, other.runs) == (2, 2)
    assert not orchestrator.take_up()


async def test_taken_up_at_its_end():
    """A lane that is ending when jobs become due works again."""

    class Ending(Lane):
        async def run(self):
            await super().run()
            if self.runs == 1:
                assert orchestrator.take_up()

    lane = Ending()
    lane.may_end.set()
    orchestrator = Orchestrator([lane])
    await asyncio.wait_for(orchestrator.run(), 20)
    assert lane.runs == 2
