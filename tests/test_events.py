"""Listeners and what they may not do."""

from __future__ import annotations

import pytest

from harvester.events import Note, guarded


def test_listener_that_fails(caplog):
    """What a listener does wrong is logged, and disturbs nobody."""
    heard = []

    def listener(event):
        heard.append(event)
        raise OSError(5, "the terminal is gone")

    tell = guarded(listener)
    tell(Note("one"))
    tell(Note("two"))
    assert heard == [Note("one"), Note("two")]
    assert "the terminal is gone" in caplog.text


def test_listener_that_is_interrupted():
    """Ctrl-C is no failure of a listener."""

    def listener(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(listener)(Note("one"))
