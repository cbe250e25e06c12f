"""What the settings and the environment make of the transport."""

from __future__ import annotations

import pytest
from yarl import URL

from harvester.errors import InputError
from harvester.run.transport_setup import (
    _limits,
    _machine_limit,
    _services,
    _tokens,
    first_words,
)
from harvester.settings.settings import SERVICES, load_settings
from harvester.transport.body import Limits

_HERE = "http://127.0.0.1:8080"


@pytest.fixture(autouse=True)
def _no_tokens(monkeypatch):
    monkeypatch.delenv("MAST_API_TOKEN", raising=False)
    monkeypatch.delenv("MAST_API_TOKEN_FILE", raising=False)


def _rehearsal(**more):
    services = {
        name.replace("-", "_"): {"base_url": f"{_HERE}/{name}"} for name in SERVICES
    }
    return load_settings(services=services, **more)


def test_no_tokens():
    """Without a token there is none."""
    assert _tokens(load_settings()) == []


def test_token_of_the_environment(monkeypatch):
    """A token of the environment is for MAST itself."""
    monkeypatch.setenv("MAST_API_TOKEN", "CANARY")
    (token,) = _tokens(load_settings())
    sent = token.headers_for(URL("https://mast.stsci.edu/api/v0/invoke"))
    assert sent == {"Authorization": "token CANARY"}


def test_token_of_a_file(monkeypatch, tmp_path):
    """A secret that is mounted as a file is read, its line end left out."""
    file = tmp_path / "secret"
    file.write_text("CANARY\n")
    monkeypatch.setenv("MAST_API_TOKEN_FILE", str(file))
    (token,) = _tokens(load_settings())
    assert token.headers_for(URL(SERVICES["mast"])) == {"Authorization": "token CANARY"}
    file.unlink()
    with pytest.raises(InputError, match="MAST_API_TOKEN_FILE"):
        _tokens(load_settings())


def test_token_and_a_stand_in(monkeypatch):
    """A stand-in of MAST gets it only if that is said; it is told that it does not."""
    monkeypatch.setenv("MAST_API_TOKEN", "CANARY")
    assert _tokens(_rehearsal()) == []
    (told,) = first_words(_rehearsal())
    assert told.startswith(f"MAST_API_TOKEN is not sent to {_HERE}")
    said = _rehearsal(hst={"token_elsewhere": True})
    assert [token.home for token in _tokens(said)] == [f"{_HERE}/mast"]
    assert list(first_words(said)) == []


def test_token_is_no_setting(monkeypatch):
    """What is kept beside the data set does not hold it."""
    monkeypatch.setenv("MAST_API_TOKEN", "CANARY")
    assert "CANARY" not in load_settings().to_toml()


def test_contact():
    """Only who asks an archive itself is told to leave a contact."""
    assert "No contact is set" in " ".join(first_words(load_settings()))
    named = load_settings(politeness={"contact": "me@example.org"})
    assert list(first_words(named)) == []
    assert list(first_words(_rehearsal())) == []


def test_quiet_hours():
    """Those of a service go before those for all."""
    settings = load_settings(
        politeness={"quiet": "08:00-18:00"},
        services={"s3": {"quiet": "01:00-02:00 UTC"}},
    )
    quiet = {one.name: str(one.manners.quiet) for one in _services(settings)}
    assert quiet == {
        "mast": "08:00-18:00",
        "sdss-sky": "08:00-18:00",
        "sdss-sas": "08:00-18:00",
        "s3": "01:00-02:00 UTC",
    }


def test_queries_have_the_archives_own_time():
    """SkyServer and MAST give a query ten minutes: so do we, unless it is set."""
    settings = load_settings(services={"mast": {"answer_s": 900}})
    times = {one.name: one.answer_s for one in _services(settings)}
    assert times == {"mast": 900, "sdss-sky": 600, "sdss-sas": 180, "s3": 180}


def test_limits():
    """Every limit of an exchange can be set, under the name that the docs give it."""
    limits = _limits(
        load_settings(
            limits={"answer_s": 7, "file_bytes": 8, "works_on_s": 9},
            politeness={"tries": 2, "patience_s": 50},
        )
    )
    assert (limits.answer_s, limits.body_cap, limits.works_on_s) == (7, 8, 9)
    assert (limits.tries, limits.patience_s) == (2, 50)
    # Nobody waits longer for a host that refuses than for one that is down.
    assert limits.refusal_patience_s == 50


def test_defaults():
    """Without settings the limits are those of the transport itself."""
    assert _limits(load_settings()) == Limits()


def test_common_limit(tmp_path, monkeypatch):
    """Harvests share their limits in the folder of the settings, unless told not to."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user"))
    named = {"state_dir": str(tmp_path / "named"), "contact": "me@a.org"}
    _machine_limit(load_settings(politeness=named)).close()
    _machine_limit(load_settings()).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["named", "user"]
    assert _machine_limit(load_settings(politeness={"shared": False})) is None
    assert not list(first_words(load_settings(politeness=named)))


def test_common_limit_without_folder(tmp_path):
    """A state folder that cannot be used is told, and nothing is shared."""
    (tmp_path / "file").write_text("")
    politeness = {"state_dir": str(tmp_path / "file"), "contact": "me@a.org"}
    settings = load_settings(politeness=politeness)
    assert _machine_limit(settings) is None
    (told,) = first_words(settings)
    assert "cannot be used (Not a directory)" in told
    assert "Run one at a time" in told
