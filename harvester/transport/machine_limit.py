"""One limit for all harvests of a machine: their requests are counted together.

The accounts of the hosts are in files, which are read and written in a thread of their
own: a slow disk never holds up the event loop. If they cannot be used the harvest keeps
its own limits only, and says so once.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from .account_file import Presence
from .accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from .account import Account, Answer, Wish
    from .shared_limit import Answered

__all__ = ["HostLimit", "MachineLimit", "folder_trouble"]

_log = logging.getLogger(__name__)

#: Seconds after which a disk that does not answer is no longer waited for.
_ANSWER_S = 10.0


def folder_trouble(folder: Path | None) -> str:
    """Say why harvests cannot share their limits in this folder; empty if they can."""
    if folder is None:
        return _words("The state folder", OSError("this user has no home folder"))
    try:
        Presence(folder).close()
    except OSError as error:
        return _words(folder, error)
    return ""


class MachineLimit:
    """The part of this harvest in the common limits, one for each host.

    Parameters
    ----------
    folder
        Where all harvests of the machine keep what they do at each host.
    clock
        Seconds; the same in every process of the machine.
    executor
        Where the files are read and written, one after the other; a thread if None.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        executor: Executor | None = None,
    ) -> None:
        self._folder = folder
        self.clock = clock
        self.accounts = Accounts(folder)
        self._hosts: dict[str, HostLimit] = {}
        self._executor = executor or ThreadPoolExecutor(1, "machine-limit")
        #: Whether the folder could not be used, so that nothing is shared.
        self.is_off = False

    def at(self, host: str) -> HostLimit:
        """Give the common limit of a host, by the name that is really asked."""
        return self._hosts.setdefault(host, HostLimit(self, host))

    def submit(self, work: Callable[[], Answer | None]) -> Future[Answer | None]:
        """Do some work on the files in their thread, one after the other."""
        return self._executor.submit(work)

    def give_up(self, error: BaseException) -> None:
        """Go on without a common limit."""
        if not self.is_off:
            self.is_off = True
            _log.warning("%s", _words(self._folder, error))

    async def start(self) -> None:
        """Do nothing: the files are opened when they are needed first."""

    async def aclose(self) -> None:
        """End the part of this harvest; its places are free at once."""
        self.close()

    def close(self) -> None:
        """End the part of this harvest, in the thread; its places are free at once."""
        self.is_off = True
        self._executor.submit(self.accounts.close)
        self._executor.shutdown(wait=False)


class HostLimit:
    """The limit of one host, shared with the other harvests of the machine.

    Without a ``machine`` nothing is shared, and there is nothing to ask.
    """

    def __init__(self, machine: MachineLimit | None = None, host: str = "") -> None:
        self._machine = machine
        self._host = host
        #: Whether a question has not been answered yet.
        self.is_asking = False
        #: When to ask again: all places are taken.
        self.ask_at = -math.inf
        #: Other harvests that were active at the host when it was asked last.
        self.others = 0

    @property
    def is_on(self) -> bool:
        """Whether permission must be asked for."""
        return self._machine is not None and not self._machine.is_off

    @property
    def down_s(self) -> float:
        """Give 0: without the files a harvest keeps its own limits, and goes on."""
        return 0.0

    @property
    def waits_for(self) -> str:
        """Give an empty text, as nothing but a place is waited for."""
        return ""

    def facts(self) -> dict[str, Any]:
        """Give the fields of `HostState` that tell of the common limit."""
        return {"others": self.others}

    def leased(self) -> AbstractAsyncContextManager[None]:
        """Send a request in this block; nothing takes back what was permitted."""
        return nullcontext()

    def ask(self, wish: Wish, answered: Answered) -> None:
        """Ask for permission to send; ``answered`` is called in the event loop."""
        machine = self._machine
        assert machine is not None
        self.is_asking = True

        def settle(answer: Answer | None) -> None:
            self.is_asking = False
            if answer is not None:
                self.others = answer.others
                self.ask_at = answer.at if answer.is_full else -math.inf
            answered(answer)

        loop = asyncio.get_running_loop()
        question = _Question(machine, settle)
        question.limit = loop.call_later(_ANSWER_S, question.is_late)
        work = machine.submit(lambda: self._ask_now(machine, wish))

        def done(future: Future[Answer | None]) -> None:
            with suppress(RuntimeError):  # the event loop has ended meanwhile
                loop.call_soon_threadsafe(question.settle, future)

        work.add_done_callback(done)

    def news(self) -> None:
        """Let the next question be asked at once, as a place may be free."""
        self.ask_at = -math.inf

    def sent(self) -> None:
        """Report that a request has been sent."""
        if self._machine is not None:
            now = self._machine.clock()
            self._note(lambda account, me: account.sent(me, now))

    def set_pace(self, gap_s: float, catch_up_s: float) -> None:
        """Let all harvests of the machine keep another gap of this harvest at once."""
        self._note(lambda account, me: account.set_pace(me, gap_s, catch_up_s))

    def left(self, kind: str) -> None:
        """Report that a request of this kind is no longer under way."""
        self.news()
        self._note(lambda account, me: account.left(me, kind))

    def cool_down(self, seconds: float) -> None:
        """Let no harvest of the machine send anything for so long."""
        if self._machine is not None:
            until = self._machine.clock() + seconds
            self._note(lambda account, _: account.cool_down(until))

    def _ask_now(self, machine: MachineLimit, wish: Wish) -> Answer:
        with machine.accounts.opened(self._host) as account:
            account.forget(machine.accounts.is_alive, machine.clock())
            return account.ask(machine.accounts.own, wish, machine.clock())

    def _note(self, change: Callable[[Account, str], None]) -> None:
        machine = self._machine
        if machine is None or machine.is_off:
            return

        def work() -> None:
            with machine.accounts.opened(self._host) as account:
                change(account, machine.accounts.own)

        def done(future: Future[Answer | None]) -> None:
            if (error := future.exception()) is not None:
                machine.give_up(error)

        machine.submit(work).add_done_callback(done)


class _Question:
    """A question that is answered once: by the files, or by their silence."""

    def __init__(self, machine: MachineLimit, answered: Answered) -> None:
        self._machine = machine
        self._answered = answered
        self.limit: asyncio.TimerHandle | None = None

    def settle(self, future: Future[Answer | None]) -> None:
        """Pass the answer on."""
        if self.limit is None:
            return
        self.limit.cancel()
        self.limit = None
        error = future.exception()
        if error is not None:
            self._machine.give_up(error)
        self._answered(None if error else future.result())

    def is_late(self) -> None:
        """Go on without the files."""
        self.limit = None
        self._machine.give_up(TimeoutError("its disk does not answer"))
        self._answered(None)


def _words(folder: object, error: BaseException) -> str:
    why = getattr(error, "strerror", None) or str(error)
    return (
        f"{folder} cannot be used ({why}): this harvest keeps its own limits, but not "
        "together with other harvests on this machine. Run one at a time, or name "
        "another folder (politeness.state_dir)."
    )
