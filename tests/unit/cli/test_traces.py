"""The trace on paper: aligned, short, day and session where they change; times as operators type them."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.administration.tracing import TraceLine
from portaswitch.cli.trace_text import Page, as_json, headed
from portaswitch.cli.traces import duration

AT = datetime(2026, 1, 31, 23, 59, 59, 123456, tzinfo=UTC)
DECISION = TraceLine(
    AT, "decision", "auth refused", "main-u1", 1, "gw", "192.0.2.1:5", "100", 7, "39AE", "8262", "6045", facts=(("funds", "balance 1"), ("called", "8262"))
)  # fmt: skip


class PageTests(SynchronousTestCase):
    """Lines of text."""

    def test_aligned(self) -> None:
        """A line a thing, its steps below it; the day and the session only where they are others."""
        page = Page(120)
        first = page.lines(DECISION)
        self.assertEqual(
            first,
            [
                "--- 2026-01-31 (UTC)",
                "23:59:59.123  main-u1   decision  auth refused [node gw, user 100, from 6045, to 8262, session 39AE]",
                "                                  funds           balance 1",
            ],
        )
        second = page.lines(replace(DECISION, at=AT + timedelta(seconds=1), facts=()))
        self.assertEqual(second, ["--- 2026-02-01 (UTC)", "00:00:00.123  main-u1   decision  auth refused [node gw, user 100, from 6045, to 8262]"])

    def test_packet(self) -> None:
        """Attributes run on, wrapped to the width; control characters can't steer a terminal."""
        packet = TraceLine(AT, "packet", "Access-Request", "r1", peer="192.0.2.1:5", facts=tuple(("User-Name", "\x1b[2J" + "x" * 20) for _ in range(6)))
        _, head, *attributes = Page(100).lines(packet)
        self.assertEqual(head, "23:59:59.123  r1        packet    Access-Request [from 192.0.2.1:5]")
        self.assertTrue(all(len(line) <= 100 and line.startswith(" " * 34) for line in attributes), attributes)
        self.assertNotIn("\x1b", "".join(attributes))

    def test_json(self) -> None:
        """All fields on one line."""
        told = json.loads(as_json(DECISION))
        self.assertEqual((told["at"], told["facts"][0], told["account"]), ("2026-01-31T23:59:59.123456+00:00", ["funds", "balance 1"], 7))
        self.assertNotIn("\n", as_json(replace(DECISION, text="a\nb")))

    def test_headed(self) -> None:
        """What is said under it."""
        self.assertEqual((headed(0, "now", []), headed(2, "now", ["logs only"])), ("nothing since now", "(2 lines since now); logs only"))

    def test_duration(self) -> None:
        """At most a day."""
        self.assertEqual([duration(text) for text in ("90s", "10m", "24h")], [90, 600, 86400])
        for text in ("", "0m", "25h", "10", "-1m", "1d"):
            self.assertRaises(argparse.ArgumentTypeError, duration, text)
