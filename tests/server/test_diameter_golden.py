"""
The 27 Diameter messages of the interface guide's appendix B as conversations: octets by python-diameter through the map and a core on PostgreSQL, with the demo
catalogue, and the answers AVP by AVP as they are printed.

Where the guide prints an answer only, its request is that of the same interface with the account that is in that state. The first printed CCA-I has the type
and number of another request: the right ones are expected. AVPs of an answer have no order of their own (RFC 6733 4), so it is not compared.
"""

from __future__ import annotations

from typing import Any

from tests.claims import claims
from tests.server.conversation import Conversation
from tests.server.diameter_sender import examples

UNKNOWN, BLOCKED, POOR = "380630000009", "380630000002", "380630000003"


class GoldenTests(Conversation):
    """The printed messages."""

    @claims("diameter-gy.2", "adax-pgw.1", "adax-pgw.5")
    async def test_01_data(self) -> None:
        """A data session: 1 GiB at a time, the lags of 11 and 15 s in Validity-Time, two reports of 1 MiB."""
        ccr_i, cca_i, ccr_u, cca_u, ccr_t, cca_t = examples("01")
        self.assertEqual(await self.say(ccr_i, 11), cca_i | {"CC-Request-Type": "INITIAL_REQUEST", "CC-Request-Number": "0"})
        self.assertEqual(self.accounts(), ("20", "1"))
        self.assertEqual(await self.say(ccr_u, 15), cca_u)
        self.assertEqual(await self.say(ccr_u, 15), cca_u)
        self.assertEqual(await self.say(ccr_t), cca_t)
        self.assertEqual(self.rows(ccr_i["Session-Id"]), [(2097152, "0.00196", "100", False)])
        self.assertEqual(self.accounts(), ("19.99804", "0"))
        await self.assert_books()

    @claims("diameter-gy.4", "huawei-ugw9811.2", "zte-pgw.2")
    async def test_02_data_refused(self) -> None:
        """Blocked 4010 with the end, unknown 5030, no funds 4012 in the group."""
        asked = examples("01")[0]
        for printed, who in zip(examples("02"), (BLOCKED, UNKNOWN, POOR), strict=True):
            self.assertEqual(await self.say(self.asked_by(asked, printed, who)), printed)
        await self.assert_books()

    @claims("diameter-ro.1", "protei-camel.3", "yate-camel.2")
    async def test_03_voice(self) -> None:
        """A call in slices of 30 s; the two reports of 30 s are one xDR of a minute."""
        ccr_i, cca_i, ccr_u, cca_u, ccr_t, cca_t = examples("03")
        self.assertEqual(await self.say(ccr_i), cca_i)
        self.assertEqual(self.accounts(), ("20", "0.06"))
        self.assertEqual(await self.say(ccr_u), cca_u)
        self.assertEqual(self.accounts(), ("20", "0.12"))
        self.assertEqual(await self.say(ccr_t), cca_t)
        self.assertEqual(self.rows(ccr_i["Session-Id"]), [(60, "0.12", "380938508705", False)])
        self.assertEqual(self.accounts(), ("19.88", "0"))
        await self.assert_books()

    @claims("diameter-ro.3", "protei-camel.2", "pharos-cig.2")
    async def test_04_voice_refused(self) -> None:
        """As on Gy, but a blocked account has no Final-Unit-Indication."""
        asked = examples("03")[0]
        for printed, who in zip(examples("04"), (BLOCKED, UNKNOWN, POOR), strict=True):
            self.assertEqual(await self.say(self.asked_by(asked, printed, who)), printed)
        last = asked | {"CC-Request-Type": "TERMINATION_REQUEST", "CC-Request-Number": "1", "Session-Id": printed["Session-Id"]}
        self.assertEqual((await self.say(last))["Result-Code"], "5002")
        self.assertEqual(self.one("select count(*) from orphans"), 0)
        await self.assert_books()

    @claims("diameter-ro.2", "protei-camel.5", "pharos-cig.1")
    async def test_05_message_reserved(self) -> None:
        """One message is set aside for three days, and charged with the report."""
        ccr_i, cca_i, ccr_t, cca_t = examples("05")
        self.assertEqual(await self.say(ccr_i), cca_i)
        self.assertEqual(self.accounts(), ("20", "0.04"))
        self.assertEqual(await self.say(ccr_t), cca_t)
        self.assertEqual(self.rows(ccr_i["Session-Id"]), [(1, "0.04", "380938508705", False)])
        self.assertEqual(self.accounts(), ("19.96", "0"))
        await self.assert_books()

    @claims("protei-smsc.1", "protei-smsc.2")
    async def test_06_message_debited(self) -> None:
        """One message is charged at once; repeated, by this process or another, it is answered again and charged once."""
        asked, printed = examples("06")
        for _ in range(2):
            self.assertEqual(await self.say(asked), printed)
        self.core.cache.forget_all()
        self.assertEqual(await self.say(asked), printed)
        self.assertEqual(self.rows(asked["Session-Id"]), [(1, "0.04", "380938508705", False)])
        self.assertEqual(self.accounts(), ("19.96", "0"))
        await self.assert_books()

    @claims("protei-smsc.3", "protei-smsc.4")
    async def test_07_message_refused(self) -> None:
        """Refusals stand at the top; with money the message goes out."""
        asked = examples("06")[0]
        for printed, who in zip(examples("07"), (BLOCKED, UNKNOWN, POOR), strict=True):
            self.assertEqual(await self.say(self.asked_by(asked, printed, who)), printed)
        await self.do("account.topup", id=POOR, amount="5")
        self.core.cache.forget_all()
        self.assertEqual((await self.say(self.asked_by(asked, printed, POOR)))["Result-Code"], "2001")
        self.assertEqual(self.accounts(POOR), ("4.96", "0"))
        await self.assert_books()

    @claims("multi-imsi.1")
    async def test_imsi(self) -> None:
        """By the IMSI of its SIM card, or another IMSI that is an alias; a card that moves takes its IMSI with it."""
        self.ask("insert into accounts (i_env, id, i_customer, i_master_account, currency, billing_model) select i_env, '255010000000001', i_customer, "
                 "i_account, currency, billing_model from accounts where id = '380630000001'")  # fmt: skip
        asked = examples("06")[0]
        for number, imsi in enumerate(("999700000000003", "255010000000001")):
            who = {"Subscription-Id": {"Subscription-Id-Data": imsi, "Subscription-Id-Type": "END_USER_IMSI"}, "CC-Request-Number": str(number)}
            self.assertEqual((await self.say(asked | who))["Result-Code"], "2001")
        self.assertEqual(self.accounts(), ("19.92", "0"))
        self.ask("update sim_cards set i_account = null, status = 'available' where imsi = '999700000000003'")
        self.core.cache.heard(f"a:{self.number('accounts', 'i_account', id='380630000001')}")
        who = {"Subscription-Id": {"Subscription-Id-Data": "999700000000003", "Subscription-Id-Type": "END_USER_IMSI"}, "CC-Request-Number": "7"}
        self.assertEqual((await self.say(asked | who | {"Session-Id": "other"}))["Result-Code"], "5030")


class PharosTests(Conversation):
    """The USSD gateway of Pharos."""

    profile = "pharos"

    def ussd(self, kind: str, number: int, asked: int, used: int | None, code: str = "120") -> dict[str, Any]:
        """A request of a USSD session, made of one of a call."""
        request = examples("03")[0]
        group: dict[str, Any] = {"Service-Identifier": "120", "Requested-Service-Unit": {"CC-Time": str(asked)}}
        group |= {} if used is None else {"Used-Service-Unit": {"CC-Time": str(used)}}
        called = {"IMS-Information": {"Calling-Party-Address": "380630000001", "Called-Party-Address": code}}
        return request | {
            "Service-Context-Id": "010.655.02.ussd@mtn.co.za", "CC-Request-Type": kind, "CC-Request-Number": str(number), "Service-Information": called,
            "Multiple-Services-Credit-Control": group, "Event-Timestamp": str(int(request["Event-Timestamp"]) + 20 * number),
        }  # fmt: skip

    @claims("pharos-ussd.1", "pharos-ussd.2", "pharos-ussd.3")
    async def test_menu(self) -> None:
        """45 s with a menu: three requests of 20 s at 0.2, three xDRs, 0.6."""
        for kind, number, asked, used in (("INITIAL", 0, 20, None), ("UPDATE", 1, 20, 20), ("UPDATE", 2, 20, 20), ("TERMINATION", 3, 0, 5)):
            told = await self.say(self.ussd(f"{kind}_REQUEST", number, asked, used))
            self.assertEqual(told["Result-Code"], "2001")
        self.assertEqual([row[:3] for row in self.rows(told["Session-Id"])], [(20, "0.2", "120"), (40, "0.2", "120"), (45, "0.2", "120")])
        self.assertEqual(self.accounts(), ("19.4", "0"))
        await self.assert_books()

    @claims("pharos-ussd.4", "pharos-ussd.6", "pharos-ussd.7")
    async def test_without_menu(self) -> None:
        """One interval, by the rating entry with the access code OUTGOING.SI120, recognised by its context."""
        for kind, number, asked, used in (("INITIAL", 0, 20, None), ("TERMINATION", 1, 0, 1)):
            told = await self.say(self.ussd(f"{kind}_REQUEST", number, asked, used))
        self.assertEqual(self.rows(told["Session-Id"]), [(1, "0.2", "120", False)])
        entry = "select a.access_code from xdr x join accessibility a using (i_accessibility) where x.h323_conf_id = %s and x.storage = 'a'"
        self.assertEqual(self.one(entry, (told["Session-Id"],)), "OUTGOING.SI120")

    @claims("pharos-ussd.5")
    async def test_free_code(self) -> None:
        """Short codes are destinations of the tariff: one of them may be free, and one that it has not got is refused."""
        self.ask("insert into destinations (i_env, prefix) values (1, '777')")
        self.ask(
            "insert into rates (i_tariff, i_dest, interval_first, interval_n, price_first, price_n) select t.i_tariff, d.i_dest, 20, 20, 0, 0 "
            "from tariffs t, destinations d where t.name = 'USSD' and d.prefix = '777'",
        )  # fmt: skip
        await self.catalogue.reload()
        told = await self.say(self.ussd("INITIAL_REQUEST", 0, 20, None, "777"))
        group = told["Multiple-Services-Credit-Control"]
        self.assertEqual((told["Result-Code"], group["Result-Code"], group["Granted-Service-Unit"]), ("2001", "2001", {"CC-Time": "20"}))
        await self.say(self.ussd("TERMINATION_REQUEST", 1, 0, 15, "777"))
        self.assertEqual(self.rows(told["Session-Id"]), [(15, "0", "777", False)])
        refused = await self.say(self.ussd("INITIAL_REQUEST", 0, 20, None, "778") | {"Session-Id": "another"})
        self.assertIn("5031", (refused["Result-Code"], refused.get("Multiple-Services-Credit-Control", {}).get("Result-Code")))
        self.assertEqual(self.accounts(), ("20", "0"))
        await self.assert_books()
