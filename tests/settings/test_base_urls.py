"""Addresses of services: which are accepted, and which are typing errors."""

from __future__ import annotations

import pytest

from harvester.errors import InputError
from harvester.settings.base_urls import checked_base_url, same_base_urls
from harvester.settings.settings import load_settings


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
    """A usable address is returned unchanged."""
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
        ("http://h .org", "contains blanks"),
        ("http://h.org?a=1", "question mark"),
        ("http://h.org/#a", "question mark"),
        ("http://[::1", "Invalid IPv6"),
    ],
)
def test_slips(url, words):
    """Other texts are refused; the message says why and shows the right form."""
    with pytest.raises(ValueError, match="write it like") as caught:
        checked_base_url(url)
    assert words in str(caught.value)


def test_same_addresses():
    """Two services with the same address are found, unless they have none."""
    apart = [("a", ""), ("b", ""), ("c", "http://h/x"), ("d", "http://h/y")]
    assert same_base_urls(apart) is None
    found = same_base_urls([("a", "http://h"), ("b", ""), ("c", "HTTP://H/")])
    assert found == ("a", "c", "HTTP://H/")


@pytest.mark.parametrize(
    ("given", "addresses"),
    [
        ("", ["https://official"]),
        ("http://a/", ["http://a"]),
        (["http://a", "http://b/"], ["http://a", "http://b"]),
    ],
)
def test_lists(given, addresses):
    """A service has one address or several, or else the official one."""
    section = load_settings(services={"sdss_sas": {"base_url": given}}).services
    assert section.named("sdss-sas").addresses("https://official") == addresses


def test_lists_of_the_environment(monkeypatch):
    """In the environment an address is plain text and a list is JSON."""
    name = "HARVESTER__SERVICES__S3__BASE_URL"
    monkeypatch.setenv(name, "http://a")
    assert load_settings().services.named("s3").addresses("") == ["http://a"]
    monkeypatch.setenv(name, '["http://a", "http://b"]')
    assert load_settings().services.named("s3").addresses("") == [
        "http://a",
        "http://b",
    ]


def test_slip_in_a_list():
    """Every address of a list is checked."""
    with pytest.raises(InputError, match="write it like"):
        load_settings(services={"s3": {"base_url": ["http://a", "b"]}})
