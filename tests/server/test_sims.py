"""
SIM cards and numbers at all vendors who keep them: another card, a card that moves, another number, one that moves, each there and back and again.

While all is well, while the vendor is away, and with each of its answers lost once. What counts is what the vendor holds in the end: a subscriber for each
account, with its own card and number, and nothing of those that went.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.server.desks import CARD, LINE
from tests.server.event_cases import Step, op
from tests.server.fleet import CARDS, FLEET, HUAWEI, SPARE, Vendor
from tests.server.fleet_case import FleetCase
from tests.server.pools import until
from tests.simulators.huawei_hss_soap import HuaweiHssSoap

#: Those that know accounts by card or number.
KEEPERS = (
    "AricentHSS", "ECConnect", "Huawei::HSS", "Huawei::PCRF", "Kleos::HSS", "Kleos::PCRF", "NetNumber", "OsmoHLR", "Protei::HLR", "Protei::PCRF", "Titan::HSS",
    "YateHSS", "ZXUN::HSS", "ZXUN::SPR",
)  # fmt: skip
SOAP = {"interface": "soap", "url": "http://127.0.0.1:{port}", "locks": True}
#: What not all lists have.
RENUMBERED = "Account/ID/Changed"
OTHER = "16045550199"
MINE, HIS, SPARE_CARD = CARDS[LINE], CARDS[CARD], SPARE[0]


def swap(old: str, new: str) -> Step:
    """Another card."""
    return op("sim.swap", imsi=old, to=new)


def renumber(old: str, new: str) -> Step:
    """Another number."""
    return op("account.change", id=old, rename=new)


def give(**cards: str) -> tuple[Step, ...]:
    """Both cards are taken from where they are, and given as said: the account (`mine`, `his`) a card."""
    free = (op("sim.release", imsi=MINE), op("sim.release", imsi=HIS))
    return (*free, *(op("sim.assign", imsi=imsi, account={"mine": LINE, "his": CARD}[whose]) for whose, imsi in cards.items()))


BACK = give(mine=MINE, his=HIS)
#: What is done, and what makes it undone.
CHANGES: Mapping[str, tuple[Sequence[Step], Sequence[Step]]] = {
    "another card": ((swap(MINE, SPARE_CARD),), (swap(SPARE_CARD, MINE),)),
    "a card moves": (give(his=MINE), (op("sim.release", imsi=MINE), op("sim.assign", imsi=MINE, account=LINE), op("sim.assign", imsi=HIS, account=CARD))),
    "cards change places": (give(mine=HIS, his=MINE), BACK),
    "another number": ((renumber(LINE, OTHER),), (renumber(OTHER, LINE),)),
    "a number moves": ((renumber(LINE, OTHER), renumber(CARD, LINE)), (renumber(LINE, CARD), renumber(OTHER, LINE))),
    "numbers change places": (
        (renumber(LINE, OTHER), renumber(CARD, LINE), renumber(OTHER, CARD)), (renumber(CARD, OTHER), renumber(LINE, CARD), renumber(OTHER, LINE))
    ),
    "another card and number": ((swap(MINE, SPARE_CARD), renumber(LINE, OTHER)), (renumber(OTHER, LINE), swap(SPARE_CARD, MINE))),
}  # fmt: skip
#: The events that could be told now: of each handler and account the first one, where no earlier one of the same card is left.
FREE = """
(select distinct on (i_handler, entity) * from event_notifications where status = 'pending' order by i_handler, entity, i_event) n
where not exists (select from event_notifications k where k.i_handler = n.i_handler and k.external_key = n.external_key and k.status = 'pending'
                  and k.i_event < n.i_event)
"""


class SimCase(FleetCase):
    """Two accounts with a card each, and the vendors."""

    async def ready(self) -> None:
        """The vendors know both accounts."""
        await self.begin(KEEPERS)
        await self.everybody(LINE, CARD)
        self.accounts = [f"account:{number}" for (number,) in self.ask("select i_account from accounts where id = any (%s) order by id = %s", ([LINE, CARD], LINE))]
        self.wrong: dict[str, Any] = {}
        await self.look("at first")

    def configured(self, name: str) -> Mapping[str, Any]:
        """Many at once; nobody tries again before the test says so."""
        return {**super().configured(name), "parallel": 4, "retry_first": 3600}

    def events_of(self, name: str) -> tuple[str, ...]:
        """Numbers change too."""
        return tuple({*super().events_of(name), RENUMBERED})

    async def look(self, said: str) -> None:
        """Remember who is wrong."""
        print(said, [row for row in self.ask("select h.class, event_type, entity, status, last_error from event_notifications join event_queue using (i_event, entity) join event_handlers h using (i_handler)")], flush=True)
        for name, found in (await self.differing(KEEPERS)).items():
            print("   ", name, found)
            if name == "ECConnect": print([str(a) for a in self.vendors[name].asked])
        self.vendors["ECConnect"].asked.clear()
        self.told_since(0)
        for name, found in (await self.differing(KEEPERS)).items():
            self.wrong.setdefault(name, (said, found))

    async def both_ways(self, names: Iterable[str], said: str) -> None:
        """Changes forth and back."""
        for name in names:
            for way, steps in zip(("forth", "back"), CHANGES[name], strict=True):
                await self.change(steps)
                await self.look(f"{said}: {name}, {way}")

    async def change(self, steps: Sequence[Step]) -> None:
        """All steps, and what comes of them."""
        for step in steps:
            await self.step(step)
        await self.settle()

    async def twice(self) -> None:
        """All changes, all backwards, and all of it again."""
        await self.both_ways(CHANGES, "in order")
        await self.both_ways(reversed(CHANGES), "in reverse order")
        for name, found in self.wrong.items():
            print(name, found)
        self.assertEqual(self.wrong, {})


class WellTests(SimCase):
    """The vendors are there; every 20th of their answers is lost."""

    async def test_changes(self) -> None:
        """One after the other."""
        await self.ready()
        for vendor in self.vendors.values():
            vendor.faults.lose_every = 20
        await self.twice()

    async def test_each_answer_lost(self) -> None:
        """The first answer of each change, then the second, up to the last one that any vendor gives."""
        await self.ready()
        lost, number = -1, 0
        while lost != self.lost():
            lost, number = self.lost(), number + 1
            self.losing = number
            await self.both_ways(CHANGES, f"answer {number} lost")
        self.assertGreater(number, 5)
        for name, found in self.wrong.items():
            print(name, found)
        self.assertEqual(self.wrong, {})

    def lost(self) -> int:
        """Answers that were lost so far."""
        return sum(vendor.faults.lost for vendor in self.vendors.values())

    losing = 0

    async def change(self, steps: Sequence[Step]) -> None:
        """One answer of each vendor is lost on the way."""
        for vendor in self.vendors.values():
            vendor.faults.lose_after = self.losing
        await super().change(steps)


class AwayTests(SimCase):
    """The vendors are away while it happens."""

    losses = 0

    async def test_changes(self) -> None:
        """Somebody was told in vain before the rest happened; the accounts' events then arrive in either order."""
        await self.ready()
        await self.twice()

    async def change(self, steps: Sequence[Step]) -> None:
        """The first step is tried in vain."""
        for place in self.places.values():
            await place.close()
        await self.step(steps[0])
        self.ask("notify provisioning")
        await until(self.tried, "the first try")
        for step in steps[1:]:
            await self.step(step)
        for place in self.places.values():
            place.open()
        self.losses += 1
        late = self.accounts[self.losses % 2]
        await self.all_but(late)
        await self.settle()

    def tried(self) -> bool:
        """Whether all have failed with what they know so far."""
        return not self.one(f"select count(*) from {FREE} and last_error is null")

    async def all_but(self, late: str) -> None:
        """An account's events wait; those of the other one arrive, as far as they may."""
        self.ask(f"update event_notifications set next_try = now() + case when entity = '{late}' then interval '1 hour' else '0' end; notify provisioning")
        other = next(account for account in self.accounts if account != late)
        await until(lambda: not self.one(f"select count(*) from {FREE} and entity = '{other}'"), f"the end of the events of {other}")


class SoapTests(SimCase):
    """Huawei::HSS by SOAP."""

    fleet = {**FLEET, "Huawei::HSS": Vendor(HuaweiHssSoap, {**HUAWEI, **SOAP}, FLEET["Huawei::HSS"].knows, FLEET["Huawei::HSS"].wants)}
