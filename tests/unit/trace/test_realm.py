"""What of a trace a reseller's user is told: its own accounts, since they are its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.trace.line import Facts, TraceLine
from portaswitch.trace.realm import told
from tests.unit.builders import after

OWN, OTHER, EVER = 101, 102, after(-1_000_000)


def line(at: float, kind: str = "decision", account: int = 0, number: str = "", facts: Facts = ()) -> TraceLine:
    """A line `at` seconds behind the beginning, of the request `number`."""
    return TraceLine(after(at), kind, "text", id=number, account=account, facts=facts)


class RealmTests(SynchronousTestCase):
    """Of lists of lines."""

    def told(self, *lines: TraceLine, since: datetime = EVER, resellers: tuple[int, ...] = ()) -> list[Any]:
        """When and what the lines are that are shown."""
        return [((one.at - after(0)).total_seconds(), one.kind) for one in told(lines, {OWN: since}, frozenset(resellers))]

    def test_accounts(self) -> None:
        """Lines of others are not shown, nor what names nobody."""
        self.assertEqual(self.told(line(0, account=OWN), line(1, account=OTHER), line(2), line(3, "xdr", OTHER)), [(0, "decision")])

    def test_packets(self) -> None:
        """A packet stands with its decision: it is shown where that is, and where it has none it is not. An id that another's request has too tells nothing."""
        mine = (line(0, "packet", number="u1"), line(1, account=OWN, number="u1"), line(2, "reply", number="u1"))
        self.assertEqual(self.told(*mine), [(0, "packet"), (1, "decision"), (2, "reply")])
        self.assertEqual(self.told(line(0, "packet", number="u2"), line(1, account=OTHER, number="u2"), line(2, "packet", number="u3")), [])
        self.assertEqual(self.told(*mine, line(3, account=OTHER, number="u1")), [(1, "decision")])
        self.assertEqual(self.told(line(0, "packet", number="u1"), line(500, account=OWN, number="u1")), [(500, "decision")])

    def test_sessions(self) -> None:
        """A report that names nobody is of whom its session is, at its node."""
        opened = replace(line(0, "session", OWN), session="s", node="gw")
        report = replace(line(5, number="c1"), session="s", node="gw")
        self.assertEqual(self.told(opened, report), [(0, "session"), (5, "decision")])
        for other in (replace(report, node="other"), replace(report, session="t"), replace(report, session="")):
            self.assertEqual(self.told(opened, other), [(0, "session")])
        self.assertEqual(self.told(replace(opened, account=OTHER), report), [])
        self.assertEqual(self.told(opened, replace(opened, account=OTHER), report), [(0, "session")])
        self.assertEqual(self.told(replace(opened, at=after(20)), report, since=after(10)), [(20, "session")])

    def test_moved(self) -> None:
        """What an account did while it was another's stays there."""
        self.assertEqual(self.told(line(0, account=OWN), line(20, account=OWN), since=after(10)), [(20, "decision")])

    def test_kinds(self) -> None:
        """What handlers and operators did is the environment's matter, and so is what was dropped or set aside."""
        kinds = ("packet", "decision", "hold", "reply", "drop", "session", "xdr", "usage", "task", "event", "handler", "change")
        shown = [kind for _, kind in self.told(*[line(0, kind, OWN) for kind in kinds])]
        self.assertEqual(shown, ["packet", "decision", "hold", "reply", "session", "xdr", "task", "event"])

    def test_resellers_above(self) -> None:
        """Steps name only resellers that the reader sees, and rules none: their money and status are not the reader's."""
        steps = (
            ("customer", "Retail (#1), open"), ("reseller", "Below (#3), open"), ("reseller", "Above (#4), open"),
            ("rule", "credit_limit: reseller Above owes 5000, its limit is 5000"),
        )  # fmt: skip
        (shown,) = told([line(0, account=OWN, facts=steps)], {OWN: EVER}, frozenset((3,)))
        self.assertEqual(shown.facts, (*steps[:2], ("rule", "credit_limit")))
        for text, left in (("blocked: the reseller Above is blocked", "blocked"), ("blocked: the account is blocked",) * 2):
            (shown,) = told([line(0, account=OWN, facts=(("rule", text),))], {OWN: EVER}, frozenset())
            self.assertEqual(shown.facts, (("rule", left),))
