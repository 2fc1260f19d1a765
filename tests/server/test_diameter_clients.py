"""
Each kind of Diameter client as it speaks (spec/integrations.yaml): octets by python-diameter through the map and a core on PostgreSQL, with the demo
catalogue; what is claimed is seen in the answers and in the rows.
"""

from __future__ import annotations

from typing import Any

from tests.claims import claims
from tests.server.conversation import USER, Conversation

GIB = 2**30
BEGIN = 1_772_366_400  # 2026-03-01 12:00 UTC
TERMINATE = {"Final-Unit-Action": "TERMINATE"}
MSCC, RSU, USU = "Multiple-Services-Credit-Control", "Requested-Service-Unit", "Used-Service-Unit"
KINDS = {"I": "INITIAL_REQUEST", "U": "UPDATE_REQUEST", "T": "TERMINATION_REQUEST", "E": "EVENT_REQUEST"}


def total(count: int) -> dict[str, str]:
    """Units in octets."""
    return {"CC-Total-Octets": str(count)}


def seconds(count: int) -> dict[str, str]:
    """Units in seconds."""
    return {"CC-Time": str(count)}


def group(number: int | None, asked: Any = None, used: Any = None, **more: str) -> dict[str, Any]:
    """A Multiple-Services-Credit-Control by Rating-Group."""
    told: dict[str, Any] = {} if number is None else {"Rating-Group": str(number)}
    told |= {name: value for name, value in ((RSU, asked), (USU, used)) if value is not None}
    return told | {name.replace("_", "-"): value for name, value in more.items()}


class ClientCase(Conversation):
    """`ccr` makes a request of a session; each is `passed` seconds behind the beginning."""

    session = "pgw;1;2"

    def ccr(self, kind: str, number: int, passed: int = 0, groups: Any = None, **more: Any) -> dict[str, Any]:
        """A request; AVPs by their names with _ for -."""
        told = {
            "Session-Id": self.session, "Origin-Host": "bec-pgw.portaone.com", "Origin-Realm": "portaone.com", "Destination-Realm": "portaone.com",
            "Auth-Application-Id": "4", "Service-Context-Id": "32251@3gpp.org", "CC-Request-Type": KINDS[kind], "CC-Request-Number": str(number),
            "Subscription-Id": {"Subscription-Id-Type": "END_USER_E164", "Subscription-Id-Data": USER}, "Event-Timestamp": str(BEGIN + passed),
        }  # fmt: skip
        told |= {} if groups is None else {MSCC: groups}
        return told | {name.replace("_", "-"): value for name, value in more.items()}


class GatewayTests(ClientCase):
    """P-GWs over Gy."""

    @claims("adax-pgw.2", "adax-pgw.4", "adax-pgw.6")
    async def test_adax(self) -> None:
        """Volume so far is reported and checked against funds; groups have prices of their own; the threshold is told."""
        self.profile = "adax"
        told = await self.say(self.ccr("I", 0, groups=[group(100, {}), group(10, {})]))
        self.assertEqual([one["Volume-Quota-Threshold"] for one in told[MSCC]], [str(GIB // 5)] * 2)
        await self.say(self.ccr("U", 1, 600, [group(100, {}, total(GIB)), group(10, {}, total(GIB))]))
        self.assertEqual(self.accounts(), ("20", "2"))
        await self.say(self.ccr("T", 2, 700, [group(100, None, total(GIB // 2)), group(10, None, total(GIB))]))
        self.assertEqual(self.rows(self.session), [(GIB * 3 // 2, "1.5", "100", False), (2 * GIB, "0", "10", False)])
        self.assertEqual(self.accounts(), ("18.5", "0"))
        await self.assert_books()

    @claims("adax-pgw.3", "yate-ucn-epc.3", "zte-pgw.3")
    async def test_free_group(self) -> None:
        """Without funds paid content is refused while free content stays reachable."""
        self.ask("update accounts set balance = 0, opening_balance = 0 where id = %s", (USER,))
        told = await self.say(self.ccr("I", 0, groups=[group(100, {}), group(10, {})]))
        self.assertEqual([one["Result-Code"] for one in told[MSCC]], ["4012", "2001"])
        self.assertEqual(told[MSCC][1]["Granted-Service-Unit"], total(GIB))
        await self.say(self.ccr("T", 1, 600, [group(10, None, total(GIB))]))
        self.assertEqual(self.accounts(), ("0", "0"))
        await self.assert_books()

    @claims("huawei-ugw9811.1", "huawei-ugw9811.4", "huawei-ugw9811.5")
    async def test_huawei(self) -> None:
        """One session with several services, each with its own credit, priced as it is used."""
        self.profile = "huawei-ugw9811"
        keys = [{"Rating-Group": "100", "Service-Identifier": "1"}, {"Rating-Group": "100", "Service-Identifier": "2"}, {"Rating-Group": "10"}]
        told = await self.say(self.ccr("I", 0, groups=[key | {RSU: {}} for key in keys]))
        self.assertEqual([(one.get("Rating-Group"), one.get("Service-Identifier"), one["Result-Code"]) for one in told[MSCC]],
                         [("100", "1", "2001"), ("100", "2", "2001"), ("10", None, "2001")])  # fmt: skip
        self.assertEqual(self.accounts(), ("20", "2"))
        self.assertEqual([row[0] for row in self.ask("select quota_key from holds order by 1")], ["10.0", "100.1", "100.2"])
        await self.say(self.ccr("T", 1, 600, [key | {USU: total(GIB // 4)} for key in keys]))
        self.assertEqual(self.accounts(), ("19.5", "0"))
        await self.assert_books()

    @claims("huawei-ugw9811.3", "huawei-ugw9811.7", "yate-ucn-epc.2")
    async def test_hotline(self) -> None:
        """The last part is granted with the redirection to the portal; behind it the portal alone is left, until there is money again."""
        self.ask("update accounts set balance = 1.5, opening_balance = 1.5, i_access_policy = (select i_access_policy from access_policies "
                 "where name = 'Home Internet') where id = %s", (USER,))  # fmt: skip
        sent = {"Final-Unit-Action": "REDIRECT", "Redirect-Server": {"Redirect-Address-Type": "2", "Redirect-Server-Address": "https://portal.example/top-up"}}
        await self.say(self.ccr("I", 0, groups=group(100, {})))
        told = (await self.say(self.ccr("U", 1, 600, group(100, {}, total(GIB)))))[MSCC]
        self.assertEqual((told["Granted-Service-Unit"], told["Final-Unit-Indication"]), (total(GIB // 2), sent))
        told = (await self.say(self.ccr("U", 2, 900, group(100, {}, total(GIB // 2)))))[MSCC]
        self.assertEqual((told["Result-Code"], told["Final-Unit-Indication"]), ("2001", sent))
        self.assertNotIn("Granted-Service-Unit", told)
        self.assertEqual((await self.say(self.ccr("U", 3, 910, group(10, {}))))[MSCC]["Granted-Service-Unit"], total(GIB))
        await self.do("account.topup", id=USER, amount="5")
        self.core.cache.forget_all()
        self.assertEqual((await self.say(self.ccr("U", 4, 1000, group(100, {}))))[MSCC]["Granted-Service-Unit"], total(GIB))
        await self.say(self.ccr("T", 5, 1100, group(100, None, total(0))))
        self.assertEqual(self.accounts(), ("5", "0"))
        await self.assert_books()

    @claims("huawei-ugw9811.8")
    async def test_tariff_change(self) -> None:
        """A price that changes at 13:00 is told, and what comes behind it costs the new one."""
        i_tariff, i_dest = self.ask("select r.i_tariff, r.i_dest from rates r join tariffs t using (i_tariff) join destinations d using (i_dest) "
                                    "where t.name = 'Mobile data' and d.prefix = '100'")[0]  # fmt: skip
        self.ask("insert into rates (i_tariff, i_dest, effective_from, price_first, price_n) values (%s, %s, to_timestamp(%s), 3, 3)",
                 (i_tariff, i_dest, BEGIN + 3600))  # fmt: skip
        await self.catalogue.reload()
        told = (await self.say(self.ccr("I", 0, groups=group(100, {}))))[MSCC]["Granted-Service-Unit"]
        self.assertIn("Tariff-Time-Change", told)
        used = [total(GIB) | {"Tariff-Change-Usage": "0"}, total(GIB) | {"Tariff-Change-Usage": "1"}]
        await self.say(self.ccr("T", 1, 3700, group(100, None, used)))
        self.assertEqual([row[:2] for row in self.rows(self.session)], [(GIB, "1"), (GIB, "3")])
        self.assertEqual(self.accounts(), ("16", "0"))
        await self.assert_books()

    @claims("protei-pgw.2", "protei-pgw.3", "protei-pgw.5")
    async def test_protei(self) -> None:
        """One group for each rating group; games are paid and self-care is free."""
        self.profile = "protei"
        for number, key in enumerate((100, 10)):
            kind = "U" if number else "I"
            self.assertEqual((await self.say(self.ccr(kind, number, number, group(key, {}))))[MSCC]["Result-Code"], "2001")
        await self.say(self.ccr("U", 2, 600, group(100, {}, total(GIB // 2), Reporting_Reason="3")))
        await self.say(self.ccr("U", 3, 700, group(10, {}, total(GIB))))
        await self.say(self.ccr("T", 4, 800, [group(100, None, total(GIB // 2)), group(10, None, total(GIB))]))
        self.assertEqual([row[:3] for row in self.rows(self.session)], [(GIB, "1", "100"), (2 * GIB, "0", "10")])
        await self.assert_books()

    @claims("protei-pgw.6")
    async def test_radio_access(self) -> None:
        """Sessions over 2G, 3G and LTE, as 3GPP-RAT-Type tells them (TS 29.061 16.4.7.2), are served and charged alike."""
        self.profile = "protei"
        for number, access in enumerate("\x02\x01\x06"):
            self.session = f"pgw;9;{number}"
            service = {"PS-Information": {"3GPP-RAT-Type": access, "Called-Station-Id": "internet"}}
            told = (await self.say(self.ccr("I", 0, groups=group(100, {}), Service_Information=service)))[MSCC]
            self.assertEqual((told["Result-Code"], told["Granted-Service-Unit"]), ("2001", total(GIB)))
            await self.say(self.ccr("T", 1, 600, group(100, None, total(GIB)), Service_Information=service))
            self.assertEqual(self.rows(self.session), [(GIB, "1", "100", False)])
        self.assertEqual(self.accounts(), ("17", "0"))
        await self.assert_books()

    @claims("protei-pgw.4", "yate-ucn-epc.1", "zte-pgw.1")
    async def test_ends_without_funds(self) -> None:
        """Authorized and charged as it goes; the last part with the end's indication, then 4012."""
        self.profile = "zte"
        self.ask("update accounts set balance = 1.25, opening_balance = 1.25 where id = %s", (USER,))
        await self.say(self.ccr("I", 0, groups=group(100, {})))
        told = (await self.say(self.ccr("U", 1, 600, group(100, {}, total(GIB)))))[MSCC]
        self.assertEqual((told["Granted-Service-Unit"], told["Final-Unit-Indication"]), (total(GIB // 4), TERMINATE))
        told = (await self.say(self.ccr("U", 2, 700, group(100, {}, total(GIB // 4)))))[MSCC]
        self.assertEqual((told["Result-Code"], told["Final-Unit-Indication"]), ("4012", TERMINATE))
        await self.say(self.ccr("T", 3, 710, group(100, None, total(0))))
        self.assertEqual((self.accounts(), self.rows(self.session)), (("0", "0"), [(GIB * 5 // 4, "1.25", "100", False)]))
        await self.assert_books()

    @claims("mno-realtime.1")
    async def test_open5gs(self) -> None:
        """IMSI first, one group without a name, octets in two halves, Requested-Action in every request."""
        self.profile = "open5gs"
        users = [{"Subscription-Id-Type": "END_USER_IMSI", "Subscription-Id-Data": "999700000000003"},
                 {"Subscription-Id-Type": "END_USER_E164", "Subscription-Id-Data": USER}]  # fmt: skip
        more = {"Subscription_Id": users, "Requested_Action": "DIRECT_DEBITING", "Multiple_Services_Indicator": "NOT_SUPPORTED"}
        told = (await self.say(self.ccr("I", 0, 0, group(None, total(1_000_000)), **more)))[MSCC]
        self.assertEqual((told["Result-Code"], told["Granted-Service-Unit"]), ("2001", total(1_000_000)))
        self.assertNotIn("Rating-Group", told)
        used = {"CC-Time": "600", "CC-Input-Octets": str(GIB // 2), "CC-Output-Octets": str(GIB // 2)}
        await self.say(self.ccr("U", 1, 600, group(None, total(1_000_000), used), **more))
        await self.say(self.ccr("T", 2, 1200, group(None, None, used), **more))
        self.assertEqual(self.rows(self.session), [(2 * GIB, "2", "NETACCESS", False)])
        await self.assert_books()


class CallTests(ClientCase):
    """Gateways over Ro."""

    def voice(self, kind: str, number: int, passed: int, asked: int, used: int | None = None, called: str = "380938508705") -> dict[str, Any]:
        """A request about a call."""
        told: dict[str, Any] = {"Service-Identifier": "35", RSU: seconds(asked)} | ({} if used is None else {USU: seconds(used)})
        service = {"IMS-Information": {"Calling-Party-Address": USER, "Called-Party-Address": called}}
        return self.ccr(kind, number, passed, told, Service_Information=service)

    @claims("bfx.1", "bfx.2", "bfx.6")
    async def test_bfx_number(self) -> None:
        """A service number is translated and rated, and the real one goes back; a number without a rate is refused at the top."""
        self.profile = "bfx"
        told = await self.say(self.voice("I", 0, 0, 30, called="411"))
        self.assertEqual(told["Service-Information"], {"IMS-Information": {"Called-Party-Address": "12055576061"}})
        self.session = "other"
        told = await self.say(self.voice("I", 0, 0, 30, called="999"))
        self.assertEqual((told["Result-Code"], told[MSCC]["Result-Code"]), ("5031", "5031"))

    @claims("bfx.3", "bfx.4", "bfx.5")
    async def test_bfx_call(self) -> None:
        """Period by period is set aside; the hang-up gives one CDR."""
        self.profile = "bfx"
        for number, held in enumerate(("0.06", "0.12", "0.18")):
            used = 30 if number else None
            self.assertEqual((await self.say(self.voice("U" if number else "I", number, 30 * number, 30, used)))[MSCC]["Result-Code"], "2001")
            self.assertEqual(self.accounts(), ("20", held))
        await self.say(self.voice("T", 3, 75, 0, 15))
        self.assertEqual(self.rows(self.session), [(75, "0.15", "380938508705", False)])
        await self.assert_books()

    @claims("yate-camel.1", "yate-camel.3", "protei-camel.4")
    async def test_camel(self) -> None:
        """Authorized, and ended with its xDR and balance, by the process that did not begin it."""
        self.profile = "yate-camel"
        self.assertEqual((await self.say(self.voice("I", 0, 0, 30)))[MSCC]["Granted-Service-Unit"], seconds(30))
        self.core.cache.forget_all()
        await self.say(self.voice("T", 1, 20, 0, 20))
        self.assertEqual((self.accounts(), self.rows(self.session)), (("19.96", "0"), [(20, "0.04", "380938508705", False)]))
        await self.assert_books()

    @claims("pharos-cig.3", "protei-camel.1")
    async def test_incoming(self) -> None:
        """A call to the subscriber is found by who is called, and free here."""
        self.profile = "protei-camel"
        service = {"IMS-Information": {"Calling-Party-Address": "380938508705", "Called-Party-Address": USER, "Event-Type": {"Event": "MT"}}}
        for kind, number, told in (("I", 0, {RSU: seconds(60)}), ("T", 1, {USU: seconds(60)})):
            answer = await self.say(self.ccr(kind, number, 60 * number, {"Service-Identifier": "35"} | told, Service_Information=service))
            self.assertEqual(answer["Result-Code"], "2001")
        self.assertEqual(self.rows(self.session), [(60, "0", "INCOMING", False)])
        self.assertEqual(self.one("select cld from xdr where h323_conf_id = %s", (self.session,)), USER)

    async def test_refund(self) -> None:
        """A message that was charged is given back once, in the books too."""
        message = {"SMS-Information": {"Recipient-Info": {"Recipient-Address": {"Address-Type": "MSISDN", "Address-Data": "380938508705"}}}}
        asked = self.ccr("E", 0, Requested_Action="DIRECT_DEBITING", Service_Information=message)
        price = await self.say(asked | {"Requested-Action": "PRICE_ENQUIRY"})
        self.assertEqual(price["Cost-Information"]["Unit-Value"], {"Value-Digits": "4", "Exponent": "-2"})
        await self.say(asked)
        self.assertEqual(self.accounts(), ("19.96", "0"))
        back = asked | {"Session-Id": "refund", "Requested-Action": "REFUND_ACCOUNT", "Refund-Information": self.session}
        for _ in range(2):
            self.assertEqual((await self.say(back))["Result-Code"], "2001")
        self.core.cache.forget_all()
        self.assertEqual((await self.say(back))["Result-Code"], "2001")
        self.assertEqual((await self.say(back | {"Session-Id": "again"}))["Result-Code"], "5012")
        self.assertEqual((self.accounts(), [row[1] for row in self.rows(self.session)]), (("20", "0"), ["0.04", "-0.04"]))
        await self.assert_books()

    async def test_uses(self) -> None:
        """Two debits of one session are two uses, each at its own price; a refund finds both, in the books too."""
        message = {"SMS-Information": {"Recipient-Info": {"Recipient-Address": {"Address-Type": "MSISDN", "Address-Data": "380938508705"}}}}
        asked = self.ccr("E", 0, Requested_Action="DIRECT_DEBITING", Service_Information=message)
        money = {RSU: {"CC-Money": {"Unit-Value": {"Value-Digits": "5", "Exponent": "0"}}}}
        dear = asked | {"CC-Request-Number": "1"} | money
        for said in (asked, dear, asked | {"CC-Request-Number": "2"}, dear):
            self.assertEqual((await self.say(said))["Result-Code"], "2001")
            self.core.cache.forget_all()
        self.assertEqual((sorted(row[1] for row in self.rows(self.session)), self.accounts()), (["0.04", "0.04", "5"], ("14.92", "0")))
        back = asked | money | {"Session-Id": "refund", "Requested-Action": "REFUND_ACCOUNT", "Refund-Information": self.session}
        for again, left in (("refund", "19.92"), ("refund", "19.92"), ("rest", "20")):
            self.assertEqual((await self.say(back | {"Session-Id": again}))["Result-Code"], "2001")
            self.assertEqual(self.accounts(), (left, "0"))
        self.assertEqual((await self.say(back | {"Session-Id": "more"}))["Result-Code"], "5012")
        await self.assert_books()
