"""That the broker cannot be asked: since when, why, and how often that is said."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ...events import duration_words

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Absence"]

_log = logging.getLogger(__name__)

#: Seconds from the first message to the second; each wait is twice as long as the one
#: before, up to the longest.
_SAY_S = 60.0
_LONGEST_SAY_S = 3600.0


class Absence:
    """A time without the broker; it is said at once, and then at growing intervals."""

    def __init__(self, where: str, clock: Callable[[], float]) -> None:
        self._where = where
        self._clock = clock
        #: When it began; None: the broker can be asked.
        self._since: float | None = None
        self._began = ""
        self._why = ""
        self._say_at = 0.0
        self._pause_s = 0.0

    @property
    def lasts_s(self) -> float:
        """Seconds for which the broker could not be asked; 0: it can."""
        return 0.0 if self._since is None else self._clock() - self._since

    @property
    def words(self) -> str:
        """Say what is waited for; empty: the broker can be asked."""
        if self._since is None:
            return ""
        return (
            f"waits for the broker at {self._where} ({self._why}): no request is sent "
            f"without its leave; since {self._began}"
        )

    def note(self, why: str) -> None:
        """Note that it could not be reached, or has been lost."""
        now = self._clock()
        self._why = why
        if self._since is None:
            self._since, self._began = now, time.strftime("%H:%M")
            self._say_at, self._pause_s = now, _SAY_S
        if now >= self._say_at:
            _log.warning("%s", self.words)
            self._say_at = now + self._pause_s
            self._pause_s = min(_LONGEST_SAY_S, 2 * self._pause_s)

    def end(self) -> None:
        """Note that it can be asked again."""
        if self._since is not None:
            lasted = duration_words(self.lasts_s)
            _log.warning("the broker at %s answers after %s", self._where, lasted)
            self._since = None
