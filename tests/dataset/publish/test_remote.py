"""Files are sent in groups, and tokens only through TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvester.dataset.object_store.opening import need_tls
from harvester.dataset.publish.remote import SentFile, divided
from harvester.errors import InputError


def _files(*sizes):
    return [SentFile(str(n), Path(), size, "") for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ((), []),
        ((1, 1, 1, 1, 1), [3, 2]),
        ((60, 60, 1, 1), [2, 2]),
        ((500, 1, 1), [3]),
        ((99, 500, 2, 1), [3, 1]),
    ],
)
def test_divided(sizes, groups):
    """A group ends at 3 files or at 100 bytes; files above 200 do not count."""
    files = _files(*sizes)
    found = list(divided(files, 3, 100, 200))
    assert [len(group) for group in found] == groups
    assert [file for group in found for file in group] == files


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost:1", "[::1]:9"])
def test_this_machine(host):
    """A service on this machine needs no TLS."""
    need_tls(f"http://{host}/x")


def test_distant_host():
    """A distant one does."""
    need_tls("https://hub.example.org")
    with pytest.raises(InputError, match="must use https"):
        need_tls("http://127.0.0.1.example.org")
