"""Where a folder is needed, the URL of a store is refused with what takes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import harvester
from harvester.cli import main
from harvester.dataset.object_store import opening
from harvester.errors import InputError
from harvester.places import need_no_url

_URL = "s3://zoo/runs/one"


@pytest.mark.parametrize("command", ["status", "gallery", "retry", "backup"])
def test_commands(command, tmp_path, monkeypatch):
    """A command that needs a folder says how to get one, and makes none."""
    monkeypatch.chdir(tmp_path)
    words = [command, _URL, *(["copy.sqlite"] if command == "backup" else [])]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert f"harvester resume {_URL}" in done.output
    assert list(tmp_path.iterdir()) == []


def test_work_of_folder(tmp_path):
    """`--work` without a URL is a wrong use."""
    words = ["run", "a.csv", "--out", str(tmp_path / "out"), "--work", str(tmp_path)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "--work goes with a URL" in done.output


def test_folders(tmp_path, monkeypatch):
    """A folder that has such a name is one."""
    monkeypatch.chdir(tmp_path)
    folder = Path(_URL)
    with pytest.raises(InputError, match="is no folder"):
        need_no_url(folder)
    folder.mkdir(parents=True)
    need_no_url(folder)


def test_open(tmp_path, monkeypatch):
    """From Python, too, a store is not opened: the message says how to get the run."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"harvester resume {_URL}"):
        harvester.open(_URL)


def test_no_library(tmp_path, monkeypatch):
    """Without the library the extra is named, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(opening, "find_spec", lambda _name: None)
    done = CliRunner().invoke(main, ["run", "a.csv", "--out", _URL])
    assert done.exit_code == 2
    assert "pip install 'galaxy-harvester[store]'" in done.output
    assert list(tmp_path.iterdir()) == []
