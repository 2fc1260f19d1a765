"""Gy: data by rating groups, as octets through the map and a real core."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from portaswitch.model.catalogue import Version
from portaswitch.model.party import Funds
from tests.unit.endpoints.diameter_talk import BEGIN, DATA, GIB, TARIFFS, TalkCase, catalogue, ccr, mscc, octets
from tests.unit.rows import read_back

MSCC = "Multiple-Services-Credit-Control"
TERMINATE = {"Final-Unit-Action": 0}
TCU = {"Tariff-Change-Usage": "UNIT_AFTER_TARIFF_CHANGE"}


class DataTests(TalkCase):
    """One P-GW, one subscriber with 10.00; rating group 100 costs 1.00 a GiB, 10 nothing."""

    def test_session(self) -> None:
        """I, U and T: slices of a GiB, deltas that add up, one xDR of the whole."""
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        group = {"Rating-Group": 100, "Result-Code": 2001, "Granted-Service-Unit": {"CC-Total-Octets": GIB}, "Validity-Time": 7200}
        self.assertEqual(told[MSCC], group)
        self.assertEqual((told["Result-Code"], told["CC-Request-Type"], told["CC-Request-Number"], told["Session-Id"]), (2001, 1, 0, "s1"))
        self.assertEqual(self.funds, ("10", "1"))
        self.wait(21)
        told = self.say(ccr(2, 3, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 2))))
        self.assertEqual(told[MSCC], group)
        self.assertEqual(self.funds, ("10", "1.5"))
        self.wait(21)
        told = self.say(ccr(3, 5, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB // 4))))
        self.assertEqual(told["Result-Code"], 2001)
        self.assertNotIn(MSCC, told)
        self.assertEqual(self.funds, ("9.25", "0"))
        self.assertEqual(self.xdrs, [("0.75", GIB * 3 // 4)])
        self.assertEqual(self.rows[0].rating_pattern, "100")

    def test_groups(self) -> None:
        """Each group is priced by its own destination, or refused alone; the account pays for what each used."""
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=[mscc(100, {}), mscc(10, {}), mscc(77, {}, service=5)]))
        self.assertEqual([group["Result-Code"] for group in told[MSCC]], [2001, 2001, 5031])
        self.assertEqual(told[MSCC][2], {"Rating-Group": 77, "Service-Identifier": 5, "Result-Code": 5031})
        self.assertEqual(told["Result-Code"], 2001)
        self.assertEqual(self.funds, ("10", "1"))
        self.wait(600)
        self.code(ccr(3, 1, Multiple_Services_Credit_Control=[mscc(100, None, octets(GIB)), mscc(10, None, octets(GIB)), mscc(77, None, octets(9))]))
        self.assertEqual(self.funds, ("9", "0"))
        self.assertEqual(self.xdrs, [("1", GIB), ("0", GIB)])
        self.assertEqual([row.used_quantity for row in self.rows if row.failed], [9])

    def test_joins_later(self) -> None:
        """A group that comes later has its own price; others stay as they are."""
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(10, {})))
        self.wait(600)
        self.assertEqual(self.code(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        self.code(ccr(3, 2, Multiple_Services_Credit_Control=[mscc(10, None, octets(5)), mscc(100, None, octets(GIB))]))
        self.assertEqual(self.funds, ("9", "0"))

    def test_no_groups(self) -> None:
        """A session that is opened without asking for anything; its group comes with the first update."""
        self.assertEqual(self.code(ccr(1, 0)), (2001,))
        (first,) = self.ledger.books.sessions.values()
        self.assertEqual(self.code(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        (second,) = self.ledger.books.sessions.values()
        self.assertEqual(read_back(second, first), second)  # what the group costs is not what the session was opened with
        self.forget()
        self.wait(600)
        self.assertEqual(self.code(ccr(3, 2, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB)))), (2001,))
        self.assertEqual(self.funds, ("9", "0"))

    def test_two_identifiers(self) -> None:
        """A group for several Service-Identifiers (RFC 8506 8.16) is known by the first, in the request and in the answer."""
        for session, identifiers in (("s1", ["1", "2"]), ("s2", ["0", "1"])):
            asked = mscc(100, {}, service=1) | {"Service-Identifier": identifiers}
            told = self.say(ccr(1, 0, session, Multiple_Services_Credit_Control=asked))[MSCC]
            self.assertEqual((told["Result-Code"], told["Granted-Service-Unit"]), (2001, {"CC-Total-Octets": GIB}))

    def test_nobody_uses(self) -> None:
        """T without any group ends the session and frees its hold."""
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        self.assertEqual(self.code(ccr(3, 1)), (2001,))
        self.assertEqual(self.funds, ("10", "0"))
        self.assertEqual(self.code(ccr(3, 2)), (5002,))

    def test_top_level(self) -> None:
        """Units on the level of the message are answered there."""
        told = self.say(ccr(1, 0, Requested_Service_Unit=octets(1000)))
        self.assertEqual((told["Granted-Service-Unit"], told["Validity-Time"]), ({"CC-Total-Octets": 1000}, 7200))
        self.assertNotIn(MSCC, told)
        self.wait(60)
        told = self.say(ccr(2, 1, Requested_Service_Unit=octets(1000), Used_Service_Unit=octets(GIB)))
        self.assertEqual(told["Granted-Service-Unit"], {"CC-Total-Octets": 1000})
        self.wait(60)
        self.say(ccr(3, 2, Used_Service_Unit=octets(GIB)))
        self.assertEqual(self.funds, ("6", "0"))

    def test_halves(self) -> None:
        """Without a total the octets of both directions count; with one it does."""
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(None, octets(1_000_000))))
        self.wait(600)
        used = {"CC-Time": "600", "CC-Input-Octets": str(GIB // 4), "CC-Output-Octets": str(GIB // 4)}
        self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(None, octets(1_000_000), used)))
        self.wait(600)
        self.say(ccr(3, 2, Multiple_Services_Credit_Control=mscc(None, None, used | octets(GIB))))
        self.assertEqual(self.xdrs, [("3", GIB * 3 // 2)])

    def test_key_over(self) -> None:
        """A group that reports and asks for nothing is over: its rest is free, what it used is held."""
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        self.wait(600)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB // 4), Reporting_Reason="FINAL")))
        self.assertEqual(told[MSCC], {"Rating-Group": 100, "Result-Code": 2001})
        self.assertEqual(self.funds, ("10", "0.25"))

    def test_last_part(self) -> None:
        """What the funds still pay for comes with the end's indication; whoever asks again gets 4012, and its use is charged all the same."""
        self.begin(balance="1.5")
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        self.wait(600)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB))))
        self.assertEqual(told[MSCC]["Granted-Service-Unit"], {"CC-Total-Octets": GIB // 2})
        self.assertEqual(told[MSCC]["Final-Unit-Indication"], TERMINATE)
        self.wait(600)
        told = self.say(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 2))))
        self.assertEqual(told[MSCC], {"Rating-Group": 100, "Result-Code": 4012, "Final-Unit-Indication": TERMINATE, "Validity-Time": 7200})
        self.assertEqual(told["Result-Code"], 2001)
        self.wait(10)
        self.say(ccr(3, 3, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB // 8))))
        self.assertEqual(self.funds, ("-0.125", "0"))
        self.assertEqual(self.xdrs, [("1.625", GIB * 13 // 8)])

    def test_portal(self) -> None:
        """With a portal users without funds are redirected: the session stands, free groups stay usable, and money lets it go on."""
        self.begin(balance="0.5", portal="https://portal.example/")
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        sent = {"Final-Unit-Action": 1, "Redirect-Server": {"Redirect-Address-Type": 2, "Redirect-Server-Address": "https://portal.example/"}}
        self.assertEqual((told[MSCC]["Granted-Service-Unit"], told[MSCC]["Final-Unit-Indication"]), ({"CC-Total-Octets": GIB // 2}, sent))
        self.wait(600)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=[mscc(100, {}, octets(GIB // 2)), mscc(10, {})]))
        self.assertEqual(told[MSCC][0], {"Rating-Group": 100, "Result-Code": 2001, "Final-Unit-Indication": sent, "Validity-Time": 7200})
        self.assertEqual(told[MSCC][1]["Granted-Service-Unit"], {"CC-Total-Octets": GIB})
        told = self.say(ccr(1, 0, "s2", Multiple_Services_Credit_Control=mscc(100, {})))
        self.assertEqual((told["Result-Code"], told[MSCC]["Result-Code"], told[MSCC]["Final-Unit-Indication"]), (2001, 2001, sent))
        self.assertEqual(self.code(ccr(2, 1, "s2", Multiple_Services_Credit_Control=mscc(10, {}))), (2001, 2001))

    def test_money(self) -> None:
        """Who asks for money gets what it buys."""
        amount = {"CC-Money": {"Unit-Value": {"Value-Digits": "250", "Exponent": "-2"}, "Currency-Code": "840"}}
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, amount)))
        self.assertEqual(told[MSCC]["Granted-Service-Unit"], {"CC-Total-Octets": GIB * 5 // 2})
        self.assertEqual(self.funds, ("10", "2.5"))

    def test_thresholds(self) -> None:
        """Where the profile says so the client is told when to ask again; not with the last part."""
        self.begin("adax", "1.5")
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        self.assertEqual(told[MSCC]["Volume-Quota-Threshold"], GIB // 5)
        self.wait(600)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB))))
        self.assertNotIn("Volume-Quota-Threshold", told[MSCC])

    def test_validity(self) -> None:
        """Validity-Time counts from the event to the answer, and is a minute at least."""
        stamp = int(self.now.timestamp())
        self.wait(11)
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {}), Event_Timestamp=str(stamp)))
        self.assertEqual(told[MSCC]["Validity-Time"], 7189)
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}), Event_Timestamp=str(stamp - 7170)))
        self.assertEqual(told[MSCC]["Validity-Time"], 60)


class TariffChangeTests(TalkCase):
    """Rating group 100 costs 1.00 a GiB, and 3.00 from an hour after the beginning."""

    def setUp(self) -> None:
        """The dearer price is in the tariff from the beginning, with its date."""
        first = TARIFFS[DATA].rates["100"][0]
        assert first.plan is not None
        self.change = BEGIN + timedelta(hours=1)
        dearer = replace(first.plan, i_rate=99, price_first=Decimal(3), price_n=Decimal(3))
        rates = {**TARIFFS[DATA].rates, "100": (Version(self.change, dearer), first)}
        self.begin(known=replace(catalogue(), tariffs={**TARIFFS, DATA: replace(TARIFFS[DATA], rates=rates)}))

    def ask(self, kind: int, number: int, used: Any = None) -> Any:
        """A request of group 100."""
        return self.say(ccr(kind, number, Multiple_Services_Credit_Control=mscc(100, None if kind == 3 else {}, used)))

    def test_split(self) -> None:
        """The change is told; both parts have their price and xDR, and what follows the new one."""
        granted = self.ask(1, 0)[MSCC]["Granted-Service-Unit"]
        self.assertEqual(granted, {"Tariff-Time-Change": int(self.change.timestamp()), "CC-Total-Octets": GIB})
        self.assertEqual(self.funds, ("10", "1"))
        self.wait(3700)
        before, after = octets(GIB // 2) | {"Tariff-Change-Usage": "UNIT_BEFORE_TARIFF_CHANGE"}, octets(GIB // 4) | TCU
        told = self.ask(2, 1, [before, after])
        self.assertEqual(told[MSCC]["Granted-Service-Unit"], {"CC-Total-Octets": GIB})
        charged = [("0.5", GIB // 2), ("0.75", GIB // 4)]  # a data session is charged every hour besides
        self.assertEqual((self.funds, self.xdrs), (("8.75", "3"), charged))
        self.assertEqual(self.ask(2, 1, [before, after]), told)
        self.wait(10)
        self.ask(3, 2, octets(GIB // 4))
        self.assertEqual((self.funds, self.xdrs), (("8", "0"), [*charged, ("0.75", GIB // 2)]))

    def test_ends_behind(self) -> None:
        """The last report tells both parts."""
        self.ask(1, 0)
        self.wait(3700)
        self.ask(3, 1, [octets(GIB), octets(GIB) | TCU])
        self.assertEqual((self.funds, self.xdrs), (("6", "0"), [("1", GIB), ("3", GIB)]))

    def test_not_told_apart(self) -> None:
        """One who does not tell the parts apart has used all before; from then on the new price counts."""
        self.ask(1, 0)
        self.wait(3700)
        self.ask(2, 1, octets(GIB // 2))
        self.ask(3, 2, octets(GIB // 2))
        self.assertEqual(self.xdrs, [("0.5", GIB // 2), ("1.5", GIB // 2)])

    def test_refused_behind(self) -> None:
        """Funds that do not reach for the new price: 4012, and all that was used is charged by its own price."""
        self.ledger.books.funds[1] = Funds(Decimal(1))
        self.ask(1, 0)
        self.wait(3700)
        told = self.ask(2, 1, [octets(GIB // 2), octets(GIB // 2) | TCU])
        self.assertEqual(told[MSCC]["Result-Code"], 4012)
        self.ask(3, 2)
        self.assertEqual((self.funds, self.xdrs), (("-1", "0"), [("0.5", GIB // 2), ("1.5", GIB // 2)]))
