"""The transport that is made from the settings and the environment."""

from __future__ import annotations

import pytest
from yarl import URL

from harvester.errors import InputError
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import HostFacts, Survey
from harvester.run.transport_setup import (
    _limits,
    _machine_limit,
    _services,
    _tokens,
    allowance,
    make_transport,
    start_notes,
)
from harvester.settings.settings import SERVICES, load_settings
from harvester.transport.body import Limits
from harvester.transport.broker.limit import BrokerLimit
from harvester.transport.shared_hosts import write_shared_hosts

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
    """Without a token in the environment none is sent."""
    assert _tokens(load_settings()) == []


def test_token_of_the_environment(monkeypatch):
    """A token of the environment is sent to MAST."""
    monkeypatch.setenv("MAST_API_TOKEN", "CANARY")
    (token,) = _tokens(load_settings())
    sent = token.headers_for(URL("https://mast.stsci.edu/api/v0/invoke"))
    assert sent == {"Authorization": "token CANARY"}


def test_token_of_a_file(monkeypatch, tmp_path):
    """A token is read from a file without its line end; a missing file is an error."""
    file = tmp_path / "secret"
    file.write_text("CANARY\n")
    monkeypatch.setenv("MAST_API_TOKEN_FILE", str(file))
    (token,) = _tokens(load_settings())
    assert token.headers_for(URL(SERVICES["mast"])) == {"Authorization": "token CANARY"}
    file.unlink()
    with pytest.raises(InputError, match="MAST_API_TOKEN_FILE"):
        _tokens(load_settings())


def test_token_and_a_stand_in(monkeypatch):
    """A sandbox gets the token only if a setting allows it; else a note says so."""
    monkeypatch.setenv("MAST_API_TOKEN", "CANARY")
    assert _tokens(_rehearsal()) == []
    (told,) = start_notes(_rehearsal())
    assert told.startswith(f"MAST_API_TOKEN is not sent to {_HERE}")
    said = _rehearsal(hst={"token_elsewhere": True})
    assert [token.home for token in _tokens(said)] == [f"{_HERE}/mast"]
    assert list(start_notes(said)) == []


def test_token_is_no_setting(monkeypatch):
    """The settings file beside the data set does not contain the token."""
    monkeypatch.setenv("MAST_API_TOKEN", "CANARY")
    assert "CANARY" not in load_settings().to_toml()


def test_contact():
    """A missing contact is reported only if an archive itself is used."""
    assert "No contact is set" in " ".join(start_notes(load_settings()))
    named = load_settings(politeness={"contact": "me@example.org"})
    assert list(start_notes(named)) == []
    assert list(start_notes(_rehearsal())) == []


def test_quiet_hours():
    """The quiet hours of a service override those for all."""
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
    """Queries may take ten minutes, as SkyServer and MAST allow, or as set."""
    settings = load_settings(services={"mast": {"answer_s": 900}})
    times = {one.name: one.answer_s for one in _services(settings)}
    assert times == {"mast": 900, "sdss-sky": 600, "sdss-sas": 180, "s3": 180}


def test_limits():
    """Every limit of a request can be set under its documented name."""
    limits = _limits(
        load_settings(
            limits={"answer_s": 7, "file_bytes": 8, "works_on_s": 9},
            politeness={"tries": 2, "patience_s": 50},
        )
    )
    assert (limits.answer_s, limits.body_cap, limits.works_on_s) == (7, 8, 9)
    assert (limits.tries, limits.patience_s) == (2, 50)
    # A host that refuses requests is waited for no longer than one that is down.
    assert limits.refusal_patience_s == 50


def test_defaults():
    """The default settings give the default limits of the transport."""
    assert _limits(load_settings()) == Limits()


def test_common_limit(tmp_path, monkeypatch):
    """Harvests share their limits in the folder of the settings, unless told not to."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user"))
    named = {"state_dir": str(tmp_path / "named"), "contact": "me@a.org"}
    _machine_limit(load_settings(politeness=named)).close()
    _machine_limit(load_settings()).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["named", "user"]
    assert _machine_limit(load_settings(politeness={"shared": False})) is None
    assert not list(start_notes(load_settings(politeness=named)))


def test_common_limit_without_folder(tmp_path):
    """If the state folder cannot be used, a note says so and nothing is shared."""
    (tmp_path / "file").write_text("")
    politeness = {"state_dir": str(tmp_path / "file"), "contact": "me@a.org"}
    settings = load_settings(politeness=politeness)
    assert _machine_limit(settings) is None
    (told,) = start_notes(settings)
    assert "cannot be used (Not a directory)" in told
    assert "Run one at a time" in told


def test_broker(tmp_path, monkeypatch):
    """A broker replaces the limit of this machine, and a note says so."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broker.json").write_text("")
    monkeypatch.setenv("HARVESTER_BROKER_SECRET", "x" * 20)
    politeness = {"broker": "broker.json", "contact": "me@a.org", "shared": True}
    settings = load_settings(politeness=politeness)
    assert settings.politeness.broker == str(tmp_path / "broker.json")
    limit = _machine_limit(settings, tmp_path / "out")
    assert isinstance(limit, BrokerLimit)
    (told,) = start_notes(settings)
    assert "in place of the shared limits of this machine" in told


@pytest.mark.parametrize("where", ["node7", "node7:", "broker.jsn"])
def test_no_broker(where):
    """What is neither HOST:PORT nor a file is refused as a setting."""
    with pytest.raises(InputError, match="neither HOST:PORT of a broker nor"):
        load_settings(politeness={"broker": where})


#: What a harvest in another folder has learned of a host.
FACTS = HostFacts(bandwidth=1.1e7, latency_s=0.18, measured_at=5.0)


@pytest.mark.parametrize(("shared", "known"), [(True, FACTS), (False, HostFacts())])
async def test_known_hosts(tmp_path, shared, known):
    """A new run begins with what this machine's harvests know, unless told not to."""
    politeness = {"state_dir": str(tmp_path / "state"), "shared": shared}
    settings, path = load_settings(politeness=politeness), tmp_path / "ledger.sqlite"
    write_shared_hosts(tmp_path / "state", {"data.sdss.org": FACTS})
    surveys = [Survey.parse("sdss:r")]
    create_ledger(path, targets=[], rejects=[], surveys=surveys, facts={})
    async with (
        Ledger.open(path) as ledger,
        await make_transport(settings, ledger) as transport,
    ):
        assert transport.speed_of("https://data.sdss.org/sas/a").facts == known
    assert allowance(settings).facts("data.sdss.org") == known
    given = allowance(settings, 1e6)
    assert given.facts("data.sdss.org").bandwidth is None
    assert given.limits("sdss-sas").bandwidth == 1e6
