"""
SIM cards and numbers at all vendors who keep them: another card, a card that moves, another number, one that moves, each there and back and again.

While all is well, while the vendor is away, and with each of its answers lost once. What counts is what the vendor holds in the end: a subscriber for each
account, with its own card and number, and nothing of those that went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.server.desks import CARD, LINE
from tests.server.event_cases import Step, op
from tests.server.fleet import CARDS, FLEET, HUAWEI, SPARE, Vendor
from tests.server.fleet_case import FleetCase
from tests.server.pools import pause, until
from tests.server.vendors import SOAP_KEY
from tests.simulators.huawei_hss_soap import HuaweiHssSoap

#: Those that know accounts by card or number.
KEEPERS = (
    "AricentHSS", "ECConnect", "Huawei::HSS", "Huawei::PCRF", "Kleos::HSS", "NetNumber", "OsmoHLR", "Protei::HLR", "Protei::PCRF", "Titan::HSS",
    "YateHSS", "ZXUN::HSS", "ZXUN::SPR",
)  # fmt: skip
SOAP = {"interface": "soap", "url": "http://127.0.0.1:{port}", "locks": True, "key_options": SOAP_KEY}
#: What not all lists have.
RENUMBERED = "Account/ID/Changed"
OTHER = "16045550199"
#: Answers that a change takes at most.
MOST_ANSWERS = 11
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
    "numbers change places": (
        (renumber(LINE, OTHER), renumber(CARD, LINE), renumber(OTHER, CARD)), (renumber(CARD, OTHER), renumber(LINE, CARD), renumber(OTHER, LINE))
    ),
}  # fmt: skip
#: The events that could be told now: of each handler and account the first one, where no earlier one of the same card is left.
FREE = """
(select distinct on (i_handler, entity) * from event_notifications where status = 'pending' order by i_handler, entity, i_event) n
where not exists (select from event_notifications k where k.i_handler = n.i_handler and k.external_key = n.external_key and k.status = 'pending'
                  and k.i_event < n.i_event)
"""
#: Events of one account are told later than those of the other.
LATER = "update event_notifications set next_try = now() + case when entity = %s then interval '1 hour' else '0' end"


class SimCase(FleetCase):
    """Two accounts with a card each, and the vendors."""

    keepers: Sequence[str] = KEEPERS

    async def ready(self) -> None:
        """The vendors know both accounts."""
        await self.begin(self.keepers)
        await self.everybody(LINE, CARD)
        self.wrong: dict[str, Any] = {}
        self.done = 0
        await self.look("at first")

    def configured(self, name: str) -> Mapping[str, Any]:
        """Many at once; nobody tries again before the test says so."""
        return {**super().configured(name), "parallel": 4, "retry_first": 3600}

    def events_of(self, name: str) -> tuple[str, ...]:
        """Numbers change too."""
        return tuple({*super().events_of(name), *([RENUMBERED] if name in self.keepers else [])})

    async def look(self, said: str) -> None:
        """Remember who is wrong first."""
        self.told_since(0)
        for name, found in (await self.differing(self.keepers)).items():
            self.wrong.setdefault(name, (said, *found))

    async def both_ways(self, names: Sequence[str], said: str) -> None:
        """Changes forth and back."""
        for name in names:
            for way, steps in zip(("forth", "back"), CHANGES[name], strict=True):
                self.done += 1
                await self.change(steps)
                await self.look(f"{said}: {name}, {way}")

    async def change(self, steps: Sequence[Step]) -> None:
        """All steps, and what comes of them."""
        for step in steps:
            await self.step(step)
        await self.settle()

    async def twice(self) -> None:
        """All changes in order, and in reverse order."""
        await self.ready()
        await self.both_ways(tuple(CHANGES), "in order")
        await self.both_ways(tuple(reversed(tuple(CHANGES))), "in reverse order")
        self.assertEqual(self.wrong, {})


class LosingCase(SimCase):
    """The vendors do what they are asked, and of each change one answer does not arrive."""

    async def change(self, steps: Sequence[Step]) -> None:
        """The first answer, the second one at the next change, and so on up to more than a change takes."""
        for vendor in self.vendors.values():
            vendor.faults.lose_after = 1 + self.done % MOST_ANSWERS
        await super().change(steps)


class LosingTests(LosingCase):
    """All vendors."""

    async def test_changes(self) -> None:
        """One change after the other."""
        await self.twice()
        self.assertEqual([name for name, vendor in self.vendors.items() if not vendor.faults.lost], [])


class SoapTests(LosingCase):
    """Huawei::HSS by its other wire."""

    keepers = ("Huawei::HSS",)
    fleet = {"Huawei::HSS": Vendor(HuaweiHssSoap, {**HUAWEI, **SOAP}, FLEET["Huawei::HSS"].knows, FLEET["Huawei::HSS"].wants)}

    async def test_changes(self) -> None:
        """One change after the other."""
        await self.twice()
        self.assertGreater(self.vendors["Huawei::HSS"].faults.lost, 5)


class AwayTests(SimCase):
    """The vendors are away while it happens."""

    async def test_changes(self) -> None:
        """Somebody was told in vain before the rest happened; then the accounts' events arrive in either order."""
        await self.twice()

    async def change(self, steps: Sequence[Step]) -> None:
        """The first step is tried in vain."""
        for place in self.places.values():
            await place.close()
        await self.step(steps[0])
        self.ask("notify provisioning")
        await self.none(f"{FREE} and last_error is null", "the first try")
        for step in steps[1:]:
            await self.step(step)
        for place in self.places.values():
            place.open()
        await self.all_but(self.one("select 'account:' || i_account from accounts order by id = %s desc limit 1", ((CARD, LINE)[self.done % 2],)))
        await self.settle()

    async def all_but(self, late: str) -> None:
        """An account's events wait; those of the other one arrive, as far as they may."""
        await self.pool.execute(LATER, (late,))
        self.ask("notify provisioning")
        await self.none(f"{FREE} and next_try < now() + interval '1 minute'", f"the end of events but for {late}")

    async def none(self, rows: str, what: str) -> None:
        """Until there are none of these; a look from time to time takes little of what the server needs."""

        async def holds() -> bool:
            await pause(0.1)
            return not self.one(f"select count(*) from {rows}")

        await until(holds, what)
