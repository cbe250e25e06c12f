"""The line between the client and all archives: its connections share one bandwidth."""

from __future__ import annotations

import asyncio
import math

__all__ = ["Line"]

#: Seconds of unused bandwidth that may be made up for. Sleeping takes longer than asked
#: for, more so on busy cores, and without this the line would seem slower than it is.
_CREDIT_S = 0.02


class Line:
    """Carries pieces one after the other, in the order in which they are handed over.

    A connection hands over its next piece when the last one has arrived, so that all
    connections that have something to send get the same part of the bandwidth.

    Parameters
    ----------
    bandwidth
        Bytes a second; 0: no limit.
    """

    def __init__(self, bandwidth: float = 0.0) -> None:
        self.limit(bandwidth)
        #: Loop time at which everything that was handed over has arrived.
        self._clear_at = 0.0

    def limit(self, bandwidth: float) -> None:
        """Change the bandwidth, in bytes a second; 0: no limit.

        Raises
        ------
        ValueError
            It is negative or not a number.
        """
        if not 0 <= bandwidth < math.inf:
            msg = f"bandwidth {bandwidth / 1e6} is not a number of MB per second"
            raise ValueError(msg)
        self.bandwidth = bandwidth

    async def carry(self, size: int) -> None:
        """Wait until a piece of so many bytes has arrived."""
        if not self.bandwidth:
            return
        now = asyncio.get_running_loop().time()
        begin = max(self._clear_at, now - _CREDIT_S)
        self._clear_at = begin + size / self.bandwidth
        await asyncio.sleep(self._clear_at - now)
