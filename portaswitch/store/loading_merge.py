"""
Merging many rows into a table: which are new, which differ, which are the same already; then only the first
two are written.

    plan(cursor, shape, rows) > Plan > create(...), lock(...), change(...)

A statement that touches no row still fires the statement triggers that notify, so one is sent only for rows
that have to be written: a second load of a file sends none. Rows with the same named columns travel together,
a page at a time, as one array a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from portaswitch.model.loading import Count
from portaswitch.store.arrays import Element, array
from portaswitch.store.secrets import Sealer, SealError
from portaswitch.store.transaction import Cursor

PAGE: Final = 5000
"""Rows in one statement: some hundred milliseconds of work, and an array of at most a megabyte a column."""

Columns = Mapping[str, Element]
Types = Mapping[str, str]
"""The type of each column of a table."""

Told = Callable[[int], None]
"""Called with the number of rows that were settled."""


@dataclass(frozen=True, slots=True)
class Shape:
    """
    A table as the loader writes it.

    `identity` is the column that others refer to ('' when there is none), `key` the columns that a file knows
    a row by (`loose`: those of them in which null is a value too), `sealed` the columns of secrets, `kept` the money of an
    existing row, which is compared and never written. `overlaid` are columns of letters by place, of which a row changes only those that are no blanks
    (function flags_over). `totals` are the expressions (of t) that control totals are grouped by: kind and currency. `whole` is the
    column of the key whose rows stand together: where the file names one of them, those that it does not name go.
    """

    table: str
    identity: str
    key: tuple[str, ...]
    sealed: tuple[str, ...] = ()
    kept: str = ""
    loose: tuple[str, ...] = ()
    totals: tuple[str, str] = ("''", "''")
    overlaid: tuple[str, ...] = ()
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row to be: the values of its key, those that the file names, and those (`initial`) that only a new row
    gets. Rows of a higher `level` refer to rows of a lower one in the same table. `name` is for reports.
    Secrets are in it in the clear, so it has no repr of values.
    """

    name: str
    key: tuple[Element, ...]
    named: Columns = field(repr=False)
    initial: Columns = field(default_factory=dict, repr=False)
    level: int = 0

    def asked(self, shape: Shape) -> Decimal | None:
        """The money that the file asks for: an opening balance, what a counter has counted."""
        amount = self.initial.get(shape.kept)
        return amount if isinstance(amount, Decimal) else None


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What has to be written to one table; `changed` by identity; `kept` are rows whose money differs from the
    file's; `gone` the keys of rows that go.
    """

    shape: Shape
    types: Types
    new: Sequence[Row]
    changed: Mapping[int, Row]
    kept: Sequence[Row]
    same: int
    gone: Sequence[tuple[Element, ...]] = ()

    @property
    def count(self) -> Count:
        """For the report."""
        return Count(len(self.new), len(self.changed) + len(self.gone), self.same)


async def plan(cursor: Cursor, shape: Shape, rows: Sequence[Row], sealer: Sealer, told: Told) -> Plan:
    """
    Compare `rows`, whose keys are distinct, with the table; nothing is written. Secrets that have to be
    written are sealed in the plan.
    """
    types = {row[0]: row[1] for row in await cursor.query(TYPES, (shape.table,))} if rows else {}
    new: list[Row] = []
    changed: dict[int, Row] = {}
    kept: list[Row] = []
    same = 0
    for page in _pages(
        rows, lambda row: (*row.named, "|", *(name for name in row.initial if name == shape.kept))
    ):
        found = {row[0]: row[1:] for row in await cursor.query(*_comparison(shape, types, page))}
        before = same
        for number, row in enumerate(page, 1):
            if number not in found:
                new.append(_sealed(shape, row, sealer))
                continue
            identity, differs, money_differs, *secrets = found[number]
            others = [
                column
                for column, secret in zip(shape.sealed, secrets, strict=True)
                if column in row.named and not _opens(sealer, secret, row.named[column])
            ]
            if money_differs:
                kept.append(row)
            if differs or others:
                changed[identity] = _sealed(shape, _without(shape, row, others), sealer)
            else:
                same += 1
        told(same - before)
    gone = await _gone(cursor, shape, types, rows) if shape.whole and rows else ()
    return Plan(shape, types, new, changed, kept, same, gone)


async def _gone(cursor: Cursor, shape: Shape, types: Types, rows: Sequence[Row]) -> Sequence[tuple[Element, ...]]:
    """The keys of rows that stand together with some of the file's, and are not among these."""
    source, values = _unnest(shape.key, types, [row.key for row in rows])
    columns = ", ".join(f't."{column}"' for column in shape.key)
    sql = (
        f"with v as (select * from {source}) select {columns} from {shape.table} t "
        f'where t."{shape.whole}" in (select v."{shape.whole}" from v) and not exists (select 1 from v where {_joined(shape)})'
    )
    return [tuple(row) for row in await cursor.query(sql, values)]


TYPES: Final = """
    select attname::text, format_type(atttypid, atttypmod) from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped
"""
"""The columns of a table and their types."""


def _comparison(shape: Shape, types: Types, page: Sequence[Row]) -> tuple[str, tuple[object, ...]]:
    """
    The query that finds the rows of a page: number in the page, identity, whether named columns differ,
    whether the money does, the sealed secret.
    """
    named = [column for column in page[0].named if column not in shape.sealed]
    money = [shape.kept] if shape.kept in page[0].initial else []
    source, values = _unnest(
        [*shape.key, *named, *money],
        types,
        [[*row.key, *(row.named[c] for c in named), *(row.initial[c] for c in money)] for row in page],
    )
    identity = f't."{shape.identity}"' if shape.identity else "0"
    secrets = "".join(f', t."{column}"' for column in shape.sealed)
    sql = (
        f"select v.row_number, {identity}, {_differ(shape, named)}, {_differ(shape, money)}{secrets} "
        f"from {source} join {shape.table} t on {_joined(shape)}"
    )
    return sql, values


def _joined(shape: Shape) -> str:
    """The condition under which a row t of the table is a row v of the file."""
    same = {column: "is not distinct from" if column in shape.loose else "=" for column in shape.key}
    return " and ".join(f't."{column}" {same[column]} v."{column}"' for column in shape.key)


async def totals(cursor: Cursor, shape: Shape, rows: Sequence[Row], types: Types) -> list[tuple[str, str, int, Decimal]]:
    """
    Control totals of the table's rows that `rows` speak of: kind, currency, number, and the sum of the money.
    """
    summed: dict[tuple[str, str], tuple[int, Decimal]] = {}
    money, (kind, currency) = f't."{shape.kept}"' if shape.kept else "0", shape.totals
    for page in _pages(rows, lambda row: ()):
        source, values = _unnest(shape.key, types, [row.key for row in page])
        sql = f"select {kind}, {currency}, count(*), sum({money}) from {source} join {shape.table} t on {_joined(shape)} group by 1, 2"
        for word, code, number, amount in await cursor.query(sql, values):
            before = summed.get((word, code), (0, Decimal(0)))
            summed[word, code] = before[0] + number, before[1] + amount
    return [(word, code, number, amount) for (word, code), (number, amount) in summed.items()]


def _differ(shape: Shape, columns: Sequence[str]) -> str:
    return " or ".join(f't."{column}" is distinct from {_written(shape, column)}' for column in columns) or "false"


def _written(shape: Shape, column: str, over: str = 't."{}"') -> str:
    """What a column becomes: the value of the row v, laid over what it has where that is how the table keeps it."""
    return f'flags_over({over.format(column)}, v."{column}")' if column in shape.overlaid else f'v."{column}"'


def _unnest(
    columns: Sequence[str], types: Types, rows: Sequence[Sequence[Element]]
) -> tuple[str, tuple[object, ...]]:
    """A from clause of these rows under the name v, with their number, and its parameters."""
    # Arrays of arrays would be unnested to their elements: a column of arrays travels as text.
    nested = {column for column in columns if types[column].endswith("[]")}
    arrays = ", ".join("%s::text[]" if column in nested else f"%s::{types[column]}[]" for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    source = f"unnest({arrays}) with ordinality v ({names}, row_number)"
    if nested:
        cast = ", ".join(f'"{column}"::{types[column]}' if column in nested else f'"{column}"' for column in columns)
        source = f"(select {cast}, row_number from {source}) v"
    return source, tuple(array(values) for values in zip(*rows, strict=True))


async def create(cursor: Cursor, plan: Plan, told: Told) -> None:
    """Insert the new rows, those that others of the same table refer to before these."""
    for level in sorted({row.level for row in plan.new}):
        rows = [row for row in plan.new if row.level == level]
        for page in _pages(rows, lambda row: (*row.named, "|", *row.initial)):
            columns = [*plan.shape.key, *page[0].named, *page[0].initial]
            source, values = _unnest(
                columns, plan.types, [[*row.key, *row.named.values(), *row.initial.values()] for row in page]
            )
            names = ", ".join(f'"{column}"' for column in columns)
            selected = ", ".join(_written(plan.shape, column, "''") for column in columns)
            insert = f"insert into {plan.shape.table} ({names})"
            await cursor.execute(f"{insert} select {selected} from {source} order by row_number", values)
            told(len(page))


async def remove(cursor: Cursor, plan: Plan) -> None:
    """Delete the rows that go."""
    if plan.gone:
        source, values = _unnest(plan.shape.key, plan.types, plan.gone)
        await cursor.execute(f"delete from {plan.shape.table} t using {source} where {_joined(plan.shape)}", values)


async def lock(cursor: Cursor, plan: Plan) -> None:
    """Lock the rows that will change in the order of their ids, as charges do (DESIGN.md 3.7)."""
    if plan.changed:
        column, table = plan.shape.identity, plan.shape.table
        await cursor.execute(
            f"select 1 from {table} where {column} = any (%s::bigint[]) order by {column} for no key update",
            (array(sorted(plan.changed)),),
        )


async def change(cursor: Cursor, plan: Plan, told: Told) -> None:
    """Update what differs, naming only the columns that the file names."""
    identity = plan.shape.identity
    rows = [replace(row, key=(number,)) for number, row in sorted(plan.changed.items())]
    for page in _pages(rows, lambda row: tuple(row.named)):
        columns = list(page[0].named)
        source, values = _unnest(
            [identity, *columns], plan.types, [[*row.key, *row.named.values()] for row in page]
        )
        settings = ", ".join(f'"{column}" = {_written(plan.shape, column)}' for column in columns)
        await cursor.execute(
            f"update {plan.shape.table} t set {settings} from {source} where t.{identity} = v.{identity}",
            values,
        )
        told(len(page))


def _pages(rows: Iterable[Row], alike: Callable[[Row], tuple[str, ...]]) -> Iterator[list[Row]]:
    """The rows that are alike together, in lists of at most PAGE, in their order."""
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault(alike(row), []).append(row)
    for group in grouped.values():
        for start in range(0, len(group), PAGE):
            yield group[start : start + PAGE]


def _opens(sealer: Sealer, secret: bytes | memoryview | None, wanted: Element) -> bool:
    """Whether a sealed secret is the wanted one; one that can't be opened any more is not."""
    if secret is None or wanted is None:
        return secret is wanted
    try:
        return sealer.open(secret) == wanted
    except SealError:
        return False


def _sealed(shape: Shape, row: Row, sealer: Sealer) -> Row:
    """The row with its secrets as they go into the table."""
    secrets = {column: sealer.seal(secret) for column in shape.sealed if isinstance(secret := row.named.get(column), str)}
    return replace(row, named={**row.named, **secrets}) if secrets else row


def _without(shape: Shape, row: Row, others: Sequence[str]) -> Row:
    """The row without its secrets but `others`: those are in the table already, and sealed again they would look like a change."""
    return replace(row, named={column: value for column, value in row.named.items() if column in others or column not in shape.sealed})
