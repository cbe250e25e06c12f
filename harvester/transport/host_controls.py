"""What a user may change of a transport at work: a pause, and the rate of a host."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .hops import Throttles
    from .services import Directory

__all__ = ["HostControls"]


class HostControls:
    """Holds all hosts back, or sets the pace of one, while requests are under way."""

    def __init__(self, directory: Directory, throttles: Throttles) -> None:
        self._throttles = throttles
        self._services = {one.name: one.host for one in directory.services}

    def pause(self) -> None:
        """Send nothing to any host; requests under way are finished."""
        self._throttles.pause(is_on=True)

    def resume(self) -> None:
        """Send requests again."""
        self._throttles.pause(is_on=False)

    @property
    def in_flight(self) -> int:
        """Requests under way at all hosts."""
        throttles = self._throttles.by_host.values()
        return sum(one.state().in_flight for one in throttles)

    def rates(self) -> Mapping[str, tuple[float, float]]:
        """Give for each host the requests a second allowed now, and at the most."""
        throttles = self._throttles.by_host.items()
        return {host: (one.state().rate, one.most_rate) for host, one in throttles}

    def set_rate(self, host: str, rate: float) -> None:
        """Allow so many requests a second at a host, from now on.

        Raises
        ------
        InputError
            There is no such host, or the rate is above what its archive allows.
        """
        throttle = self._throttles.by_host.get(host)
        if throttle is None:
            raise InputError(self._unknown(host))
        if not 0 < rate < math.inf:
            msg = (
                f"the rate {rate:g} is no number of requests a second above 0. To send "
                "nothing, pause the harvest"
            )
            raise InputError(msg)
        if rate > throttle.most_rate:
            msg = (
                f"{host} may get at most {throttle.most_rate:g} requests/s, by what "
                f"its archive allows or by the settings: {rate:g} is too many. The "
                "rate stays as it is"
            )
            raise InputError(msg)
        throttle.set_rate(rate)

    def _unknown(self, host: str) -> str:
        hosts = list(self._throttles.by_host)
        names = {**self._services, **{one: one for one in hosts}}
        close = difflib.get_close_matches(host.lower(), names, n=1, cutoff=0.5)
        meant = f" Did you mean {names[close[0]]}?" if close else ""
        return f"there is no host {host!r}.{meant} Hosts: {', '.join(hosts)}"
