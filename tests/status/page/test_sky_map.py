from __future__ import annotations

import json
from contextlib import closing

import pytest
from page_run import change

from harvester.ledger.file import create_ledger
from harvester.models import Survey, Target
from harvester.places import Places
from harvester.states import State
from harvester.status.page.shown_run import shown_runs
from harvester.status.page.sky_map import parse_box, sky_map


def make_sky(out, positions):
    """Make a run with galaxies at these positions; every third job is done."""
    out.mkdir()
    create_ledger(
        out / "ledger.sqlite",
        targets=[
            Target(n, f"g{n}", ra, dec, f"g{n}", n)
            for n, (ra, dec) in enumerate(positions)
        ],
        rejects=[],
        surveys=[Survey.parse("sdss:r")],
        facts={},
    )
    change(out, "UPDATE job SET state = 'done' WHERE target % ? = 0", [(3,)])
    return shown_runs([Places(out)])[0]


def many(count):
    """Give positions all over the sky, the same each time."""
    return [(n * 137.508 % 360, n * 0.618 % 1 * 178 - 89) for n in range(count)]


def test_points(tmp_path):
    """Few galaxies are told one by one, with the state of each."""
    run = make_sky(tmp_path / "run", [(10.0, 1.0), (10.1, 1.1), (10.2, 1.2)])
    told = sky_map(run, 0, None)
    states = [(one[3], told["states"][one[2]]) for one in told["points"]]
    assert states == [("g0", "done"), ("g1", "pending"), ("g2", "pending")]


def test_cells(tmp_path):
    """Of many galaxies the cells have all jobs, each once, in a bounded answer."""
    run = make_sky(tmp_path / "run", many(20_000))
    told = sky_map(run, 0, None)
    columns, rows = told["grid"]
    assert len(told["cells"]) <= columns * rows <= 6_000
    sums = [sum(cell[2 + n] for cell in told["cells"]) for n in range(len(State))]
    assert sums[told["states"].index("done")] == 6_667
    assert sum(sums) == told["galaxies"] == 20_000
    assert len(json.dumps(told)) < 200_000


def test_zoom(tmp_path):
    """A part of the sky has the galaxies that lie in it."""
    run = make_sky(tmp_path / "run", many(20_000))
    told = sky_map(run, 0, parse_box("100,-10,20,20"))
    wanted = [(ra, dec) for ra, dec in many(20_000) if 100 <= ra <= 120]
    wanted = [one for one in wanted if -10 <= one[1] <= 10]
    assert told["galaxies"] == len(told["points"]) == len(wanted) > 50


def test_over_zero(tmp_path):
    """A field over right ascension 0 is one piece."""
    run = make_sky(tmp_path / "run", [(359.5, 0.0), (0.5, 0.5)])
    told = sky_map(run, 0, None)
    assert told["all"].width == pytest.approx(1.04)
    assert [one[0] for one in told["points"]] == [-0.5, 0.5]


@pytest.mark.parametrize("positions", [[], [(5.0, 5.0)], [(0.0, 0.0)], [(0.0, 90.0)]])
def test_small(tmp_path, positions):
    """A run of no galaxy or of one has a map without an error."""
    told = sky_map(make_sky(tmp_path / "run", positions), 0, None)
    assert len(told.get("points", [])) == len(positions)


@pytest.mark.parametrize(
    "text", ["1,2,3", "1,2,3,x", "1,2,0,1", "nan,1,1,1", "1,2,3,inf", "1,2,3,4,5"]
)
def test_no_box(text):
    """What is no box is refused."""
    with pytest.raises((TypeError, ValueError)):
        parse_box(text)


def test_sql_of_cells_counts(tmp_path):
    """The query gives a row for each cell and state, not for each galaxy."""
    from harvester.ledger.browsing import BrowsingView, SkyBox

    run = make_sky(tmp_path / "run", many(20_000))
    with BrowsingView.open(run.places.ledger) as view, closing(view._db):
        cells = view.sky_cells(0, SkyBox(0, -90, 360, 180), 4, 2)
    assert len(cells) == 16
