"""Listeners whose errors must not reach the harvest."""

from __future__ import annotations

import pytest

from harvester.events import Note, as_sentence, counted, duration_words, guarded


def test_listener_that_fails(caplog):
    """An error of a listener is logged and not raised."""
    heard = []

    def listener(event):
        heard.append(event)
        raise OSError(5, "the terminal is gone")

    call = guarded(listener)
    call(Note("one"))
    call(Note("two"))
    assert heard == [Note("one"), Note("two")]
    assert "the terminal is gone" in caplog.text


def test_listener_that_is_interrupted():
    """Ctrl-C inside a listener is raised."""

    def listener(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(listener)(Note("one"))


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1204, "1,204 rows")],
)
def test_counted(count, words):
    """A number has its noun in the singular or the plural."""
    assert counted(count, "row") == words
    assert counted(count, "row", "rows") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.4, "0 s"), (60, "60 s"), (119, "119 s"), (120, "2 min"), (3599, "1 h")),
        *((7200, "2 h"), (7500, "2 h 5 min"), (90_000, "25 h")),
    ],
)
def test_duration(seconds, words):
    """Short durations are in seconds, longer ones in hours and minutes."""
    assert duration_words(seconds) == words


def test_sentence():
    """An error becomes a sentence with exactly one full stop at its end."""
    assert as_sentence(OSError("it broke")) == "it broke."
    assert as_sentence(OSError("it broke.")) == "it broke."
