"""Whether a refusal or an outage concerns one file or the whole host.

A refusal counts against a file only when its host has given a good answer to a later
request. Until then it costs nothing: the call waits for such an answer, or asks with
HEAD for a file that the host is known to have. If that is refused, or several different
addresses are, the host refuses everything: only probes are sent, and after
``refusal_patience_s`` the call ends as an outage.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from ..errors import OutageError, PermanentError, TransientError
from .call import Waits
from .turn import GaveUpError, LeaseEndedError
from .verdict import MAY_PASS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from yarl import URL

    from .backoff import Patience
    from .body import Limits
    from .call import Call

    #: Asks the host of a call for the head of another file.
    Look = Callable[[Call, URL], Awaitable[None]]

__all__ = ["Doubts"]

#: Refusals of one file before it is decided, if its host gave no good answer.
_MOST_DOUBTS = 3

#: Refusals that do not concern the query itself: no query can be missing or private.
_OF_SERVICE = MAY_PASS | {"not_found", "http_451", "blocked_redirect"}

#: Refusals that do not concern one file of a public archive: if the host has given no
#: good answer at all, they mean that it refuses everything.
_OF_HOST = MAY_PASS | {"http_451", "blocked_redirect"}


class Doubts:
    """Weighs refusals, and knows a file of each host to ask for with HEAD.

    Parameters
    ----------
    look
        Asks with HEAD for a file that a host has had.
    known_good
        Such a file of an earlier process, by host.
    """

    def __init__(
        self, limits: Limits, look: Look, known_good: Mapping[str, URL]
    ) -> None:
        self._limits = limits
        self._look = look
        self._known = dict(known_good)
        self._turn: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def came(self, call: Call) -> None:
        """Remember a file that came, to check later whether its host is up."""
        if call.kind == "file" and call.request.method == "GET":
            self._known[call.throttle.host] = call.request.url

    def handful(self, call: Call) -> float:
        """Give how many refused addresses mean that the host refuses everything."""
        # If a file of the host is known, asking for it decides.
        return math.inf if self._known_to(call) else call.throttle.handful

    async def is_sound(self, call: Call) -> bool:
        """Check whether a host that fails a file still serves the last good one.

        Without this check the last file of a run, if it always fails, would look like
        an outage: no other requests succeed meanwhile.
        """
        url = self._known_to(call)
        if url is None or call.is_down or call.is_mirror:
            return False
        try:
            await self._look(call, url)
        except (PermanentError, TransientError):
            return False
        return True

    async def weigh(
        self, call: Call, error: PermanentError, patience: Patience
    ) -> float:
        """Give the seconds to wait before a refused request is made again, or raise.

        Raises
        ------
        PermanentError
            The refusal concerns what was asked for.
        TransientError
            The address that a redirect led to was refused, not the file itself.
        OutageError
            The host refuses everything (``refuses``).
        """
        if call.kind == "query":
            return self._weigh_query(call, error, patience)
        refusals = call.throttle.refusals(call.kind)
        if refusals.is_full and call.waits is Waits.NEVER:
            raise self.refused(call)
        await refusals.settled(call.refused_at, self._wait_s(call, error))
        await self._find_out(call, error)
        if refusals.is_contradicted(call.refused_at):
            call.doubts = 0
            return _believe(call, error, patience)
        call.doubts += 1
        if refusals.is_full or call.doubts < _MOST_DOUBTS:
            return 0.0
        # A host that answers queries has not banned us if it refuses a file or two.
        is_silent = not call.throttle.successes
        if call.was_redirected or (error.reason in _OF_HOST and is_silent):
            call.throttle.shut(call.kind)
            return 0.0
        raise error

    async def _find_out(self, call: Call, error: PermanentError) -> None:
        """Ask for the known file, or wait for others, until the refusal is explained.

        It stays unexplained if the refused file must be asked for again, or was
        asked for often enough.
        """
        at, limits = call.refused_at, self._limits
        refusals = call.throttle.refusals(call.kind)
        while not refusals.is_contradicted(at):
            is_over = refusals.lasts_s() >= limits.refusal_patience_s
            if is_over and refusals.is_full:
                raise self.refused(call)
            # HEAD does not show whether the body of a file would end.
            if error.reason != "too_large" and self._known_to(call):
                await self._look_for_known(call, at)
                if self._known_to(call):
                    continue
            is_last = call.doubts >= _MOST_DOUBTS - 1
            is_waited_for = call.throttle.is_at_work(call.kind) and not is_over
            if refusals.is_full or not (is_last and is_waited_for):
                return
            await refusals.settled(at, limits.doubt_s)

    def refused(self, call: Call) -> OutageError:
        """Make the error that a host refuses everything, which says what may help."""
        said = call.throttle.refusal_words(call.kind)
        remedies = ", ".join(_remedies(call))
        return OutageError("refuses", f"{said}. What may help: {remedies}; then resume")

    def _wait_s(self, call: Call, error: PermanentError) -> float:
        """Give the seconds to wait for a good answer before the file is asked again."""
        if error.reason == "too_large":
            # To ask for it again may cost as many bytes: wait for other files.
            call.doubts = _MOST_DOUBTS
            return 10 * self._limits.doubt_s
        is_last = call.doubts >= _MOST_DOUBTS - 1
        return 0.0 if is_last else self._limits.doubt_s * 2**call.doubts

    def _weigh_query(
        self, call: Call, error: PermanentError, patience: Patience
    ) -> float:
        if error.reason not in _OF_SERVICE and not call.was_redirected:
            raise error
        try:
            return patience.after_refusal(error)
        except (PermanentError, TransientError):
            raise self.refused(call) from error

    async def _look_for_known(self, call: Call, at: float) -> None:
        """Ask for the known file, unless the refusal is explained meanwhile."""
        host, url = call.throttle.host, self._known_to(call)
        refusals = call.throttle.refusals(call.kind)
        async with self._turn[host]:
            is_over = refusals.lasts_s() >= self._limits.refusal_patience_s
            is_given_up = refusals.is_full and is_over
            if url is None or refusals.is_contradicted(at) or is_given_up:
                return
            try:
                await self._look(call, url)
            except GaveUpError as error:
                if error.reason == "no_broker":
                    raise
                raise self.refused(call) from error
            except LeaseEndedError:
                return  # It says nothing about the file, which is asked for again.
            except (PermanentError, TransientError):
                if not refusals.is_full:
                    # HEAD does not work here: the number of addresses decides.
                    self._known.pop(host, None)

    def _known_to(self, call: Call) -> URL | None:
        url = self._known.get(call.throttle.host)
        is_itself = url == call.request.url
        return None if call.kind != "file" or is_itself else url


def _believe(call: Call, error: PermanentError, patience: Patience) -> float:
    if call.was_redirected:
        # The signature of that address may have expired: ask for a new address.
        return patience.after_refusal(TransientError(error.reason, str(error)))
    if error.reason in MAY_PASS:
        return patience.after_refusal(error)
    raise error


def _remedies(call: Call) -> list[str]:
    section = call.service.name.replace("-", "_")
    return [
        "a contact for the archive to write to (politeness.contact)",
        *call.service.remedies,
        f"another address (services.{section}.base_url)",
    ]
