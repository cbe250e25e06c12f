"""Lends places in the accounts of this machine to harvests of others.

Each client is a member of the accounts, whose lease is written beside what it has under
way: a lease outlives a broker that is killed, and ends by time without it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from ..accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ..account import Account, Answer, Wish

__all__ = ["Lender"]

#: A lease is written so much longer than it is, as a part of it: then not every message
#: of a client has to be written.
_LONGER = 1 / 6

#: Seconds over which the permitted requests are counted.
_COUNTED_S = 60.0


class Lender:
    """The accounts of this machine; every call waits for the disk.

    Parameters
    ----------
    folder
        Where the harvests of this machine keep their accounts.
    lease_s
        Seconds without a message after which what a client has under way is free.
    clock
        Seconds; the same in every process of the machine.
    """

    def __init__(
        self, folder: Path, lease_s: float, clock: Callable[[], float]
    ) -> None:
        self._accounts = Accounts(folder)
        self._lease_s = lease_s
        self._clock = clock
        #: For each client its hosts, and until when its lease is written there.
        self._leases: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._granted: defaultdict[str, deque[float]] = defaultdict(deque)

    def open(self) -> None:
        """Open the folder.

        Raises
        ------
        OSError
            It cannot be used.
        """
        assert self._accounts.own

    def ask(self, client: str, host: str, wish: Wish) -> Answer:
        """Permit a client to send a request, or say when to ask again."""
        now = self._clock()
        with self._accounts.opened(host) as account:
            account.forget(self._accounts.is_alive, now)
            answer = account.ask(client, wish, now)
            self._lend(account, client, host, now)
        if answer.kind:
            self._granted[host].append(now)
        return answer

    def sent(self, client: str, host: str) -> None:
        """Count the gap from now on."""
        self._change(client, host, lambda one, now: one.sent(client, now))

    def left(self, client: str, host: str, kind: str) -> None:
        """Count a request as no longer under way."""
        self._change(client, host, lambda one, _: one.left(client, kind))

    def set_pace(self, client: str, host: str, gap_s: float, catch_up_s: float) -> None:
        """Note that a client keeps another gap from now on."""
        self._change(
            client, host, lambda one, _: one.set_pace(client, gap_s, catch_up_s)
        )

    def cool_down(self, client: str, host: str, seconds: float) -> None:
        """Let nothing be sent for so long."""
        self._change(client, host, lambda one, now: one.cool_down(now + seconds))

    def claim(
        self, client: str, host: str, wish: Wish, under_way: Mapping[str, int]
    ) -> None:
        """Set what a client has under way that was not heard for a while."""
        self._change(
            client, host, lambda one, now: one.claim(client, wish, under_way, now)
        )

    def renew(self, client: str) -> None:
        """Lend what the client has under way for another lease."""
        now = self._clock()
        for host, until in list(self._leases[client].items()):
            if until - now < self._lease_s:
                self._change(client, host, lambda _account, _now: None)

    def drop(self, client: str) -> None:
        """Take back all places of a client that has ended, or was not heard."""
        for host in self._leases.pop(client, {}):
            with self._accounts.opened(host) as account:
                account.drop(client)

    def hosts(self) -> list[dict[str, Any]]:
        """Give the state of each host that was asked for since the broker began."""
        hosts = {host for leases in self._leases.values() for host in leases}
        return [self._host_facts(host) for host in sorted(hosts | {*self._granted})]

    def close(self) -> None:
        """Close the files. Leases go on."""
        self._accounts.close()

    def _change(
        self, client: str, host: str, change: Callable[[Account, float], None]
    ) -> None:
        now = self._clock()
        with self._accounts.opened(host) as account:
            change(account, now)
            self._lend(account, client, host, now)

    def _lend(self, account: Account, client: str, host: str, now: float) -> None:
        until = now + self._lease_s * (1 + _LONGER)
        self._leases[client][host] = until
        account.lend(client, until)

    def _host_facts(self, host: str) -> dict[str, Any]:
        now = self._clock()
        granted = self._granted[host]
        while granted and granted[0] < now - _COUNTED_S:
            granted.popleft()
        with self._accounts.opened(host) as account:
            account.forget(self._accounts.is_alive, now)
            return {
                "host": host,
                "requests_per_s": round(len(granted) / _COUNTED_S, 3),
                "cooling_s": max(0.0, account.cool_until - now),
                "under_way": _total(one.under_way for one in account.members.values()),
                "by_client": {
                    key: dict(one.under_way)
                    for key, one in account.members.items()
                    if any(one.under_way.values())
                },
            }


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: defaultdict[str, int] = defaultdict(int)
    for one in counts:
        for kind, number in one.items():
            total[kind] += number
    return dict(total)
