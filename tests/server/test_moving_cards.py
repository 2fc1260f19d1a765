"""
SIM cards and numbers that move between accounts, at all vendors that know subscribers by them: while they answer, while they are busy, and while what they
answer is lost. Each step is told twice, and undone in reverse order; what is asserted is what the vendors hold in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.server.desks import CARD, LINE
from tests.server.event_cases import Step, op
from tests.server.fleet import CARDS, SPARE
from tests.server.fleet_case import FleetCase
from tests.server.pools import pause
from tests.simulators.core import Fault

#: Vendors that know subscribers by their SIM card or its number.
MOBILE = (
    "AricentHSS", "ECConnect", "Huawei::HSS", "Huawei::PCRF", "Jasper", "Kleos::HSS", "Kleos::PCRF", "OsmoHLR", "Protei::HLR", "Protei::PCRF", "Titan::HSS",
    "YateHSS", "ZXUN::HSS", "ZXUN::SPR",
)  # fmt: skip
ONE, TWO = CARDS[LINE], CARDS[CARD]


def swap(old: str, new: str) -> Step:
    """An account's card is replaced by another."""
    return op("sim.swap", imsi=old, to=new)


def rename(old: str, new: str) -> Step:
    """An account gets another number."""
    return op("account.change", id=old, rename=new)


def exchange(one: str, two: str) -> tuple[Step, ...]:
    """Two accounts get each other's card."""
    release = tuple(op("sim.release", imsi=imsi) for imsi in (ONE, TWO))
    return *release, op("sim.assign", imsi=ONE, account=one), op("sim.assign", imsi=TWO, account=two)


#: What happens, and what undoes it.
STEPS: tuple[tuple[str, tuple[Step, ...], tuple[Step, ...]], ...] = (
    ("a card is swapped, and again", (swap(ONE, SPARE[0]), swap(SPARE[0], SPARE[1])), (swap(SPARE[1], SPARE[0]), swap(SPARE[0], ONE))),
    ("cards move between accounts", exchange(CARD, LINE), exchange(LINE, CARD)),
    ("a number changes, and again", (rename(LINE, "16045550191"), rename("16045550191", "16045550192")), (rename("16045550192", LINE),)),
    ("numbers move between accounts", (rename(LINE, "1"), rename(CARD, LINE), rename("1", CARD)), (rename(LINE, "1"), rename(CARD, LINE), rename("1", CARD))),
)


class MovingTests(FleetCase):
    """Swaps and moves of cards and numbers."""

    async def ready(self) -> None:
        """The mobile vendors, and two accounts that they know."""
        await self.begin(MOBILE)
        await self.everybody(LINE, CARD)
        await self.assert_right("at first")

    async def test_while_they_answer(self) -> None:
        """After each step the vendors are right, and after it was told a second time."""
        await self.ready()
        for what, do, undo in (*STEPS, *((what, undo, do) for what, do, undo in reversed(STEPS))):
            mark = self.mark()
            await self.all_steps(do)
            await self.assert_right(what)
            await self.again(mark)
            await self.assert_right(f"{what}, told twice")
            self.told_since(mark)

    async def test_while_they_are_busy(self) -> None:
        """Nothing of it is done at once; afterwards all is right."""
        await self.assert_outage(lambda simulator: simulator.faults.on(Fault.BUSY), lambda simulator: simulator.faults.off(Fault.BUSY))

    async def test_while_answers_are_lost(self) -> None:
        """The vendors do what they are asked, and nobody hears of it."""

        def lose(every: int) -> Callable[..., None]:
            return lambda simulator: setattr(simulator.faults, "lose_every", every)

        await self.assert_outage(lose(1), lose(0))

    async def assert_outage(self, begin: Callable[..., None], end: Callable[..., None]) -> None:
        """Each pair of steps while all vendors are out, each then told twice; and what undoes them in the same way."""
        await self.ready()
        for what, do, undo in STEPS:
            for steps in (do, undo):
                mark = self.mark()
                for simulator in self.vendors.values():
                    begin(simulator)
                await self.unheard(steps)
                for simulator in self.vendors.values():
                    end(simulator)
                await self.due()
                await self.assert_right(what)
                await self.again(mark)
                await self.assert_right(f"{what}, told twice")
                self.told_since(mark)

    async def unheard(self, steps: Iterable[Step]) -> None:
        """Steps, after each of which every vendor that hears of it has been asked in vain."""
        for step in steps:
            mark = self.mark()
            await self.step(step)
            await self.tried(mark)

    async def tried(self, mark: int) -> None:
        """Wait until what happened since was tried by all, or waits behind what was tried before."""
        for _ in range(1000):
            rows = self.ask(
                "select 1 from event_notifications n where status = 'pending' and attempts = 0 and last_error is null and i_event > %s and not exists ("
                "select 1 from event_notifications o where o.i_handler = n.i_handler and o.status = 'pending' and (o.attempts > 0 or o.last_error is not null))",
                (mark,),
            )
            if not rows:
                return
            await pause(0.03)
        self.fail("nobody tries")

    async def due(self) -> None:
        """All that waits is tried now, until it is done."""
        self.ask("update event_notifications set next_try = now() where status = 'pending'")
        await self.settle()
