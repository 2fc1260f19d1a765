"""The dashboard and the alert rules name metrics and labels that exist, and every alert is explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from portaswitch import metrics, service
from tests.rules.source import ROOT

NAME = re.compile(r"\b(?:portaswitch|process)_[a-z_]+")
SELECTOR = re.compile(r"((?:portaswitch|process)_[a-z_]+)\{([^}]*)\}")
PARTS = ("_bucket", "_sum", "_count")
#: Labels that Prometheus adds; a metric's own `job` arrives as `exported_job`.
SCRAPED = {"instance", "job"}


def expressions() -> Iterator[tuple[str, str]]:
    """Where each PromQL expression of ours stands, and its text."""
    board = json.loads((ROOT / "config/grafana/portaswitch.json").read_text("utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield f"panel {panel['title']}", target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]
    for rule in rules():
        yield f"alert {rule['alert']}", rule["expr"]


def rules() -> list[dict[str, Any]]:
    """The alerting rules."""
    read = yaml.safe_load((ROOT / "config/prometheus/portaswitch.rules.yml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def metric(name: str) -> str:
    """The metric that a series belongs to: histograms have three."""
    for part in PARTS:
        if name.endswith(part) and name.removesuffix(part) in metrics.names():
            return name.removesuffix(part)
    return name


class MonitoringTests(SynchronousTestCase):
    """config/grafana, config/prometheus and docs/monitoring.rst against the registry."""

    def test_metrics_exist(self) -> None:
        """Every metric that is named is one of ours."""
        self.assertIn("portaswitch_longest_turn_seconds", metrics.names(), service.__name__)
        named = {(place, metric(name)) for place, text in expressions() for name in NAME.findall(text)}
        self.assertGreater(len({name for _, name in named}), 30)
        self.assertEqual([(place, name) for place, name in sorted(named) if name not in metrics.names()], [])

    def test_labels_exist(self) -> None:
        """Every label that is selected by is one of its metric's."""
        wrong = []
        for place, text in expressions():
            for name, selector in SELECTOR.findall(text):
                has = {f"exported_{label}" if label in SCRAPED else label for label in metrics.labels(metric(name))}
                wrong += [(place, name, label) for label in re.findall(r"(\w+)\s*[=!]", selector) if label not in has | SCRAPED]
        self.assertEqual(wrong, [])

    def test_alerts_explained(self) -> None:
        """Each has a name of its own, a severity, a summary, and what to do about it."""
        names = [rule["alert"] for rule in rules()]
        self.assertEqual(len(names), len(set(names)))
        told = (ROOT / "docs/monitoring.rst").read_text("utf-8")
        self.assertEqual([name for name in names if f"``{name}``" not in told], [])
        self.assertEqual({rule["labels"]["severity"] for rule in rules()}, {"warning", "critical"})
        self.assertEqual([rule["alert"] for rule in rules() if not rule["annotations"]["summary"]], [])

    def test_panels(self) -> None:
        """Every panel has an id of its own, a place that no other covers, and something to show."""
        panels = json.loads((ROOT / "config/grafana/portaswitch.json").read_text("utf-8"))["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        cells = [(x, y) for panel in panels for x, y in covered(panel["gridPos"])]
        self.assertEqual(len(cells), len(set(cells)))
        self.assertEqual([panel["title"] for panel in panels if panel["type"] != "row" and not panel["targets"]], [])


def covered(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    """The cells of the grid that a panel takes."""
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y
