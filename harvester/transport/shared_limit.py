"""A limit that several harvests keep together: of one machine, or of several.

`machine_limit` counts the harvests of this machine, in files; `broker` counts those of
several machines, at a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from .account import Answer, Wish

    #: Is given the answer; None: there is no common limit any more.
    Answered = Callable[[Answer | None], None]

__all__ = ["SharedHostLimit", "SharedLimit"]


class SharedHostLimit(Protocol):
    """The limit of one host that several harvests keep together."""

    #: Whether a question has not been answered yet.
    is_asking: bool
    #: When to ask again: all places are taken.
    ask_at: float
    #: Other harvests that were active at the host when it was asked last.
    others: int

    @property
    def is_on(self) -> bool:
        """Whether permission must be asked for."""

    @property
    def down_s(self) -> float:
        """Seconds for which no permission could be had; 0: it can."""

    @property
    def waits_for(self) -> str:
        """Say why no permission can be had; empty if it can."""

    def facts(self) -> dict[str, Any]:
        """Give the fields of `HostState` that tell of the common limit."""

    def leased(self) -> AbstractAsyncContextManager[None]:
        """Send a permitted request in this block.

        Raises
        ------
        OutageError
            The permission is taken back; the request has been ended.
        """

    def ask(self, wish: Wish, answered: Answered) -> None:
        """Ask for permission to send; ``answered`` is called in the event loop."""

    def news(self) -> None:
        """Let the next question be asked at once, as a place may be free."""

    def sent(self) -> None:
        """Report that a request has been sent."""

    def set_pace(self, gap_s: float, catch_up_s: float) -> None:
        """Let all harvests keep another gap of this harvest at once."""

    def left(self, kind: str) -> None:
        """Report that a request of this kind is no longer under way."""

    def cool_down(self, seconds: float) -> None:
        """Let no harvest send anything for so long."""


class SharedLimit(Protocol):
    """The limits of all hosts that several harvests keep together."""

    def at(self, host: str) -> SharedHostLimit:
        """Give the limit of a host, by the name that is really asked."""

    async def start(self) -> None:
        """Begin to take part."""

    async def aclose(self) -> None:
        """End the part of this harvest."""
