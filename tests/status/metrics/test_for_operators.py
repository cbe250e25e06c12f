"""The files for operators: alerts, the dashboard, an example of a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from metric_names import ALERTS, DASHBOARD, DOCKER, panel_expressions, rule_expressions

from harvester.status.metrics.described import COUNTERS, GAUGES

_CASES = Path(__file__).parent / "alerts.yml"


def test_rules(promtool):
    """The alerts and the example are valid."""
    for words in (("rules", ALERTS), ("config", DOCKER / "prometheus.yml")):
        done = promtool("check", *words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire(promtool, tmp_path):
    """Each alert fires when it should, and not before."""
    rules = yaml.safe_load(ALERTS.read_text("utf-8"))
    for rule in rules["groups"][0]["rules"]:
        # The cases would have to repeat the sentences.
        del rule["annotations"]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    cases = yaml.safe_load(_CASES.read_text("utf-8"))
    cases["rule_files"] = [str(tmp_path / "rules.yml")]
    (tmp_path / "cases.yml").write_text(yaml.safe_dump(cases))
    done = promtool("test", "rules", tmp_path / "cases.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case():
    """There is a case in which each alert fires."""
    fires = {
        case["alertname"]
        for test in yaml.safe_load(_CASES.read_text("utf-8"))["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert fires == set(rule_expressions())


def test_panels(promtool, tmp_path):
    """Each expression of the dashboard is one that Prometheus understands."""
    expressions = panel_expressions()
    rules = [{"record": f"panel:{n}", "expr": e} for n, e in enumerate(expressions)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(expressions)} rules found" in done.stdout


def test_dashboard_fits():
    """Panels have numbers and places of their own, and ask the chosen source."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"


def test_documented():
    """The documentation has a row for each metric, with its labels and meaning."""
    page = (DOCKER.parent / "docs/operations.md").read_text("utf-8")
    for name, one in (GAUGES | COUNTERS).items():
        labels = ", ".join(f"`{label}`" for label in one.labels)
        assert f"| `{name}` | {labels} | {one.text} |\n" in page
