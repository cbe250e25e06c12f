"""Errors carry words of strangers to a terminal, a log, and other processes."""

from __future__ import annotations

import pickle

import pytest

from harvester.archives.mast.archive import check_mast
from harvester.archives.sdss.archive import check_skyserver
from harvester.errors import (
    HarvesterError,
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
)
from harvester.transport.transport import Reply

#: Clears the screen, writes over its line, begins another, turns the writing round.
HOSTILE = "\x1b[2J\r\nharvester: all is well\u202e\x9b31m\u2028"
SHOWN = r"\x1b[2J\r\nharvester: all is well\u202e\x9b31m\u2028"


@pytest.mark.parametrize(
    "error",
    [
        TransientError("odd", HOSTILE),
        OutageError("odd", HOSTILE),
        PermanentError("odd", HOSTILE),
        NotFoundError(HOSTILE),
    ],
)
def test_words_of_strangers(error):
    """What is no printable character is written out, also after a second time."""
    assert str(error) == SHOWN
    assert str(pickle.loads(pickle.dumps(error))) == SHOWN
    assert str(TransientError("again", str(error))) == SHOWN


def test_printable_words():
    """Letters of any language, blanks and backslashes stay as they are."""
    words = r"https://archive/… says: C:\n größer Ωμέγα 銀河 "
    assert str(TransientError("odd", words)) == words


@pytest.mark.parametrize(
    ("check", "body"),
    [
        (check_mast, b"<html>\x1b[2J\r\n"),
        (check_mast, b'{"status": "ERROR", "msg": "\\u001b[2J\\r\\n"}'),
        (check_skyserver, b"<html>\x1b[2J\r\n"),
        (check_skyserver, b"error_message\r\n\x1b[2J"),
        (check_skyserver, b"error_message\x1b[2J queries allowed per minute"),
    ],
)
def test_replies(check, body):
    """What an archive answers in place of data reaches nobody's terminal raw."""
    with pytest.raises(HarvesterError) as caught:
        check(Reply(200, {}, body, "https://archive.example"))
    assert r"\x1b[2J" in str(caught.value)
    assert str(caught.value).isprintable()
