"""The command ``harvester config``: values with their origins, checks, differences."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from harvester.cli import main
from harvester.ledger.file import create_ledger
from harvester.models import Survey, Target
from harvester.places import Places
from harvester.run.begin import write_settings
from harvester.settings.settings import load_settings


def call(*words):
    """Run a command in this process and return its result."""
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def run(tmp_path):
    """Give the folder of a run with settings of its own."""
    places = Places(tmp_path / "run")
    places.out.mkdir()
    settings = load_settings(
        surveys=["sdss:r"],
        work={"processes": 2},
        catalogue={"path": str(tmp_path / "moved.csv")},
    )
    write_settings(settings, places)
    create_ledger(
        places.ledger,
        targets=[Target(0, "a", 1.0, 2.0, "a", 1)],
        rejects=[],
        surveys=[Survey.parse("sdss:r")],
        facts={"catalogue sha256": "", "settings": json.dumps(settings.identity())},
    )
    return places.out


def listed(*words):
    """Give the settings by name, as value and origin."""
    done = call("config", "show", "--json", *words)
    assert done.exit_code == 0, done.output
    return {one["name"]: (one["value"], one["from"]) for one in json.loads(done.stdout)}


def test_origins(tmp_path, monkeypatch):
    """Each value is shown with its source, the strongest of several."""
    file = tmp_path / "my.toml"
    file.write_text("[politeness]\ntries = 7\nattempts = 9\n[work]\nprocesses = 1\n")
    variable = "HARVESTER__POLITENESS__TRIES"
    monkeypatch.setenv(variable, "3")
    found = listed("--config", file, "--processes", "2")
    assert found["work.processes"] == (2, "option")
    assert found["politeness.tries"] == (3, f"environment {variable}")
    assert found["politeness.attempts"] == (9, f"file {file}")
    assert found["politeness.patience_s"] == (7200, "default")


def test_settings_of_a_run(run):
    """Of a run, those are shown with which it would be resumed."""
    found = listed(run)
    assert found["work.processes"] == (2, f"file {run / 'harvest.toml'}")
    assert found["surveys"][0] == ["sdss:r"]


def test_run_of_an_earlier_version(run):
    """What a run of an earlier version lacks is said to be from there."""
    file = run / "harvest.toml"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(one for one in lines if not one.startswith("planes")))
    assert listed(run)["cutout.planes"] == ("flux", "run of an earlier version")


def test_words():
    """As text, each line is a setting as TOML has it, with its origin behind."""
    done = call("config", "show", "--survey", "sdss:g")
    assert done.exit_code == 0
    assert 'surveys = ["sdss:g"]' in done.stdout
    lines = [one for one in done.stdout.splitlines() if one.startswith("surveys")]
    assert lines[0].endswith("# option")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[politness]\ntries = 1", "politeness"),
        ('[politeness]\ncontct = "a"', "politeness.contact"),
        ("[politeness]\nrate = 1", ".rate"),
        ("[services.mats]\nrate = 1", "services.mast"),
        ("[services]\nsdss-sky = {rate = 1}", "services.sdss_sky"),
    ],
)
def test_typing_errors(tmp_path, text, meant):
    """A name that is no setting is refused, with the one that was meant."""
    file = tmp_path / "typo.toml"
    file.write_text(text)
    done = call("config", "validate", file)
    assert done.exit_code == 2
    assert "there is no such setting. Did you mean" in done.stderr
    assert meant in done.stderr


def test_typing_error_in_the_environment(monkeypatch):
    """A variable with a wrong name is refused as well."""
    monkeypatch.setenv("HARVESTER__POLITENESS__TRYS", "3")
    done = call("config", "show")
    assert done.exit_code == 2
    assert "Did you mean politeness.tries?" in done.stderr


def test_sound_file(run):
    """A file and a run without errors pass."""
    for source in (run, run / "harvest.toml"):
        done = call("config", "validate", source)
        assert done.exit_code == 0, done.output
        assert "all settings can be used" in done.stdout


def test_no_run(tmp_path):
    """A folder without a run is refused."""
    done = call("config", "diff", tmp_path)
    assert done.exit_code == 2
    assert "there is no run" in done.stderr


def test_nothing_differs(run):
    """Without other settings, a resume works as before."""
    done = call("config", "diff", run)
    assert done.exit_code == 0, done.output
    assert done.stdout == "Nothing would change.\n"


def test_what_a_resume_would_change(run, monkeypatch):
    """Settings of the environment and options are compared with those of the run."""
    monkeypatch.setenv("HARVESTER__POLITENESS__ATTEMPTS", "2")
    done = call("config", "diff", run, "--processes", "4", "--json")
    assert done.exit_code == 3
    told = {
        one["name"]: (one["before"], one["value"]) for one in json.loads(done.stdout)
    }
    assert told == {"politeness.attempts": (5, 2), "work.processes": (2, 4)}


def test_another_data_set(run):
    """A change of the data set is shown, and it is said that it would be refused."""
    done = call("config", "diff", run, "--survey", "sdss:g")
    assert done.exit_code == 2
    assert 'surveys: ["sdss:r"] -> ["sdss:g"]' in done.stdout
    assert "started with other settings" in done.stderr
