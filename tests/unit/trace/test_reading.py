"""Logs are read again: from a moment on, over files that have turned, from broken lines, and as they grow; and put into one order."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.logs import BillingLog, LineFile
from portaswitch.model.request import Decision, Facts
from portaswitch.trace.line import TraceLine, from_billing, from_record
from portaswitch.trace.order import chosen, discreet, ordered
from portaswitch.trace.reading import Tail, files, read
from portaswitch.trace.subject import Subject
from tests.unit.builders import AT, CARD, after, alive, auth

SUBJECT = Subject("account", 1, CARD, frozenset((CARD,)), 101)


def line(at: float, kind: str = "decision", text: str = "auth accepted", **what: Any) -> TraceLine:
    """A line `at` seconds behind the beginning."""
    return TraceLine(after(at), kind, text, **what)


class ReadingTests(SynchronousTestCase):
    """Files in a folder."""

    def setUp(self) -> None:
        """Of its own."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def billing(self, *ats: float, rotate: int = 1_000_000, user: str = CARD) -> None:
        """Billing lines, one written after the other."""
        log = BillingLog(self.folder / "billing.log", rotate)
        for at in ats:
            log.line(auth(at=at, user=user), Decision(facts=Facts(user, 101)), 0.25)
            log.flush()
        log.close()

    def seconds(self, since: float, needles: tuple[bytes, ...] = (CARD.encode(),)) -> list[float]:
        """When the lines are that are read."""
        return [(one.at - AT).total_seconds() for one in read([self.folder], after(since), needles)]

    def test_since(self) -> None:
        """From a moment on, at the time of the decision; of whom is asked for only."""
        self.billing(0, 100, 200)
        self.billing(300, user="999")
        self.assertEqual(self.seconds(100), [100.25, 200.25])
        self.assertEqual(self.seconds(0, SUBJECT.needles()), [0.25, 100.25, 200.25, 300.25])

    def test_turned(self) -> None:
        """Over all files, the oldest first."""
        self.billing(*range(0, 900, 100), rotate=400)
        self.assertGreater(len(files(self.folder, "billing.log")), 3)
        self.assertEqual(self.seconds(0), [at + 0.25 for at in range(0, 900, 100)])

    def test_large(self) -> None:
        """Of a large file the beginning is not read: the place is found by halving, and nothing is missed."""
        self.billing(*range(3000))
        whole = [at + 0.25 for at in range(3000)]
        self.assertGreater((self.folder / "billing.log").stat().st_size, 500_000)
        for since in (0, 1, 1500, 2990):
            self.assertEqual(self.seconds(since), [at for at in whole if at >= since])

    def test_broken(self) -> None:
        """Half a line, no JSON, no time, another's keys: passed over, as is what stands behind half a line."""
        self.billing(0)
        path = self.folder / "billing.log"
        whole = path.read_text()
        path.write_text(f"{whole}{whole[:40]}\n[]\n{CARD}\n{json.dumps({'user': CARD})}\n\xff{CARD}\n{whole}")
        (self.folder / "trace.log").write_text(json.dumps({"at": "2026-01-01T00:00:00", "kind": "packet", "text": CARD}) + "\n")
        self.assertEqual(self.seconds(0), [0.25, 0.25])

    def test_tail(self) -> None:
        """What comes, also when the file is made later, turns, or a line comes in two halves."""
        tail = Tail(self.folder, "billing.log", (CARD.encode(),))
        self.addCleanup(tail.close)
        self.assertEqual(tail.lines(), [])
        self.billing(1)
        self.assertEqual(len(tail.lines()), 1)
        self.billing(2, 3, rotate=10)
        self.billing(4)
        self.assertGreaterEqual(len(tail.lines()), 2)
        with (self.folder / "billing.log").open("rb+") as file:
            octets = file.read()
            file.write(octets[:30])
            file.flush()
            self.assertEqual(tail.lines(), [])
            file.write(octets[30:])
        self.assertEqual(len(tail.lines()), 1)

    def test_not_from_the_beginning(self) -> None:
        """What was there before is not live."""
        self.billing(1)
        tail = Tail(self.folder, "billing.log", (CARD.encode(),))
        self.addCleanup(tail.close)
        self.assertEqual(tail.lines(), [])

    def test_two_writers(self) -> None:
        """Two processes on one file: whole lines of both; only one turns it, and the other goes on in the new one."""
        one, two = (LineFile(self.folder / "trace.log", 300, 20, 10) for _ in range(2))
        for number in range(6):
            for file in (one, two):
                file.add(line(number, text=f"{number}", user=CARD).encoded())
                file.flush()
        one.close()
        two.close()
        texts = [found.text for found in read([self.folder], AT, (CARD.encode(),))]
        self.assertEqual(sorted(texts), sorted("001122334455"))
        self.assertGreater(len(files(self.folder, "trace.log")), 2)

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=20), st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=4))
    def test_line_round_trip(self, text: str, facts: list[tuple[str, str]]) -> None:
        """Whatever the network sends comes back from the file as it was, in its order, also of names that repeat."""
        written = TraceLine(AT, "packet", text, "a-u1", 1, text, "h:1", CARD, 5, text, text, text, text, AT, tuple(facts))
        encoded = written.encoded()
        self.assertEqual((encoded.count("\n"), from_record(json.loads(encoded))), (1, written))


class OrderTests(SynchronousTestCase):
    """One time order."""

    def decided(self, at: float, text: str, number: str = "r1", session: str = "s1") -> TraceLine:
        """A decision in session s1."""
        return line(at, text=text, id=number, session=session, received=after(at - 0.1), user=CARD)

    def test_xdr_behind_its_request(self) -> None:
        """Whatever the clock of its NAS says: of the report that charged, not of the authorization; with that request's id."""
        told = [self.decided(0, "auth accepted"), self.decided(60, "stop accepted: 60 used", "r2")]
        for off in (-3, 0, 400, -86400 * 7000):
            xdr = line(60 + off, "xdr", "60 used, 0.02 charged", session="s1")
            last = ordered([xdr, *told])[-1]
            self.assertEqual((last.kind, last.at, last.id), ("xdr", after(60), "r2"))
        failed = line(0, "xdr", "failed attempt", session="s1")
        self.assertEqual(ordered([failed, self.decided(5, "auth refused: zero_balance")])[1].kind, "xdr")
        self.assertEqual(ordered([line(3, "xdr", "60 used", session="other"), *told])[1].kind, "xdr")

    def test_known_before(self) -> None:
        """Also behind a decision that was shown before (a live trace)."""
        (xdr,) = ordered([line(50, "xdr", "60 used", session="s1")], [self.decided(60, "stop accepted")])
        self.assertEqual(xdr.at, after(60))

    def test_told_twice(self) -> None:
        """Of trace.log and billing.log the one with steps is shown; another request of that id, before a restart, stays."""
        plain = self.decided(0, "auth accepted")
        detailed = replace(plain, at=after(0.01), facts=(("funds", "balance 10"),))
        before = replace(plain, at=after(-9000), received=after(-9000))
        self.assertEqual(ordered([plain, detailed, before]), [before, detailed])

    def test_chosen(self) -> None:
        """A line that does not name the subject but is of its request; the same id an hour before is another request."""
        packet = line(0, "packet", "Access-Request", id="r1", user="***0975")
        decision = replace(self.decided(0.1, "auth accepted"), user="", account=101)
        other = line(-3600, "packet", "Access-Request", id="r1", user="999")
        self.assertEqual(chosen([other, packet, decision], SUBJECT), [packet, decision])
        self.assertEqual(chosen([replace(decision, env=2)], SUBJECT), [])

    def test_billing_line(self) -> None:
        """At the time of its decision, with what was reported and granted, or the meaning of its refusal."""
        record = json.loads(self._billing())
        told = from_billing(record)
        self.assertEqual((told.text, told.at, told.received), ("update accepted: 30 used", after(30.5), after(30)))
        refused = from_billing(record | {"result": "zero_balance"})
        self.assertEqual(refused.text, "update refused: zero_balance (return code 4, Zero balance)")
        self.assertEqual(from_billing(record | {"result": "new_word"}).text, "update refused: new_word")

    def _billing(self) -> str:
        path = Path(self.mktemp())
        log = BillingLog(path)
        log.line(alive(30), Decision(), 0.5)
        log.close()
        return path.read_text()

    def test_subjects(self) -> None:
        """Each kind by what its lines have."""
        whole = line(0, node="gw", peer="192.0.2.1:5000", user="100", account=7, session="s1", called="01144207946", calling="6045", imsi="00101", env=1)
        for kind, name, meant in (
            ("account", "100", True), ("account", "101", False), ("imsi", "00101", True), ("session", "s1", True), ("session", "s2", False),
            ("nas", "gw", True), ("nas", "gw2", False), ("peer", "192.0.2.1", True), ("peer", "192.0.2.1:5000", True), ("peer", "gw", True),
            ("peer", "192.0.2.2", False), ("number", "44207946", True), ("number", "946", False), ("number", "6045", True),
        ):  # fmt: skip
            self.assertEqual(Subject(kind, 1, name, frozenset((name,))).means(whole), meant, (kind, name))
        self.assertTrue(Subject("account", 1, "x", frozenset(), sessions=frozenset((("gw", "s1"),))).means(whole))

    def test_new_kinds(self) -> None:
        """Lines of subsystems that are not there yet, and their words, pass through as they are."""
        lines = [line(2, "handler", "calix: done", user=CARD), line(1, "ccr", "CCR-Initial", user=CARD, peer="pgw.example:3868")]
        self.assertEqual([one.kind for one in ordered(chosen(lines, SUBJECT))], ["ccr", "handler"])

    def test_cards(self) -> None:
        """Card numbers that others typed show their end only, whatever log they come from."""
        nas = Subject("nas", 1, "ivr", frozenset(("ivr",)), cards=frozenset(("ivr",)))
        typed = line(0, node="ivr", user=CARD, text=f"auth of {CARD}", facts=(("called", CARD),))
        self.assertNotIn(CARD, discreet(typed, nas).encoded())
        self.assertIn(CARD, discreet(replace(typed, node="gw"), nas).encoded())
        self.assertIn(CARD, discreet(typed, replace(SUBJECT, cards=frozenset(("ivr",)))).encoded())
