"""The log of a harvest: lines with time and level, and one vocabulary of events.

Every line has the name of its event (`EVENTS`), a text for people, and the numbers as
fields. What the modules log with ``logging`` comes out the same way, as ``message``.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager, suppress
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Any

from ..errors import LocalError
from ..events import (
    Began,
    Controlled,
    Ended,
    Heartbeat,
    HostChanged,
    Moved,
    Note,
    PageServed,
    Stalled,
    Stamped,
    Watching,
)
from .log_lines import formatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..events import Event, Listener
    from .log_options import LogOptions

__all__ = ["EVENTS", "opened_log"]

#: The events that a log has.
EVENTS = {
    "harvest_began": "a harvest begins its work",
    "harvest_ended": "it has ended, and why",
    "page_served": "where the status page of the harvest is",
    "control": "a user paused, resumed or changed the harvest, or was refused; by whom",
    "note": "something that the user should know",
    "jobs_moved": "jobs of an archive have entered a state (with -vv)",
    "frame_cut": "a frame was cut into stamps (with -vv)",
    "host_changed": "a host is down, refuses, is slowed down, or is well again",
    "heartbeat": "how the harvest stands, once a minute",
    "stalled": "nothing has moved for five minutes, ten, twenty ...",
    "watching": "all is done; the run waits for something new (--watch), once an hour",
    "moving": "it moves again after that",
    "message": "what a module of harvester had to say; the field `logger` names it",
}

#: A file of the log is renamed at this size, bytes, and so many old ones are kept.
_FILE_BYTES, _OLD_FILES = 10_000_000, 5

#: The loggers of all modules, and the one of the events of a harvest.
_MODULES = __name__.partition(".")[0]
_HARVEST = f"{_MODULES}.harvest"


class _Said(logging.Handler):
    """Hands each line to a function, which may print it above progress bars."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        # The terminal may be gone.
        with suppress(OSError, ValueError):
            self._say(self.format(record))


class _LogFile(RotatingFileHandler):
    """A file that is renamed when it is large."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Leave a line out: a full disk ends the harvest with a message of its own."""


@contextmanager
def opened_log(
    options: LogOptions, say: Callable[[str], None], *, takes_modules: bool = True
) -> Iterator[Listener]:
    """Open the log for the block; give the listener that writes events to it.

    Parameters
    ----------
    say
        Prints a line.
    takes_modules
        Whether what modules log comes here as well; a program that uses the package
        may have a log of its own.

    Raises
    ------
    LocalError
        The file of the log cannot be written.
    """
    handlers: list[logging.Handler] = [_Said(say)]
    with ExitStack() as stack:
        if options.file is not None:
            handlers.append(stack.enter_context(_closed(_file(options.file))))
        for handler in handlers:
            handler.setFormatter(formatter(options.format))
        log = logging.getLogger(_HARVEST)
        stack.enter_context(_attached(log, handlers, options.event_level))
        if takes_modules:
            modules = logging.getLogger(_MODULES)
            stack.enter_context(_attached(modules, handlers, options.module_level))
        yield _listener(log)


def _file(path: Path) -> logging.Handler:
    try:
        return _LogFile(
            path, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
        )
    except OSError as error:
        msg = f"the log {path} cannot be written: {error.strerror}. Name another file"
        raise LocalError(msg) from error


@contextmanager
def _closed(handler: logging.Handler) -> Iterator[logging.Handler]:
    try:
        yield handler
    finally:
        handler.close()


@contextmanager
def _attached(
    log: logging.Logger, handlers: list[logging.Handler], level: int
) -> Iterator[None]:
    # Afterwards the logger is as it was: this process may harvest again, or log itself.
    before = log.level, log.propagate
    log.setLevel(level)
    log.propagate = False
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]


def _listener(log: logging.Logger) -> Listener:
    def listen(event: Event) -> None:
        level, name, text, fields = _entry(event)
        if log.isEnabledFor(level):
            log.log(level, text, extra={"event": name, "fields": fields})

    return listen


def _entry(event: Event) -> tuple[int, str, str, dict[str, Any]]:
    """Give level, name, text and fields of an event."""
    match event:
        case Began() | Ended() | Heartbeat() | Stalled() | Watching():
            return _of_harvest(event)
        case PageServed() | Controlled():
            return _of_user(event)
        case _:
            return _of_work(event)


def _of_harvest(
    event: Began | Ended | Heartbeat | Stalled | Watching,
) -> tuple[int, str, str, dict[str, Any]]:
    match event:
        case Began(text):
            return logging.INFO, "harvest_began", text, {}
        case Ended(text, is_error):
            level = logging.ERROR if is_error else logging.INFO
            return level, "harvest_ended", text, {}
        case Heartbeat(text, settled, total, rate, eta_s):
            fields = {"settled": settled, "total": total, "settled_per_min": rate}
            return logging.INFO, "heartbeat", text, {**fields, "eta_s": eta_s}
        case Stalled(text, seconds, is_over):
            level = logging.INFO if is_over else logging.WARNING
            name = "moving" if is_over else "stalled"
            return level, name, text, {"seconds": round(seconds)}
        case Watching(text, next_look_at):
            return logging.INFO, "watching", text, {"next_look_at": round(next_look_at)}


def _of_user(event: PageServed | Controlled) -> tuple[int, str, str, dict[str, Any]]:
    match event:
        case PageServed(url):
            return logging.INFO, "page_served", f"status page: {url}", {"url": url}
        case Controlled(verb, text, uid, via, is_refused):
            level = logging.WARNING if is_refused else logging.INFO
            # Programs may ask often how it stands.
            level = logging.DEBUG if verb == "status" else level
            fields = {"verb": verb, "uid": uid, "via": via, "refused": is_refused}
            return level, "control", text, fields


def _of_work(
    event: Note | HostChanged | Moved | Stamped,
) -> tuple[int, str, str, dict[str, Any]]:
    fields: dict[str, Any]
    match event:
        case Note(text, is_warning):
            return logging.WARNING if is_warning else logging.INFO, "note", text, {}
        case HostChanged(host, kind, text):
            level = logging.INFO if kind == "open" else logging.WARNING
            return level, "host_changed", text, {"host": host, "state": kind}
        case Moved(archive, state, jobs):
            text = f"{archive}: {jobs} {state.replace('_', ' ')}"
            fields = {"archive": archive, "state": state.value, "jobs": jobs}
            return logging.DEBUG, "jobs_moved", text, fields
        case Stamped(archive, product, stamps):
            text = f"{archive}: {stamps} stamps of {product}"
            fields = {"archive": archive, "product": product, "stamps": stamps}
            return logging.DEBUG, "frame_cut", text, fields
