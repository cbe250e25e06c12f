from __future__ import annotations

import socket

import pytest

from harvester.errors import InputError
from harvester.status.page.address import ListenAddress, is_own_name


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8765", "127.0.0.1", 8765),
        ("localhost:1", "127.0.0.1", 1),
        (":8765", "127.0.0.1", 8765),
        ("[::1]:8765", "::1", 8765),
        ("0.0.0.0:0", "0.0.0.0", 0),
    ],
)
def test_parse(text, host, port):
    """An address is an IP address of this machine and a port."""
    assert ListenAddress.parse(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["8765", "example.org:80", "127.0.0.1", "127.0.0.1:x", ":65536", ":²", ""]
)
def test_no_address(text):
    """What is no address is refused, with an example of one."""
    with pytest.raises(InputError, match=r"127\.0\.0\.1:8765"):
        ListenAddress.parse(text)


def test_warning():
    """An address that others can reach comes with a warning and a remedy."""
    assert not ListenAddress.parse("127.0.0.1:8765").warning()
    assert not ListenAddress.parse("[::1]:8765").warning()
    assert "ssh -L 8765" in ListenAddress.parse("0.0.0.0:8765").warning()


@pytest.mark.parametrize(
    ("header", "own"),
    [
        ("127.0.0.1:8765", True),
        ("[::1]:8765", True),
        ("localhost", True),
        ("LOCALHOST:9", True),
        (f"{socket.gethostname()}:8765", True),
        ("192.0.2.7:8765", True),
        ("evil.example:8765", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_own_name(header, own):
    """Only IP addresses and names of this machine are accepted as Host."""
    assert is_own_name(header) is own


def test_url():
    """The printed address can be opened on this machine."""
    assert ListenAddress("0.0.0.0", 8765).url == "http://127.0.0.1:8765/"
    assert ListenAddress("::1", 8765).url == "http://[::1]:8765/"
