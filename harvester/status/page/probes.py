"""What programs ask the server: is it healthy, is it ready, and the metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aiohttp import web

from ..health import STALLED_S, Health
from ..metrics.exposition import CONTENT_TYPE, metrics_of
from ..metrics.run_reading import read_run
from .answers import answered
from .shared import PageAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ..metrics.run_reading import RunReading
    from .shared import SharedAnswers
    from .shown_run import ShownRun

    Answering = Callable[[web.Request], Awaitable[web.Response]]

__all__ = ["Probes"]

#: Seconds for which an answer is used at least.
_LASTS_S = 1.0


class Probes:
    """Answers the probes of container engines, load balancers and Prometheus."""

    def __init__(self, runs: Sequence[ShownRun], shared: SharedAnswers) -> None:
        self._runs = runs
        self._shared = shared

    def routes(self) -> Mapping[str, Answering]:
        """Give what answers each address."""
        return {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    async def _healthz(self, request: web.Request) -> web.Response:
        stalled_s = _stalled_s(request)

        def judge() -> PageAnswer:
            return _verdict([(run.name, run.health) for run in self._read(stalled_s)])

        return await self._answer(request, judge, stalled_s)

    async def _readyz(self, request: web.Request) -> web.Response:
        def judge() -> PageAnswer:
            return _verdict([(run.name, _readiness(run)) for run in self._read()])

        return await self._answer(request, judge)

    async def _metrics(self, request: web.Request) -> web.Response:
        def write() -> PageAnswer:
            body = metrics_of(self._read(), with_process=True)
            return PageAnswer.of(body, CONTENT_TYPE)

        return await self._answer(request, write)

    def _read(self, stalled_s: float = STALLED_S) -> list[RunReading]:
        return [
            read_run(run.name, run.places, stalled_s=stalled_s) for run in self._runs
        ]

    async def _answer(
        self, request: web.Request, make: Callable[[], PageAnswer], *key: float
    ) -> web.Response:
        whole_key = (request.path, *key)
        answer = await self._shared.get(whole_key, make, lasts_s=_LASTS_S)
        return answered(request, answer)


def _stalled_s(request: web.Request) -> float:
    """Read ``?stalled-after=MINUTES``, as `harvester health` has it."""
    text = request.query.get("stalled-after", "")
    try:
        stalled_s = 60 * float(text) if text else STALLED_S
    except ValueError:
        stalled_s = math.nan
    if not 0 < stalled_s < math.inf:
        raise web.HTTPBadRequest(text="stalled-after is a number of minutes above 0.")
    return stalled_s


def _readiness(run: RunReading) -> Health:
    """Tell whether the ledger can be read, and so the page shows something."""
    if run.report:
        return Health(is_healthy=True, words="the ledger can be read")
    words = run.health.words
    return Health(is_healthy=False, words=f"the ledger cannot be read: {words}")


def _verdict(found: Sequence[tuple[str, Health]]) -> PageAnswer:
    """Give a line for each run; the status is 503 if all is not well with one."""
    lines = (
        f"{name}: {'ok' if one.is_healthy else 'NOT OK'}: {one.words}\n"
        for name, one in found
    )
    is_well = all(one.is_healthy for _, one in found)
    return PageAnswer("".join(lines).encode(), "text/plain", 200 if is_well else 503)
