"""Which hosts and addresses a request may go to."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from harvester.errors import PermanentError
from harvester.settings.settings import SERVICES
from harvester.transport.address import (
    BlockedAddressError,
    Guard,
    GuardedResolver,
    Official,
    is_public,
    shown,
    to_url,
)
from harvester.transport.transport import Manners, Service

_MAST = URL("https://mast.stsci.edu/api")
_OFFICIAL = Official(frozenset({"stsci.edu", "sdss.org"}), frozenset({"stpubdata"}))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "localhost",
        "",
    ],
)
def test_not_public(address):
    """Private, reserved, disguised and malformed addresses are not public."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "130.167.201.1", "2600:1f18::1", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_public(address):
    """Internet addresses are public, also when embedded in an IPv6 address."""
    assert is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_not_public_in_any_clothes(address):
    """A private IPv4 address stays private when embedded in an IPv6 address."""
    number = int(address)
    wraps = [f"::ffff:{address}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"]
    wraps.append(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert not any(is_public(wrapped) for wrapped in wraps)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/there?a=b#c", "https://mast.stsci.edu/there?a=b"),
        ("there", "https://mast.stsci.edu/there"),
        ("//archive.stsci.edu/x", "https://archive.stsci.edu/x"),
        ("https://data.sdss.org/%2e%2e/x", "https://data.sdss.org/%2e%2e/x"),
        ("https://s3.amazonaws.com/stpubdata/hst/k", None),
        ("https://stpubdata.s3.amazonaws.com/hst/k", None),
        ("https://stpubdata.s3.us-east-1.amazonaws.com/hst/k", None),
        ("https://MAST.STSCI.EDU/x", "https://mast.stsci.edu/x"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
    ],
)
def test_follow(location, target):
    """Redirects are followed to archive hosts by https, and to configured hosts."""
    guard = Guard([_MAST], [URL("http://127.0.0.1:8000")], _OFFICIAL)
    assert str(guard.follow(_MAST, location)) == (target or location)


@pytest.mark.parametrize(
    "location",
    [
        " https://mast.stsci.edu/",
        "https://mast.stsci.edu/\r\nX: y",
        "http:x",
        "https://mast.stsci.edu.:444/",
        "https://mast.s|sci.edu/",
        "http://mast.stsci.edu/",
        "http://127.0.0.1:8001/",
        "https://127.0.0.1/",
        "https://user@archive.stsci.edu/",
        "https://evil.example/.stsci.edu",
        "https://evil.example#.stsci.edu",
        "https://evil.example?.stsci.edu",
        "https://stsci.edu@evil.example/",
        "https://b.s3.us-east-1.amazonaws.com/k",
        "https://b.s3.amazonaws.com/stpubdata/k",
        "https://evil.stpubdata.s3.amazonaws.com/k",
        "https://stpubdata.s3.eu-west-1.amazonaws.com/k",
        "https://ec2-8-8-8-8.compute-1.amazonaws.com/stpubdata/k",
        "https://s3.amazonaws.com/",
        "https://s3.amazonaws.com",
        "https://s3.amazonaws.com/b/stpubdata/k",
        "https://s3.amazonaws.com/stpubdata-b/k",
        "https://s3.amazonaws.com//stpubdata/k",
        "https://s3.amazonaws.com/stpubdata/../b/k",
        "https://s3.amazonaws.com/stpubdata/%2e%2e/b/k",
        "https://s3.amazonaws.com/stpubdata%2f../b/k",
        "https://S3.amazonaws.com/b/k",
    ],
)
def test_follow_blocked(location):
    """Redirects elsewhere, other buckets included, raise PermanentError."""
    known = [_MAST, URL("https://s3.amazonaws.com")]
    guard = Guard(known, [URL("http://127.0.0.1:8000")], _OFFICIAL)
    with pytest.raises(PermanentError) as caught:
        guard.follow(_MAST, location)
    assert caught.value.reason == "blocked_redirect"


@given(
    st.text(max_size=50)
    | st.text(max_size=20).map("https://mast{}.stsci.edu/x".format)
    | st.text(max_size=20).map("//mast.stsci.edu{}".format)
)
def test_follow_any_text(location):
    """For any Location text, only hosts of the archives are followed."""
    with suppress(PermanentError):
        assert _OFFICIAL.holds(Guard([_MAST], (), _OFFICIAL).follow(_MAST, location))


class _Names:
    def __init__(self, *addresses):
        self.addresses = addresses
        self.closed = False

    async def resolve(self, host, port=0, family=socket.AF_INET):
        fixed = {"hostname": host, "port": port, "family": family}
        return [
            {"host": one, "proto": 0, "flags": 0, **fixed} for one in self.addresses
        ]

    async def close(self):
        self.closed = True


async def test_resolver_leaves_out():
    """Of several resolved addresses only the public ones are used."""
    names = _Names("10.0.0.1", "8.8.8.8", "::1")
    answers = await GuardedResolver(Guard([_MAST]), names).resolve(
        "mast.stsci.edu", 443
    )
    assert [answer["host"] for answer in answers] == ["8.8.8.8"]


async def test_resolver_refuses():
    """If no resolved address is public, the error names host, address and reason."""
    resolver = GuardedResolver(Guard([_MAST]), _Names("169.254.169.254"))
    with pytest.raises(BlockedAddressError, match=r"mast.*169\.254\.169\.254.*private"):
        await resolver.resolve("mast.stsci.edu", 443)


async def test_resolver_of_a_configured_host():
    """A configured host may be in a private network, at its own port only."""
    guard = Guard([_MAST], [URL("http://sandbox:8000")])
    resolver = GuardedResolver(guard, _Names("127.0.0.1"))
    assert await resolver.resolve("sandbox", 8000)
    guard.open_socket((2, 1, 6, "", ("127.0.0.1", 8000))).close()
    with pytest.raises(BlockedAddressError):
        await resolver.resolve("sandbox", 8001)
    with pytest.raises(BlockedAddressError):
        await resolver.resolve("other", 8000)


async def test_resolver_closes():
    """Closing the guarded resolver closes the resolver that it wraps."""
    names = _Names()
    await GuardedResolver(Guard([]), names).close()
    assert names.closed


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"])
def test_socket_refused(address):
    """No socket is opened to a local address at a port that is not configured."""
    guard = Guard([_MAST], [URL("http://127.0.0.1:8000")], _OFFICIAL)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(BlockedAddressError):
        guard.open_socket((family, socket.SOCK_STREAM, 6, "", (address, 8001)))


@pytest.mark.parametrize(("address", "port"), [("8.8.8.8", 443), ("127.0.0.1", 8000)])
def test_socket(address, port):
    """A socket is opened to a public address, or to the configured host and port."""
    guard = Guard([_MAST], [URL("http://127.0.0.1:8000")], _OFFICIAL)
    made = guard.open_socket(
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
    )
    with made:
        assert made.family == socket.AF_INET


@pytest.mark.parametrize(
    "text", ["https://mast.stsci.edu/a%2Fb?uri=mast:HST/p.fits&x=%20+", "https://h/a~b"]
)
def test_to_url_as_written(text):
    """A valid URL is sent exactly as it is written."""
    assert str(to_url(text)) == text


@pytest.mark.parametrize(
    ("text", "sent"),
    [("https://h/a b", "https://h/a%20b"), ("https://h/\r\nX:y", None)],
)
def test_to_url_quoted(text, sent):
    """Blanks are quoted, and no line break is sent."""
    url = to_url(text)
    assert sent in {None, str(url)}
    assert "\n" not in url.raw_path


@pytest.mark.parametrize("text", ["http://[", "https://h:99999/", "https://h:x/"])
def test_to_url_refused(text):
    """An invalid URL raises PermanentError with reason ``bad_url``."""
    with pytest.raises(PermanentError) as caught:
        to_url(text)
    assert caught.value.reason == "bad_url"


def test_official_bucket_host():
    """The bucket service at its default address counts as the official one."""
    service = Service("s3", SERVICES["s3"], SERVICES["s3"], Manners(1, {}))
    assert not service.is_elsewhere


def test_shown():
    """Messages show the URL without user names, passwords, tokens or signatures."""
    url = "https://me:pw@h.example/x?uri=a&X-Amz-Signature=123&token=456"
    text = shown(url)
    assert text.startswith("https://h.example/x?uri=a")
    assert not any(secret in text for secret in ("me", "pw", "123", "456"))
    assert (
        shown("https://h.example/x?uri=mast:HST/a")
        == "https://h.example/x?uri=mast:HST/a"
    )
