"""Names of metrics: in a text, and in the files for operators."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

DOCKER = Path(__file__).resolve().parents[3] / "docker"
ALERTS = DOCKER / "harvester-alerts.yml"
DASHBOARD = DOCKER / "grafana-dashboard.json"

_NAME = re.compile(r"\b(?:harvester|process)_\w+")


def series(text):
    """Give the values of a text by name and labels; each may be there once."""
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            key = (one.name, frozenset(one.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = one.value
    return found


def names_of(text):
    """Give the names of all metrics of a text."""
    return {name for name, _ in series(text)}


def rule_expressions():
    """Give the expressions of the alerts by their names."""
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for one in groups for rule in one["rules"]}


def panel_expressions():
    """Give the expressions of the dashboard, with values in place of its variables."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [
        re.sub(r"\$(?:run|instance)", ".*", one["expr"]).replace(
            "$__rate_interval", "5m"
        )
        for panel in panels
        for one in panel["targets"]
    ]


def names_in(expressions):
    """Give the names of the metrics in some expressions."""
    return {name for one in expressions for name in _NAME.findall(one)}
