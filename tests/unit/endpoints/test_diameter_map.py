"""The credit control map by itself: what it makes of odd and hostile requests, and that every answer can be written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portaswitch.endpoints import diameter_map, diameter_subscriber
from portaswitch.endpoints.diameter_map import Malformed, to_reply, to_request
from portaswitch.endpoints.diameter_peers import DiameterPeer, DiameterPeers
from portaswitch.endpoints.diameter_profiles import load, shipped
from portaswitch.errors import ConfigError
from portaswitch.model.catalogue import EMPTY
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Facts, Grant, Kind, QuotaKey
from portaswitch.wire.diameter.codec import decode, encode, encode_again
from portaswitch.wire.diameter.message import Group, Message, Pair
from tests.unit.endpoints.diameter_talk import BEGIN, GIB, LOCAL, NODE, USER, TalkCase, call, ccr, mscc, octets, seconds, sms, user
from tests.unit.wire.diameter.test_examples import DICTIONARY, pairs_of

MSCC = "Multiple-Services-Credit-Control"
#: What the map looks at; the groups hold any of these again.
NAMES = (
    "Session-Id", "CC-Sub-Session-Id", "CC-Request-Type", "CC-Request-Number", "Requested-Action", "Service-Context-Id", "Subscription-Id",
    "Subscription-Id-Type", "Subscription-Id-Data", "Multiple-Services-Credit-Control", "Requested-Service-Unit", "Used-Service-Unit", "CC-Time", "CC-Money",
    "CC-Total-Octets", "CC-Input-Octets", "CC-Output-Octets", "CC-Service-Specific-Units", "Rating-Group", "Service-Identifier", "Reporting-Reason",
    "Unit-Value", "Value-Digits", "Exponent", "Service-Information", "IMS-Information", "SMS-Information", "PS-Information", "IN-Information", "Event-Type",
    "Event", "Role-Of-Node", "Calling-Party-Address", "Called-Party-Address", "Recipient-Info", "Recipient-Address", "Address-Data",
    "Originator-SCCP-Address", "Originator-Received-Address", "Event-Timestamp", "Refund-Information", "CC-Correlation-Id", "3GPP-SGSN-MCC-MNC",
    "PDP-Address", "Called-Station-Id", "Proxy-Info", "Proxy-Host", "Proxy-State", "Tariff-Change-Usage",
)  # fmt: skip
TEXTS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.sampled_from((USER, "+1", "tel:", "sip:@", "00", "MT", "\0", "9" * 300)))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "UTF8String": TEXTS, "OctetString": st.binary(max_size=12), "Unsigned32": st.integers(0, 2**32 - 1), "Unsigned64": st.integers(0, 2**64 - 1),
    "Integer32": st.integers(-(2**31), 2**31 - 1), "Integer64": st.integers(-(2**63), 2**63 - 1), "Enumerated": st.integers(-3, 9),
    "Time": st.integers(-61_000_000, 4_200_000_000),
    "Address": st.one_of(st.ip_addresses().map(str), st.sampled_from((b"\0\x08123", b"tel:+1", b"\0\x08\xff"))),
    "DiameterIdentity": st.just("proxy.example"),
}  # fmt: skip


def _value(name: str, depth: int) -> st.SearchStrategy[Any]:
    kind = DICTIONARY.avps[name].type
    return _pairs(depth - 1).map(Group) if kind == "Grouped" else VALUES[kind]


def _pairs(depth: int) -> st.SearchStrategy[list[Pair]]:
    names = [name for name in NAMES if depth > 0 or DICTIONARY.avps[name].type != "Grouped"]
    return st.lists(st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), _value(name, depth))), max_size=6)


WHOLE = [(name, value) for name, value in pairs_of(ccr(1, 0)) if name not in ("CC-Request-Type", "Subscription-Id")]
GRANTS = st.builds(
    Grant, st.builds(QuotaKey, st.integers(0, 200), st.integers(0, 2)), st.sampled_from(Base), st.one_of(st.none(), st.integers(0, 2**50)),
    last=st.booleans(), refusal=st.one_of(st.none(), st.sampled_from(Refusal)),
)  # fmt: skip
MORE = st.dictionaries(st.sampled_from(("cost", "credit", "portal")), st.sampled_from(("0", "1.5", "0.00001")), max_size=3)
FACTS = st.builds(Facts, currency=st.sampled_from(("USD", "", "XYZ")), complete_number=st.sampled_from(("", "1")), more=MORE)
DECISIONS = st.builds(Decision, st.lists(GRANTS, max_size=4).map(tuple), st.one_of(st.none(), st.sampled_from(Refusal)), FACTS)


class HostileTests(TalkCase):
    """No request raises anything but `Malformed`, and no answer fails to be written."""

    def make(self, pairs: list[Pair]) -> Message | None:
        """A request from these AVPs as it would arrive; None where the codec refuses it."""
        message = decode(encode(0xC0, 272, 4, 1, 2, pairs, DICTIONARY), DICTIONARY)
        return message if message.fault is None else None

    @settings(max_examples=400, deadline=None)
    @given(_pairs(4), st.integers(0, 5), DECISIONS, st.sampled_from(sorted(shipped())))
    def test_anything(self, pairs: list[Pair], kind: int, decision: Decision, profile: str) -> None:
        """Any AVPs at any place."""
        once = {"Session-Id", "CC-Request-Number", "Service-Context-Id"}
        message = self.make([*WHOLE, ("CC-Request-Type", kind), *((name, value) for name, value in pairs if name not in once)])
        if message is None:
            return
        peer = DiameterPeer(1, 1, "pgw", "pgw.example", "example", profile, LOCAL, NODE)
        try:
            request = to_request(message, peer, BEGIN, "r")
        except Malformed as error:
            self.assertEqual(error.result_code // 1000, 5)
            decode(encode(0, 272, 4, 1, 2, [("Failed-AVP", error.failed_avp)], DICTIONARY), DICTIONARY)
            return
        self.assertLessEqual(len(request.session), 240)
        parties = request.parties
        texts = (parties.user, parties.calling, parties.called, *parties.others, *request.kept.values())
        self.assertTrue(all(len(text) <= 128 for text in texts))
        self.assertNotIn("\0", "".join((*texts, request.session, request.key, request.access_code)), "no text or JSON of a database keeps it")
        reply = to_reply(message, request, decision, peer, BEGIN + timedelta(seconds=1))
        self.assertIsNone(decode(encode_again(reply, DICTIONARY), DICTIONARY).fault)

    def refused(self, **avps: Any) -> tuple[int, str]:
        """The Result-Code of a malformed request, and the hex of its Failed-AVP."""
        pairs = pairs_of(ccr(1, 0, **avps))
        message = Message(0xC0, 272, 4, 1, 2)
        message.body.pairs += pairs
        error = self.assertRaises(Malformed, to_request, message, self.peer, self.now, "r")
        return error.result_code, error.failed_avp.hex()

    def test_failed_avps(self) -> None:
        """What is wrong comes back inside the groups that it was in; what is missing as an example."""
        self.assertEqual(self.refused(Subscription_Id=None), (5005, "000001bb40000008"))
        code, failed = self.refused(Multiple_Services_Credit_Control=mscc(1, None, octets(2**60)))
        self.assertEqual((code, failed), (5004, "000001c840000020" "000001be40000018" "000001a540000010" "1000000000000000"))
        absurd = {"CC-Money": {"Unit-Value": {"Value-Digits": "1", "Exponent": "2000000000"}}}
        self.assertEqual(self.refused(Multiple_Services_Credit_Control=mscc(1, absurd))[0], 5004)
        too_much = {"CC-Money": {"Unit-Value": {"Value-Digits": "9223372036854775807", "Exponent": "18"}}}
        self.assertEqual(self.refused(Multiple_Services_Credit_Control=mscc(1, too_much))[0], 5004)
        self.assertEqual(self.refused(Multiple_Services_Credit_Control=[mscc(group, {}) for group in range(129)])[0], 5009)

    def test_unrated(self) -> None:
        """5031 of the answer has what could not be rated as Failed-AVP (RFC 8506 9.2): the groups' names, the service, or an example of it."""
        self.begin("bfx")
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=[mscc(77, {}), mscc(78, {}, service=5)]))
        groups = [{"Rating-Group": 77}, {"Rating-Group": 78, "Service-Identifier": 5}]
        self.assertEqual((told["Result-Code"], told["Failed-AVP"]), (5031, {MSCC: groups}))
        told = self.say(ccr(1, 0, "s2", Requested_Service_Unit=seconds(30), Service_Information=call("999")))
        self.assertEqual((told["Result-Code"], told["Failed-AVP"]), (5031, {"Service-Information": told["Failed-AVP"]["Service-Information"]}))
        self.assertEqual(told["Failed-AVP"]["Service-Information"]["IMS-Information"]["Called-Party-Address"], "999")
        told = self.say(ccr(1, 0, "s3", Requested_Service_Unit=seconds(30), Service_Context_Id="32260@3gpp.org"))
        self.assertEqual((told["Result-Code"], told["Failed-AVP"]), (5031, {"Service-Information": {}}))

    def test_many_groups(self) -> None:
        """A session has 256 quota keys at most: a report with more is set aside, the session goes on as it was, and its end is charged."""
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {})))
        for number, result in enumerate((2001, 5012, 5012), 1):
            more = [mscc(10, {}, octets(1), service=1000 * number + one) for one in range(128)]
            self.wait(10)
            self.assertEqual(self.code(ccr(2, number, Multiple_Services_Credit_Control=more))[0], result)
        self.wait(10)
        self.assertEqual(self.code(ccr(2, 4, Multiple_Services_Credit_Control=mscc(100, {}, octets(GIB // 2)))), (2001, 2001))
        (session,) = self.ledger.books.sessions.values()
        self.assertEqual(len(session.quotas), 129)
        self.assertEqual(self.code(ccr(3, 5, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB // 2)))), (2001,))
        self.assertEqual(self.funds, ("9", "0"))

    def test_actions(self) -> None:
        """An event says what it wants; a session's request may say anything."""
        message = self.message(ccr(4, 0, Service_Information=sms()))
        self.assertEqual(self.assertRaises(Malformed, to_request, message, self.peer, self.now, "r").result_code, 5005)
        self.assertEqual(self.code(ccr(1, 0, Requested_Action="REFUND_ACCOUNT", Multiple_Services_Credit_Control=mscc(10, {}))), (2001, 2001))


class RequestTests(TalkCase):
    """Fields of the core's request."""

    def request(self, **avps: Any) -> AAARequest:
        """What a CCR-I becomes."""
        return to_request(self.message(ccr(1, 0, **avps)), self.peer, self.now, "r1")

    def test_keys(self) -> None:
        """Session, type and number make the key; a name that no index holds is known by its digest."""
        request = self.request()
        self.assertEqual((request.session, request.key, request.number, request.kind), ("s1", "1/s1/1/0", 0, Kind.AUTH))
        long = self.request(Session_Id="x" * 1000)
        self.assertEqual((len(long.session), long.session[:7]), (71, "sha256:"))
        self.assertNotEqual(long.session, self.request(Session_Id="x" * 1001).session)

    def test_host(self) -> None:
        """A session keeps whose it is, as it calls itself, where its node doesn't name that host; nothing that is no name of DNS."""
        self.assertEqual(dict(self.request().kept), {})
        self.assertEqual(dict(self.request(Origin_Host="PGW7.example").kept), {"origin_host": "PGW7.example", "origin_realm": "example"})
        for strange in ({"Origin_Host": "h" * 256}, {"Origin_Host": "pgw7.example", "Origin_Realm": "r" * 256}):
            self.assertEqual(dict(self.request(**strange).kept), {})
        later = to_request(self.message(ccr(2, 1, Origin_Host="pgw7.example")), self.peer, self.now, "r1")
        self.assertEqual(dict(later.kept), {}, "a session is whose it was at its beginning")

    def test_long_ids_are_not_remembered(self) -> None:
        """What no subscriber has, in length or number, leaves nothing behind; what all have is read once."""
        before = diameter_subscriber._known.cache_info()
        self.request(Subscription_Id=[user("9" * 200), user("8" * 56)])
        self.request(Subscription_Id=[user(str(number)) for number in range(9)])
        self.assertEqual(diameter_subscriber._known.cache_info(), before)
        self.assertEqual({self.request(Subscription_Id=user("9" * 100)).parties.user for _ in range(3)}, {"9" * 100})
        after = diameter_subscriber._known.cache_info()
        self.assertEqual((after.misses, after.hits), (before.misses + 1, before.hits + 2))

    def test_services(self) -> None:
        """What is in Service-Information tells the use, then the context; USSD by its context alone."""
        cases: tuple[tuple[str, int, dict[str, Any]], ...] = (
            ("Data", 7200, {}), ("Voice", 10800, {"Service_Information": call()}), ("Msg", 259200, {"Service_Information": sms()}),
            ("Voice", 10800, {"Service_Context_Id": "32260@3gpp.org"}), ("Msg", 259200, {"Service_Context_Id": "8.32274@3gpp.org"}),
        )  # fmt: skip
        for service, lock, avps in cases:
            request = self.request(**avps)
            self.assertEqual((request.service, request.lock_seconds), (service, lock))

    def test_roaming(self) -> None:
        """Served by another network than the profile's own ones: a rating entry for that network comes first."""
        ps = {"PS-Information": {"3GPP-SGSN-MCC-MNC": "26201", "Called-Station-Id": "internet", "PDP-Address": "10.0.0.1"}}
        request = self.request(Service_Information=ps)
        self.assertEqual((request.access_code, dict(request.kept)), ("OUTGOING", {"called_station": "internet", "subscriber_ip": "10.0.0.1"}))
        home = replace(shipped()["generic"], home=frozenset({"25501"}))
        self.patch(diameter_map, "profile", lambda *_: home)
        self.assertEqual(self.request(Service_Information=ps).access_code, "ROAMING.26201|OUTGOING")
        ps["PS-Information"]["3GPP-SGSN-MCC-MNC"] = "25501"
        self.assertEqual(self.request(Service_Information=ps).access_code, "OUTGOING")

    def test_times(self) -> None:
        """Event-Timestamp is the time of the event within a week; a clock that is far off is not believed."""
        stamp = int(self.now.timestamp())
        self.assertEqual(self.request(Event_Timestamp=str(stamp - 86400)).at, self.now - timedelta(days=1))
        for wrong in (stamp - 8 * 86400, stamp + 301):
            self.assertEqual(self.request(Event_Timestamp=str(wrong)).at, self.now)

    def test_units(self) -> None:
        """Groups of one key are one request: their reports are added up, what is asked for stays."""
        asked = self.request(Multiple_Services_Credit_Control=[mscc(1, octets(5), octets(10)), mscc(1, None, [octets(1), octets(2)]), mscc(2, seconds(3))])
        self.assertEqual([(one.key.rating_group, one.base, one.requested, one.reported(Base.OCTETS)) for one in asked.units],
                         [(1, Base.OCTETS, 5, 13), (2, Base.TIME, 3, None)])  # fmt: skip
        money = {"CC-Money": {"Unit-Value": {"Value-Digits": "25", "Exponent": "-1"}}}
        self.assertEqual(self.request(Multiple_Services_Credit_Control=mscc(1, money)).units[0].most_funds, Decimal("2.5"))

    def test_proxies(self) -> None:
        """Proxy-Infos go back in order."""
        infos = [{"Proxy-Host": f"p{number}.example", "Proxy-State": "x"} for number in (1, 2)]
        told = self.say(ccr(1, 0, Proxy_Info=infos))
        self.assertEqual([info["Proxy-Host"] for info in told["Proxy-Info"]], ["p1.example", "p2.example"])


class ProfileTests(TalkCase):
    """Profiles are data that is checked."""

    def test_shipped(self) -> None:
        """Every client that the documentation names has one; an unknown name is served as generic."""
        names = "adax bfx generic huawei-in huawei-ugw9811 kamailio magma open5gs pharos protei protei-camel protei-smsc yate-camel yate-ucn zte"
        self.assertEqual(sorted(shipped()), names.split())
        self.begin("nobody")
        self.assertEqual(self.code(ccr(1, 0, Subscription_Id=user(USER), Multiple_Services_Credit_Control=mscc(10, {}))), (2001, 2001))

    def own(self, **texts: str) -> Path:
        """A folder of the operator's with these files."""
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, text in texts.items():
            folder.joinpath(f"{name}.yaml").write_text(text)
        return folder

    def test_own(self) -> None:
        """An operator's files add profiles, change shipped ones, and (generic) all of them; a node has its own by name."""
        known = load(self.own(generic='home: ["25501"]', magma="volume_threshold: 7", acme="serving: [Access-Network-Information]"))
        self.assertEqual(set(known), {*shipped(), "acme"})
        self.assertEqual({one.home for one in known.values()}, {frozenset({"25501"})})
        self.assertEqual((known["magma"].volume_threshold, known["magma"].subscriber), (7, shipped()["magma"].subscriber))
        self.assertEqual((known["acme"].serving, known["bfx"].provision_cld), (("Access-Network-Information",), True))
        peer = DiameterPeers(EMPTY, LOCAL, known)._peer(replace(NODE, profile="acme"), "pgw.example", "example")
        away = ccr(1, 0, Service_Information={"IMS-Information": {"Access-Network-Information": "3GPP-GERAN;cgi-3gpp=2620200a11234"}})
        self.assertEqual(to_request(self.message(away), peer, self.now, "r").access_code, "ROAMING.26202|OUTGOING")
        self.assertEqual(to_request(self.message(away), self.peer, self.now, "r").access_code, "OUTGOING")

    def test_own_faults(self) -> None:
        """All faults of all files, each with its file."""
        folder = self.own(one="serving: [Nobody]", two="nonsense: 1", three="home: 5", four="{", five="- 1", generic="final_unit: explode")
        faults = self.assertRaises(ConfigError, load, folder, Path("/nonexistent")).faults
        self.assertEqual(len(faults), 7)
        words = ("serving: of 3GPP", "nonsense: unknown", "home: has to be a list", "four.yaml: can't be read", "is no mapping", "terminate", "no such")
        for word in words:
            self.assertEqual(sum(word in fault for fault in faults), 1, word)
