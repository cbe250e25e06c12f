"""The address of the webhook: from where, what is refused, and that it stays hidden."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from harvester.cli import main
from harvester.errors import InputError
from harvester.settings.settings import load_settings, webhook_of

_HOOK = "https://hooks.example.org/CANARY"


@pytest.fixture
def hook(monkeypatch):
    """Set the address in the environment."""
    monkeypatch.setenv("HARVESTER__NOTIFY__WEBHOOK", _HOOK)


def test_not_in_the_settings_of_a_run(hook):
    """The address is used, and never written into the folder of a run."""
    settings = load_settings()
    assert webhook_of(settings) == _HOOK
    assert "CANARY" not in settings.to_toml()
    assert "CANARY" not in repr(settings)


def test_masked(hook):
    """`config show` says that it is set, and from where, but not what it is."""
    done = CliRunner().invoke(main, ["config", "show", "--json"])
    shown = {one["name"]: one for one in json.loads(done.stdout)}["notify.webhook"]
    assert shown["value"] == "…"
    assert shown["from"] == "environment HARVESTER__NOTIFY__WEBHOOK"
    assert "CANARY" not in done.output


def test_file(tmp_path):
    """It may be in a file, whose name is kept."""
    file = tmp_path / "hook"
    file.write_text(f"{_HOOK}\n")
    settings = load_settings(notify={"webhook_file": str(file)})
    assert webhook_of(settings) == _HOOK
    assert str(file) in settings.to_toml()


@pytest.mark.parametrize(
    "text",
    [
        "CANARY",
        "ftp://x.org/CANARY",
        "https:///CANARY",
        "https://x.org/CANARY b",
        "https://x.org:CANARY/",
    ],
    ids=["word", "scheme", "host", "blank", "port"],
)
def test_no_address(text, tmp_path):
    """What is no web address is refused without being quoted."""
    with pytest.raises(InputError, match="not a web address") as caught:
        load_settings(notify={"webhook": text})
    assert "CANARY" not in str(caught.value)
    file = tmp_path / "hook"
    file.write_text(text)
    with pytest.raises(InputError, match="not a web address") as caught:
        load_settings(notify={"webhook_file": str(file)})
    assert "CANARY" not in str(caught.value)


def test_missing_file(tmp_path):
    """A file that is not there is refused before the harvest."""
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(notify={"webhook_file": str(tmp_path / "none")})


def test_two_addresses(hook, tmp_path):
    """Two addresses are refused."""
    with pytest.raises(InputError, match="are both set"):
        load_settings(notify={"webhook_file": str(tmp_path)})


@pytest.mark.parametrize(
    "url",
    [
        "https://data.sdss.org/CANARY",
        "https://MAST.stsci.edu/CANARY",
        "http://127.0.0.1:8000/CANARY",
    ],
)
def test_archive(url):
    """No message is sent to an archive, or to what stands in for one."""
    services = {"s3": {"base_url": "http://127.0.0.1:8000"}}
    with pytest.raises(InputError, match="is an archive") as caught:
        load_settings(notify={"webhook": url}, services=services)
    assert "CANARY" not in str(caught.value)
