"""The profile `monitoring` of compose.yaml, without an engine to run it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from harvester.status.page.address import ListenAddress

_DOCKER = Path(__file__).resolve().parent.parent / "docker"
_PROFILE = ("dashboard", "prometheus", "grafana")


@pytest.fixture(scope="module")
def compose():
    """Return the parsed compose.yaml."""
    return _read("compose.yaml")


@pytest.fixture
def services(compose):
    """Return the services that need the profile, by their names."""
    wanted = compose["services"].items()
    return {name: one for name, one in wanted if one.get("profiles") == ["monitoring"]}


def _read(name):
    return yaml.safe_load((_DOCKER / name).read_text("utf-8"))


def _mounts(service):
    """Give the files of this folder that a service has, by their paths in it."""
    words = [one.split(":") for one in service["volumes"] if one.startswith("./")]
    assert all(rest == ["ro"] for _, _, *rest in words)
    return {inside: _DOCKER / here for here, inside, *_ in words}


def test_profile(compose, services):
    """The profile adds three services; nothing of it is started without it."""
    assert tuple(services) == _PROFILE
    assert set(compose["services"]) == {"harvest", *_PROFILE}
    named = {
        one.partition(":")[0]
        for service in compose["services"].values()
        for one in service["volumes"]
        if not one.startswith((".", "$"))
    }
    assert named == set(compose["volumes"])


@pytest.mark.parametrize("name", _PROFILE)
def test_files_are_there(services, name):
    """Each file that is mounted exists, so that Docker makes no folder of its name."""
    assert all(path.is_file() for path in _mounts(services[name]).values())


@pytest.mark.parametrize("name", _PROFILE)
def test_ports(services, name):
    """What has no password is published on the loopback address only."""
    for port in services[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


def test_page_is_asked_by_its_name(services):
    """Prometheus names the page as its container is called, at the port it has."""
    page = services["dashboard"]
    address = ListenAddress.parse(page["command"][-1])
    assert not address.is_loopback
    (job,) = _read("monitoring/prometheus.yml")["scrape_configs"]
    target = f"{page['hostname']}:{address.port}"
    assert job["static_configs"] == [{"targets": [target]}]
    assert page["hostname"] == "dashboard"
    # It reads the run of the harvest, and is as powerless.
    harvest = _read("compose.yaml")["services"]["harvest"]
    for what in ("read_only", "cap_drop", "security_opt", "tmpfs"):
        assert page[what] == harvest[what]
    assert page["volumes"][0] == harvest["volumes"][0]


def test_configuration(services, promtool, tmp_path):
    """Promtool accepts the configuration with the rules, as they are mounted."""
    for inside, path in _mounts(services["prometheus"]).items():
        assert Path(inside).parent == Path("/etc/prometheus")
        shutil.copy(path, tmp_path / Path(inside).name)
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout


def test_provisioned(services):
    """Grafana is given the Prometheus of the profile, and the dashboard."""
    mounts = _mounts(services["grafana"])
    (source,) = _read("monitoring/datasource.yml")["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert source["url"] == "http://prometheus:9090"
    (provider,) = _read("monitoring/dashboards.yml")["providers"]
    home = services["grafana"]["environment"][
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
    ]
    assert str(Path(home).parent) == provider["options"]["path"]
    assert json.loads(mounts[home].read_text("utf-8"))["uid"]
    for folder in ("datasources", "dashboards"):
        assert f"/etc/grafana/provisioning/{folder}/harvester.yml" in mounts
