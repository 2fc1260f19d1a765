"""Access-Requests attribute by attribute: quotas, locks, services, parties, access points, direction, what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints import radius_kept
from portaswitch.endpoints.lenient import IGNORED
from portaswitch.endpoints.radius_request import to_request
from portaswitch.model.catalogue import Catalogue, Node, Service
from portaswitch.model.request import AAARequest, Base, Direction, Kind, Lock, Login, UnitRequest
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code
from tests.unit.builders import AT, CARD, NODE, catalogue
from tests.unit.endpoints.radius_world import CLIENT, Attributes, access, example, packet

ROOT = Path(__file__).parents[3]
CONF = "39AE126B CD4D11DB 958E0014 1C3F6886"
USER: Attributes = [("User-Name", CARD), ("h323-conf-id", CONF)]
CALL: Attributes = [*USER, ("Called-Station-Id", "01182623634515")]
BRAS = Node(9, 1, "bras", "41.213.1.32", "", i_service=6)


def ivr(*pairs: str) -> list[tuple[str, Value]]:
    """Pairs of the NAS."""
    return [("h323-ivr-out", pair) for pair in pairs]


def call(*attributes: tuple[str, Value]) -> AAARequest:
    """An authorization with these attributes as well."""
    return access([*CALL, *attributes])


def world() -> Catalogue:
    """A catalogue with an Internet service, whose node is BRAS, and a node of another environment."""
    known, foreign = catalogue(), Node(10, 2, "foreign", "10.2.2.2", "")
    services = {**known.services, 6: Service(6, "Internet", "Netaccess", Base.TIME)}
    return replace(known, services=services, nodes_by_ip={**known.nodes_by_ip, (1, BRAS.nas_ip): BRAS, (2, foreign.nas_ip): foreign})


def at_bras(attributes: Attributes, node: Node = BRAS) -> AAARequest:
    """What an Access-Request of a node whose service the catalogue knows asks."""
    return to_request(packet(Code.ACCESS_REQUEST, attributes), CLIENT, node, AT, "r1", world())


class ExampleTests(SynchronousTestCase):
    """Requests of the guide's Appendix A."""

    def test_failed_login(self) -> None:
        """Example 01: authentication over SIP; no digest is kept, nor the port."""
        asked = access(example("01")[0][1])
        self.assertEqual((asked.kind, asked.units, asked.session, asked.credentials and asked.credentials.login), (Kind.AUTH, (), "", Login.DIGEST))
        self.assertEqual(asked.kept, {"call_id": "94fef899-3f606c5c@192.168.192.59", "remote_address": "192.168.192.59"})

    def test_failed_call(self) -> None:
        """Example 02: authorization with routing and a seed."""
        asked = access(example("02")[0][1])
        self.assertEqual((asked.units, asked.session), ((UnitRequest(requested=0),), "BC0050CE E4B011E2 B062000C 29E9476D"))
        self.assertEqual((asked.parties.called, asked.parties.calling, asked.direction), ("91245684289", "380441234567", Direction.OUTGOING))
        self.assertEqual(asked.kept, {
            "call_id": "f7442be6-3c18ddd@192.168.192.59", "remote_address": "192.168.192.59", "session_protocol": "sipv2", "auth_method": "INVITE",
            "service_features": "routing=1; version=25.0", "routing": "1", "seed": "2912511541", "calling_party": "name=380441234567",
            "aux_info": "auth_life=134455/1/0;auth_cnt=1;CC_now=134455/1;pid=17785;request_type=routing",
        })  # fmt: skip

    def test_prepaid_card(self) -> None:
        """Example 03: the login of an IVR, then its call."""
        login, leave = access(example("03")[0][1]), access(example("03")[2][1])
        self.assertEqual((login.units, login.access_code, login.kept), ((), "6045551600", {"transaction_id": "526267"}))
        self.assertEqual((leave.units, leave.access_code), ((UnitRequest(requested=0),), ""))
        self.assertEqual(leave.kept, {"seed": "18879071672", "original_cld": "6045551600", "transaction_id": "526273"})

    def test_music_download(self) -> None:
        """Example 07: a service by number, whose item is named where a call has its number."""
        asked = access(example("07")[0][1])
        self.assertEqual((asked.service, asked.parties.called, asked.units), ("Quantity", "JAZZ", (UnitRequest(requested=0),)))

    def test_internet_session(self) -> None:
        """Example 08: an authorization without a number; the PPPoE service's name is kept."""
        attributes = [pair for pair in example("08")[0][1] if pair[0] != "Unknown-Attribute"]
        for asked, service in ((access(attributes), "Netaccess"), (at_bras(attributes), "")):
            self.assertEqual((asked.parties.user, asked.parties.called), ("GP4899@ibhighspeed.co.za", ""))
            self.assertEqual((asked.service, asked.units, asked.session[:5]), (service, (UnitRequest(requested=0),), "auth-"))
            self.assertEqual(asked.kept, {
                "called_station": "pppoe-service1", "realm": "ibhighspeed.co.za", "nas_port": "15760440", "nas_port_id": "vlan140",
                "nas_port_type": "Ethernet", "service_kind": "Framed-User", "framed_protocol": "PPP",
            })  # fmt: skip


class QuotaTests(SynchronousTestCase):
    """PortaBilling_Authorize."""

    def asked(self, *texts: str) -> tuple[UnitRequest, ...]:
        """The units of an authorization."""
        return call(*ivr(*(f"PortaBilling_Authorize:{text}" for text in texts))).units

    def test_all_options(self) -> None:
        """Amounts, money and times; the hyphenated spellings too."""
        wanted = UnitRequest(
            base=Base.OCTETS, requested=1000, minimum=10, most_funds=Decimal("1.5"), begins=datetime.fromtimestamp(1_773_057_600, UTC),
            ends=datetime.fromtimestamp(1_773_057_660, UTC),
        )  # fmt: skip
        for text in ("base=octets;min=10;max=1000;max_funds=1.5;expires=1773057600;max_expires=1773057660",
                     "base=OCTETS; max-funds=1.5; max-expires=1773057660; expires=1773057600; max=1000; min=10"):  # fmt: skip
            self.assertEqual(self.asked(text), (wanted,), text)

    def test_when_seconds_end(self) -> None:
        """Seconds that begin at a time end the most later; nothing ends before it begins, or behind the calendar."""
        begins = datetime.fromtimestamp(1_773_057_600, UTC)
        self.assertEqual(self.asked("max=60;expires=1773057600")[0].ends, datetime.fromtimestamp(1_773_057_660, UTC))
        self.assertEqual(self.asked("base=quantity;max=60;expires=1773057600"), (UnitRequest(base=Base.QUANTITY, requested=60, begins=begins),))
        self.assertIsNone(self.asked("base=octets;max=60;expires=1773057600;max_expires=1773057600")[0].ends)
        self.assertIsNone(self.asked(f"max={10**15 - 1};expires=1773057600")[0].ends)

    def test_several_bases(self) -> None:
        """One request of units: the first base, and others that the service may pick; a base that repeats counts once, the last."""
        (asked,) = self.asked("base=session-time;max=60", "base=quantity;max=3", "base=session-time;max=90")
        self.assertEqual((asked.base, asked.requested, asked.alternatives), (Base.TIME, 90, (UnitRequest(base=Base.QUANTITY, requested=3),)))
        self.assertEqual(asked.in_base(Base.QUANTITY).requested, 3)
        self.assertIs(asked.in_base(Base.TIME), asked)
        self.assertIs(asked.in_base(Base.OCTETS), asked)

    def test_minimum_above_the_most(self) -> None:
        """The most is the limit."""
        self.assertEqual(self.asked("min=100;max=10"), (UnitRequest(requested=10, minimum=10),))

    def test_unknown(self) -> None:
        """An unknown base is as if absent, and so is each number that is none; they are counted every time."""
        before = IGNORED.get("PortaBilling_Authorize")
        for _ in range(2):
            self.assertEqual(self.asked("base=furlongs;max=3"), (UnitRequest(requested=0),))
            self.assertEqual(self.asked("min=-1;max=x;max_funds=NaN;expires=0;max_expires=999999999999999"), (UnitRequest(requested=0),))
        self.assertEqual(IGNORED.get("PortaBilling_Authorize") - before, 12)
        self.assertEqual(self.asked("base=furlongs", "base=quantity;max=2"), (UnitRequest(base=Base.QUANTITY, requested=2),))

    def test_a_quota_is_authorization(self) -> None:
        """Who asks for a quota asks to be let in, with or without a number; who only wants to be authenticated does not."""
        self.assertEqual(access([*USER, *ivr("PortaBilling_Authorize:max=5")]).units, (UnitRequest(requested=5),))
        self.assertEqual(call(("Service-Type", "Authenticate-Only")).units, ())


class ServiceTests(SynchronousTestCase):
    """The service type, and what an Internet request is."""

    def test_names(self) -> None:
        """The attribute, its former name, in pairs, in any case; an operator's own type as written."""
        for attribute in (("PortaOne-Service-Type", "conference"), ("Cisco-AVPair", "Service-Identifier=Conference"),
                          *ivr("Service-Identifier:Conference", "PortaOne-Service-Type=CONFERENCE")):  # fmt: skip
            self.assertEqual(call(attribute).service, "Conference", attribute)
        self.assertEqual((call(("PortaOne-Service-Type", "Pay-TV")).service, call().service), ("Pay-TV", ""))

    def test_internet(self) -> None:
        """By the request's service type, else by its node's, else by its frames: no number, but units are asked for."""
        station: Attributes = [("User-Name", CARD), ("Called-Station-Id", "00-11-22-33-44-55:hotel")]
        for service in ("Netaccess", "wifi", "Dialup", "Data"):
            asked = access([*station, ("PortaOne-Service-Type", service)])
            self.assertEqual((asked.parties.called, asked.kept["called_station"]), ("", "00-11-22-33-44-55:hotel"), service)
            self.assertEqual(asked.units, (UnitRequest(requested=0),))
        self.assertEqual((at_bras(station).parties.called, at_bras(station).service), ("", ""))
        framed = [("Service-Type", "Framed-User"), ("Framed-Protocol", "PPP")]
        self.assertEqual((access([*station, *framed]).service, access([*station, *framed]).parties.called), ("Netaccess", ""))

    def test_no_internet(self) -> None:
        """A call at a node of Internet says so by its service type; half of what makes a framed user makes none."""
        asked = at_bras([*CALL, ("PortaOne-Service-Type", "Voice")])
        self.assertEqual((asked.service, asked.parties.called), ("Voice", "01182623634515"))
        for half in (("Service-Type", "Framed-User"), ("Framed-Protocol", "PPP"), ("Framed-Protocol", "SLIP")):
            self.assertEqual(call(half).parties.called, "01182623634515", half)

    def test_number_where_it_cannot_be_set(self) -> None:
        """PortaBilling_Original_DNIS says what to rate by, whatever the service."""
        self.assertEqual(at_bras([*CALL, *ivr("PortaBilling_Original_DNIS:19001234567")]).parties.called, "19001234567")


class PartyTests(SynchronousTestCase):
    """Who takes part, by which access, which way."""

    def test_parties(self) -> None:
        """Plain attributes count before identities beside them, which fill what is absent; who redirects is said nowhere else."""
        parties = [("PortaOne-Calling-Party", "x=52333;name=EASYCALL;id=17289277770;roam-e212=310-150"), ("PortaOne-Called-Party", "display-id=77;net=0"),
                   ("PortaOne-Redirecting-Party", "id=555;bill-to=556")]  # fmt: skip
        asked = access([*USER, *parties])
        self.assertEqual((asked.parties.calling, asked.parties.called, asked.parties.redirecting), ("17289277770", "77", "555"))
        self.assertEqual(asked.units, (UnitRequest(requested=0),))
        self.assertEqual((asked.kept["roam_e212"], asked.kept["redirecting_party"]), ("310-150", "id=555;bill-to=556"))
        asked = call(("Calling-Station-Id", "6045550193"), *parties)
        self.assertEqual((asked.parties.calling, asked.parties.called), ("6045550193", "01182623634515"))
        self.assertEqual(asked.kept["calling_party"], parties[0][1])

    def test_access_info(self) -> None:
        """Where the user came in: its node in the same environment, its code and user where the request has none itself."""
        text = "delegate=1;nas-ip-address=164.9.9.102;user-name=14567238;access-code=OUTGOING"
        asked = at_bras([("Called-Station-Id", "82"), ("PortaOne-Access-Info", text)], NODE)
        self.assertEqual((asked.access_node, asked.access_code, asked.parties.user, asked.kept["access_info"]), (8, "OUTGOING", "14567238", text))
        asked = at_bras([*CALL, ("PortaOne-Access-Info", text), *ivr("PortaBilling_AccessCode:own")], NODE)
        self.assertEqual((asked.access_node, asked.access_code, asked.parties.user), (8, "own", CARD))

    def test_access_node_of_others(self) -> None:
        """A node of another environment does not exist, nor does one that nobody knows."""
        before = IGNORED.get("PortaOne-Access-Info")
        for address in ("10.2.2.2", "10.9.9.9", "nonsense"):
            self.assertEqual(at_bras([*CALL, ("PortaOne-Access-Info", f"nas-ip-address={address}")]).access_node, 0, address)
        self.assertEqual(IGNORED.get("PortaOne-Access-Info") - before, 3)

    def test_direction(self) -> None:
        """Incoming by the feature, or by the first alternative of the access code that says a direction."""
        incoming: list[tuple[str, Value]] = [("PortaOne-Service-Features", "routing=1; incoming-charge=1"), *ivr("PortaBilling_AccessCode:INCOMING"),
                                             *ivr("ACCESSCODE:INCOMING.pbx"), *ivr("PortaBilling_AccessCode:top.321|INCOMING"),
                                             ("PortaOne-Access-Info", "access-code=INCOMING")]  # fmt: skip
        for attribute in incoming:
            self.assertIs(call(attribute).direction, Direction.INCOMING, attribute)
        for attribute in (("PortaOne-Service-Features", "incoming-charge=0"), *ivr("PortaBilling_AccessCode:OUTGOING|INCOMING"),
                          *ivr("PortaBilling_AccessCode:INCOMINGS"), *ivr("PortaBilling_AccessCode:incoming"), ("User-Name", "INCOMING")):  # fmt: skip
            self.assertIs(call(attribute).direction, Direction.OUTGOING, attribute)

    def test_lock(self) -> None:
        """PortaBilling_Session: the lock and how long; the stage is kept."""
        asked = call(*ivr("PortaBilling_Session:lock;open=dial;expires=120;max_expires=60"))
        self.assertEqual((asked.lock, asked.lock_seconds, asked.kept), (Lock.LOCK, 60, {"session_stage": "dial"}))
        self.assertEqual((call().lock, call().lock_seconds), (Lock.DEFAULT, None))

    def test_lock_beyond_the_calendar(self) -> None:
        """Seconds that lead beyond the calendar bound nothing, and are counted: no sum of times raises, which would leave the request without an answer."""
        before = IGNORED.get("PortaBilling_Session")
        self.assertIsNone(call(*ivr("PortaBilling_Session:lock;expires=999999999999999")).lock_seconds)
        self.assertEqual(call(*ivr(f"PortaBilling_Session:lock;expires={2**32};max_expires={2**32 - 1}")).lock_seconds, 2**32 - 1)
        self.assertEqual(IGNORED.get("PortaBilling_Session") - before, 2)

    def test_environment_is_a_wall(self) -> None:
        """PortaBilling_SessionEnv is not heard."""
        asked = call(*ivr("PortaBilling_SessionEnv:2"))
        self.assertEqual((asked.origin.i_env, asked.kept), (1, {}))


class KeptTests(SynchronousTestCase):
    """What travels to the session."""

    def kept(self, *attributes: tuple[str, Value]) -> dict[str, str]:
        """What an authorization keeps of these."""
        return dict(call(*attributes).kept)

    def test_pairs(self) -> None:
        """Each pair by our name, the last of several; both spellings of the original number."""
        for text, wanted in {
            "PortaBilling_AuthMethod:REFER": {"auth_method": "REFER"}, "PortaBilling_Seed:18879071672": {"seed": "18879071672"},
            "transactionID:5": {"transaction_id": "5"}, "PortaBilling_OriginalCLD:OUT": {"original_cld": "OUT"},
            "PortaBilling_Original_CLD:OUT": {"original_cld": "OUT"}, "PortaBilling_RatePattern:18001234567|VOICE\\ONNET\\RX":
            {"rate_pattern": "18001234567|VOICE\\ONNET\\RX"}, "PortaBilling_SelectCode:11564": {"select_code": "11564"},
            "PortaBilling_RestoreCacheLevel:-1": {"cache_level": "-1"}, "sip_ua:Grandstream": {"user_agent": "Grandstream"}, "Tariff:Unknown": {},
            "PortaBilling_CallbackHistory:ok": {"callback": "OK"},
            "PortaBilling Mod_callback:cld=+44;in-progress=45": {"mod_callback": "cld=+44;in-progress=45"},
        }.items():  # fmt: skip
            self.assertEqual(self.kept(*ivr(text)), wanted, text)
        self.assertEqual(self.kept(*ivr(*(f"PortaBilling_CallbackHistory:{word}" for word in ("START", "OK", "ATTEMPT")))), {"callback": "ATTEMPT"})

    def test_portaone(self) -> None:
        """Attributes of PortaOne's own, most as sent; words and numbers that mean the same by one word."""
        for name, value, wanted in (
            ("Geo-Location", "fr.Paris", {"geo_location": "fr.Paris"}), ("Transport-Protocol", "sip", {"transport": "SIP"}),
            ("Leg-Type", "2", {"leg_type": "originate"}), ("Leg-Type", "answer", {"leg_type": "answer"}), ("Leg-Origin", "0", {"leg_origin": "0"}),
            ("Service-Action", "action=call-pickup;id=call-pickup;", {"service_action": "action=call-pickup;id=call-pickup;"}),
            ("Requested-URI", "sip:1@x", {"requested_uri": "sip:1@x"}), ("Service-Features", "charge-report=1; commit-charge=0;force-cleanup=1", {
                "service_features": "charge-report=1; commit-charge=0;force-cleanup=1", "charge_report": "1", "commit_charge": "0", "force_cleanup": "1"}),
            ("Service-Features", "charge-report=0; commit-charge=1", {"service_features": "charge-report=0; commit-charge=1"}),
        ):  # fmt: skip
            self.assertEqual(self.kept((f"PortaOne-{name}", value)), wanted, (name, value))

    def test_lines(self) -> None:
        """Charges and media may repeat: a line each, whatever they hold."""
        charges: list[tuple[str, Value]] = [("PortaOne-Charge", text) for text in ("entity-type=account; apply=always", "type=charge;\ncharged-amount=3.2")]
        media: list[tuple[str, Value]] = [("PortaOne-Media-Info", text) for text in ("direction=in; type=audio/PCMU", "direction=out; proxy=1")]
        self.assertEqual(self.kept(*charges, *media), {
            "charge": "entity-type=account; apply=always\ntype=charge; charged-amount=3.2",
            "media_info": "direction=in; type=audio/PCMU\ndirection=out; proxy=1",
        })  # fmt: skip

    def test_unknown_words(self) -> None:
        """What is none of the words of the text is as if absent, and counted."""
        for attribute, name in (
            (ivr("PortaBilling_CallbackHistory:MAYBE")[0], "PortaBilling_CallbackHistory"), (ivr("PortaBilling_SelectCode:1x")[0], "PortaBilling_SelectCode"),
            (ivr("PortaBilling_RestoreCacheLevel:7")[0], "PortaBilling_RestoreCacheLevel"), (("PortaOne-Leg-Type", "3"), "PortaOne-Leg-Type"),
            (("PortaOne-Transport-Protocol", "pigeon"), "PortaOne-Transport-Protocol"), (ivr("PortaBilling_Mod_a b/:1")[0], "PortaBilling_Mod"),
        ):  # fmt: skip
            before = IGNORED.get(name)
            self.assertEqual((self.kept(attribute), IGNORED.get(name) - before), ({}, 1), name)

    def test_modules(self) -> None:
        """So many as a client of sense sends."""
        self.assertEqual(len(self.kept(*ivr(*(f"PortaBilling_Mod_m{number}:a=1" for number in range(40))))), 16)

    def test_no_secrets(self) -> None:
        """PINs and passwords of modules are masked; a voucher's id is there only in a request whose session is not stored."""
        self.assertEqual(self.kept(*ivr("PortaBilling_Mod_x:PIN=1234; user=7;password=hush")), {"mod_x": "PIN=***; user=7;password=***"})
        voucher = ivr("PortaBilling_Mod_ivrutil:action=rechargeVoucher;id=111222336")
        self.assertEqual(access([*USER, *voucher]).kept["mod_ivrutil"], "action=rechargeVoucher;id=111222336")
        self.assertEqual(self.kept(*voucher), {"mod_ivrutil": "action=rechargeVoucher;id=***"})
        asked = call(("User-Password", "hush"), ("CHAP-Password", b"x" * 17), ("Digest-Response", "hush"))
        self.assertEqual(asked.kept, {})

    def test_class(self) -> None:
        """Octets of ours that the NAS gives back."""
        self.assertEqual(at_bras([("User-Name", CARD), ("Class", b"\0\xffps")]).kept, {"class": "00ff7073"})

    def test_documented(self) -> None:
        """Every name is told to programmers and to who sets up a NAS."""
        names = {*radius_kept.EVERY.values(), *radius_kept.INTERNET.values(), *radius_kept.PAIRS.values(), *(key for _, _, key in radius_kept.FEATURES)}
        manual = (ROOT / "docs" / "radius-requests.rst").read_text("utf-8")
        told = radius_kept.__doc__ or ""
        self.assertEqual([name for name in sorted(names) if name not in manual or name not in told], [])

    def test_nothing_of_the_text_is_missing(self) -> None:
        """The manual has every attribute that the text says goes to the server."""
        spec = yaml.safe_load((ROOT / "tests" / "spec" / "radius.yaml").read_text("utf-8"))
        manual = (ROOT / "docs" / "radius-requests.rst").read_text("utf-8")
        self.assertEqual([one["name"] for one in spec["custom_to_server"] if one["name"] not in manual], [])
