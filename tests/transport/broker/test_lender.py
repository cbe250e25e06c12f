"""Leases in the accounts of a machine, by a clock of the test."""

from __future__ import annotations

from harvester.transport.account import Wish
from harvester.transport.broker.lender import Lender

_HOST = "archive.example"
_WISH = Wish(("file",), 0.0, 0.0, {"file": 1})
_LEASE_S = 30.0


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self):
        """Read the clock."""
        return self.now


def lender(folder, clock):
    """Open a broker's part in the accounts of a folder."""
    return Lender(folder, _LEASE_S, clock)


def may_send(one, client, wish=_WISH):
    """Ask for a client; tell whether it may send a request, and count that as sent."""
    is_permitted = bool(one.ask(client, _HOST, wish).kind)
    if is_permitted:
        one.sent(client, _HOST)
    return is_permitted


def test_lease_ends_by_time(tmp_path):
    """What a silent client has under way comes back after its lease, not before."""
    clock = Clock()
    one = lender(tmp_path, clock)
    assert may_send(one, "a")
    clock.now += _LEASE_S
    assert not may_send(one, "b")
    clock.now += _LEASE_S / 5
    assert may_send(one, "b")


def test_lease_is_renewed(tmp_path):
    """A client that is heard keeps what it has under way."""
    clock = Clock()
    one = lender(tmp_path, clock)
    assert may_send(one, "a")
    for _ in range(100):
        clock.now += _LEASE_S / 2
        one.renew("a")
    assert not may_send(one, "b")
    one.left("a", _HOST, "file")
    assert may_send(one, "b")


def test_lease_outlives_its_broker(tmp_path):
    """A new broker, and one beside it, count the leases of one that was killed."""
    clock = Clock()
    killed = lender(tmp_path, clock)
    assert may_send(killed, "a")
    killed.close()
    later = lender(tmp_path, clock)
    assert not may_send(later, "b")
    clock.now += _LEASE_S * 1.2
    assert may_send(later, "b")


def test_pace_and_cool_down_outlive_their_broker(tmp_path):
    """A new broker keeps the gap and the cool-down of the one before."""
    clock = Clock()
    slow = Wish(("file",), 10.0, 0.0, {"file": 4})
    one = lender(tmp_path, clock)
    assert may_send(one, "a", slow)
    one.cool_down("a", _HOST, 100.0)
    one.close()
    later = lender(tmp_path, clock)
    answer = later.ask("b", _HOST, slow)
    assert (answer.kind, answer.cool_until) == ("", clock.now + 100.0)
    clock.now += 100.1
    assert may_send(later, "b", slow)
    later.close()
    assert not may_send(lender(tmp_path, clock), "c", slow)


def test_claim(tmp_path):
    """A client that comes back has under way what it says, in place of what was."""
    clock = Clock()
    one = lender(tmp_path, clock)
    assert may_send(one, "a")
    one.claim("a", _HOST, _WISH, {})
    assert may_send(one, "b")
    one.left("b", _HOST, "file")
    one.claim("a", _HOST, _WISH, {"file": 1})
    assert not may_send(one, "b")
    (host,) = one.hosts()
    assert host["by_client"] == {"a": {"file": 1}}


def test_drop(tmp_path):
    """The places of a client that has ended are free at once."""
    one = lender(tmp_path, Clock())
    assert may_send(one, "a")
    one.drop("a")
    assert may_send(one, "b")
    assert one.hosts()[0]["under_way"] == {"file": 1}


def test_two_brokers(tmp_path):
    """Two brokers of one machine keep the limits together."""
    clock = Clock()
    first, second = lender(tmp_path, clock), lender(tmp_path, clock)
    assert may_send(first, "a")
    assert not may_send(second, "b")
    first.drop("a")
    assert may_send(second, "b")


def test_pace_is_set(tmp_path):
    """A rate that a client sets while it is at work holds for all clients at once."""
    clock, many = Clock(), Wish(("file",), 0.0, 0.0, {"file": 4})
    one = lender(tmp_path, clock)
    assert may_send(one, "a", many)
    one.set_pace("a", _HOST, 10.0, 0.0)
    one.sent("a", _HOST)
    clock.now += 9.0
    assert not may_send(one, "b", many)
    clock.now += 1.1
    assert may_send(one, "b", many)
