"""The network that serves a user, by each of the AVPs that tell it, and what a roaming user's data costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from portaswitch.endpoints import diameter_map
from portaswitch.endpoints.diameter_network import serving
from portaswitch.endpoints.diameter_profiles import shipped
from portaswitch.model.catalogue import RatingEntry
from portaswitch.model.request import Direction
from portaswitch.wire.diameter.message import Group
from tests.unit.endpoints.diameter_talk import (
    DATA,
    ENTRIES,
    GIB,
    POLICIES,
    TARIFFS,
    VOICE,
    TalkCase,
    _plan,
    _tariff,
    call,
    catalogue,
    ccr,
    mscc,
    octets,
    seconds,
)  # fmt: skip

HOME, AWAY = "25501", "26202"
ORDER = shipped()["generic"].serving
#: P-Access-Network-Info, and the network that it tells of.
CELLS = (
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620200a10012345", "26202"),
    ("3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=31015000A10012345;network-provided", "310150"),
    ('3GPP-NR-TDD ;utran-cell-id-3gpp="2620200000a1012345678"', "262020"),
    ("3GPP-NR-FDD;utran-cell-id-3gpp=2620200000a101234567", "26202"),
    ("3GPP-GERAN;cgi-3gpp=2620200a11234", "26202"),
    ("3GPP-UTRAN-FDD;utran-sai-3gpp=31015000a11234", "310150"),
    ("IEEE-802.11;i-wlan-node-id=00aabbccddee, 3GPP-GERAN;cgi-3gpp=2620200a11234", "26202"),
    ("3GPP-GERAN;cgi-3gpp=2620100a11234, 3GPP-GERAN;cgi-3gpp=2620200a11234;network-provided", "26202"),
    ("IEEE-802.11;i-wlan-node-id=00aabbccddee", ""),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11", ""),
    ("3GPP-GERAN;cgi-3gpp=26a0200a11234", ""),
    ("3GPP-GERAN;cgi-3gpp=2620200a1123", ""),
    ("3GPP-GERAN;cgi-3gpp=", ""),
    ("cgi-3gpp=2620200a11234", ""),
    ("", ""),
)
ROAMING = 9


class NetworkTests(TalkCase):
    """Home is 255 01; data costs 1.00 a GiB there, and 5.00 abroad."""

    def test_digits(self) -> None:
        """MCC and MNC as they stand; what is none is not believed."""
        for text, wanted in (("26202", "26202"), ("310150", "310150"), ("262", ""), ("2620a", ""), ("", "")):
            self.assertEqual(serving(ORDER, Group([("3GPP-SGSN-MCC-MNC", text)]), Group([])), wanted)

    def test_location(self) -> None:
        """User-Location-Info of several kinds, an MNC of two digits and of three; what is too short, unknown or no digits tells nothing."""
        for octets_, wanted in (
            ("0062f220aaaabbbb", "26202"), ("8262f22012345678901234", "26202"), ("8113001500000000", "310510"), ("0162f2", ""), ("0362f22000000000", ""),
            ("01faf22000000000", ""), ("", ""),
        ):  # fmt: skip
            self.assertEqual(serving(ORDER, Group([("3GPP-User-Location-Info", bytes.fromhex(octets_))]), Group([])), wanted, octets_)

    def test_visited(self) -> None:
        """IMS-Visited-Network-Identifier, where nothing else tells."""
        for name, wanted in (("ims.mnc002.mcc262.3gppnetwork.org", "26202"), ("ims.mnc150.mcc310.3gppnetwork.org", "310150"), ("visited.example", "")):
            self.assertEqual(serving(ORDER, Group([]), Group([("IMS-Visited-Network-Identifier", name)])), wanted)

    def test_access_network(self) -> None:
        """Access-Network-Information with each kind of cell; what the network provides goes before what the telephone says."""
        for text, wanted in CELLS:
            told = [("Access-Network-Information", part.encode()) for part in text.split(", ")]
            self.assertEqual(serving(ORDER, Group([]), Group(told)), wanted, text)
            self.assertEqual(serving(ORDER, Group([]), Group([("Access-Network-Information", text.encode())])), wanted, text)
        self.assertEqual(serving(ORDER, Group([]), Group([("Access-Network-Information", b"3GPP-GERAN;cgi-3gpp=\xff2620200a11234")])), "")

    def test_operators(self) -> None:
        """Inter-Operator-Identifier of type 1, on the user's own side of the call; home networks of callers (type 2) serve nobody."""
        edge, home = "Type 1ims.mnc002.mcc262.3gppnetwork.org", "Type 1ims.mnc001.mcc255.3gppnetwork.org"
        other, network = "Type 2ims.mnc003.mcc262.3gppnetwork.org", Direction.INCOMING
        for direction, first, second, wanted in (
            (Direction.OUTGOING, edge, home, "26202"), (network, home, edge, "26202"), (network, other, edge, "26202"), (Direction.OUTGOING, other, edge, ""),
            (network, edge, "", ""), (Direction.OUTGOING, edge[6:], home, ""), (Direction.OUTGOING, "Type 1visited.example", home, ""),
        ):  # fmt: skip
            told = Group([("Originating-IOI", first), ("Terminating-IOI", second)])
            self.assertEqual(serving(ORDER, Group([]), Group([("Inter-Operator-Identifier", told)]), direction), wanted)

    def test_order(self) -> None:
        """What the profile names first counts, and what it does not name is not read."""
        packet = Group([("3GPP-SGSN-MCC-MNC", HOME)])
        ims = Group([("Access-Network-Information", b"3GPP-GERAN;cgi-3gpp=2620200a11234")])
        self.assertEqual(serving(ORDER, packet, ims), HOME)
        self.assertEqual(serving(ORDER[::-1], packet, ims), AWAY)
        self.assertEqual(serving(("IMS-Visited-Network-Identifier",), packet, ims), "")

    def test_call(self) -> None:
        """A call in another network, which Access-Network-Information tells, costs what roaming costs; one by a WLAN what it costs at home."""
        tariff = _tariff(ROAMING, _plan(ROAMING, "380", "6.00", 1, 60, 91))
        entries = (*ENTRIES, RatingEntry(9, VOICE, 0, f"ROAMING.{AWAY}", ROAMING, 0, POLICIES[VOICE]))
        known = catalogue()
        product = replace(known.products[1], entries=entries)
        self.begin(known=replace(known, products={1: product}, tariffs={**TARIFFS, ROAMING: tariff}))
        home = replace(shipped()["generic"], home=frozenset({HOME}))
        self.patch(diameter_map, "profile", lambda *_: home)
        for number, cell in enumerate(("IEEE-802.11;i-wlan-node-id=00aabbccddee", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620200a10012345")):
            more: dict[str, Any] = {"Service_Information": call(**{"Access-Network-Information": cell}), "Session_Id": f"s{number}"}
            self.say(ccr(1, 0, Requested_Service_Unit=seconds(60), **more))
            self.wait(60)
            self.say(ccr(3, 1, Used_Service_Unit=seconds(60), **more))
        self.assertEqual(self.xdrs, [("0.6", 60), ("6", 60)])

    def test_prices(self) -> None:
        """At home by the entry of home; abroad by ROAMING, whatever the network, and by that of the network where it has its own."""
        tariff = _tariff(ROAMING, _plan(ROAMING, "100", "5.00", 1, GIB, 91))
        entries = (*ENTRIES, RatingEntry(9, DATA, 0, "ROAMING", ROAMING, 0, POLICIES[DATA]))
        known = catalogue()
        product = replace(known.products[1], entries=entries)
        self.begin(known=replace(known, products={1: product}, tariffs={**TARIFFS, ROAMING: tariff}))
        home = replace(shipped()["generic"], home=frozenset({HOME}))
        self.patch(diameter_map, "profile", lambda *_: home)
        for number, network in enumerate((HOME, AWAY)):
            more: dict[str, Any] = {"Service_Information": {"PS-Information": {"3GPP-SGSN-MCC-MNC": network}}, "Session_Id": f"s{number}"}
            self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {}), **more))
            self.wait(60)
            self.say(ccr(3, 1, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB // 2)), **more))
        self.assertEqual(self.xdrs, [("0.5", GIB // 2), ("2.5", GIB // 2)])
