"""What every ILedger does with counters and wallets; run by both, beside `tests.contract.ledger_contract`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from portaswitch.model.budget import key_of
from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.discount import Counter
from portaswitch.model.ledger import Applied, CounterMove, Failed, Stale
from tests.contract.ledger_case import DEBIT, FREE, LIMITED, NOW, LedgerCase, xdr

#: Two items of a plan: tests of a real database have their rows.
ITEM, OTHER = 1, 2
OWN, SHARED = SourceKey(Source.COUNTER, ITEM), SourceKey(Source.COUNTER, ITEM, True)
WALLET = SourceKey(Source.WALLET, 7)
BEGIN, END = NOW.replace(day=1), NOW.replace(month=4, day=1)


def move(key: SourceKey, used: int | str = 0, held: int | str = 0, **what: Any) -> CounterMove:
    """A move of a counter in its first period, of a wallet without one."""
    named: dict[str, Any] = {} if key.source is Source.WALLET else {"relied": BEGIN, "start": BEGIN, "end": END, "fresh": True}
    named.update(what)
    named.update({name: Decimal(named[name]) for name in ("least", "most", "limit", "notify", "carried", "floor") if name in named})
    return CounterMove(key, Decimal(used), Decimal(held), **named)


class CountersContract(LedgerCase):
    """The tests; a subclass says of which ledger."""

    async def put_wallet(self, i_account: int, i_service_wallet: int, i_vd_dg: int, balance: int) -> None:
        """Buy units."""
        raise NotImplementedError

    async def exceeded(self) -> list[SourceKey]:
        """The keys of exceeded counters and wallets, as their accounts see them, sorted."""
        raise NotImplementedError

    async def count(self, i_account: int, *moves: CounterMove, key: str = "") -> str:
        """Exchange one one-shot that moves counters, and say how it went."""
        self.keys = getattr(self, "keys", 0) + 1
        (verdict,) = await self.exchange(await self.change(i_account, key or f"k{self.keys}", counters=moves, i_env=1))
        return type(verdict).__name__

    async def standing(self, i_account: int, key: SourceKey) -> tuple[str, str] | None:
        """Used and held of a counter."""
        row = (await self.view(i_account)).counters.find(key)
        return None if row is None else (format(row.used.normalize(), "f"), format(row.held.normalize(), "f"))

    async def test_counter_made(self) -> None:
        """A counter is made by its first use, once; who then moves it sees what is there."""
        self.assertIsNone(await self.standing(DEBIT, OWN))
        self.assertEqual(await self.count(DEBIT, move(OWN, 60, 30)), "Applied")
        self.assertEqual(await self.count(DEBIT, move(OWN, 1, -10)), "Applied")
        self.assertEqual(await self.standing(DEBIT, OWN), ("61", "20"))
        (row,) = (await self.view(DEBIT)).counters.own.values()
        self.assertEqual(replace(row, used=Decimal(0), held=Decimal(0)), Counter(OWN, start=BEGIN, end=END, relied=BEGIN))

    async def test_counter_shared(self) -> None:
        """A customer's counter is all its accounts', and nobody else's; an own one is not."""
        self.assertEqual(await self.count(LIMITED, move(SHARED, "0.5"), move(OWN, 3)), "Applied")
        self.assertEqual(await self.count(FREE, move(SHARED, "0.25")), "Applied")
        self.assertEqual([await self.standing(who, SHARED) for who in (LIMITED, FREE, DEBIT)], [("0.75", "0"), ("0.75", "0"), None])
        self.assertEqual([await self.standing(who, OWN) for who in (LIMITED, FREE)], [("3", "0"), None])

    async def test_counter_condition(self) -> None:
        """A use that would leave its step is stale, and gets the counter as it is; to its very end it is applied."""
        await self.count(DEBIT, move(OWN, 90, 5))
        (verdict,) = await self.exchange(await self.change(DEBIT, "late", debit="1", counters=(move(OWN, 6, most=94),), i_env=1))
        assert isinstance(verdict, Stale)
        self.assertEqual(verdict.view.counters.own[OWN].used, 90)
        self.assertEqual(await self.count(DEBIT, move(OWN, 5, most=95)), "Applied")
        self.assertEqual(await self.count(DEBIT, move(OWN, 1, least=96)), "Stale")
        self.assertEqual((await self.standing(DEBIT, OWN), await self.funds(DEBIT)), (("95", "5"), ("10", "0", "0", "0")))

    async def test_counter_floor(self) -> None:
        """A last part relies on no less being used and held than it saw; more does no harm."""
        await self.count(DEBIT, move(OWN, 90, 5))
        self.assertEqual([await self.last_part(DEBIT, move(OWN, 0, 1, floor=floor)) for floor in ("96", "95")], ["Stale", "Applied"])
        self.assertEqual(await self.standing(DEBIT, OWN), ("90", "6"))

    async def last_part(self, i_account: int, counted: CounterMove) -> str:
        """Exchange a one-shot that relies on there being no more."""
        self.keys = getattr(self, "keys", 0) + 1
        change = await self.change(i_account, f"last{self.keys}", counters=(counted,), i_env=1, spent=(Decimal("-10"), Decimal(0)))
        (verdict,) = await self.exchange(change)
        return type(verdict).__name__

    async def test_counter_order(self) -> None:
        """Within a batch each sees what those before it moved."""
        members = [await self.change(number, f"m{number}", counters=(move(SHARED, 60, most=40),), i_env=1) for number in (LIMITED, FREE)]
        self.assertEqual(self.kinds(await self.exchange(*members)), ["Applied", "Stale"])
        self.assertEqual(await self.standing(FREE, SHARED), ("60", "0"))

    async def test_counter_short_moves_nothing(self) -> None:
        """What is short of money leaves counters alone, and the other way round."""
        (verdict,) = await self.exchange(await self.change(DEBIT, "s", need="11", counters=(move(OWN, 60),), i_env=1))
        self.assertEqual(type(verdict).__name__, "Short")
        self.assertEqual(await self.standing(DEBIT, OWN), ("0", "0"))

    async def test_counter_period(self) -> None:
        """A new period begins from 0 with what is carried, and holds go on; who relied on the old one is stale."""
        await self.count(DEBIT, move(OWN, 90, 5))
        behind = move(OWN, 7, 1, start=END, end=None, carried=10, fresh=False)
        self.assertEqual([await self.count(DEBIT, behind) for _ in range(2)], ["Applied", "Stale"])
        (row,) = (await self.view(DEBIT)).counters.own.values()
        self.assertEqual(row, Counter(OWN, Decimal(7), Decimal(6), Decimal(10), END, None, END))

    async def test_counter_exceeded(self) -> None:
        """From its limit on a counter is exceeded, and no more in the next period."""
        await self.count(DEBIT, move(OWN, 99, limit=100))
        self.assertEqual(await self.exceeded(), [])
        await self.count(DEBIT, move(OWN, 1, limit=100))
        self.assertEqual(await self.exceeded(), [OWN])
        await self.count(DEBIT, move(OWN, 1, start=END, end=END + timedelta(days=30), fresh=False, limit=100))
        self.assertEqual(await self.exceeded(), [])

    async def test_counter_wallet(self) -> None:
        """A wallet's balance falls by what is used; empty it is exceeded."""
        await self.put_wallet(DEBIT, 7, ITEM, 100)
        self.assertEqual(await self.standing(DEBIT, WALLET), ("-100", "0"))
        self.assertEqual(await self.count(DEBIT, move(WALLET, 40, 60, most=-100, limit=0), move(OWN, 1)), "Applied")
        self.assertEqual(await self.count(DEBIT, move(WALLET, 1, most=-1, limit=0)), "Stale")
        self.assertEqual(await self.count(DEBIT, move(WALLET, 60, -59, most=0, limit=0)), "Applied")
        self.assertEqual((await self.standing(DEBIT, WALLET), await self.exceeded()), (("0", "1"), [WALLET]))
        self.assertEqual(await self.count(DEBIT, move(WALLET, 0, -1)), "Applied")
        self.assertEqual(await self.exceeded(), [WALLET], "what is no use leaves it as it was")
        await self.put_wallet(DEBIT, 8, ITEM, 10)
        self.assertEqual(await self.count(DEBIT, move(SourceKey(Source.WALLET, 8), 10, most=0)), "Applied")
        self.assertEqual(await self.exceeded(), [WALLET], "nor is one exceeded that is not the last")

    async def test_counter_budget(self) -> None:
        """An account's budget begins with what the account was charged in the period, whatever the first use relied on; a customer's with nothing."""
        await self.exchange(await self.change(LIMITED, "before", debit="1.5", xdrs=(xdr(LIMITED, "1.5"), xdr(FREE, "9"))))
        own, shared = key_of(False), key_of(True)
        self.assertEqual(await self.count(LIMITED, move(own, 2, most=0)), "Stale")
        self.assertEqual(await self.standing(LIMITED, own), ("1.5", "0"))
        self.assertEqual(await self.count(LIMITED, move(own, 2, "0.5", most="1.5"), move(shared, 2)), "Applied")
        self.assertEqual([await self.standing(LIMITED, key) for key in (own, shared)], [("3.5", "0.5"), ("2", "0")])
        self.assertEqual(await self.count(FREE, move(own, 1), move(shared, "0.25")), "Applied")
        self.assertEqual([await self.standing(FREE, key) for key in (own, shared)], [("10", "0"), ("2.25", "0")])

    async def test_counter_held_guarded(self) -> None:
        """Holds can't be given back twice."""
        await self.count(DEBIT, move(OWN, 0, 5))
        (verdict,) = await self.exchange(await self.change(DEBIT, "twice", counters=(move(OWN, 0, -6),), i_env=1))
        assert isinstance(verdict, Failed)
        self.assertEqual(await self.standing(DEBIT, OWN), ("0", "5"))

    async def test_counter_repeated(self) -> None:
        """A repeated key moves nothing."""
        self.assertEqual([await self.count(DEBIT, move(OWN, 5), key="same") for _ in range(2)], ["Applied", "Repeated"])
        self.assertEqual(await self.standing(DEBIT, OWN), ("5", "0"))

    async def test_counter_fresh_money(self) -> None:
        """Who moves counters is told the money."""
        (verdict,) = await self.exchange(await self.change(LIMITED, "m", debit="1", counters=(move(SHARED, 1),), i_env=1))
        assert isinstance(verdict, Applied)
        self.assertEqual(self.told(verdict.funds, verdict.customer_funds), ("1", "0", "1", "0"))
