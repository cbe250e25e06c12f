"""Whether a refusal or an outage is one file's or the whole host's.

A refusal is believed of a file only when its host has given something good that was
asked for later. Until then it costs nothing: it is waited for such an answer, or the
host is asked for the head of a file that it is known to have had. If that is refused,
or a handful of different addresses are, the host refuses us: its requests become
probes, and after ``refusal_patience_s`` the request ends as an outage.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from ..errors import OutageError, PermanentError, TransientError
from .errand import Waits
from .turn import GaveUpError
from .verdict import MAY_PASS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from yarl import URL

    from .backoff import Patience
    from .body import Limits
    from .errand import Errand

    #: Asks the host of an errand for the head of another file.
    Look = Callable[[Errand, URL], Awaitable[None]]

__all__ = ["Doubts"]

#: Refusals of one file at a host that nothing good is known of, before it is decided.
_MOST_DOUBTS = 3

#: Refusals of a query that say nothing of it: no query can be missing or private.
_OF_SERVICE = MAY_PASS | {"not_found", "http_451", "blocked_redirect"}

#: Refusals that a file at a public archive does not get for itself: where nothing good
#: at all is known of the host they are taken for the host's.
_OF_HOST = MAY_PASS | {"http_451", "blocked_redirect"}


class Doubts:
    """Weighs refusals, and knows a file of each host to look for.

    Parameters
    ----------
    look
        Asks for the head of a file that a host has had.
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

    def came(self, errand: Errand) -> None:
        """Remember a file that came: by it a host that is well is known."""
        if errand.kind == "file" and errand.request.method == "GET":
            self._known[errand.throttle.host] = errand.request.url

    def handful(self, errand: Errand) -> float:
        """Give how many refused addresses make it the host's matter."""
        # Where a file is known to have been there, the look for it decides.
        return math.inf if self._known_to(errand) else errand.throttle.handful

    async def is_sound(self, errand: Errand) -> bool:
        """Look whether a host that fails a file still has another one, which it had.

        Without that look the last file of a run, if it always fails, could not be told
        from an outage: there are no others that go well meanwhile.
        """
        url = self._known_to(errand)
        if url is None or errand.is_down or errand.is_mirror:
            return False
        try:
            await self._look(errand, url)
        except (PermanentError, TransientError):
            return False
        return True

    async def weigh(
        self, errand: Errand, error: PermanentError, patience: Patience
    ) -> float:
        """Give the seconds to wait before a refused request is made again, or raise.

        Raises
        ------
        PermanentError
            It is believed of what was asked for.
        TransientError
            It came from where a redirect led: that address, not the file, is no good.
        OutageError
            The host refuses everything (``refuses``).
        """
        if errand.kind == "query":
            return self._weigh_query(errand, error, patience)
        refusals = errand.throttle.refusals(errand.kind)
        if refusals.is_full and errand.waits is Waits.NEVER:
            raise self.refused(errand)
        await refusals.settled(errand.refused_at, self._wait_s(errand, error))
        await self._find_out(errand, error)
        if refusals.is_contradicted(errand.refused_at):
            errand.doubts = 0
            return _believe(errand, error, patience)
        errand.doubts += 1
        if refusals.is_full or errand.doubts < _MOST_DOUBTS:
            return 0.0
        # A host that answers queries does not shut us out by refusing a file or two.
        is_silent = not errand.throttle.successes
        if errand.was_moved or (error.reason in _OF_HOST and is_silent):
            errand.throttle.shut(errand.kind)
            return 0.0
        raise error

    async def _find_out(self, errand: Errand, error: PermanentError) -> None:
        """Look for the known file, or wait for others, as far as that can tell.

        It is left open only where the refused file itself has to be asked for again,
        or has been often enough.
        """
        at, limits = errand.refused_at, self._limits
        refusals = errand.throttle.refusals(errand.kind)
        while not refusals.is_contradicted(at):
            is_over = refusals.lasts_s() >= limits.refusal_patience_s
            if is_over and refusals.is_full:
                raise self.refused(errand)
            # The head of a file does not tell whether its body would have an end.
            if error.reason != "too_large" and self._known_to(errand):
                await self._look_for_known(errand, at)
                if self._known_to(errand):
                    continue
            is_last = errand.doubts >= _MOST_DOUBTS - 1
            is_waited_for = errand.throttle.is_at_work(errand.kind) and not is_over
            if refusals.is_full or not (is_last and is_waited_for):
                return
            await refusals.settled(at, limits.doubt_s)

    def refused(self, errand: Errand) -> OutageError:
        """Make the error that says that an archive refuses us, and what may help."""
        said = errand.throttle.refusal_words(errand.kind)
        remedies = ", ".join(_remedies(errand))
        return OutageError("refuses", f"{said}. What may help: {remedies}; then resume")

    def _wait_s(self, errand: Errand, error: PermanentError) -> float:
        """Seconds in which something good may come, before the file is asked again."""
        if error.reason == "too_large":
            # To ask again may cost as much as it is too large: others may tell.
            errand.doubts = _MOST_DOUBTS
            return 10 * self._limits.doubt_s
        is_last = errand.doubts >= _MOST_DOUBTS - 1
        return 0.0 if is_last else self._limits.doubt_s * 2**errand.doubts

    def _weigh_query(
        self, errand: Errand, error: PermanentError, patience: Patience
    ) -> float:
        if error.reason not in _OF_SERVICE and not errand.was_moved:
            raise error
        try:
            return patience.after_refusal(error)
        except (PermanentError, TransientError):
            raise self.refused(errand) from error

    async def _look_for_known(self, errand: Errand, at: float) -> None:
        """Ask for the known file, unless it is decided meanwhile."""
        host, url = errand.throttle.host, self._known_to(errand)
        refusals = errand.throttle.refusals(errand.kind)
        async with self._turn[host]:
            is_over = refusals.lasts_s() >= self._limits.refusal_patience_s
            is_given_up = refusals.is_full and is_over
            if url is None or refusals.is_contradicted(at) or is_given_up:
                return
            try:
                await self._look(errand, url)
            except GaveUpError as error:
                raise self.refused(errand) from error
            except (PermanentError, TransientError):
                if not refusals.is_full:
                    # It cannot be looked for that way: the handful decides.
                    self._known.pop(host, None)

    def _known_to(self, errand: Errand) -> URL | None:
        url = self._known.get(errand.throttle.host)
        is_itself = url == errand.request.url
        return None if errand.kind != "file" or is_itself else url


def _believe(errand: Errand, error: PermanentError, patience: Patience) -> float:
    if errand.was_moved:
        # Such an address may have been signed for a while: a new one is asked for.
        return patience.after_refusal(TransientError(error.reason, str(error)))
    if error.reason in MAY_PASS:
        return patience.after_refusal(error)
    raise error


def _remedies(errand: Errand) -> list[str]:
    section = errand.service.name.replace("-", "_")
    return [
        "a contact for the archive to write to (politeness.contact)",
        *errand.service.remedies,
        f"another address (services.{section}.base_url)",
    ]
