"""The forms of a line of the log: for people, for programs, for the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    import logging
    from collections.abc import MutableMapping

    from structlog.typing import Processor, WrappedLogger

    Entry = MutableMapping[str, Any]

__all__ = ["formatter"]

#: Of syslog, by which the journal sorts: at the start of a line, in angle brackets.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}

#: First in each line, in this order.
_FIRST = ("time", "level", "event", "text")


def formatter(form: str) -> logging.Formatter:
    """Give what makes a line of a record: console, json, logfmt or journald."""
    last = _RENDERERS[form]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, _facts],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            *last,
        ],
    )


def _facts(_logger: WrappedLogger, _method: str, entry: Entry) -> Entry:
    """Give time, level, event and text first, then the fields."""
    record: logging.LogRecord = entry["_record"]
    own = {"logger": record.name}
    facts = {
        "time": _utc(record.created),
        "level": entry["level"],
        "event": getattr(record, "event", "message"),
        "text": str(entry["event"]),
        **getattr(record, "fields", own),
    }
    # What the formatter itself needs, or what the line of an error ends with.
    kept = {"exc_info", "_record", "_from_structlog"} & entry.keys()
    return {**facts, **{key: entry[key] for key in kept}}


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _as_line(_logger: WrappedLogger, _method: str, entry: Entry) -> str:
    """Make a line for people; what a bug raised follows below."""
    exception = f"\n{entry['exception']}" if entry.get("exception") else ""
    words = f"{entry['level']:<7} {entry['event']:<13} {entry['text']}"
    return f"{entry['time']} {words}{exception}"


def _for_the_journal(_logger: WrappedLogger, _method: str, entry: Entry) -> str:
    """Make a line with a priority, and without the time, which the journal has."""
    priority = _PRIORITIES.get(entry["level"], 6)
    rest = {key: value for key, value in entry.items() if key not in {"time", "level"}}
    return f"<{priority}>{_LOGFMT(_logger, _method, rest)}"


_LOGFMT = structlog.processors.LogfmtRenderer(key_order=_FIRST, drop_missing=True)

_RENDERERS: dict[str, list[Processor]] = {
    "console": [_as_line],
    "json": [structlog.processors.JSONRenderer(ensure_ascii=False)],
    "logfmt": [_LOGFMT],
    "journald": [_for_the_journal],
}
