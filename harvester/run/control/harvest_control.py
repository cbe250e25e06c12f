"""Does what a user commands, to a harvest at work, and tells who commanded it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ...errors import HarvesterError
from ...events import Controlled, Moved, counted
from ...states import State
from ...status.control.verbs import Verb
from .envelope import RateDetails, RetryDetails
from .retrying import retry_jobs

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...ledger.ledger import Ledger
    from ...places import Places
    from ...status.run_watch import RunWatch
    from ...transport.transport import Transport
    from ..orchestrator import Orchestrator
    from .envelope import Caller

__all__ = ["HarvestControl"]


class HarvestControl:
    """The parts of a harvest that a user may command; one command at a time.

    A pause and a rate are those of this harvest, and end with it: the next one works
    as the settings say.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        transport: Transport,
        *,
        ledger: Ledger,
        watch: RunWatch,
        places: Places,
    ) -> None:
        self._orchestrator = orchestrator
        self._transport = transport
        self._hosts = transport.controls
        self._ledger = ledger
        self._watch = watch
        self._places = places
        self._turn = asyncio.Lock()

    async def do(self, verb: Verb, details: BaseModel, caller: Caller) -> str:
        """Do what a command says; return when the ledger tells it too.

        Raises
        ------
        HarvesterError
            It cannot be done; nothing was changed.
        """
        async with self._turn:
            try:
                text = await self._do(verb, details, caller)
            except HarvesterError as error:
                self.tell(verb, str(error), caller, is_refused=True)
                raise
            self._watch.look(self._transport.states())
            self._watch.sign()
            await self._ledger.written()
        self.tell(verb, text, caller)
        return text

    def tell(
        self, verb: str, text: str, caller: Caller, *, is_refused: bool = False
    ) -> None:
        """Put a command into the log, with who gave it."""
        done = f"{verb} by {caller.words}{': refused' if is_refused else ''}: {text}"
        event = Controlled(verb, done, caller.uid, caller.via, is_refused)
        self._watch.listener(event)

    def facts(self) -> dict[str, Any]:
        """Tell how the harvest stands, as JSON has it."""
        paused = self._watch.paused
        return {
            "paused": paused and {"by": paused.by, "since": paused.since},
            "in_flight": self._hosts.in_flight,
            "rates": {
                host: {"allowed": allowed, "most": most}
                for host, (allowed, most) in self._hosts.rates().items()
            },
        }

    async def _do(self, verb: Verb, details: BaseModel, caller: Caller) -> str:
        match details:
            case RetryDetails():
                return await self._retry(details)
            case RateDetails():
                return self._rate(details)
        match verb:
            case Verb.PAUSE:
                return self._pause(caller)
            case Verb.RESUME:
                return self._resume()
        return self._stand()

    def _pause(self, caller: Caller) -> str:
        if paused := self._watch.paused:
            return f"it was paused before, by {paused.by}"
        self._orchestrator.is_held = True
        self._hosts.pause()
        self._watch.pause(caller.words)
        under_way = counted(self._hosts.in_flight, "request is", "requests are")
        return f"paused: no new request is sent; {under_way} still under way"

    def _resume(self) -> str:
        if self._watch.paused is None:
            return "it was not paused"
        self._orchestrator.is_held = False
        self._watch.resume()
        self._hosts.resume()
        return "it goes on"

    async def _retry(self, details: RetryDetails) -> str:
        choice = details.choice()
        taken = await retry_jobs(self._ledger, self._places, choice)
        source, state = State.FAILED, State.PENDING
        if choice.better:
            source, state = State.DONE, State.LOCATED
        for archive, count in taken.items():
            self._watch.listener(Moved(archive, state, count, source))
        jobs = counted(taken.total(), "job is", "jobs are")
        if taken and not self._orchestrator.take_up():
            return (
                f"{jobs} due again, but this harvest is just ending. Run `harvester "
                f"resume {self._places.out}`"
            )
        waits = ", after the pause" if taken and self._watch.paused else ""
        return f"{jobs} due again{waits}"

    def _rate(self, details: RateDetails) -> str:
        self._hosts.set_rate(details.host, details.rate)
        return (
            f"{details.host} gets at most {details.rate:g} requests/s until this "
            "harvest ends"
        )

    def _stand(self) -> str:
        if paused := self._watch.paused:
            return f"paused by {paused.by}; {self._under_way()}"
        return f"at work; {self._under_way()}"

    def _under_way(self) -> str:
        return f"{counted(self._hosts.in_flight, 'request')} under way"
