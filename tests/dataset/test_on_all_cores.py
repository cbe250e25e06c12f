"""Work in several processes."""

from __future__ import annotations

import math
import os

import pytest

from harvester.dataset import on_all_cores as module
from harvester.dataset.on_all_cores import on_all_cores
from harvester.errors import LocalError


def test_in_order():
    """Each piece comes with its result, in the order of the pieces."""
    found = list(on_all_cores(math.isqrt, iter(range(100))))
    assert found == [(piece, math.isqrt(piece)) for piece in range(100)]


def test_no_pieces(monkeypatch):
    """Without pieces no process is started."""
    monkeypatch.setattr(module, "ProcessPool", None)
    assert list(on_all_cores(math.isqrt, [])) == []


def test_error_of_the_function():
    """An error of the function is raised where its result is due."""
    results = on_all_cores(math.isqrt, [4, -1])
    assert next(results) == (4, 2)
    with pytest.raises(ValueError, match="nonnegative"):
        next(results)


def test_killed_worker():
    """A process that ends during its work is an error that says what to do."""
    with pytest.raises(LocalError, match=r"worker process was killed.*again"):
        list(on_all_cores(os._exit, [1]))
