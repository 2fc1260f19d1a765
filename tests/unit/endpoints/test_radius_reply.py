"""
Answers: the guide's examples as golden octets, and every figure of the tables in the situation that it is told in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.radius_credentials import NOT_ASKED
from portaswitch.endpoints.radius_reply import ANSWERS, BY_SERVICE, OWN, TEXTS, to_reply
from portaswitch.model.catalogue import Catalogue, Product, RatingEntry, Service, ServicePolicy
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO, cents, five
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Facts, Grant, Kind, Origin, Parties, UnitRequest
from portaswitch.wire.radius.codec import decode, encode_reply, verify_reply
from portaswitch.wire.radius.packet import Code
from tests.unit.builders import AT, CARD, Book, auth, catalogue, money, plan, postpaid, prepaid, request, reseller, stop, tariff
from tests.unit.endpoints.radius_world import DICTIONARY, SECRET, Attributes, access, example, octets

USER: Attributes = [("User-Name", CARD), ("h323-conf-id", "39AE126B CD4D11DB 958E0014 1C3F6886")]
ONE = UnitRequest().key
FACTS = Facts(CARD, 101, -1, "CAD", "en", "P", "T", money("1.239"), money("1.239"), money("0"), "82", "83", "84")
SIP = {"auth_method": "INVITE", "seed": "18879071672"}
INVARIABLY = ("Message-Authenticator",)


def sent(decision: Decision, asked: AAARequest, profile: str = "generic") -> tuple[int, list[tuple[str, str]]]:
    """Code and attributes of an answer in the order of the wire, after a way over it; a pair inside Cisco-AVPair by its own name."""
    question = octets(Code.ACCESS_REQUEST, USER)
    code, attributes = to_reply(asked, decision, profile)
    octets_sent = encode_reply(decode(question, SECRET, DICTIONARY), code, attributes, SECRET, DICTIONARY)
    told = []
    for name, value in verify_reply(octets_sent, question, SECRET, DICTIONARY).attributes:
        inner, sign, rest = str(value).partition("=")
        told.append((inner, rest) if name == "Cisco-AVPair" and sign else (name, str(value)))
    return code, [pair for pair in told if pair[0] not in INVARIABLY]


def printed(number: str, place: int) -> list[tuple[str, str]]:
    """The attributes of an example's message; every Access answer of ours is signed, in the examples some are."""
    return [(name, str(value)) for name, value in example(number)[place][1] if name not in INVARIABLY]


def named(code: int, attributes: list[tuple[str, str]]) -> dict[str, str]:
    """The texts by attribute or, in h323-ivr-in, pair."""
    del code
    found = {}
    for name, text in attributes:
        key, _, rest = text.partition(":") if name == "h323-ivr-in" else (name, "", text)
        found[key] = rest
    return found


def sold(name: str, service: Service, access_code: str = "", price: str = "1", **unit: Any) -> Catalogue:
    """A catalogue whose only product has one rating entry, for this service and access code, by a tariff of the same name that knows JAZZ and NETACCESS."""
    entry = RatingEntry(31, 3, 0, access_code, 1, 0, ServicePolicy())
    plans = [plan(prefix=prefix, price_first=price, price_n=price, **{"price_per": 1, **unit}) for prefix in ("JAZZ", "pppoe", "NETACCESS")]
    known = catalogue()
    return replace(known, services={3: service}, products={5: Product(5, name, "USD", ZERO, (entry,))}, tariffs={1: tariff(1, *plans, name=name)})


class ExampleTests(SynchronousTestCase):
    """The guide's Appendix A as golden messages: exactly the printed attributes, in the printed order."""

    def test_failed_login(self) -> None:
        """Example 01: nobody's account."""
        asked = access(example("01")[0][1])
        self.assertEqual(sent(Book(View()).ask(asked), asked), (Code.ACCESS_REJECT, printed("01", 1)))

    def test_failed_call(self) -> None:
        """Example 02: no rate for the number. The seed is the request's own, as in example 04; the printed one is another."""
        attributes = example("02")[0][1]
        view = postpaid(currency="USD", id="380441234567")
        book = Book(view, sold("EasyCall Residential", Service(3, "Voice calls", "Voice", Base.TIME), "OUTGOING"))
        wanted = [(name, text.replace("1599467173", "2912511541")) for name, text in printed("02", 1)]
        digest = replace(access(attributes), credentials=NOT_ASKED)
        pap = access([pair for pair in attributes if not pair[0].startswith("Digest-")])
        for asked in (digest, pap):
            asked = replace(asked, origin=Origin(7, 1, "193.38.81.226"))
            self.assertEqual(sent(book.ask(asked), asked), (Code.ACCESS_REJECT, wanted))

    def test_prepaid_card(self) -> None:
        """Example 03: the card, below a reseller, is authenticated and authorized."""
        book = Book(replace(prepaid(), resellers=((reseller(), Funds()),)))
        for place in (0, 2):
            asked = access(example("03")[place][1])
            self.assertEqual(sent(book.ask(asked), asked), (Code.ACCESS_ACCEPT, printed("03", place + 1)))

    def test_music(self) -> None:
        """Example 07: a credit account without limit, and a debit account with 10; the quantity comes before the numbers."""
        asked = access([*example("07")[0][1], ("User-Password", "secret")])
        for place, view in ((1, postpaid(None, currency="USD", password="secret", id="0101")), (2, prepaid(currency="USD", password="secret", id="0101"))):
            book = Book(view, sold("Music Account", Service(3, "Music", "Quantity", Base.QUANTITY)))
            self.assertEqual(sent(book.ask(asked), asked), (Code.ACCESS_ACCEPT, printed("07", place)))

    def test_internet(self) -> None:
        """Example 08: its answer is lost in print; a BRAS gets standard attributes and no h323 ones, each when it is known."""
        asked = access([*(pair for pair in example("08")[0][1] if pair[0] != "Unknown-Attribute"), ("User-Password", "password1")])
        asked = replace(asked, service="Netaccess")
        book = Book(prepaid("5", password="password1"), sold("Internet", Service(3, "Internet", "Netaccess", Base.TIME), price="3", price_per=3600))
        decision = book.ask(asked)
        self.assertEqual(sent(decision, asked), (Code.ACCESS_ACCEPT, [("Session-Timeout", "6000")]))
        known = {"framed_ip": "41.213.82.27", "idle_timeout": "86400", "interim": "1800", "class": "81707b87", "session_timeout": "600"}
        decision = replace(decision, facts=replace(decision.facts, more={**decision.facts.more, **known}))
        wanted = {"Framed-IP-Address": "41.213.82.27", "Session-Timeout": "600", "Idle-Timeout": "86400", "Acct-Interim-Interval": "1800"}
        code, told = sent(decision, asked)
        self.assertEqual((code, told), (Code.ACCESS_ACCEPT, [*wanted.items(), ("Class", str(b"81707b87"))]))
        self.assertEqual([name for name, _ in sent(replace(decision, refusal=Refusal.ZERO_BALANCE), asked)[1]][:2], ["Reply-Message", "h323-return-code"])


class ListTests(SynchronousTestCase):
    """The lists as data."""

    def test_names(self) -> None:
        """Every name of a list has a text, every text is told somewhere, and own attributes are in the dictionary."""
        listed = {name for names in ANSWERS.values() for name in names} | {name for steps in BY_SERVICE.values() for names in steps.values() for name in names}
        self.assertEqual(listed, set(TEXTS))
        self.assertEqual({name for name in OWN if name not in DICTIONARY.attributes}, set())

    def test_dialect(self) -> None:
        """One mark of a SIP server is enough; a node's profile says it once for all; any other profile leaves it to the request."""
        grant = Decision((Grant(ONE, Base.TIME, 10),), None, FACTS)
        for kept, profile, wanted in (
            ({}, "generic", False), ({"seed": "1"}, "generic", False), ({"auth_method": "INVITE"}, "generic", True), ({"service_features": "x"}, "cisco", True),
            ({}, "portaone", True), ({"auth_method": "INVITE"}, "ivr", False),
        ):  # fmt: skip
            told = named(*sent(grant, auth(kept=kept), profile))
            self.assertEqual("PortaBilling_NodeId" in told, wanted, (kept, profile))


class FigureTests(SynchronousTestCase):
    """Figures, each in its form."""

    def authorized(self, grant: Grant | None = None, kept: dict[str, str] | None = None, more: dict[str, str] | None = None, **asked: Any) -> dict[str, str]:
        """An accepted authorization of ten seconds, by name."""
        facts = replace(FACTS, more=more or {}, limited=grant is None or grant.units is not None)
        return named(*sent(Decision((grant or Grant(ONE, Base.TIME, 10),), None, facts), auth(kept=kept or {}, **asked)))

    def test_portaone_call(self) -> None:
        """A SIP server's accept: what example 04 shows of it, and the seconds where there is a limit."""
        expires = AT + timedelta(seconds=60)
        decision = Decision((Grant(ONE, Base.TIME, None, expires),), None, replace(FACTS, limited=False, more={"access_code": "OUTGOING"}))
        _, told = sent(decision, auth(kept=SIP))
        self.assertEqual(told, [
            ("h323-return-code", "13"), ("h323-ivr-in", "PortaBilling_CompleteNumber:82"), ("h323-ivr-in", "Product:P"), ("h323-ivr-in", "Tariff:T"),
            ("h323-ivr-in", "PortaBilling_NodeId:gw"), ("h323-ivr-in", "PortaBilling_AccessCode:OUTGOING"), ("h323-ivr-in", "PortaBilling_Seed:18879071672"),
            ("h323-ivr-in", "PortaBilling_RatePattern:83"),
            ("h323-ivr-in", f"PortaBilling_Authorize:base=session-time;avail=-1;expires={int(expires.timestamp())}"),
            ("h323-billing-model", "1"), ("h323-currency", "CAD"), ("h323-preferred-lang", "en"),
        ])  # fmt: skip
        self.assertEqual(self.authorized(kept=SIP)["DURATION"], "10")

    def test_quota(self) -> None:
        """Who asked by PortaBilling_Authorize is answered by it: max=500, avail=10 gives retained=490."""
        expires = AT + timedelta(seconds=60)
        told = self.authorized(Grant(ONE, Base.TIME, 10, expires, True, 490), requested=500, minimum=5)
        self.assertEqual(told["PortaBilling_Authorize"], f"base=session-time;avail=10;retained=490;expires={int(expires.timestamp())}")
        self.assertEqual((told["DURATION"], told["h323-credit-time"], told["h323-return-code"]), ("10", "10", "0"))
        self.assertNotIn("PortaBilling_Authorize", self.authorized())

    def test_unlimited(self) -> None:
        """No limit: no DURATION, avail=-1, return code 13."""
        told = self.authorized(Grant(ONE, Base.TIME, None), minimum=5)
        self.assertEqual((told["PortaBilling_Authorize"], told["h323-return-code"]), ("base=session-time;avail=-1", "13"))
        self.assertFalse({"DURATION", "h323-credit-time"} & set(told))

    def test_signals(self) -> None:
        """What is told only where it is so, to whomever asks: another pattern, silence at the end, the alias's master."""
        more = {"rate_pattern": "VOICEONNET", "no_warning": "YES", "access_code": "prepaid.tollfree"}
        told = self.authorized(more=more)
        self.assertEqual(
            (told["PortaBilling_RatePattern"], told["PortaBilling_No_Disconnect_Warning"], told["PortaBilling_AccessCode"]),
            ("VOICEONNET", "YES", "prepaid.tollfree"),
        )
        self.assertNotIn("PortaBilling_UserName", told)
        self.assertEqual(self.authorized(parties=Parties("an alias", "", "82"))["PortaBilling_UserName"], CARD)
        self.assertEqual(self.authorized(kept=SIP, more=more)["PortaBilling_RatePattern"], "VOICEONNET")

    def test_authentication(self) -> None:
        """The customer's figures are a SIP server's; the threshold and the redirection are everybody's."""
        more = {
            "customer_balance": "13.20000", "customer_credit_limit": "13.00000", "customer_threshold": "12.00000", "threshold_reached": "YES",
            "redirect_number": "16045550100",
        }  # fmt: skip
        decision = Decision(facts=replace(FACTS, more=more))
        told = named(*sent(decision, request(Kind.AUTH, kept=SIP)))
        self.assertEqual(
            {name: told[name] for name in told if name.startswith("PortaBilling_Customer")},
            {"PortaBilling_CustomerBalance": "13.20000", "PortaBilling_CustomerCreditLimit": "13.00000",
             "PortaBilling_CustomerCreditLimitThreshold": "12.00000"},
        )  # fmt: skip
        self.assertEqual((told["BalanceThreshold"], told["h323-redirect-number"]), ("YES", "16045550100"))
        self.assertEqual((told["PortaBilling_AccountBalance"], told["h323-credit-amount"], told["available-funds"]), ("1.23900", "1.23", "1.23"))
        told = named(*sent(decision, request(Kind.AUTH)))
        self.assertEqual((told["BalanceThreshold"], told["h323-redirect-number"]), ("YES", "16045550100"))
        self.assertNotIn("PortaBilling_CustomerBalance", told)

    def test_credit_account(self) -> None:
        """The core tells the customer's figures of whoever owes, with five places; a debit account has none, nor has an authorization."""
        view = postpaid("5", "20", "1.5")
        more = Book(view).ask(request(Kind.AUTH, "", called="")).facts.more
        self.assertEqual(dict(more), {"customer_balance": "1.50000", "customer_credit_limit": "20.00000"})
        self.assertEqual(dict(Book(postpaid()).ask(request(Kind.AUTH, "", called="")).facts.more), {"customer_balance": "0.00000"})
        for asked, book in ((auth(), Book(view)), (request(Kind.AUTH, "", called=""), Book(prepaid()))):
            self.assertEqual(dict(book.ask(asked).facts.more), {})

    def test_accounting(self) -> None:
        """Accounting gets the bare response, whatever was decided."""
        self.assertEqual(to_reply(stop(1), Decision(refusal=Refusal.NOT_AVAILABLE)), (Code.ACCOUNTING_RESPONSE, []))

    def test_every_refusal(self) -> None:
        """Each refusal has its code, word and text; facts only where the account is known, also for a SIP server."""
        for refusal in Refusal:
            pairs = [("Reply-Message", refusal.reply_message), ("h323-return-code", str(refusal.return_code))]
            wanted = [*pairs, ("h323-ivr-in", f"ErrorExplanation:{refusal.word}")]
            for asked in (auth(), auth(kept=SIP)):
                self.assertEqual(sent(Decision(refusal=refusal), asked), (Code.ACCESS_REJECT, wanted))

    def test_money(self) -> None:
        """Two and five places, never more than there is, also below nothing; never in exponents."""
        self.assertEqual([cents(Decimal(text)) for text in ("10", "1.239", "0", "1E+3")], ["10.00", "1.23", "0.00", "1000.00"])
        self.assertEqual([five(Decimal(text)) for text in ("10", "0.000019", "1E-7")], ["10.00000", "0.00001", "0.00000"])
        self.assertEqual([cents(money("-0.005")), five(money("-0.000001"))], ["-0.01", "-0.00001"])

    def test_long_texts(self) -> None:
        """A number as long as an attribute can be, and long names of ours, still make an answer that can be sent."""
        book = Book(prepaid())
        asked = access([*USER, ("Called-Station-Id", "82" + "6" * 245)])
        self.assertEqual(named(*sent(book.ask(asked), asked))["h323-credit-time"], "30000")
        facts = replace(FACTS, tariff="T" * 300, product="é" * 200)
        self.assertEqual(sent(Decision((), Refusal.CLD_BLOCKED, facts), auth())[0], Code.ACCESS_REJECT)
