"""
Tariffs and their rates as an administrator looks at them, and as a price list that can be uploaded again. Read only; every look-up names its environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, Final

import psycopg2

from portaswitch.model import price_level
from portaswitch.store.pool import Pool


@dataclass(frozen=True, slots=True)
class TariffLine:
    """A tariff; `rates` counts its destinations' versions, `destinations` the destinations."""

    i_tariff: int
    name: str
    service: str
    currency: str
    applied_to: str
    managed_by: str | None
    price_per: int
    connect_fee: Decimal
    free_units: int
    precision: int
    rounding: str
    free_units_mode: str
    off_peak_period: str
    second_off_peak_period: str
    off_peak_mode: str
    post_call_fee: Decimal
    post_call_percent: Decimal
    minimum_charge: Decimal | None
    maximum_charge: Decimal | None
    add_duration: str
    destinations: int
    rates: int
    next_change: datetime | None


@dataclass(frozen=True, slots=True)
class RateLine:
    """One version of a rate, in force from `effective_from` (None: from ever) until `until` (None: no next one); prices are per the tariff's `price_per`."""

    prefix: str
    country: str | None
    description: str
    effective_from: datetime | None
    until: datetime | None
    interval_first: int
    interval_n: int
    price_first: Decimal
    price_n: Decimal
    connect_fee: Decimal | None
    forbidden: bool
    hidden: bool
    discontinued: bool
    i_rate: int
    off_peak: dict[str, dict[str, str]] | None
    formula: str | None


TARIFFS: Final = """
select t.i_tariff, t.name, s.name, t.currency, t.applied_to, c.name, t.price_per, t.connect_fee, t.free_units, t.precision, t.rounding,
    t.free_units_mode, t.off_peak_period, t.second_off_peak_period, t.off_peak_mode, t.post_call_fee, t.post_call_percent, t.minimum_charge, t.maximum_charge,
    t.add_duration,
    coalesce(r.destinations, 0), coalesce(r.rates, 0), r.next_change
from tariffs t join services s using (i_service) left join customers c on c.i_customer = t.i_managed_by
left join (
    select i_tariff, count(distinct i_dest) destinations, count(*) rates, min(effective_from) filter (where effective_from > now()) next_change
    from rates where i_tariff = any (select i_tariff from tariffs where i_env = %(i_env)s and (%(name)s = '' or name = %(name)s)) group by i_tariff
) r on r.i_tariff = t.i_tariff
where t.i_env = %(i_env)s and (%(name)s = '' or t.name = %(name)s) order by t.name
"""
VERSIONS: Final = """
select d.prefix, d.country, d.description, nullif(r.effective_from, '-infinity') as since,
    lead(r.effective_from) over (partition by r.i_dest order by r.effective_from) as until, r.interval_first, r.interval_n,
    r.price_first, r.price_n, r.connect_fee, r.forbidden, r.hidden, r.discontinued, r.i_rate, r.off_peak,
    r.formula ->> 'text' as formula
from rates r join destinations d using (i_dest)
"""
IN_FORCE: Final = f"""
select * from ({VERSIONS} where r.i_tariff = %(i_tariff)s and starts_with(d.prefix, %(prefix)s)) v
where coalesce(since <= %(at)s, true) and coalesce(until > %(at)s, true) and not discontinued
order by prefix collate "C" limit %(limit)s
"""
HISTORY: Final = f"{VERSIONS} where r.i_tariff = %(i_tariff)s and d.prefix = %(prefix)s order by r.effective_from desc, d.format"

EXPORT: Final = """
copy (
    select d.prefix, d.format, d.country, d.description, r.interval_first, r.interval_n,
        case when r.formula is null then r.price_first end as price_first, case when r.formula is null then r.price_n end as price_n, r.connect_fee, {levels},
        r.formula ->> 'text' as formula,
        r.forbidden::int as forbidden, r.hidden::int as hidden, r.discontinued::int as discontinued,
        (least(r.price_first, r.price_n, r.connect_fee, {prices}) < 0 or coalesce(r.formula ->> 'text' like '%-%', false))::int as payback,
        case when r.effective_from = '-infinity' then 'always'
            else to_char(r.effective_from at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end as effective_from
    from rates r join destinations d using (i_dest) where r.i_tariff = {i_tariff} {only}
    order by d.prefix collate "C", d.format, r.effective_from
) to stdout with (format csv, header)
"""
FIGURES: Final = ", ".join(f"r.off_peak -> '{level}' ->> '{figure}' as {level}_{figure}" for level in price_level.LEVELS for figure in price_level.FIGURES)
PRICES: Final = ", ".join(f"(r.off_peak -> '{level}' ->> '{price}')::numeric" for level in price_level.LEVELS for price in ("price_first", "price_n"))
ONLY: Final = (
    "and not r.discontinued and r.effective_from = (select max(v.effective_from) from rates v "
    "where v.i_tariff = r.i_tariff and v.i_dest = r.i_dest and v.effective_from <= '{at}')"
)


async def tariffs(pool: Pool, i_env: int, name: str = "") -> list[TariffLine]:
    """The tariffs by name, or the one of that name."""
    return [TariffLine(*row) for row in await pool.query(TARIFFS, {"i_env": i_env, "name": name})]


async def rates(pool: Pool, i_tariff: int, prefix: str, at: datetime, limit: int) -> list[RateLine]:
    """The rates in force at a time, of destinations that begin with `prefix`; `limit` 0: all."""
    values = {"i_tariff": i_tariff, "prefix": prefix, "at": at, "limit": limit or None}
    return [RateLine(*row) for row in await pool.query(IN_FORCE, values)]


async def history(pool: Pool, i_tariff: int, prefix: str) -> list[RateLine]:
    """All versions of a destination's rate, the newest first."""
    return [RateLine(*row) for row in await pool.query(HISTORY, {"i_tariff": i_tariff, "prefix": prefix})]


def export(dsn: str, i_tariff: int, at: datetime | None, stream: IO[str]) -> None:
    """Write all versions of a tariff's rates (`at`: those in force then) as a price list; blocks, so in a thread."""
    only = "" if at is None else ONLY.format(at=at.isoformat())
    connection: Any = psycopg2.connect(dsn, application_name="portaswitch rate export", options="-c timezone=UTC")
    try:
        with connection.cursor() as cursor:
            cursor.copy_expert(EXPORT.format(i_tariff=int(i_tariff), only=only, levels=FIGURES, prices=PRICES), stream)
    finally:
        connection.close()
