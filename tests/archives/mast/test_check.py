"""MAST: what is no answer although its status is 200."""

from __future__ import annotations

import pytest

from harvester.archives.mast.archive import check_mast
from harvester.errors import OutageError, TransientError
from harvester.transport.transport import Reply


def _reply(body):
    return Reply(200, {}, body, "https://mast.stsci.edu/api/v0/invoke")


def test_page_is_an_outage():
    """A maintenance page is the archive's trouble."""
    with pytest.raises(OutageError, match="page"):
        check_mast(_reply(b"<html>We are back on Thursday</html>"))


def test_json_after_blanks():
    """JSON that begins with a line break is an answer."""
    check_mast(_reply(b'\r\n  {"status": "COMPLETE"}'))


def test_status_error():
    """Status ERROR with HTTP 200 is tried again, in MAST's own words."""
    with pytest.raises(TransientError, match="Timeout expired"):
        check_mast(_reply(b'{"status": "ERROR", "msg": "Timeout expired."}'))


@pytest.mark.parametrize(
    "rest",
    [b"", b"[" * 3000, b"9" * 5000, b'"\xff"}'],
    ids=["cut", "deep", "long", "no text"],
)
def test_damaged_error(rest):
    """An error that came damaged is tried again like any other damage."""
    with pytest.raises(TransientError, match="damaged JSON"):
        check_mast(_reply(b'{"status": "ERROR", "msg": ' + rest))


def test_list_that_names_an_error():
    """A list has no status, whatever words are in it."""
    check_mast(_reply(b'["ERROR"]'))
