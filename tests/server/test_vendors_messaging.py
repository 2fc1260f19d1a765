"""AudioCodes' mobile application behind a whole server: what it gets of the CMMS, whose its users are, and when their messaging is suspended."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor as installed
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

from tests.claims import claims
from tests.server.desks import LINE
from tests.server.event_cases import MESSAGE, RETAIL, bundle, op
from tests.server.fleet import FLEET, LOGIN, Vendor, opened, records, to_audiocodes
from tests.server.test_espf_api import basic
from tests.server.test_events import UseCase
from tests.server.test_vendors_told import NEW, ToldCase
from tests.simulators.audiocodes_cmms import Cmms
from tests.simulators.private import PASSWORD, USER

reactor: Any = installed
#: An account of a customer without reseller, and its IMEI (`fleet_case.IMEI` gives each its own).
DIRECT = "0101"


class CmmsCase(ToldCase):
    """The CMMS with the interfaces that applications use."""

    async def begin_cmms(self, **options: Any) -> None:
        """The server with AudioCodes."""
        self.fleet = {**FLEET, "AudioCodes": Vendor(Cmms, {**LOGIN, **options}, records("blocked", "messaging"), opened(to_audiocodes))}
        await self.begin(["AudioCodes"])

    async def get(self, path: str, login: str = "") -> tuple[int, Any]:
        """What the CMMS answers to somebody who asks it."""
        agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))
        url = f"http://127.0.0.1:{self.places['AudioCodes'].number}/{path}".encode()
        response = await agent.request(b"GET", url, Headers({"authorization": [login]}) if login else None)
        return response.code, json.loads(await readBody(response))


class ApplicationTests(CmmsCase):
    """What the application and the operator of the CMMS see."""

    @claims("audiocodes.2")
    async def test_credentials(self) -> None:
        """An application that is switched on asks by its IMEI and gets what the account has, a new password too; a closed account's gets nothing."""
        await self.begin_cmms()
        self.assertEqual((await self.get("application/990000862471854"))[0], 404)
        await self.all_steps([
            op("account.add", id=NEW, customer=RETAIL, model="credit", product="Office", password="made up word"),
            op("account.custom", id=NEW, field="imei", value="990000862471854"),
        ])  # fmt: skip
        self.assertEqual(await self.get("application/990000862471854"), (200, {"user": NEW, "password": "made up word"}))
        await self.all_steps([op("account.password", id=NEW, password="another made up one")])
        self.assertEqual(await self.get("application/990000862471854"), (200, {"user": NEW, "password": "another made up one"}))
        await self.all_steps([op("account.close", id=NEW)])
        self.assertEqual((await self.get("application/990000862471854"))[0], 404)

    @claims("audiocodes.9")
    async def test_domains(self) -> None:
        """Users have the domain of their customer, else of their reseller, else the provider's: the CMMS counts them apart."""
        await self.begin_cmms(domain="provider.example.com")
        await self.all_steps([
            op("custom-field.add", name="domain", applies_to="customer", type="text"),
            op("customer.custom", name="Demo reseller", field="domain", value="reseller.example.com"),
            op("customer.custom", name="Demo subcustomer", field="domain", value="own.example.com"),
        ])  # fmt: skip
        await self.everybody(DIRECT)
        retail = self.one("select count(*) from accounts join customers using (i_customer) where name = %s and i_master_account is null", (RETAIL,))
        code, told = await self.get("statistics", basic(USER, PASSWORD))
        self.assertEqual((code, told), (200, {"provider.example.com": 1, "reseller.example.com": retail, "own.example.com": 1}))


class MessagingTests(CmmsCase, UseCase):
    """Messaging is suspended when the quota is used up, by the policies of products."""

    timeout = 300

    @claims("audiocodes.8")
    async def test_policies(self) -> None:
        """With push_events in the account's own policy messaging goes on; with it in the product's policy it is suspended."""
        await self.begin_cmms(push_events=True)
        await self.everybody(LINE)
        users = self.vendors["AudioCodes"].records
        pushing = op("account.feature.set", id=LINE, feature="msg_service_policy", flag="Y", attributes="id=Pushing")
        await self.all_steps([op("policy.add", name="Pushing", push_events="yes"), pushing, *bundle("Messages", 1), MESSAGE])
        await self.everybody(LINE)
        self.assertEqual(self.one("select count(*) from vd_counters where exceeded"), 1)
        self.assertEqual((users[LINE]["messaging"], users[LINE]["blocked"]), ("on", "false"))
        for name, messaging in (("Quiet", "on"), ("Pushing", "off")):
            if name == "Quiet":
                await self.all_steps([op("policy.add", name=name)])
            await self.all_steps([op("product.feature.set", name="Office", feature="msg_service_policy", flag="Y", attributes=f"id={name}")])
            await self.everybody(LINE)
            self.assertEqual((users[LINE]["messaging"], users[LINE]["blocked"]), (messaging, "false"), name)
