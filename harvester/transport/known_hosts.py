"""What is known of the hosts of archives, without asking them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import PermanentError
from .address import shown, to_url
from .host_speed import HostSpeed

if TYPE_CHECKING:
    from yarl import URL

    from .hops import Throttles
    from .host_speed import HostSpeeds
    from .host_state import HostState
    from .pulse import Answers
    from .services import Directory
    from .throttle import Throttle

__all__ = ["KnownHosts"]


class KnownHosts:
    """What is known of the hosts that a transport may ask."""

    def __init__(
        self, directory: Directory, throttles: Throttles, speeds: HostSpeeds
    ) -> None:
        self._directory = directory
        self._throttles = throttles
        self.speeds = speeds

    def speed_of(self, url: str) -> HostSpeed:
        """Give what is learned of the host of an official address."""
        try:
            return self.speeds.at(self._directory.service_of(self._checked(url)).host)
        except PermanentError:  # an invalid address: `download` raises the error
            return HostSpeed()

    def describe(self) -> dict[str, str]:
        """Say in words, for each host, what its next request waits for."""
        throttles = self._throttles.by_host
        return {host: throttle.describe() for host, throttle in throttles.items()}

    def states(self) -> list[HostState]:
        """Give the state of each host."""
        pulse = self._throttles.pulse
        return [
            replace(
                throttle.state(),
                heard_at=pulse(host).heard_at,
                silent_since=pulse(host).silent_since,
            )
            for host, throttle in self._throttles.by_host.items()
        ]

    def take_answers(self) -> dict[str, Answers]:
        """Give for each host the answers that have begun since the last call."""
        hosts = self._throttles.by_host
        return {host: self._throttles.pulse(host).take() for host in hosts}

    def is_down(self, url: str) -> bool:
        """Whether the host of an official address is down, so that requests wait.

        False when a probe is due: the next request will be the probe.
        """
        throttle = self._throttle_for(url)
        # A host that refuses is asked for other files, which may be served.
        return throttle.is_closed and not throttle.refusals("file").is_full

    def down_s(self, url: str) -> float:
        """Give the seconds for which the host of an official address has been down."""
        return self._throttle_for(url).down_s

    def awake_s(self, url: str) -> float:
        """Read a clock that stands still in the quiet hours of a host."""
        return self._throttle_for(url).awake_s()

    def mirrors(self, url: str) -> list[str]:
        """Give the addresses that the user has set before that of an official one."""
        return [str(one) for one in self._directory.mirrors(to_url(url))]

    def to_actual(self, url: str) -> str:
        """Give the address that is really asked in place of an official one."""
        return str(self._directory.to_actual(to_url(url)))

    def _throttle_for(self, url: str) -> Throttle:
        service = self._directory.service_of(self._checked(url))
        return self._throttles.of_service(service)

    def _checked(self, text: str) -> URL:
        url = to_url(text)
        if url.user is not None or url.password is not None:
            msg = f"{shown(url)} holds a user name, which is not sent anywhere"
            raise PermanentError(reason="bad_url", message=msg)
        return self._directory.to_actual(url.with_fragment(None))
