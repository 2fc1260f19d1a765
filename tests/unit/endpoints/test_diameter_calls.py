"""Ro: calls, USSD and messages by reservation, as octets through the map and a real core."""

from __future__ import annotations

from typing import Any

from portaswitch.model.request import Base, Direction
from tests.unit.endpoints.diameter_talk import USER, TalkCase, call, ccr, mscc, seconds, sms, user

MSCC = "Multiple-Services-Credit-Control"
PIECE = {"CC-Service-Specific-Units": "1"}
USSD = "010.655.02.ussd@mtn.co.za"


def voice(kind: int, number: int, asked: Any = None, used: int | None = None, **more: Any) -> dict[str, Any]:
    """A request of a call, asking for 30 seconds unless it says otherwise."""
    group = mscc(None, seconds(30) if asked is None else asked, None if used is None else seconds(used), 35)
    return ccr(kind, number, **({"Multiple_Services_Credit_Control": group, "Service_Information": call()} | more))


class VoiceTests(TalkCase):
    """0.60 a minute by the second."""

    def test_call(self) -> None:
        """Exactly what is asked for, slice by slice; one xDR of the seconds used."""
        told = self.say(voice(1, 0))
        grant = {"Service-Identifier": 35, "Result-Code": 2001, "Granted-Service-Unit": {"CC-Time": 30}, "Validity-Time": 10800}
        self.assertEqual(told[MSCC], grant)
        self.assertEqual(self.funds, ("10", "0.3"))
        self.wait(30)
        self.assertEqual(self.say(voice(2, 1, used=30))[MSCC], grant)
        self.assertEqual(self.funds, ("10", "0.6"))
        self.wait(13)
        self.assertNotIn(MSCC, self.say(voice(3, 3, seconds(0), 13)))
        self.assertEqual((self.funds, self.xdrs), (("9.57", "0"), [("0.43", 43)]))
        self.assertEqual((self.rows[0].cli, self.rows[0].cld, self.rows[0].connect_time), (USER, "380938508705", self.now.replace(second=0)))

    def test_addresses(self) -> None:
        """Parties told as SIP addresses, as an S-CSCF has them, are the numbers that these stand for."""
        wanted = "380938508705"
        for called in (f"sip:{wanted}@10.0.0.1:5060", f"sip:+{wanted};phone-context=+380@ims.example;user=phone"):
            self.begin()
            parties: dict[str, Any] = {"Service_Information": call(called, **{"Calling-Party-Address": f"sip:+{USER}@ims.example"})}
            self.assertEqual(self.code(voice(1, 0, **parties)), (2001, 2001))
            self.say(voice(3, 1, seconds(0), 30, **parties))
            self.assertEqual((self.rows[0].cli, self.rows[0].cld), (USER, wanted))

    def test_two_calls(self) -> None:
        """Two calls share the funds (the example of Kamailio's manual): 75 s of credit, and nobody gets what the other holds."""
        self.begin(balance="0.75")
        first: dict[str, Any] = {"Service_Information": call()}
        second: dict[str, Any] = {"Service_Information": call(), "Session_Id": "s2"}
        self.assertEqual(self.say(voice(1, 0, **first))[MSCC]["Granted-Service-Unit"], {"CC-Time": 30})
        self.assertEqual(self.say(voice(1, 0, **second))[MSCC]["Granted-Service-Unit"], {"CC-Time": 30})
        self.wait(30)
        told = self.say(voice(2, 1, used=30, **first))[MSCC]
        self.assertEqual((told["Granted-Service-Unit"], told["Final-Unit-Indication"]), ({"CC-Time": 15}, {"Final-Unit-Action": 0}))
        self.assertEqual(self.say(voice(2, 1, used=20, **second))[MSCC]["Granted-Service-Unit"], {"CC-Time": 10})
        self.wait(15)
        self.say(voice(3, 2, seconds(0), 15, **first))
        self.say(voice(3, 2, seconds(0), 10, **second))
        self.assertEqual(self.funds, ("0", "0"))

    def test_incoming(self) -> None:
        """MT: the subscriber is called, and pays what incoming calls cost."""
        service = call(USER, **{"Event-Type": {"Event": "MT"}})
        service["IMS-Information"]["Calling-Party-Address"] = "tel:+380938508705"
        self.say(voice(1, 0, Service_Information=service))
        self.wait(60)
        self.say(voice(3, 1, seconds(0), 60, Service_Information=service))
        self.assertEqual(self.xdrs, [("0.06", 60)])
        self.assertEqual((self.rows[0].cli, self.rows[0].cld, self.asked[0].direction), ("380938508705", USER, Direction.INCOMING))

    def test_translated(self) -> None:
        """bfx: a service number is translated by the node's rules, rated and told; only where the profile says so, and first."""
        self.assertNotIn("Service-Information", self.say(voice(1, 0, Service_Information=call("411"))))
        self.begin("bfx")
        told = self.say(voice(1, 0, Service_Information=call("411")))
        self.assertEqual(told["Service-Information"], {"IMS-Information": {"Called-Party-Address": "12055576061"}})
        self.wait(30)
        self.assertNotIn("Service-Information", self.say(voice(2, 1, used=30, Service_Information=call("411"))))

    def test_huawei(self) -> None:
        """An IN: units at the top, parties in its own AVPs; answered in the same style."""
        self.begin("huawei-in")
        parties = {"IN-Information": {"Huawei-Calling-Party-Address": USER, "Huawei-Called-Party-Address": "380938508705"}}
        told = self.say(ccr(1, 0, Requested_Service_Unit=seconds(60), Service_Identifier="1", Service_Information=parties))
        self.assertEqual((told["Granted-Service-Unit"], told["Result-Code"]), ({"CC-Time": 60}, 2001))
        self.wait(60)
        self.say(ccr(3, 1, Used_Service_Unit=seconds(60), Service_Identifier="1", Service_Information=parties))
        self.assertEqual(self.xdrs, [("0.6", 60)])

    def test_kamailio(self) -> None:
        """Both selectors, a SIP URI, Origin-Host twice, Event-Type "dummy" at the end; a rating group does not change what a call costs."""
        self.begin("kamailio")
        group = mscc(100, seconds(30), service=1000)
        more: dict[str, Any] = {
            "Origin_Host": ["pgw.example", "pgw.example"], "Subscription_Id": user(f"sip:{USER}@ims.example", "END_USER_SIP_URI"),
            "Service_Context_Id": "ext.01.001.8.32260@3gpp.org", "Multiple_Services_Credit_Control": group,
        }  # fmt: skip
        self.assertEqual(self.say(voice(1, 0, **more))[MSCC]["Granted-Service-Unit"], {"CC-Time": 30})
        self.wait(30)
        dummy = call("380938508705", **{"Event-Type": {"SIP-Method": "dummy"}})
        last = mscc(100, None, seconds(30), 1000)
        self.say(voice(3, 1, **(more | {"Multiple_Services_Credit_Control": last, "Service_Information": dummy})))
        self.assertEqual(self.xdrs, [("0.3", 30)])

    def test_impossible(self) -> None:
        """More seconds than have passed are set aside: 5012, nothing of it is charged, and an operator sees it."""
        self.say(voice(1, 0))
        self.wait(30)
        self.assertEqual(self.code(voice(2, 1, used=100_000)), (5012,))
        self.say(voice(3, 2, seconds(0), 30))
        self.assertEqual(self.xdrs, [("0.3", 30)])


class UssdTests(TalkCase):
    """20 s at 0.20: each interval its own request and xDR (pharos-ussd)."""

    def ussd(self, kind: int, number: int, used: int | None = None, called: str = "120") -> dict[str, Any]:
        """A request of a USSD session: by context, its rating entry by access code."""
        group = mscc(None, seconds(20) if kind < 3 else seconds(0), None if used is None else seconds(used), 120)
        return voice(kind, number, Multiple_Services_Credit_Control=group, Service_Context_Id=USSD, Service_Information=call(called))

    def test_menu(self) -> None:
        """45 s take three requests: 0.6, in three xDRs."""
        self.begin("pharos")
        self.assertEqual(self.code(self.ussd(1, 0)), (2001, 2001))
        self.assertEqual(self.asked[0].access_code, "OUTGOING.SI120")
        for number in (1, 2):
            self.wait(20)
            self.assertEqual(self.code(self.ussd(2, number, 20)), (2001, 2001))
        self.wait(5)
        self.assertEqual(self.code(self.ussd(3, 3, 5)), (2001,))
        self.assertEqual(self.funds, ("9.4", "0"))
        self.assertEqual(self.xdrs, [("0.2", 20), ("0.2", 40), ("0.2", 45)])

    def test_without_menu(self) -> None:
        """One interval, however short; a code may be free."""
        self.begin("pharos")
        self.say(self.ussd(1, 0))
        self.wait(2)
        self.say(self.ussd(3, 1, 2))
        self.assertEqual((self.funds, self.xdrs), (("9.8", "0"), [("0.2", 2)]))
        self.say(self.ussd(1, 0, called="121") | {"Session-Id": "s2"})
        self.wait(20)
        self.say(self.ussd(3, 1, 20, called="121") | {"Session-Id": "s2"})
        self.assertEqual(self.funds, ("9.8", "0"))


class MessageTests(TalkCase):
    """0.10 each, reserved first."""

    def test_reservation(self) -> None:
        """One unit is set aside for three days, and charged when it is used."""
        told = self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(None, PIECE, service=30), Service_Information=sms()))
        self.assertEqual((told[MSCC]["Granted-Service-Unit"], told[MSCC]["Validity-Time"]), ({"CC-Service-Specific-Units": 1}, 259200))
        self.assertEqual((self.funds, self.asked[0].units[0].base), (("10", "0.1"), Base.QUANTITY))
        last = mscc(None, {"CC-Service-Specific-Units": "0"}, PIECE, 30)
        self.wait(2 * 86400)
        self.assertEqual(self.code(ccr(3, 1, Multiple_Services_Credit_Control=last, Service_Information=sms())), (2001,))
        self.assertEqual((self.funds, self.xdrs), (("9.9", "0"), [("0.1", 1)]))
        self.assertEqual(self.rows[0].cld, "380938508705")

    def test_not_delivered(self) -> None:
        """A message that was not sent costs nothing."""
        self.say(ccr(1, 0, Multiple_Services_Credit_Control=mscc(None, PIECE, service=30), Service_Information=sms()))
        self.assertEqual(self.code(ccr(3, 1, Multiple_Services_Credit_Control=mscc(None, None, None, 30), Service_Information=sms())), (2001,))
        self.assertEqual((self.funds, self.xdrs), (("10", "0"), []))
