"""What a harvest asks of the executor that cuts its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from ...models import Cut, FrameJob

__all__ = ["Executor"]

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Cuts frames outside of this process; use it as an async context manager."""

    #: Jobs at work, or waiting for a free process.
    cutting: int

    @property
    def processes(self) -> int:
        """Number of processes that cut."""

    async def __aenter__(self) -> Self:
        """Return itself, without starting anything."""

    async def __aexit__(self, *failure: object) -> None:
        """End what was started, and drop its current jobs."""

    def start(self) -> None:
        """Start in the background, before the first frame arrives."""

    def room(self, archive: str) -> AbstractAsyncContextManager[None]:
        """Wait until a frame should be fetched; it is in hand during the block."""

    async def cut(self, job: FrameJob) -> Cut:
        """Cut all wanted stamps of a frame; return a receipt for each.

        Every stamp without a problem is synced to disk, with its folders.

        Raises
        ------
        TransientError, PermanentError
            The frame cannot be used.
        LocalError
            The executor, or this machine, is at fault.
        """

    async def run(self, function: Callable[[T], R], job: T) -> R:
        """Run a function once; `TransientError` if the process that runs it ends."""
