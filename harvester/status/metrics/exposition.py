"""The metrics of runs as Prometheus reads them: as text, and as a file."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client import write_to_textfile as write_aside
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ...errors import InputError, LocalError
from .described import COUNTERS, GAUGES
from .samples import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from .described import Described
    from .run_reading import RunReading

__all__ = ["CONTENT_TYPE", "metrics_of", "write_textfile"]

#: The form that every version of Prometheus reads; the charset is added elsewhere.
CONTENT_TYPE = "text/plain; version=0.0.4"


def metrics_of(runs: Sequence[RunReading], *, with_process: bool = False) -> bytes:
    """Write the metrics of runs as text, for the answer to a scrape.

    Parameters
    ----------
    with_process
        Add processor time, memory and open files of this process.
    """
    return generate_latest(_Runs(runs, with_process=with_process))


def write_textfile(path: Path, run: RunReading) -> None:
    """Write the metrics of a run to a file, which is whole at every moment.

    Raises
    ------
    InputError
        node-exporter would not read a file of this name.
    LocalError
        It cannot be written.
    """
    if path.suffix != ".prom":
        msg = f"{path}: node-exporter reads only files whose names end in .prom"
        raise InputError(msg)
    try:
        write_aside(str(path), _Runs([run], with_process=False))
    except OSError as error:
        msg = f"the metrics cannot be written to {path}: {error.strerror or error}"
        raise LocalError(msg) from error


class _Runs(Collector):
    """The metrics of some runs, in the order in which they are described."""

    def __init__(self, runs: Sequence[RunReading], *, with_process: bool) -> None:
        self._runs = runs
        self._with_process = with_process

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics that have a value."""
        values: dict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
        for run in self._runs:
            for name, value, labels in values_of(run):
                values[name].append(((run.name, *labels), float(value)))
        for name, one in (GAUGES | COUNTERS).items():
            if name in values:
                yield _family(name, one, values[name])
        if self._with_process:
            yield from ProcessCollector(registry=None).collect()


def _family(
    name: str, described: Described, values: Sequence[tuple[tuple[str, ...], float]]
) -> Metric:
    kind = CounterMetricFamily if name in COUNTERS else GaugeMetricFamily
    family = kind(name, described.text, labels=("run", *described.labels))
    for labels, value in values:
        family.add_metric(labels, value)
    return family
