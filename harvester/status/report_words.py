"""The state of a run as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..events import Heartbeat, counted
from ..plan.words import route_lines
from ..states import State
from .report import failures, pause_words, unsettled
from .running import Life
from .speeds import speed_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .report import Report

__all__ = ["beat_of", "one_line", "share_settled", "words"]


def beat_of(report: Report) -> Heartbeat | None:
    """Make the heartbeat of a report; None if no harvest is running."""
    pace = report["pace"]
    if pace is None:
        return None
    settled, total = _settled(report)
    parts = (pause_words(report) or pace["words"], *_stores(report))
    text = "; ".join((_share(settled, total), *parts))
    return Heartbeat(text, settled, total, pace["settled_per_min"], pace["eta_s"])


def _stores(report: Report) -> Iterator[str]:
    """Say what waits for an object store; no host of an archive takes stamps."""
    for name, one in report["hosts"].items():
        if "stamps" in one["slots"] and one["waiting"]:
            yield f"{name}: {one['words']}, {one['load']}"


def share_settled(report: Report) -> str:
    """Say how many targets are settled, in all bands together."""
    return _share(*_settled(report))


def one_line(report: Report) -> str:
    """Say in one line how a run stands, with the time in UTC."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if beat := beat_of(report):
        return f"{now} {beat.text}"
    running = report["running"]
    rest = running["words"] if running else "no harvest is running"
    return f"{now} {share_settled(report)}; {rest}"


def _settled(report: Report) -> tuple[int, int]:
    """Give the targets settled in all bands together, and of how many."""
    bands = report["bands"]
    total = sum(one["total"] for one in bands)
    return total - sum(one["pending"] + one["located"] for one in bands), total


def _share(settled: int, total: int) -> str:
    return f"{settled:,} of {total:,} settled ({settled / max(1, total):.1%})"


def words(report: Report) -> str:
    """Return the report as text."""
    return "\n".join(_lines(report))


def _billed(expected: int | None, unit: float = 1) -> str:
    if expected is None:
        return ""
    return f" (bill: {expected / unit:,.{int(unit > 1)}f})"


def _lines(report: Report) -> Iterator[str]:
    rejected = report["rejected"]
    rows = f" ({counted(rejected, 'row')} rejected)" if rejected else ""
    yield f"{report['out']}: {counted(report['targets'], 'target')}{rows}"
    yield from _at_work(report)
    yield from _table(report)
    yield f"{counted(report['cutouts'], 'stamp')} on disk"
    if count := report["substitutes"]:
        yield (
            f"{counted(count, 'of them is', 'of them are')} not from the best image, "
            "because that was not available; `substitute_reason` in the manifest says "
            f"why. To try again: {_retry(report)} --better"
        )
    bill = report["bill"]
    for name, frames in report["frames"].items():
        ratio = report["amplification"][name]
        rest = f", {ratio:.2f} x the bytes that the stamps need" if ratio else ""
        billed = _billed(bill["frames"].get(name))
        yield f"{name}: {counted(frames, 'frame')} fetched{billed}{rest}"
    yield from _ways(report)
    yield from speed_words(report["speeds"])
    yield from route_lines(report["located_by"])
    for name, requests in report["requests"].items():
        size, size_billed = report["bytes"][name], bill["bytes"].get(name)
        cooling, now = report["cooling"].get(name), report["hosts"].get(name)
        # While a harvester runs, the state of the host below has this.
        alone = cooling and not now
        rest = f", no requests for {cooling:.0f} s, as the host asked" if alone else ""
        yield (
            f"{name}: {counted(requests, 'request')}"
            f"{_billed(bill['requests'].get(name))}, "
            f"{size / 1e6:,.1f} MB{_billed(size_billed, 1e6)}{rest}"
        )
    for name, now in report["hosts"].items():
        if report["requests"].get(name) or now["waiting"]:
            yield f"{name} now: {now['words']}; {now['load']}"
    yield from _what_is_left(report)


def _at_work(report: Report) -> Iterator[str]:
    if running := report["running"]:
        yield running["words"]
    if paused := pause_words(report):
        yield f"{paused}."
    elif pace := report["pace"]:
        yield pace["words"]


def _table(report: Report) -> Iterator[str]:
    names = [one["name"] for one in report["bands"]]
    width = max(8, *(len(name) for name in names))
    yield f"{'':{width}}" + "".join(f"{s.replace('_', ' '):>13}" for s in State)
    for one in report["bands"]:
        counts = "".join(f"{one[state]:>13,}" for state in State)
        yield f"{one['name']:{width}}{counts}"


def _is_alive(report: Report) -> bool:
    """Whether a harvest works on the run, so that no other command may change it."""
    return bool(report["running"]) and report["running"]["life"] != Life.DEAD


def _ways(report: Report) -> Iterator[str]:
    for name, ways in report["ways"].items():
        if ways:
            each = ", ".join(f"{way} {number:,}" for way, number in ways.items())
            yield f"{name}: frames by the way they came: {each}"
    for name, doubts in report["doubts"].items():
        if doubts:
            each = ", ".join(f"{why} {number:,}" for why, number in doubts.items())
            yield (
                f"{name}: {counted(sum(doubts.values()), 'frame')} read from the "
                f"beginning, because blocks could not be proved: {each}"
            )


def _what_is_left(report: Report) -> Iterator[str]:
    for one in report["failures"]:
        jobs = f"{counted(one['jobs'], 'job')} of {one['survey']}"
        yield f"failed: {jobs}: {one['reason']}"
    if failures(report):
        yield f"To try failed jobs again: {_retry(report)}"
    for trouble in report["troubles"]:
        yield f"not finished: {trouble}"
    for file, why in report["refused"].items():
        yield f"not taken: {file}: {why}"
    if not unsettled(report):
        return
    waiting = ", ".join(_waiting(report))
    if _is_alive(report):
        yield f"To do: {waiting}."
    else:
        later = " later" if report["troubles"] else ""
        yield f"Waiting: {waiting}. Run `harvester resume {report['out']}`{later}."


def _retry(report: Report) -> str:
    # `harvester retry` must own the run, which the harvest does while it runs.
    out = report["out"]
    is_at_work = _is_alive(report)
    return f"harvester ctl {out} retry" if is_at_work else f"harvester retry {out}"


def _waiting(report: Report) -> Iterator[str]:
    for archive, counts in report["surveys"].items():
        jobs = counts[State.PENDING] + counts[State.LOCATED]
        if jobs:
            yield f"{counted(jobs, 'job')} of {archive}"
