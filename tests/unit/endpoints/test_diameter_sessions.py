"""Credit control sessions: duplicates, disorder, refusals and late requests."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from portaswitch.endpoints.diameter_subscriber import subscribers
from tests.unit.endpoints.diameter_talk import ALIAS, BLOCKED, GIB, IMSI, POOR, USER, TalkCase, call, ccr, mscc, octets, seconds, user

MSCC = "Multiple-Services-Credit-Control"
HALF = octets(GIB // 2)


class OrderTests(TalkCase):
    """Each number counts once, in whatever order the requests come."""

    def open(self, session: str = "s1") -> None:
        """A session of rating group 100."""
        self.assertEqual(self.code(ccr(1, 0, session, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        self.wait(600)

    def test_repeated(self) -> None:
        """The last request again, at once or after a restart, gets its own answer and charges nothing."""
        self.open()
        told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, HALF)))
        before = self.ledger.books
        self.assertEqual(self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, HALF))), told)
        self.forget()
        self.assertEqual(self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, HALF))), told)
        self.assertEqual(self.ledger.books, before)

    def test_repeated_late(self) -> None:
        """An earlier request that comes again behind a later one charges nothing; one that comes for the first time counts."""
        self.open()
        for number in (1, 3, 1, 3, 2, 2, 1):
            self.assertEqual(self.code(ccr(2, number, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 8)))), (2001, 2001))
            self.wait(1)
        self.forget()
        self.code(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 8))))
        session = self.session()
        assert session is not None
        self.assertEqual((session.quotas[0].used, session.numbers), (GIB * 3 // 8, ((1, 3),)))

    def test_opened_again(self) -> None:
        """I again, behind an update: it is granted to again and charged nothing."""
        self.open()
        self.code(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, HALF)))
        self.assertEqual(self.code(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        self.code(ccr(3, 2, Multiple_Services_Credit_Control=mscc(100, None, HALF)))
        self.assertEqual(self.funds, ("9", "0"))

    def test_stop_again(self) -> None:
        """T again gets its answer; another one 5002."""
        self.open()
        self.assertEqual(self.code(ccr(3, 1, Multiple_Services_Credit_Control=mscc(100, None, HALF))), (2001,))
        self.assertEqual(self.code(ccr(3, 1, Multiple_Services_Credit_Control=mscc(100, None, HALF))), (2001,))
        self.assertEqual(self.code(ccr(3, 2, Multiple_Services_Credit_Control=mscc(100, None, HALF))), (5002,))
        self.assertEqual(self.code(ccr(2, 3, Multiple_Services_Credit_Control=mscc(100, {}, HALF))), (5002,))
        self.assertEqual(self.funds, ("9.5", "0"))

    def test_unknown(self) -> None:
        """U and T of a session that nobody opened, or whose beginning was refused: 5002, and no trace; also for a user whom nobody knows."""
        before = self.ledger.books
        for who in (user(USER), user("999"), None):
            self.assertEqual(self.code(ccr(2, 1, Subscription_Id=who, Multiple_Services_Credit_Control=mscc(100, {}, HALF))), (5002,))
            self.assertEqual(self.code(ccr(3, 2, Subscription_Id=who, Multiple_Services_Credit_Control=mscc(100, None, HALF))), (5002,))
        self.assertEqual(self.ledger.books, before)
        self.assertEqual(self.code(ccr(1, 0, Subscription_Id=user(BLOCKED), Multiple_Services_Credit_Control=mscc(100, {}))), (4010,))
        self.assertEqual(self.code(ccr(3, 1, Subscription_Id=user(BLOCKED), Multiple_Services_Credit_Control=mscc(100, None, HALF))), (5002,))

    def test_sub_sessions(self) -> None:
        """Sub-sessions have their own numbers and their own ends."""
        for part in ("1", "2"):
            self.assertEqual(self.code(ccr(1, 0, CC_Sub_Session_Id=part, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        self.wait(600)
        told = self.say(ccr(3, 1, CC_Sub_Session_Id="1", Multiple_Services_Credit_Control=mscc(100, None, HALF)))
        self.assertEqual((told["Result-Code"], told["CC-Sub-Session-Id"]), (2001, 1))
        self.assertEqual(self.funds, ("9.5", "1"))
        self.assertEqual(self.code(ccr(3, 1, CC_Sub_Session_Id="2", Multiple_Services_Credit_Control=mscc(100, None, HALF))), (2001,))
        self.assertEqual(self.funds, ("9", "0"))

    def test_swept(self) -> None:
        """Nobody spoke for it: it is charged by what was reported and closed; a late update and a late T charge the difference."""
        self.open()
        self.code(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, HALF)))
        self.wait(7200)
        self.sweep()
        self.assertEqual(self.funds, ("10", "1.5"))
        self.wait(301)
        self.sweep()
        self.assertEqual(self.funds, ("9.5", "0"))
        self.assertEqual(self.code(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}, HALF))), (5002,))
        self.assertEqual(self.funds, ("9", "0"))
        self.assertEqual(self.code(ccr(2, 2, Multiple_Services_Credit_Control=mscc(100, {}, HALF))), (5002,))
        self.assertEqual(self.code(ccr(3, 3, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB)))), (2001,))
        self.assertEqual(self.funds, ("8", "0"))
        self.assertEqual(self.xdrs, [("0.5", GIB // 2), ("0.5", GIB), ("1", 2 * GIB)])

    def test_blocked_in_the_middle(self) -> None:
        """A refused update: 4010, and what it reports is charged all the same, once."""
        self.open()
        account = self.ledger.books.accounts[1]
        self.ledger.books.accounts[1] = replace(account, blocked=True, revision=2)
        for _ in range(2):
            told = self.say(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}, HALF)))
            self.assertEqual((told["Result-Code"], told["Final-Unit-Indication"]), (4010, {"Final-Unit-Action": 0}))
        self.assertEqual(self.code(ccr(3, 2, Multiple_Services_Credit_Control=mscc(100, None, HALF))), (2001,))
        self.assertEqual(self.funds, ("9", "0"))


class RefusedBeginningTests(TalkCase):
    """The Result-Code of the whole answer to CCR-I tells whether there is a session (RFC 8506 7, the server's states), not those of its groups."""

    def open(self, *groups: int, who: str = POOR) -> tuple[Any, ...]:
        """CCR-I of somebody without funds."""
        asked = [mscc(group, {}) for group in groups]
        return self.code(ccr(1, 0, Subscription_Id=user(who), Multiple_Services_Credit_Control=asked if len(asked) > 1 else asked[0]))

    def more(self, number: int, group: int) -> tuple[Any, ...]:
        """CCR-U."""
        return self.code(ccr(2, number, Subscription_Id=user(POOR), Multiple_Services_Credit_Control=mscc(group, {})))

    def end(self, number: int) -> tuple[Any, ...]:
        """CCR-T."""
        return self.code(ccr(3, number, Subscription_Id=user(POOR)))

    def pay(self) -> None:
        """There is money."""
        self.ledger.books.funds[3] = replace(self.ledger.books.funds[3], balance=Decimal(5))
        self.core.cache.forget_all()

    def test_data(self) -> None:
        """2001 with 4012 in the only group: the session stands, waits for funds, gets free content and, with money, what it asked for."""
        self.assertEqual(self.open(100), (2001, 4012))
        (session,) = self.ledger.books.sessions.values()
        self.assertEqual([(quota.key.rating_group, quota.final) for quota in session.quotas], [(100, True)])
        self.assertEqual((self.more(1, 10), self.more(2, 100)), ((2001, 2001), (2001, 4012)))
        self.pay()
        self.assertEqual(self.more(3, 100), (2001, 2001))
        self.assertEqual((self.end(4), self.end(5)), ((2001,), (5002,)))
        self.assertEqual(self.xdrs, [])

    def test_ends_refused(self) -> None:
        """CCR-T of one that never got anything is answered 2001, and holds and charges nothing."""
        for groups in ((100,), (100, 77), (77,)):
            self.begin()
            self.open(*groups)
            self.assertEqual(self.end(1), (2001,))
            found = self.ledger.books.funds[3]
            self.assertEqual((self.xdrs, found.held, found.outgoing), ([], 0, 0))
            self.assertEqual([(row.failed, row.used_quantity) for row in self.rows], [(True, 0)])

    def test_without_price(self) -> None:
        """2001 with 5031 in the only group: the next group of the session is granted."""
        self.assertEqual(self.open(77, who=USER), (2001, 5031))
        self.assertEqual(self.code(ccr(2, 1, Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))

    def test_no_session(self) -> None:
        """4012 of the answer (units at its top, or the node wants it), a client that gives it up, and a call: there is none, and the client asks anew."""
        top = ccr(1, 0, Subscription_Id=user(POOR), Requested_Service_Unit=octets(1000))
        self.assertEqual((self.code(top), self.end(1)), ((4012,), (5002,)))
        for profile, codes in (("pharos", (4012, 4012)), ("open5gs", (2001, 4012))):
            self.begin(profile)
            self.assertEqual((self.open(100), self.more(1, 100), self.end(2)), (codes, (5002,), (5002,)))
            self.pay()
            self.assertEqual(self.code(ccr(1, 0, "anew", Subscription_Id=user(POOR), Multiple_Services_Credit_Control=mscc(100, {}))), (2001, 2001))
        self.begin()
        called = ccr(1, 0, Subscription_Id=user(POOR), Multiple_Services_Credit_Control=mscc(None, seconds(30), service=35), Service_Information=call())
        self.assertEqual((self.code(called), self.end(1)), ((2001, 4012), (5002,)))

    def test_repeated(self) -> None:
        """The same CCR-I again is answered the same, and opens nothing else."""
        self.assertEqual([self.open(100), self.open(100)], [(2001, 4012)] * 2)
        self.forget()
        self.assertEqual((self.open(100), len(self.ledger.books.sessions)), ((2001, 4012), 1))


class RefusalTests(TalkCase):
    """Result-Codes where they belong."""

    def test_blocked(self) -> None:
        """4010 at the top; on Gy the end is indicated, on Ro not."""
        told = self.say(ccr(1, 0, Subscription_Id=user(BLOCKED), Multiple_Services_Credit_Control=mscc(100, {})))
        self.assertEqual((told["Result-Code"], told["Final-Unit-Indication"]), (4010, {"Final-Unit-Action": 0}))
        self.assertNotIn(MSCC, told)
        told = self.say(ccr(1, 0, "s2", Subscription_Id=user(BLOCKED), Multiple_Services_Credit_Control=mscc(None, seconds(30)), Service_Information=call()))
        self.assertEqual(told["Result-Code"], 4010)
        self.assertNotIn("Final-Unit-Indication", told)

    def test_unknown_user(self) -> None:
        """5030 at the top and nothing else."""
        told = self.say(ccr(1, 0, Subscription_Id=user("999"), Multiple_Services_Credit_Control=mscc(100, {})))
        names = {"Session-Id", "Result-Code", "Origin-Host", "Origin-Realm", "Auth-Application-Id", "CC-Request-Type", "CC-Request-Number"}
        self.assertEqual((told["Result-Code"], set(told)), (5030, names))

    def test_no_funds(self) -> None:
        """4012 in the group; where the node wants it, at the top too; with units at the top, there."""
        asked = ccr(1, 0, Subscription_Id=user(POOR), Multiple_Services_Credit_Control=mscc(None, seconds(30), service=35), Service_Information=call())
        group = {"Service-Identifier": 35, "Result-Code": 4012, "Final-Unit-Indication": {"Final-Unit-Action": 0}, "Validity-Time": 10800}
        told = self.say(asked)
        self.assertEqual((told["Result-Code"], told[MSCC]), (2001, group))
        self.begin("bfx")
        told = self.say(asked)
        self.assertEqual((told["Result-Code"], told[MSCC]), (4012, group))
        self.begin()
        told = self.say(ccr(1, 0, Subscription_Id=user(POOR), Requested_Service_Unit=seconds(30), Service_Information=call()))
        self.assertEqual((told["Result-Code"], told["Final-Unit-Indication"], told["Validity-Time"]), (4012, {"Final-Unit-Action": 0}, 10800))

    def test_no_rate(self) -> None:
        """5031 in the group where nothing prices the call; a number that can't be dialled is refused whole."""
        asked = mscc(None, seconds(30), service=35)
        self.assertEqual(self.code(ccr(1, 0, Multiple_Services_Credit_Control=asked, Service_Information=call("999"))), (2001, 5031))
        self.assertEqual(self.code(ccr(1, 0, "s2", Multiple_Services_Credit_Control=asked, Service_Information=call("nobody"))), (5031,))
        self.assertEqual(self.rows[0].history, "refused: cld_blocked (9)")

    def test_subscribers(self) -> None:
        """By number with plus, zeros or scheme, by alias, whatever the order; the first id that somebody has."""
        sessions = iter("abcdefgh")
        for who in (
            user("+380630000001"), user("00380630000001"), user("tel:+380630000001;x=y", "END_USER_SIP_URI"), user("sip:380630000001@ims.example",
            "END_USER_SIP_URI"), user(ALIAS), [user(IMSI, "END_USER_IMSI"), user("380630000001")], [user("380999999999"), user(ALIAS, "END_USER_IMSI")],
        ):  # fmt: skip
            self.assertEqual(self.code(ccr(1, 0, next(sessions), Subscription_Id=who, Multiple_Services_Credit_Control=mscc(10, {}))), (2001, 2001))
        self.assertEqual(len({session.opened.i_account for session in self.ledger.books.sessions.values()}), 1)
        test_network = "001010000000001"
        for kind, realm in (("END_USER_IMSI", ""), ("END_USER_NAI", "@nai.example"), ("END_USER_PRIVATE", "@ims.example")):
            self.assertIn(test_network, subscribers(self.message(ccr(1, 0, Subscription_Id=user(test_network + realm, kind))), ()))
        told = ccr(1, 0, next(sessions), Subscription_Id=None, Multiple_Services_Credit_Control=mscc(10, {}))
        told["Service-Information"] = {"Subscription-Id": user("380630000001"), "PS-Information": {}}
        self.assertEqual(self.code(told), (2001, 2001))
