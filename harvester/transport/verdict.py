"""What became of a request: told to its host's throttle, and made an error of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import OutageError, PermanentError, TransientError
from .backoff import BusyError
from .wire import to_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yarl import URL

    from .throttle import Turn

__all__ = ["judged"]


@contextmanager
def judged(turn: Turn, url: URL, *, is_asked: bool) -> Iterator[None]:
    """Tell the throttle what became of a request, and make its error one of ours."""
    try:
        yield
    except Exception as error:
        ours = to_ours(error, url)
        if _is_lured(ours) and not is_asked:
            ours = PermanentError("blocked_redirect", str(ours))
        _report(turn, url, ours)
        if ours is error:
            raise
        raise ours from error
    turn.succeeded()


def _is_lured(error: Exception) -> bool:
    return isinstance(error, OutageError) and error.reason == "blocked_address"


def _report(turn: Turn, url: URL, error: Exception) -> None:
    match error:
        case BusyError():
            turn.refused(error.cool_down_s)
        case OutageError():
            turn.failed(str(url), error.reason, unreachable=True)
        case TransientError():
            turn.failed(str(url), error.reason)
        case PermanentError():
            # A clear answer, though not the one we hoped for.
            turn.succeeded()
