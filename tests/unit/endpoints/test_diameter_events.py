"""One-shots over Ro: direct debiting, refund, balance and price (RFC 8506 6), as octets through the map and a real core."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from portaswitch.billing.event import MOST_USES
from portaswitch.endpoints.diameter_map import Malformed
from tests.unit.endpoints.diameter_talk import ALIAS, BLOCKED, GIB, IMSI, POOR, USER, TalkCase, ccr, mscc, octets, sms, user
from tests.unit.rows import read_back

DEBIT, REFUND, BALANCE, PRICE = "DIRECT_DEBITING", "REFUND_ACCOUNT", "CHECK_BALANCE", "PRICE_ENQUIRY"
TERMINATE = {"Final-Unit-Action": 0}


def pieces(count: int) -> dict[str, str]:
    """Units in pieces."""
    return {"CC-Service-Specific-Units": str(count)}


def amount(digits: int, exponent: int = 0) -> dict[str, Any]:
    """Units in money."""
    return {"CC-Money": {"Unit-Value": {"Value-Digits": str(digits), "Exponent": str(exponent)}}}


def event(action: str = DEBIT, session: str = "s1", number: int = 0, asked: Any = None, **more: Any) -> dict[str, Any]:
    """A CCR-E about a message."""
    return ccr(4, number, session, **({"Requested_Action": action, "Requested_Service_Unit": asked, "Service_Information": sms()} | more))


class DebitTests(TalkCase):
    """A message costs 0.10."""

    def test_debit(self) -> None:
        """Charged at once; the same again, at once or after a restart, has the same answer and no effect."""
        told = self.say(event())
        self.assertEqual((told["Result-Code"], told["Granted-Service-Unit"], told["Validity-Time"]), (2001, {"CC-Service-Specific-Units": 1}, 259200))
        self.assertEqual(self.say(event()), told)
        self.forget()
        self.assertEqual(self.say(event()), told)
        self.assertEqual((self.funds, self.xdrs), (("9.9", "0"), [("0.1", 1)]))
        self.assertEqual(self.say(event(session="s2", asked=pieces(3)))["Granted-Service-Unit"], {"CC-Service-Specific-Units": 3})
        self.assertEqual(self.funds, ("9.6", "0"))

    def test_numbers(self) -> None:
        """Several events of one session are told apart by their numbers, however late one comes again."""
        for number in (0, 1, 0, 2, 1):
            self.assertEqual(self.code(event(number=number)), (2001,))
        self.assertEqual(self.funds, ("9.7", "0"))

    def test_refused(self) -> None:
        """Blocked 4010, unknown 5030, without funds 4012 with the end and the time, all at the top."""
        told = self.say(event(Subscription_Id=user(BLOCKED)))
        self.assertEqual(told["Result-Code"], 4010)
        self.assertNotIn("Final-Unit-Indication", told)
        self.assertEqual(self.code(event(Subscription_Id=user("999"))), (5030,))
        told = self.say(event(Subscription_Id=user(POOR)))
        self.assertEqual((told["Result-Code"], told["Validity-Time"], told["Final-Unit-Indication"]), (4012, 259200, TERMINATE))
        self.assertEqual([row.history for row in self.rows], ["refused: user_denied (7)", "refused: zero_balance (4)"])
        self.assertEqual({row.failed for row in self.rows}, {True})

    def test_one_group(self) -> None:
        """An event is one use: with a second group, whose price is another, it is refused (5009) before anything is charged."""
        groups = [mscc(10, octets(1)), mscc(100, octets(GIB))]
        told = self.message(ccr(4, 0, Requested_Action="DIRECT_DEBITING", Multiple_Services_Credit_Control=groups))
        self.assertEqual(self.assertRaises(Malformed, self.decide, told).result_code, 5009)
        self.assertEqual((self.funds, self.rows), (("10", "0"), ()))

    def test_after_topup(self) -> None:
        """What was refused for funds is charged when there is money (protei-smsc.4)."""
        self.begin(balance="0")
        self.assertEqual(self.code(event()), (4012,))
        self.ledger.books.funds[1] = type(self.ledger.books.funds[1])(balance=self.ledger.books.funds[2].balance)
        self.assertEqual(self.code(event()), (2001,))
        self.assertEqual(self.funds, ("9.9", "0"))

    def test_own_price(self) -> None:
        """A price that the client knows is charged as it is."""
        self.assertEqual(self.code(event(asked=amount(375, -2))), (2001,))
        self.assertEqual((self.funds, self.xdrs), (("6.25", "0"), [("3.75", 1)]))
        self.assertEqual(self.code(event(session="s2", asked=amount(7))), (4012,))

    def test_sender(self) -> None:
        """Without Subscription-Id the sender is who pays."""
        service = sms()
        service["SMS-Information"]["Originator-SCCP-Address"] = f"tel:{USER}"
        self.assertEqual(self.code(event(Subscription_Id=None, Service_Information=service)), (2001,))
        self.assertEqual(self.funds, ("9.9", "0"))

    def test_living_session(self) -> None:
        """A session that lives takes no events."""
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        self.assertEqual(self.code(event()), (5012,))
        self.assertEqual(self.funds, ("10", "1"))


class UsesTests(TalkCase):
    """Several events of one session: each is a use of its own."""

    def test_own_prices(self) -> None:
        """What the first one cost is no part of the second's price; each counts once."""
        for number, digits in ((0, 5), (1, 1), (0, 5), (1, 1)):
            self.assertEqual(self.code(event(number=number, asked=amount(digits))), (2001,))
            self.forget()
        self.assertEqual((self.funds, self.xdrs), (("4", "0"), [("5", 1), ("1", 1)]))

    def test_behind_a_refund(self) -> None:
        """What went back is not charged with the next one."""
        self.say(event(asked=amount(4)))
        self.say(event(REFUND, "r1", Refund_Information="s1"))
        self.say(event(number=1, asked=amount(4)))
        self.assertEqual((self.funds, [paid for paid, _ in self.xdrs]), (("6", "0"), ["4", "-4", "4"]))

    def test_destinations(self) -> None:
        """Each has the price of its own destination, and none where that has none."""
        for number, group in enumerate((100, 10, 100)):
            self.code(event(number=number, Service_Information=None, Multiple_Services_Credit_Control=mscc(group, octets(GIB))))
        self.assertEqual((self.funds, [paid for paid, _ in self.xdrs]), (("8", "0"), ["1", "0", "1"]))
        self.assertEqual(self.code(event(number=3, Service_Information=sms("49")))[0], 5031)
        self.assertEqual(self.funds, ("8", "0"))

    def test_funds(self) -> None:
        """The funds need to reach for what is new alone."""
        self.assertEqual(self.code(event(asked=amount(6))), (2001,))
        self.assertEqual(self.code(event(number=1, asked=amount(4))), (2001,))
        self.assertEqual((self.funds, self.code(event(number=2, asked=amount(1)))), (("0", "0"), (4012,)))

    def test_another_user(self) -> None:
        """A session belongs to whom it was charged to first, by whatever name: another user's event is not charged to that one."""
        self.ledger.put_alias(1, ALIAS, 1)
        self.say(event())
        self.assertEqual(self.code(event(number=1, Subscription_Id=user(POOR))), (5012,))
        self.assertEqual(self.code(event(number=2, Subscription_Id=user(ALIAS))), (2001,))
        self.assertEqual(self.code(event(number=3, Subscription_Id=[user(IMSI, "END_USER_IMSI"), user(USER)])), (2001,))
        self.assertEqual(self.funds, ("9.7", "0"))

    def test_bounded(self) -> None:
        """A client that never begins another session is charged each time, and its row does not grow for ever."""
        for number in range(MOST_USES + 8):
            self.say(event(number=number))
        session = self.session()
        assert session is not None
        self.assertEqual((len(session.quotas), self.funds), (MOST_USES, ("6", "0")))


class AskingTests(TalkCase):
    """What changes nothing."""

    def test_price(self) -> None:
        """The price is the charge that follows, to the last digit."""
        told = self.say(event(PRICE, asked=pieces(3)))
        self.assertEqual(told["Cost-Information"], {"Unit-Value": {"Value-Digits": 3, "Exponent": -1}, "Currency-Code": 840})
        self.assertEqual((self.funds, self.rows, self.ledger.books.closed, self.ledger.books.keys), (("10", "0"), (), {}, {}))
        self.say(event(session="s2", asked=pieces(3)))
        self.assertEqual(self.xdrs, [("0.3", 3)])

    def test_price_without_funds(self) -> None:
        """The price does not depend on funds."""
        self.assertIn("Cost-Information", self.say(event(PRICE, Subscription_Id=user(POOR))))

    def test_balance(self) -> None:
        """Whether the funds reach, those that are held taken off; nothing changes."""
        self.assertEqual(self.say(event(BALANCE, asked=pieces(100)))["Check-Balance-Result"], 0)
        self.assertEqual(self.say(event(BALANCE, asked=pieces(101)))["Check-Balance-Result"], 1)
        self.say(ccr(1, 0, "data", Multiple_Services_Credit_Control=mscc(100, octets(5 * GIB))))
        self.assertEqual(self.say(event(BALANCE, asked=amount(5)))["Check-Balance-Result"], 0)
        self.assertEqual(self.say(event(BALANCE, asked=amount(501, -2)))["Check-Balance-Result"], 1)
        self.assertEqual((self.funds, self.rows), (("10", "5"), ()))
        self.assertEqual(self.code(event(BALANCE, Subscription_Id=user("999"))), (5030,))


class RefundTests(TalkCase):
    """What was charged goes back, once, and never more of it."""

    def refund(self, session: str, asked: Any = None, own: str = "r1", **more: Any) -> tuple[Any, ...]:
        """The Result-Code of a refund that names a session."""
        return self.code(event(REFUND, own, asked=asked, **({"Refund_Information": session} | more)))

    def test_message(self) -> None:
        """The whole of a message; again has no effect, another one finds nothing left."""
        self.say(event())
        for _ in range(2):
            self.assertEqual(self.refund("s1"), (2001,))
            self.assertEqual(self.funds, ("10", "0"))
        self.assertEqual(self.refund("s1", own="r2"), (5012,))
        self.assertEqual(self.xdrs, [("0.1", 1), ("-0.1", 1)])
        self.assertIn("refund of 0.1 out of 0.1", self.rows[1].history)

    def test_parts(self) -> None:
        """By units and by money, in all no more than was charged, in whatever order the same refunds come again."""
        self.say(event(asked=pieces(5)))
        self.assertEqual(self.refund("s1", pieces(2), "r1"), (2001,))
        self.assertEqual(self.funds, ("9.7", "0"))
        self.assertEqual(self.refund("s1", amount(1, -1), "r2"), (2001,))
        self.assertEqual(self.refund("s1", pieces(2), "r1"), (2001,))
        self.assertEqual(self.funds, ("9.8", "0"))
        self.assertEqual(self.refund("s1", amount(5), "r3"), (2001,))
        self.assertEqual(self.funds, ("10", "0"))

    def test_operators(self) -> None:
        """What operators gave back of the charge is left over, of all and of a part; the session's row keeps it."""
        self.say(event(asked=pieces(5)))
        closed = self.ledger.books.closed
        closed["1/s1"] = read_back(replace(closed["1/s1"], refunded=Decimal("0.30"), version=closed["1/s1"].version + 1))
        self.assertEqual(self.refund("s1", amount(15, -2), "r1"), (2001,))
        self.assertEqual(self.funds, ("9.65", "0"))
        self.assertEqual(self.refund("s1", pieces(5), "r2"), (2001,))
        self.assertEqual((self.funds, self.refund("s1", pieces(5), "r3")), (("9.7", "0"), (5012,)))

    def test_without_units(self) -> None:
        """Who does not say how much wants all of it back; an empty Requested-Service-Unit says nothing."""
        nothing: dict[str, Any] = {}
        for number, asked in enumerate((None, nothing)):
            self.say(event(number=number, asked=pieces(5)))
            self.assertEqual((self.refund("s1", asked, f"r{number}"), self.funds), ((2001,), ("10", "0")))

    def test_units_by_units(self) -> None:
        """Units that went back are used no more: the next refund finds those that are left."""
        self.say(event(asked=pieces(5)))
        for own, left in (("r1", "9.7"), ("r2", "9.9"), ("r3", "10")):
            self.assertEqual(self.refund("s1", pieces(2), own), (2001,))
            self.forget()
            self.assertEqual(self.funds, (left, "0"))
        self.assertEqual(self.refund("s1", pieces(2), "r4"), (5012,))

    def test_several_uses(self) -> None:
        """Of several debits of one session the latest goes back first; in all no more than they were charged."""
        self.say(event(asked=amount(5)))
        self.say(event(number=1, asked=amount(1)))
        self.forget()
        self.assertEqual(self.refund("s1", amount(3), "r1"), (2001,))
        self.assertEqual((self.funds, self.xdrs[2:]), (("7", "0"), [("-1", 1), ("-2", 1)]))
        self.forget()
        self.assertEqual(self.refund("s1", amount(9), "r2"), (2001,))
        self.assertEqual(self.refund("s1", amount(9), "r3"), (5012,))
        self.assertEqual(self.funds, ("10", "0"))

    def test_units_of_several_uses(self) -> None:
        """Units of one debit and of the one before."""
        self.say(event(asked=pieces(3)))
        self.say(event(number=1, asked=pieces(2)))
        self.assertEqual(self.refund("s1", pieces(4), "r1"), (2001,))
        self.assertEqual((self.funds, self.xdrs[2:]), (("9.9", "0"), [("-0.2", 2), ("-0.2", 3)]))

    def test_session(self) -> None:
        """A data session by its Session-Id, when it is over; what was never charged is not given back."""
        self.say(ccr(1, 0, "d1", Multiple_Services_Credit_Control=mscc(100, {})))
        self.assertEqual(self.refund("d1"), (5012,))
        self.wait(600)
        self.say(ccr(3, 1, "d1", Multiple_Services_Credit_Control=mscc(100, None, octets(GIB))))
        self.assertEqual(self.refund("d1", own="r2"), (2001,))
        self.assertEqual(self.funds, ("10", "0"))
        self.assertEqual(self.refund("nothing"), (5002,))
        self.assertEqual(self.refund("", own="r9"), (5002,))
