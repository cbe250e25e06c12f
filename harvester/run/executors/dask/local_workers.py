"""Starts a Dask cluster on this machine, and starts it again if it was killed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from typing import TYPE_CHECKING

from ....errors import LocalError

if TYPE_CHECKING:
    from asyncio.subprocess import Process

__all__ = ["LocalWorkers"]

_MODULE = f"{__package__}.local_cluster"

#: Seconds within which a new cluster says its address.
_START_S = 180

#: Seconds until a cluster that is told to end is killed.
_END_S = 3

#: So many clusters that do not start in a row: something here is at fault.
_TRIES = 3


class LocalWorkers:
    """A Dask cluster of this harvest only."""

    def __init__(self, workers: int, memory_bytes: int) -> None:
        self._workers = workers
        self._memory_bytes = memory_bytes
        self._process: Process | None = None
        self._address = ""

    async def address(self) -> str:
        """Give the address of the scheduler; start the cluster if it is not there.

        Raises
        ------
        LocalError
            It does not start.
        """
        if self._process is None or self._process.returncode is not None:
            self._address = await self._start()
        return self._address

    async def _start(self) -> str:
        for _ in range(_TRIES):
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", _MODULE),
                *(str(self._workers), str(self._memory_bytes)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                # A signal to the processes of a terminal is the harvest's to handle.
                start_new_session=True,
            )
            assert process.stdout is not None
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_S):
                    line = await process.stdout.readline()
                if line:
                    return line.decode().strip()
            await self.aclose()
        msg = (
            "the Dask workers of this machine do not start. Try "
            f"`{sys.executable} -m {_MODULE} {self._workers} {self._memory_bytes}`, "
            "or take --executor processes"
        )
        raise LocalError(msg)

    async def aclose(self) -> None:
        """End the cluster."""
        if self._process is None or self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
