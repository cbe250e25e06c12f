"""The same harvest with several numbers of worker processes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from contest import compete, our_contestant
from skies import sky
from turns import turns

if TYPE_CHECKING:
    from pathlib import Path

    from contest import Result, Sky

#: Rates at which only cutting takes time.
_FAST = {
    f"HARVESTER__SERVICES__{name}__{what}": "100"
    for name in ("SDSS_SKY", "SDSS_SAS", "MAST", "S3")
    for what in ("RATE", "FILES")
}


def scaling(
    where: Sky, processes: list[int], count: int, folder: Path
) -> dict[int, list[Result]]:
    """Harvest with several numbers of worker processes, at high rates."""
    results: dict[int, list[Result]] = {}
    with sky(folder / "sky", *where.options(), latency_s={}) as running:
        usual = replace(our_contestant(running, where.survey), environment=_FAST)
        compete(running, usual, folder / "warm")
        for order in turns(processes, count):
            for number in order:
                own = _FAST | {"HARVESTER__WORK__PROCESSES": str(number)}
                contestant = replace(usual, environment=own)
                result = compete(running, contestant, folder / "out")
                results.setdefault(number, []).append(result)
    return results
