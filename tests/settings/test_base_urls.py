"""Addresses of services: what can be asked, and what is a slip of the keyboard."""

from __future__ import annotations

import pytest

from harvester.settings.base_urls import checked_base_url, same_base_urls


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://mast.stsci.edu",
        "http://127.0.0.1:8001",
        "http://[::1]:80/x",
        "https://data.sdss.org/sas/",
        "http://sandbox_1:65535",
    ],
)
def test_addresses(url):
    """What a service can be asked at is taken as it is written."""
    assert checked_base_url(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("foo", "http://"),
        ("127.0.0.1:8001", "http://"),
        ("ftp://h.org", "http://"),
        ("http:/h.org", "no host"),
        ("http://", "no host"),
        ("http://:80", "no host"),
        ("http://-h.org", "no host"),
        ("http://h.org:99999", "range"),
        ("http://h.org:x", "'x'"),
        ("http://h.org:0", "port 0"),
        ("http://h.org:", "port is missing"),
        ("http://h .org", "blanks"),
        ("http://h.org?a=1", "question mark"),
        ("http://h.org/#a", "question mark"),
        ("http://[::1", "Invalid IPv6"),
    ],
)
def test_slips(url, words):
    """Anything else is refused, with what is wrong and how it is written."""
    with pytest.raises(ValueError, match="write it like") as caught:
        checked_base_url(url)
    assert words in str(caught.value)


def test_same_addresses():
    """Two services at one address are found; none, or different paths, are well."""
    assert (
        same_base_urls({"a": "", "b": "", "c": "http://h/x", "d": "http://h/y"}) is None
    )
    found = same_base_urls({"a": "http://h", "b": "", "c": "HTTP://H/"})
    assert found == ("a", "c", "HTTP://H/")
