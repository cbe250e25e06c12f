"""Lanes side by side, one of which is refused what the settings name."""

from __future__ import annotations

import asyncio

import pytest

from harvester.errors import InputError, OutageError
from harvester.run.orchestrator import Orchestrator


class Lane:
    """Works until it is told to end; or is refused at once."""

    def __init__(self, refusal=None, other=None):
        self._refusal = refusal
        self._other = other
        self.may_end = asyncio.Event()
        self.is_done = False
        self.troubles = []

    async def run(self):
        """Work."""
        if self._refusal:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fail())
        await self.may_end.wait()
        self.is_done = True

    async def _fail(self):
        raise self._refusal

    def refuse(self, group):
        """Remember what was refused, and let the others end."""
        self.troubles = list(group.exceptions)
        self._other.may_end.set()


@pytest.fixture
def lanes():
    """Give a lane that is refused, and one that works."""
    other = Lane()
    return [Lane(InputError("no image of F999X"), other), other]


async def test_refused_before_there_is_a_stamp(lanes):
    """A name that there is not ends a run at once that has nothing yet."""
    with pytest.raises(BaseExceptionGroup) as caught:
        await Orchestrator(lanes).run()
    assert caught.value.subgroup(InputError)
    assert not lanes[1].is_done


async def test_refused_beside_stamps(lanes):
    """Where there are stamps the other archive goes on, and the trouble is told."""
    orchestrator = Orchestrator(lanes, has_stamps=lambda: True)
    await asyncio.wait_for(orchestrator.run(), 20)
    assert lanes[1].is_done
    assert len(orchestrator.troubles) == 1


async def test_other_errors(lanes):
    """What is no matter of the settings ends all lanes, stamps or not."""
    lanes[0] = Lane(OutageError("bug", "should have been caught"))
    with pytest.raises(BaseExceptionGroup):
        await Orchestrator(lanes, has_stamps=lambda: True).run()
    assert not lanes[1].is_done
