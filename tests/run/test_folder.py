"""The folder of a run: what a run that cannot begin leaves behind."""

from __future__ import annotations

import pytest

from harvester.errors import InputError, LocalError, UnknownNameError
from harvester.places import Places
from harvester.run.folder import run_folder


def begin(places, *, ledger, error=InputError):
    """Write what a run writes before its ledger, and fail."""
    places.settings.write_text("x")
    places.rejects.write_text("x")
    places.scratch.mkdir()
    if ledger:
        places.frames.mkdir()
        places.ledger.write_text("x")
    msg = "refused"
    raise error(msg)


def test_nothing_is_left(tmp_path):
    """A run that is refused before it has a ledger leaves no folder."""
    places = Places(tmp_path / "a" / "run")
    with pytest.raises(InputError), run_folder(places):
        begin(places, ledger=False)
    assert not places.out.exists()


def test_files_of_the_user_stay(tmp_path):
    """What was in the folder before stays there."""
    places = Places(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError), run_folder(places):
        begin(places, ledger=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("error", [UnknownNameError, InputError])
def test_refused_by_an_archive(tmp_path, error):
    """So does one of a filter that there is not; what else was located is kept."""
    places = Places(tmp_path / "run")
    with pytest.raises(InputError), run_folder(places):
        begin(places, ledger=True, error=error)
    assert places.ledger.exists() is (error is InputError)


@pytest.mark.parametrize("has_stamps", [True, False])
def test_a_run_stays(tmp_path, has_stamps):
    """A run that has stamps, or was there before, is kept whatever is refused later."""
    places = Places(tmp_path)
    (places.cutouts if has_stamps else places.ledger).mkdir()
    with pytest.raises(InputError), run_folder(places):
        begin(places, ledger=has_stamps)
    assert places.ledger.exists()
    assert places.settings.exists()


def test_no_folder(tmp_path):
    """A folder that cannot be made is told as trouble of this machine."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(LocalError, match="cannot be made"),
        run_folder(Places(tmp_path / "file" / "run")),
    ):
        pass
