"""The words that name an executor."""

from __future__ import annotations

import pytest

from harvester.errors import InputError
from harvester.settings.executor_choice import ExecutorChoice
from harvester.settings.settings import load_settings


@pytest.mark.parametrize(
    ("words", "kind", "workers", "address"),
    [
        ("processes", "processes", 0, ""),
        (" dask:local ", "local", 0, ""),
        ("dask:local:4", "local", 4, ""),
        ("dask://login1:8786", "scheduler", 0, "tcp://login1:8786"),
        ("tcp://10.0.0.1:8786/", "scheduler", 0, "tcp://10.0.0.1:8786"),
        ("tls://[::1]:1", "scheduler", 0, "tls://[::1]:1"),
    ],
)
def test_words(words, kind, workers, address):
    """Each spelling names its executor."""
    assert ExecutorChoice.parse(words) == ExecutorChoice(kind, workers, address)


@pytest.mark.parametrize(
    "words",
    [
        *("", "process", "dask", "dask:locally", "dask:local:0", "dask:local:x"),
        *("dask://host", "dask://host:0", "dask://host:70000", "dask://a b:1"),
        *("http://host:8786", "dask://:8786", "DASK:LOCAL"),
    ],
)
def test_wrong_words(words):
    """Anything else is refused, and the message has the right ones."""
    with pytest.raises(InputError, match=r"processes .* dask:local:4 .*HOST:PORT"):
        load_settings(work={"executor": words})
