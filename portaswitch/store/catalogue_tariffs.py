"""
Tariffs from their rows, compiled a page a reactor turn: a part of the catalogue (`store.catalogue`).

A tariff is compiled again only when it has changed: whatever touches its rates raises its revision (schema/triggers/10_revision.sql, store/rate_upload.py). All
others are taken over from the compilation before, so that a reload costs what has changed and no memory for the rest. What is read beside running charges
rests between two pages: charging has the most of the processor.
"""

from __future__ import annotations

from time import perf_counter

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from portaswitch.metrics import Counter
from portaswitch.model.catalogue import Tariff
from portaswitch.model.price_list import Head, ListedTariff, PriceList
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor

COMPILED = Counter("portaswitch_catalogue_tariffs_compiled_total", "Tariffs compiled, as they were new or had changed")

_log = Logger()

PAGE = 250
"""Rates in one turn: a millisecond or two."""
UNHURRIED = 80
"""Pages that are read without a rest: a small tariff is in force at once."""
REST = 4
"""How long a rest is, in times of the turn before it: the reload of a million rates takes a fifth of the processor."""

TERMS = (
    "off_peak_period, second_off_peak_period, off_peak_mode, free_units, free_units_mode, post_call_fee, post_call_percent, minimum_charge, maximum_charge, "
    "add_duration"
)
"""The columns of a tariff that its terms are made of (`price_terms.terms_of`), in their order."""

HEADS = f"select i_tariff, name, currency, i_service, precision, rounding, price_per, connect_fee, revision, {TERMS} from tariffs"
RATES = (
    "declare rates_to_compile no scroll cursor for "
    "select r.i_tariff, d.prefix, r.i_rate, r.i_dest, extract(epoch from greatest(r.effective_from, '1970-01-01'))::float8, "
    "case when not r.discontinued then concat_ws(' ', r.interval_first, r.interval_n, r.price_first, r.price_n, coalesce(r.connect_fee::text, '-'), "
    "r.forbidden, case when r.off_peak is not null or r.formula is not null then jsonb_build_array(r.off_peak, r.formula)::text end) end "
    "from rates r join destinations d using (i_dest) "
    "where r.i_tariff = any (%s) order by r.i_tariff, d.prefix collate \"C\", r.effective_from desc"
)
FETCH = f"fetch {PAGE} from rates_to_compile"


class Tariffs:
    """The compiled tariffs, and which revision of each was compiled."""

    def __init__(self, pool: Pool, reactor: IReactorTime) -> None:
        self._pool, self._reactor = pool, reactor
        self._compiled: dict[Head, Tariff] = {}
        self._begun = False

    async def read(self) -> dict[int, Tariff]:
        """All tariffs by id: those that have changed compiled anew, the others as they were."""
        heads = [Head._make((*row[:9], tuple(row[9:]))) for row in await self._pool.query(HEADS)]
        changed = {head.i_tariff: PriceList(head) for head in heads if head not in self._compiled}
        if changed:
            await self._pool.transaction(lambda cursor: self._fill(cursor, changed))
            COMPILED.inc(by=len(changed))
            for head in heads:
                for wrong in changed[head.i_tariff].wrong if head.i_tariff in changed else ():
                    _log.error("rates of the tariff {name} are forbidden: {wrong}", name=head.name, wrong=wrong)
        self._compiled = {
            head: _tariff(head, changed[head.i_tariff]) if head.i_tariff in changed else self._compiled[head] for head in heads
        }
        self._begun = True
        return {head.i_tariff: tariff for head, tariff in self._compiled.items()}

    async def _fill(self, cursor: Cursor, lists: dict[int, PriceList]) -> None:
        await cursor.execute(RATES, (list(lists),))
        pages = 0
        while True:
            page = await cursor.query(FETCH)
            began = perf_counter()
            for i_tariff, *row in page:
                lists[i_tariff].add(*row)
            if len(page) < PAGE:
                return
            pages += 1
            busy = perf_counter() - began
            page.clear()
            await deferLater(self._reactor, REST * busy if self._begun and pages > UNHURRIED else 0)


def _tariff(head: Head, prices: PriceList) -> Tariff:
    return ListedTariff(head.i_tariff, head.name, head.currency, head.i_service, prices, prices.longest)
