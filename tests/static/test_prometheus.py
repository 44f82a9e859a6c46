"""The alarms and the dashboard for Prometheus: each alarm is tested and in the README, and panels do not overlap.

That they mean what they say is tested by promtool, and against a real Prometheus, in molecule/metrics.
"""

from __future__ import annotations

import json
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
(GROUP,) = yaml.safe_load((ROOT / "files/prometheus/rules.yml").read_text())["groups"]
ALARMS = [rule["alert"] for rule in GROUP["rules"]]
PANELS = json.loads((ROOT / "files/prometheus/dashboard.json").read_text())["panels"]
README = (ROOT / "roles/metrics/README.md").read_text()


def test_each_alarm_says_what_is_wrong_and_what_to_do() -> None:
    assert len(ALARMS) == len(set(ALARMS)) == 10
    for rule in GROUP["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "action"}
        assert f"`{rule['alert']}`" in README


def test_each_alarm_is_tested() -> None:
    tests = yaml.safe_load((ROOT / "molecule/metrics/prometheus/rule_tests.yml").read_text())["tests"]
    fired = [one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]]
    assert sorted(fired) == sorted(ALARMS)


def test_metrics_of_ours_are_in_the_readme() -> None:
    used = set(re.findall(r"nbops_[a-z_]+", json.dumps(PANELS) + json.dumps(GROUP)))
    short = re.findall(r"`(nbops_[a-z]+)_?[a-z_]*`|`\.\.\.(_[a-z_]+)`", README)
    endings = [ending for _start, ending in short if ending]
    assert not [name for name in used if name not in README and not name.endswith(tuple(endings))]


def test_panels_have_a_place_of_their_own() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[(x, y)]}"
                taken[(x, y)] = panel["title"]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
