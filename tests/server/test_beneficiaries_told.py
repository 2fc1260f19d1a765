"""What outside systems hear of beneficiaries: a payer's money, counters, block and suspension are those of whom it pays for."""

from __future__ import annotations

from typing import Any

from tests.server.charging import ChargingCase
from tests.server.espf import EspfCase
from tests.server.test_events import EventCase

CARD, LINE, CHILD = "10086610975", "442079460001", "380501112233"
HOMES = """
from portaswitch.handler import Condition, Http, HttpTarget, Option, State, StateHandler, url

class Homes(StateHandler):
    name = "Homes"
    description = "Keeps homes"
    events = ("Account/New", "Account/Blocked", "Account/Unblocked", "Account/Status/Suspend", "Account/Status/Unsuspend", "Account/ZeroAvailableFunds",
              "Account/AvailableFundsAppear", "Account/Service/QuotaExceeded", "Account/Service/QuotaAvailable")
    options = (Option("url", url, "where it is"),)
    targets = {"": HttpTarget()}

    def wanted(self, subscriber):
        return State({"login": (subscriber.id,)}, {"barred": subscriber.barred, "why": sorted(one.value for one in subscriber.conditions)})

    def apply(self, wanted, record):
        yield Http("PUT", f"/homes/{wanted.key('login')}", json=dict(wanted.values))

    def remove(self, record):
        for login in record.keys.get("login", ()):
            yield Http("DELETE", f"/homes/{login}")

homes = Homes()
"""


class VendorTests(EspfCase):
    """A whole server with a vendor that bars whom it is told to."""

    async def state(self, **wanted: list[str]) -> None:
        """Wait until the vendor has been told so of these accounts last; nothing is under way then."""
        def told() -> bool:
            last = {path.rpartition("/")[2]: body["why"] for _, path, body in self.vendor.asked}
            return all(last.get({"child": CHILD, "card": CARD}[name]) == why for name, why in wanted.items())

        await self.until(told)
        await self.quiet()

    async def test_payer_counts(self) -> None:
        """
        The beneficiary is opened; its payer runs out of money, gets some, is blocked, and freed: each is told of the beneficiary too, and of an account that
        pays for nobody not a row is written for the dispatcher.
        """
        await self.begin("")
        await self.server.stopService()
        self.write("homes.py", HOMES)
        self.settings = self.configured("homes: {{class: Homes, environment: 1, url: 'http://127.0.0.1:{port}'}}")
        await self.start()
        await self.enable("homes", *await self._events())
        await self.operate("account.add", id=CHILD, customer="Retail", product="PrepaidCard", model="beneficiary", payer=CARD)
        await self.state(child=[])
        await self.operate("account.adjust", id=CARD, balance="0")
        await self.state(child=["no_funds"], card=["no_funds"])
        await self.operate("account.topup", id=CHILD, amount="5")
        await self.state(child=[], card=[])
        await self.operate("account.block", id=CARD)
        await self.state(child=["blocked"], card=["blocked"])
        await self.operate("account.unblock", id=CARD)
        await self.operate("account.suspend", id=CARD)
        await self.state(child=["suspended"], card=["suspended"])
        await self.operate("account.unsuspend", id=CARD)
        await self.state(child=[], card=[])
        await self.operate("customer.block", name="Retail")
        await self.state(child=["blocked"], card=["blocked"])
        blocked = "select count(*) from event_history e join accounts a on entity = 'account:' || i_account where event_type = 'Account/Blocked' and id = %s"
        self.assertEqual(await self.db.query(blocked, (CHILD,)), [(2,)])  # its customer's block is told once, and not by its payer's too
        await self.operate("account.block", id=LINE)
        await self.quiet()
        told = "select count(*) from event_history e join event_notifications n using (i_event) join event_handlers h on h.i_handler = n.i_handler"
        self.assertEqual(await self.db.query(f"{told} where e.entity = 'account:102' and h.name like 'Customer%%'"), [(0,)])

    async def _events(self) -> tuple[str, ...]:
        return tuple((await self.evctl.find("homes")).events)


class WantedTests(EventCase, ChargingCase):
    """Charges look for events of accounts only where somebody wants them."""

    def wanted(self) -> set[str]:
        """What changes of accounts are asked for."""
        rows = self.ask("select unnest(events) from event_wants where place = 'accounts update'")
        return {word for (word,) in rows}

    async def test_first_beneficiary(self) -> None:
        """Without beneficiaries the dispatcher wants nothing of accounts; from the first one on it does, and of payers alone rows are written."""
        dispatcher = self.one("insert into event_handlers (name, class, enabled) values ('D', 'CustomerToAccountsDispatcher', true) returning i_handler")
        self.ask("insert into event_subscriptions values (%s, 'Account/Blocked'), (%s, 'Customer/Blocked')", (dispatcher, dispatcher))
        self.assertEqual(self.wanted(), set())
        await self.do("account.add", id=CHILD, customer="Demo retail", model="beneficiary", payer=CARD)
        self.assertEqual(self.wanted(), {"Account/Blocked"})
        for name in ("16045550101", CHILD, CARD):
            await self.do("account.block", id=name)
        payer: Any = f"account:{self.number('accounts', 'i_account', id=CARD)}"
        self.assertEqual(self.queued(), [("Account/Blocked", payer, {"i_env": 1, "i_account": int(payer[8:])})])
