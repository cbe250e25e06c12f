"""MAST: replies with status 200 that are not answers."""

from __future__ import annotations

import pytest

from harvester.archives.mast.archive import check_mast
from harvester.errors import OutageError, TransientError
from harvester.transport.transport import Reply


def _reply(body):
    return Reply(200, {}, body, "https://mast.stsci.edu/api/v0/invoke")


def test_page_is_an_outage():
    """An HTML page, such as a maintenance page, is an outage."""
    with pytest.raises(OutageError, match="page"):
        check_mast(_reply(b"<html>We are back on Thursday</html>"))


def test_json_after_blanks():
    """JSON that begins with a line break is an answer."""
    check_mast(_reply(b'\r\n  {"status": "COMPLETE"}'))


def test_status_error():
    """Status ERROR with HTTP 200 is a transient error with MAST's own words."""
    with pytest.raises(TransientError, match="Timeout expired"):
        check_mast(_reply(b'{"status": "ERROR", "msg": "Timeout expired."}'))


@pytest.mark.parametrize(
    "rest",
    [b"", b"[" * 3000, b"9" * 5000, b'"\xff"}'],
    ids=["cut", "deep", "long", "no text"],
)
def test_damaged_error(rest):
    """A damaged error reply is a transient error."""
    with pytest.raises(TransientError, match="damaged JSON"):
        check_mast(_reply(b'{"status": "ERROR", "msg": ' + rest))


def test_list_that_names_an_error():
    """The word ERROR in the rows of a list is not an error."""
    check_mast(_reply(b'["ERROR"]'))
