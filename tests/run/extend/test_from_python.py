"""``harvester.extend``, without a harvest."""

from __future__ import annotations

import pytest

import harvester
from harvester.ledger.file import owned
from harvester.ledger.view import LedgerView
from harvester.places import Places
from harvester.run.begin import remove_scratch, write_settings
from harvester.run.create_run import create_run
from harvester.run.new_run import NewRun
from harvester.settings.settings import load_run_settings, load_settings


@pytest.fixture
def places(tmp_path):
    """Begin a run of two galaxies."""
    places, catalogue = Places(tmp_path / "out"), tmp_path / "first.csv"
    places.out.mkdir()
    catalogue.write_text("name,ra,dec,mag\ng0,10,1,15\ng1,11,1,16\n")
    settings = load_settings(surveys=["sdss:r"], catalogue={"path": str(catalogue)})
    with owned(places.lock):
        write_settings(settings, places)
        create_run(NewRun.of(settings), places, lambda _: None, None)
        remove_scratch(places)
    return places


def _ids(places):
    with LedgerView.open(places.ledger) as view:
        return [values[0] for _, values in view.manifest()]


def test_table(places, capsys):
    """A table adds what is new, and the run keeps its own catalogue."""
    more = {"name": ["g1", "g2"], "ra": [11.0, 12.0], "dec": [1.0, 1.0], "mag": [16, 9]}
    told = harvester.extend(places.out, more, dry_run=True)
    assert (told["added"], _ids(places)) == (1, ["g0", "g1"])
    assert "1 galaxy" in capsys.readouterr().out
    told = harvester.extend(places.out, more, progress=False)
    assert (told["added"], _ids(places)) == (1, ["g0", "g1", "g2"])
    assert capsys.readouterr().out == ""
    assert load_run_settings(places).catalogue.path.endswith("first.csv")


def test_bands(places):
    """A survey that is named is added."""
    told = harvester.extend(str(places.out), surveys="sdss:g", progress=False)
    assert told["added_bands"] == ["sdss:g"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing is to be added"),
        ({"surveys": "sdss:g", "removed": "gone"}, "'keep' or 'drop', and not 'gone'"),
        ({"surveys": "sdss:q"}, "q"),
        ({"surveys": "sdss:g", "reading": {"id": "x"}}, "none is given"),
    ],
)
def test_refused(places, given, words):
    """What cannot be meant is refused, and nothing is changed."""
    with pytest.raises(harvester.InputError, match=words):
        harvester.extend(places.out, progress=False, **given)
    assert _ids(places) == ["g0", "g1"]
