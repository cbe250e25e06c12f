"""Errors quote archives on a terminal, in a log, and across processes."""

from __future__ import annotations

import importlib
import inspect
import pickle
import re
from pathlib import Path

import pytest

import harvester
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

#: Control characters: clear the screen, start new lines, reverse the text direction.
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
    """Unprintable characters are escaped, once only, also after pickling."""
    assert str(error) == SHOWN
    assert str(pickle.loads(pickle.dumps(error))) == SHOWN
    assert str(TransientError("again", str(error))) == SHOWN


def test_printable_words():
    """Letters of any language, blanks and backslashes are not escaped."""
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
    """An error that quotes the answer of an archive is printable."""
    with pytest.raises(HarvesterError) as caught:
        check(Reply(200, {}, body, "https://archive.example"))
    assert r"\x1b[2J" in str(caught.value)
    assert str(caught.value).isprintable()


def _classes(base=HarvesterError):
    for one in base.__subclasses__():
        yield one
        yield from _classes(one)


def _made(error):
    """Make an error with a word for each argument that it needs."""
    if error.__init__ is Exception.__init__:
        return error("the words")
    # As a class that has no `__init__` of its own but that of its base.
    _, *wanted = inspect.signature(error.__init__).parameters.values()
    return error(*(f"the {one.name}" for one in wanted if one.default is one.empty))


def test_every_error_survives_pickling():
    """Errors of worker processes arrive with class, words, reason and exit code."""
    for path in Path(harvester.__file__).parent.rglob("*.py"):
        if re.search(r"^class \w+Error\(", path.read_text("utf-8"), re.MULTILINE):
            parts = path.relative_to(Path(harvester.__file__).parents[1]).parts
            importlib.import_module(".".join(parts).removesuffix(".py"))
    classes = set(_classes())
    assert len(classes) > 20
    for one in classes:
        before = _made(one)
        after = pickle.loads(pickle.dumps(before))
        assert type(after) is one
        assert str(after) == str(before)
        assert vars(after) == vars(before)
