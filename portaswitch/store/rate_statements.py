"""
The statements of an upload of rates (`store.rate_upload`). In braces: `staged`, the rows of the file; `made`, the rows as they shall be; `gone`, which
rates `o` of the tariff go unless they are among those; `since`, the date of rows without one.
"""

from __future__ import annotations

from typing import Final

COLUMNS: Final = (
    "discontinued", "forbidden", "hidden", "interval_first", "interval_n", "price_first", "price_n", "connect_fee", "off_peak", "formula",
)  # fmt: skip
"""What a version of a rate says, beside its key."""

FIGURES: Final = ", ".join(COLUMNS)


def figures(table: str) -> str:
    """These columns of a table."""
    return ", ".join(f"{table}.{column}" for column in COLUMNS)


ALONE: Final = "select pg_try_advisory_lock(hashtext('portaswitch rate upload'))"
NUMBER: Final = "select nextval('rates_i_rate')"
LITTER: Final = (
    "select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' and not relispartition "
    "and relname ~ '^rate_upload_[0-9]+(_file|_new)?$'"
)
TARIFF: Final = (
    "select t.i_tariff, t.name, t.revision, y.name from tariffs t join services s using (i_service) join service_types y using (i_service_type) "
    "where t.i_env = %(i_env)s and t.name = %(name)s"
)
STAGED: Final = (
    "line bigint, prefix text, format text, country text, description text, effective_from timestamptz, discontinued bool, forbidden bool, hidden bool, "
    "interval_first bigint, interval_n bigint, price_first numeric, price_n numeric, connect_fee numeric, off_peak jsonb, formula jsonb"
)
MISSING: Final = "not exists (select 1 from destinations d where d.i_env = %(i_env)s and d.format = s.format and d.prefix = s.prefix)"

ANY_REPEATED: Final = "select 1 from {staged} group by format, prefix, effective_from having count(*) > 1 limit 1"
REPEATED: Final = (
    "select line, first, count(*) over () from (select line, first_value(line) over w as first, row_number() over w as place from {staged} "
    "window w as (partition by format, prefix, effective_from order by line)) r where place > 1 order by line limit %(most)s"
)
UNKNOWN: Final = f"select line, prefix, count(*) over () from {{staged}} s where {MISSING} order by line limit %(most)s"
COUNT_NEW: Final = f"select count(distinct (format, prefix)) from {{staged}} s where {MISSING}"
NEW: Final = (
    "create unlogged table {fresh} as select row_number() over () as line, n.* from "
    f"(select distinct on (format, prefix) format, prefix, country, description from {{staged}} s where {MISSING} order by format, prefix, line) n"
)
"""The destinations that are to be added, each once, in the order of the index that they go into."""
ADD_DESTINATIONS: Final = (
    "insert into destinations (i_env, format, prefix, country, description) "
    "select %(i_env)s, format, prefix, country, description from {fresh} where line > %(low)s and line <= %(high)s"
)
UNLESS_THERE: Final = f"{ADD_DESTINATIONS} on conflict do nothing"
"""The same where somebody else has added one of them meanwhile; it takes twice as long."""

MAKE: Final = "create table {made} (like rates including defaults including constraints)"
FILL: Final = (
    "insert into {made} (i_rate, i_tariff, i_dest, effective_from, {figures}) "
    "select coalesce(o.i_rate, nextval('rates_i_rate')), {i_tariff}, d.i_dest, s.effective_from, "
    "s.discontinued, s.forbidden, s.hidden, s.interval_first, s.interval_n, s.price_first, s.price_n, s.connect_fee, s.off_peak, s.formula "
    "from {staged} s join destinations d on d.i_env = {i_env} and d.format = s.format and d.prefix = s.prefix "
    "left join rates o on o.i_tariff = {i_tariff} and o.i_dest = d.i_dest and o.effective_from = s.effective_from "
    "where s.line > %(low)s and s.line <= %(high)s"
)
END: Final = (
    "insert into {made} (i_rate, i_tariff, i_dest, effective_from, discontinued, price_first, price_n) "
    "select coalesce(t.i_rate, nextval('rates_i_rate')), {i_tariff}, o.i_dest, '{since}', true, 0, 0 "
    "from (select distinct on (i_dest) i_dest, discontinued from rates where i_tariff = {i_tariff} and effective_from < '{since}' "
    "order by i_dest, effective_from desc) o "
    "left join rates t on t.i_tariff = {i_tariff} and t.i_dest = o.i_dest and t.effective_from = '{since}' "
    "where not o.discontinued and not exists (select 1 from {made} n where n.i_dest = o.i_dest and n.effective_from <= '{since}')"
)
COMPARE: Final = (
    "select count(*) filter (where o.i_rate is null), count(*) filter (where o.i_rate is not null and ({new}) is distinct from ({old})), "
    "count(*) filter (where o.i_rate is not null and ({new}) is not distinct from ({old})) "
    "from {made} n left join rates o on o.i_tariff = {i_tariff} and o.i_rate = n.i_rate"
)
_REMOVED: Final = "o.i_tariff = {i_tariff} and {gone} and not exists (select 1 from {made} n where n.i_rate = o.i_rate)"
COUNT_REMOVED: Final = f"select count(*) from rates o where {_REMOVED}"

REMOVE: Final = f"delete from rates o where {_REMOVED}"
CHANGE: Final = (
    "update rates o set ({figures}) = row({new}) from {made} n where o.i_tariff = {i_tariff} and o.i_rate = n.i_rate and ({new}) is distinct from ({old})"
)
CREATE: Final = (
    "insert into rates (i_rate, i_tariff, i_dest, effective_from, {figures}) select n.i_rate, n.i_tariff, n.i_dest, n.effective_from, {new} from {made} n "
    "where not exists (select 1 from rates o where o.i_tariff = {i_tariff} and o.i_rate = n.i_rate)"
)

KEEP: Final = (
    "insert into {made} (i_rate, i_tariff, i_dest, effective_from, {figures}) select o.i_rate, o.i_tariff, o.i_dest, o.effective_from, {old} from rates o "
    "where o.i_tariff = {i_tariff} and not ({gone}) and not exists (select 1 from {made} n where n.i_rate = o.i_rate)"
)
FINISH: Final = (
    "alter table {made} add primary key (i_tariff, i_rate)",
    "alter table {made} add unique (i_tariff, i_dest, effective_from)",
    "alter table {made} add check (i_tariff is not null and i_tariff = {i_tariff})",
    "alter table {made} add foreign key (i_tariff) references tariffs",
    "alter table {made} add foreign key (i_dest) references destinations",
    "analyze {made} (i_tariff, i_rate, i_dest, effective_from)",
)
"""What makes the table fit to be a partition, so that attaching it looks at nothing any more."""
