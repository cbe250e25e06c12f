"""Parts of a run that the page asks for: failures, charts, map, stamps, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from .about_run import about_run
from .answers import answered, number_of, run_of
from .latest_stamps import latest_stamps
from .over_time import SPANS, over_time
from .shared import PageAnswer, as_json
from .sky_map import parse_box, sky_map
from .thumbnail import draw_thumbnail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

    from .shared import SharedAnswers
    from .shown_run import ShownRun

    Answering = Callable[[web.Request], Awaitable[web.Response]]

__all__ = ["RunParts"]

#: Seconds for which each part is used at least.
_FAILURES_S, _CHARTS_S, _MAP_S, _STAMPS_S, _ABOUT_S = 5, 10, 5, 3, 60

#: Seconds for which a picture is used: a stamp that is written again is another
#: product, or has the same pixels.
_PICTURE_S = 600


class RunParts:
    """Answers requests about one of the runs of the page."""

    def __init__(self, runs: Sequence[ShownRun], shared: SharedAnswers) -> None:
        self._runs = runs
        self._shared = shared

    def routes(self) -> Mapping[str, Answering]:
        """Give the answer of each part; the key is the last word of its URL."""
        return {
            "failures": self._failures,
            "charts": self._charts,
            "sky": self._sky,
            "stamps": self._stamps,
            "stamp": self._picture,
            "about": self._about,
        }

    async def _failures(self, request: web.Request) -> web.Response:
        run, reason = self._run(request), request.query.get("reason", "")
        survey, after = number_of(request, "survey"), number_of(request, "after")
        return await self._answer(
            request,
            (survey, reason, after),
            lambda: as_json(run.failures(survey, reason, after)),
            _FAILURES_S,
        )

    async def _charts(self, request: web.Request) -> web.Response:
        run, span = self._run(request), request.query.get("span", "day")
        if span not in SPANS:
            raise web.HTTPBadRequest(text=f"span is one of {', '.join(SPANS)}.")
        return await self._answer(
            request, (span,), lambda: as_json(over_time(run, span)), _CHARTS_S
        )

    async def _sky(self, request: web.Request) -> web.Response:
        run, survey = self._run(request), number_of(request, "survey")
        try:
            box = parse_box(request.query.get("box", ""))
        except (TypeError, ValueError):
            msg = "box is RA,DEC,WIDTH,HEIGHT in degrees."
            raise web.HTTPBadRequest(text=msg) from None
        return await self._answer(
            request, (survey, box), lambda: as_json(sky_map(run, survey, box)), _MAP_S
        )

    async def _stamps(self, request: web.Request) -> web.Response:
        run = self._run(request)
        return await self._answer(
            request, (), lambda: as_json(latest_stamps(run)), _STAMPS_S
        )

    async def _picture(self, request: web.Request) -> web.Response:
        run, band = self._run(request), request.query.get("band", "")
        survey, target, product = (
            number_of(request, name) for name in ("survey", "target", "product")
        )

        def draw() -> PageAnswer:
            drawn = draw_thumbnail(run, survey, target, band, product)
            return PageAnswer(drawn or b"", "image/jpeg")

        key = (survey, target, band, product)
        response = await self._answer(request, key, draw, _PICTURE_S)
        if response.status == web.HTTPOk.status_code and not response.body:
            raise web.HTTPNotFound(text="The run has no such stamp.")
        response.headers["Cache-Control"] = f"private, max-age={_PICTURE_S}"
        return response

    async def _about(self, request: web.Request) -> web.Response:
        run = self._run(request)
        return await self._answer(
            request, (), lambda: as_json(about_run(run)), _ABOUT_S
        )

    def _run(self, request: web.Request) -> ShownRun:
        return run_of(request, self._runs)

    async def _answer(
        self,
        request: web.Request,
        key: tuple[Hashable, ...],
        make: Callable[[], PageAnswer],
        lasts_s: float,
    ) -> web.Response:
        # Part and run come first, so that no two parts share an answer.
        whole_key = (request.path, *key)
        answer = await self._shared.get(whole_key, make, lasts_s=lasts_s)
        return answered(request, answer)
