from __future__ import annotations

import json

import pytest

from harvester.dataset.gallery.filters import write_filters
from harvester.dataset.gallery.galaxies import GalaxyTable


def column(out, file):
    """Return the values of a column, as the page gets them."""
    text = (out / f"gallery/{file}.js").read_text()
    assert text.startswith(f'receive("{file}",')
    return json.loads(text[text.index(",") + 1 : -3])


@pytest.mark.parametrize(
    ("values", "kind", "told", "written"),
    [
        (["b", "a", None], "choice", ["a", "b"], [1, 0, -1]),
        ([True, False, None], "choice", ["false", "true"], [1, 0, -1]),
        ([10, 9, 10], "choice", ["9", "10"], [1, 0, 1]),
        ([0.5, float("nan"), 2.0], "range", [0.5, 2.0], [0.5, None, 2.0]),
        ([1.23456789, 5.0, None], "range", [1.23457, 5.0], [1.23457, 5.0, None]),
    ],
)
def test_labels(make_run, row, values, kind, told, written):
    """A label is filtered by its classes or by its range."""
    rows = [row(f"g{n}", LABEL=value) for n, value in enumerate(values)]
    out = make_run(rows)
    labels, _, _ = write_filters(GalaxyTable(out))
    found = next(one for one in labels if one.name == "LABEL")
    assert (found.kind, found.values) == (kind, told)
    assert column(out, found.file) == written


@pytest.mark.parametrize("make", [int, lambda n: f"note {n}"])
def test_many_values(make_run, row, make):
    """Many whole numbers are a range, and many texts are searched."""
    rows = [row(f"g{n}", LABEL=make(n)) for n in range(60)]
    labels, _, _ = write_filters(GalaxyTable(make_run(rows)))
    found = next(one for one in labels if one.name == "LABEL")
    assert found.kind == ("range" if make is int else "text")


def test_nothing_to_filter(make_run, row):
    """Lists, and labels without any value, cannot be filtered by."""
    rows = [row("a", LIST=[1, 2], NONE=float("nan"))]
    labels, _, _ = write_filters(GalaxyTable(make_run(rows)))
    assert [one.name for one in labels] == ["GALAXY_CLASS", "REDSHIFT"]


def test_stamps(make_run, row):
    """Status, reason, coverage and flags of a band, where a galaxy has a row of it."""
    rows = [
        row("a", flags="edge blank", coverage=0.75),
        row("b", status="failed"),
        row("c", "g"),
    ]
    out = make_run(rows)
    _, words, _ = write_filters(GalaxyTable(out))
    band = column(out, "columns/band-1")
    texts = [words["status"][code] if code >= 0 else None for code in band["status"]]
    assert texts == ["done", "failed", None]
    assert words["reason"][band["reason"][1]] == "error"
    assert words["flag_names"] == ["blank", "edge"]
    assert words["flags"][band["flags"][0]] == "edge blank"
    assert band["coverage"] == [0.75, -1, -1]


def test_best_of_several(make_run, row):
    """Of several stamps in a band the first one counts."""
    rows = [row("a", coverage=0.9), row("a", coverage=0.1, file_loc="sdss/r/a@1.fits")]
    out = make_run(rows)
    write_filters(GalaxyTable(out))
    assert column(out, "columns/band-0")["coverage"] == [0.9]
