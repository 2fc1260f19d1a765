"""The network that serves a user, by each of the AVPs that tell it, and what a roaming user's data costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from portaswitch.endpoints import diameter_map
from portaswitch.endpoints.diameter_network import serving
from portaswitch.endpoints.diameter_profiles import shipped
from portaswitch.model.catalogue import RatingEntry
from portaswitch.wire.diameter.message import Group
from tests.unit.endpoints.diameter_talk import DATA, ENTRIES, GIB, POLICIES, TARIFFS, TalkCase, _plan, _tariff, catalogue, ccr, mscc, octets

HOME, AWAY = "25501", "26202"
ROAMING = 9


class NetworkTests(TalkCase):
    """Home is 255 01; data costs 1.00 a GiB there, and 5.00 abroad."""

    def test_digits(self) -> None:
        """MCC and MNC as they stand; what is none is not believed."""
        for text, wanted in (("26202", "26202"), ("310150", "310150"), ("262", ""), ("2620a", ""), ("", "")):
            self.assertEqual(serving(Group([("3GPP-SGSN-MCC-MNC", text)]), Group([])), wanted)

    def test_location(self) -> None:
        """User-Location-Info of several kinds, an MNC of two digits and of three; what is too short, unknown or no digits tells nothing."""
        for octets_, wanted in (
            ("0062f220aaaabbbb", "26202"), ("8262f22012345678901234", "26202"), ("8113001500000000", "310510"), ("0162f2", ""), ("0362f22000000000", ""),
            ("01faf22000000000", ""), ("", ""),
        ):  # fmt: skip
            self.assertEqual(serving(Group([("3GPP-User-Location-Info", bytes.fromhex(octets_))]), Group([])), wanted, octets_)

    def test_visited(self) -> None:
        """IMS-Visited-Network-Identifier, where nothing else tells."""
        for name, wanted in (("ims.mnc002.mcc262.3gppnetwork.org", "26202"), ("ims.mnc150.mcc310.3gppnetwork.org", "310150"), ("visited.example", "")):
            self.assertEqual(serving(Group([]), Group([("IMS-Visited-Network-Identifier", name)])), wanted)

    def test_prices(self) -> None:
        """At home by the entry of home; abroad by ROAMING, whatever the network, and by that of the network where it has its own."""
        tariff = _tariff(ROAMING, _plan(ROAMING, "100", "5.00", 1, GIB, 91))
        entries = (*ENTRIES, RatingEntry(9, DATA, 0, "ROAMING", ROAMING, 0, POLICIES[DATA]))
        known = catalogue()
        product = replace(known.products[1], entries=entries)
        self.begin(known=replace(known, products={1: product}, tariffs={**TARIFFS, ROAMING: tariff}))
        home = replace(shipped()["generic"], home=frozenset({HOME}))
        self.patch(diameter_map, "profile", lambda name: home)
        for number, network in enumerate((HOME, AWAY)):
            more: dict[str, Any] = {"Service_Information": {"PS-Information": {"3GPP-SGSN-MCC-MNC": network}}, "Session_Id": f"s{number}"}
            self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(100, {}), **more))
            self.wait(60)
            self.say(ccr(3, 1, Multiple_Services_Credit_Control=mscc(100, None, octets(GIB // 2)), **more))
        self.assertEqual(self.xdrs, [("0.5", GIB // 2), ("2.5", GIB // 2)])
