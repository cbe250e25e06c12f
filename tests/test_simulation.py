"""The simulation of large harvests, where its outcome can be worked out by hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from simulation import Engine, FrameCost, Host, simulate

COST = FrameCost(requests=1, size=2e6, fetch_s=0.02, cut_s=0.3, settle_s=0.01)
HOST = Host(rate=10, connections=4, latency_s=0.1, connection=1e7, line=1e8)
FRAMES = 1000


def test_one_worker():
    """One worker is the limit, and takes its time for each frame."""
    outcome = simulate(FRAMES, COST, HOST, Engine(workers=1))
    assert outcome.seconds == pytest.approx(FRAMES * COST.cut_s, rel=0.01)
    assert outcome.limit == "workers"


def test_rate():
    """With enough workers the allowed rate is the limit."""
    outcome = simulate(FRAMES, COST, HOST, Engine(workers=16))
    assert outcome.seconds == pytest.approx(FRAMES / HOST.rate, rel=0.01)
    assert outcome.limit == "requests"


def test_connections():
    """Slow replies keep all connections busy, below the allowed rate."""
    slow = replace(HOST, latency_s=1.8)
    outcome = simulate(FRAMES, COST, slow, Engine(workers=16))
    assert outcome.seconds == pytest.approx(FRAMES * 2.0 / 4, rel=0.01)
    assert outcome.limit == "connections"


def test_line():
    """The line of all connections is the limit if it is slow."""
    thin = replace(HOST, line=4e6)
    outcome = simulate(FRAMES, COST, thin, Engine(workers=16))
    # The latency of a request passes while no bytes come over its part of the line.
    assert outcome.seconds == pytest.approx(FRAMES * (0.1 + 2.0) / 4, rel=0.01)
    assert outcome.busy["line"] == pytest.approx(2.0 / 2.1, rel=0.01)


def test_orchestrator():
    """A host without limits shows what the orchestrator's process can do."""
    open_host = Host(rate=1e4, connections=400, latency_s=0, connection=1e9, line=1e12)
    orchestrated = simulate(FRAMES, COST, open_host, Engine(workers=64))
    assert orchestrated.seconds == pytest.approx(FRAMES * 0.03, rel=0.02)
    by_workers = Engine(workers=64, workers_fetch=True)
    apart = simulate(FRAMES, COST, open_host, by_workers)
    assert apart.seconds == pytest.approx(FRAMES * 0.01, rel=0.05)


def test_shared_cores():
    """Four workers on two cores are no quicker than the cores."""
    quick = Host(rate=1e3, connections=40, latency_s=0.1, connection=1e7, line=1e9)
    shared = simulate(FRAMES, COST, quick, Engine(workers=4, cores=2))
    assert shared.seconds == pytest.approx(FRAMES * 0.33 / 2, rel=0.05)
    assert shared.limit == "cores"


def test_fraction_of_requests():
    """A frame in ten needs a second request."""
    again = replace(COST, requests=1.1)
    outcome = simulate(FRAMES, again, HOST, Engine(workers=16))
    assert outcome.seconds == pytest.approx(1.1 * FRAMES / HOST.rate, rel=0.01)


def test_long_harvest():
    """More frames than are simulated take time in proportion."""
    million = simulate(1_000_000, COST, HOST, Engine(workers=16))
    assert million.seconds == pytest.approx(1e5, rel=0.01)
