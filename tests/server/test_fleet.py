"""Every event of every handler (tests/spec/handlers.yaml), from what somebody does to the vendor's simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.server.desks import LINE
from tests.server.event_cases import ACCOUNTS, BESIDE, CASES, CATALOGUE, CUSTOMERS, MONEY, STOCK, Case, Use, op
from tests.server.fleet import CARDS, FLEET, SPARE
from tests.server.fleet_case import SPEC, TOLD, FleetCase
from tests.server.rewinding import Rewinding
from tests.server.test_events import UseCase

#: Here the line has a card already.
SWAP = replace(BESIDE["Account/SIMCardAssignment"], do=(op("sim.swap", imsi=CARDS[LINE], to=SPARE[0]),))
PAIRS = {(handler, event) for handler, events in SPEC.items() for event in events}
#: Of each event the first answer of each vendor is lost, or the second, or the third one.
LOST = 3
GROUPS = (CATALOGUE, ACCOUNTS, {**BESIDE, "Account/SIMCardAssignment": SWAP}, CUSTOMERS, STOCK, MONEY)


class PairTests(FleetCase, UseCase):
    """490 pairs of a handler and an event: each event from what somebody does, with all handlers that list it."""

    def test_pairs(self) -> None:
        """What the tests below go through is all."""
        self.assertEqual((len(PAIRS), sorted(name for group in GROUPS for name in group)), (490, sorted(CASES)))

    async def assert_pairs(self, cases: Mapping[str, Case]) -> None:
        """
        Each is raised, handed to each handler that lists it, and leaves the vendors of all who were told anything as they should be, although an answer of each
        is lost. Then all is as before it, and the vendors follow.
        """
        concerned = {handler for handler, event in PAIRS if event in cases}
        await self.begin(concerned & set(FLEET), TOLD)
        await self.everybody(*CARDS)
        await self.assert_right("at first")
        rewinding = Rewinding(self.ask)
        for number, (name, case) in enumerate(cases.items()):
            begin = self.mark()
            await self.all_steps(case.before)
            mark = self.mark()
            for vendor in self.vendors.values():
                vendor.faults.lose_after = 1 + number % LOST
            await self.all_steps(case.do)
            told = self.told_since(mark)
            self.assertEqual({pair for pair in PAIRS if pair[1] == name} - told, set())
            await self.assert_right(name, {handler for handler, _ in told})
            rewinding.back()
            await self.again(begin)
        await self.assert_right("at last")

    async def use(self, use: Use) -> None:
        """By a core that remembers nothing: what others have read is not so any more, once the database is as before."""
        await self.load_core(self.hot)
        await super().use(use)

    async def test_accounts(self) -> None:
        """Of accounts themselves."""
        await self.assert_pairs(ACCOUNTS)

    async def test_beside(self) -> None:
        """Of what accounts have: cards, devices, features, add-ons, quotas."""
        await self.assert_pairs(GROUPS[2])

    async def test_customers(self) -> None:
        """Of customers, and of their accounts with them."""
        await self.assert_pairs(CUSTOMERS)

    async def test_others(self) -> None:
        """Of products, policies, connections, numbers, device profiles, invoices, payments and persons."""
        await self.assert_pairs({**CATALOGUE, **STOCK, **MONEY})
