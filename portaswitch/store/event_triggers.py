"""
Writes the triggers that raise events, `schema/triggers/40_events_AREA.sql` and `41_event_places.sql`, from `schema/event_sources.yaml`:

    python -m portaswitch.store.event_triggers

One function a table, at statement level with transition tables; an early return where nobody wants any of the events of that kind of change, which one row
of event_wants tells (schema/functions/event_wants.sql); no WHEN clauses (SPIKE_FACTS.md 1: each costs 10 us a statement). Who is told is the matter of
`raise_events` (schema/functions/raise_events.sql). tests/rules/test_event_columns.py compares the files with what this module would write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from textwrap import wrap
from typing import Final

from portaswitch.store.event_sources import CHANGES, EventSource, Sources, TableSource, condition_sql, names_sql, read_sources, secret_sql, to_sql

WIDTH: Final = 158
UNBROKEN: Final = "\N{NO-BREAK SPACE}"
REFERENCING: Final = {"insert": "new table as new_rows", "update": "old table as old_rows new table as new_rows", "delete": "old table as old_rows"}

HEAD: Final = """\
-- {tables}.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.
"""

PLACES: Final = """\
-- What may raise which events: written by store/event_triggers.py from event_sources.yaml, not by hand.
create or replace function event_places() returns table (place text, events text[]) language sql immutable as $$ values
{rows}
$$;
create or replace trigger event_handlers_wants after insert or delete or update of enabled on event_handlers
    for each statement execute function event_wants_changed();
create or replace trigger event_subscriptions_wants after insert or delete or update on event_subscriptions
    for each statement execute function event_wants_changed();
create or replace trigger events_off_wants after insert or delete or update on events_off
    for each statement execute function event_wants_changed();
do $$ begin perform keep_event_wants(); end $$;
"""


def files(sources: Sources) -> dict[str, str]:
    """The texts of the files by name."""
    areas = dict.fromkeys(table.area for table in sources.tables)
    made = {f"40_events_{area}.sql": _file([table for table in sources.tables if table.area == area], sources.events) for area in areas}
    return {**made, "41_event_places.sql": _places(sources)}


def _places(sources: Sources) -> str:
    """Which events each kind of change of each table may raise, and what keeps event_wants."""
    lines: list[str] = []
    for table in sources.tables:
        for change in _changes(table, sources.events):
            names = _lines(", ".join(f"'{event.name}'" for event in _raised(table, sources.events, change)), 50)
            lines += _within(4, f"('{table.name} {change}', array[", names, "]),")
    return PLACES.format(rows="\n".join(lines).removesuffix(","))


def _file(tables: Sequence[TableSource], events: Sequence[EventSource]) -> str:
    names = _lines("Events of " + ", ".join(table.name for table in tables), 4)
    head = HEAD.format(tables="\n-- ".join(names))
    return head + "".join(f"\n{_function(table, events)}{_triggers(table, events)}" for table in tables)


def _raised(table: TableSource, events: Sequence[EventSource], change: str) -> list[EventSource]:
    return [event for event in events if table.name in event.tables and change in event.changes and change in table.changes]


def _changes(table: TableSource, events: Sequence[EventSource]) -> list[str]:
    return [change for change in CHANGES if _raised(table, events, change)]


def _triggers(table: TableSource, events: Sequence[EventSource]) -> str:
    return "".join(
        f"create or replace trigger {table.name}_events_{change} after {change} on {table.name}\n"
        f"    referencing {REFERENCING[change]} for each statement execute function {table.name}_events();\n"
        for change in _changes(table, events)
    )


def _function(table: TableSource, events: Sequence[EventSource]) -> str:
    lines = [
        f"create or replace function {table.name}_events() returns trigger language plpgsql as $$",
        "declare",
        "    wanted text[];",
        "    hashed text := current_setting('enable_hashjoin');",
        "begin",
    ]
    for number, change in enumerate(_changes(table, events)):
        lines.append(f"    {'els' if number else ''}if tg_op = '{change.upper()}' then")
        lines += _branch(table, _raised(table, events, change), change)
    lines += ["    end if;", "    return null;", "end $$;"]
    return "\n".join(lines) + "\n"


def _branch(table: TableSource, events: Sequence[EventSource], change: str) -> Iterator[str]:
    """What is done after one kind of change: nothing where no event of it is wanted."""
    yield f"        wanted := (select w.events from event_wants w where w.place = '{table.name} {change}');"
    yield "        if wanted is not null then"
    yield "            perform set_config('enable_hashjoin', 'on', true);"
    yield "            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),"
    yield "                                 array_agg(e.i_env), array_agg(e.variables))"
    source = f"            from (select e.* from {_rows(table, events, change)}"
    whole = f"{source} cross join lateral ("
    yield from (whole,) if len(whole) <= WIDTH else (source, "                cross join lateral (")
    for number, event in enumerate(events):
        yield from _select(table, event, change, number)
    yield "                ) e (no, event_type, entity, external_key, lane, i_env, variables)"
    yield "                where e.event_type = any (wanted)"
    yield f"                order by {_order(table, change)}, e.no) e"
    yield "            having count(*) > 0;"
    yield "            perform set_config('enable_hashjoin', hashed, true);"
    yield "        end if;"


def _within(margin: int, begin: str, lines: Sequence[str], end: str) -> Iterator[str]:
    """Lines between a beginning and an end, those after the first one indented."""
    for number, line in enumerate(lines):
        last = end if number == len(lines) - 1 else ""
        yield f"{' ' * margin}{begin if number == 0 else '    '}{line}{last}".replace(UNBROKEN, " ")


def _lines(text: str, less: int) -> list[str]:
    """A text in lines that leave so many columns free."""
    return wrap(text, WIDTH - less, break_long_words=False, break_on_hyphens=False)


def _rows(table: TableSource, events: Sequence[EventSource], change: str) -> str:
    """
    The changed rows as `o` and `n`. An update that leaves a row as it was has not changed it; comparing whole rows is dear (on the money path it was a fifth of
    a charge), so conditions say it where they can.
    """
    if change != "update":
        return "new_rows n" if change == "insert" else "old_rows o"
    pairs = " and ".join(f"n.{column} = o.{column}" for column in table.key)
    if table.apart:
        return f"(old_rows o full join new_rows n on {pairs})"
    compared = all("old." in event.when for event in events)
    return f"old_rows o join new_rows n on {pairs}{'' if compared else ' and n is distinct from o'}"


def _order(table: TableSource, change: str) -> str:
    """By row; what is lost comes before what is got."""
    if change == "update" and table.apart:
        return ", ".join([f"n.{table.key[0]} is not null", *(f"coalesce(n.{column}, o.{column})" for column in table.key)])
    return ", ".join(f"{'o' if change == 'delete' else 'n'}.{column}" for column in table.key)


def _select(table: TableSource, event: EventSource, change: str, number: int) -> Iterator[str]:
    """One event of a changed row, where its condition holds."""
    entity = names_sql(event.entity or table.entity, change)
    key = names_sql(event.key, change) if event.key else "null"
    lane = {"true": "0", "false": "1"}.get(event.urgent) or f"case when {condition_sql(event.urgent, change)} then 0 else 1 end"
    union = "union all " if number else ""
    first = f"{number}, '{event.name}', {entity}, {key}, {lane}, {to_sql(event.i_env, change)},"
    yield from _within(20, f"{union}select ", _lines(first, 38), "")
    pairs = ", ".join(_whole(f"'{name}', {_variable(table, event, name, change)}") for name in event.variables)
    yield from _within(24, "jsonb_build_object(", _lines(pairs, 44), ")")
    conditions = [event.when] if event.when else []
    if change == "update" and table.apart:
        conditions.append("n is distinct from o")
    if conditions:
        yield from _within(24, "where ", _lines(condition_sql(" and ".join(conditions), change), 30), "")


def _whole(text: str) -> str:
    """A text that is not wrapped unless it is long."""
    return text.replace(" ", UNBROKEN) if len(text) < WIDTH - 44 else text


def _variable(table: TableSource, event: EventSource, name: str, change: str) -> str:
    source = event.variables[name]
    return secret_sql(source, change, table.name, table.key[0]) if name in event.secret else to_sql(source, change)


def main() -> None:
    """Write the files into the checkout's package."""
    folder = Path(str(resources.files("portaswitch.store"))) / "schema" / "triggers"
    for name, text in files(read_sources()).items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
