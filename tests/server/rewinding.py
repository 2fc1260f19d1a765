"""A database that is brought back to an earlier state while a server goes on with it, so that many cases share one world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Ask = Callable[..., list[tuple[Any, ...]]]
#: Tables that stay as they are: the queue, what vendors were told, and who runs.
STAYS = ("event_%", "events_off", "remote_records", "schema_%", "cluster%", "instances%")
TABLES = """
select relname, array_agg(quote_ident(attname)::text order by attnum)
from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated = ''
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and not relname like any (%s)
group by 1 order by 1
"""


class Rewinding:
    """`ask` runs a statement as a superuser: nothing of what `back` does raises an event, nor is it looked at by foreign keys on its way."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._tables: Sequence[tuple[str, list[str]]] = [(name, columns) for name, columns in ask(TABLES, (list(STAYS),))]
        ask("create schema kept")
        for name, _ in self._tables:
            ask(f"create table kept.{name} as select * from {name}")

    def back(self) -> None:
        """All rows as they were when this was made."""
        steps = ["begin", "set local session_replication_role = replica"]
        for name, columns in self._tables:
            listed = ", ".join(columns)
            steps += [f"delete from {name}", f"insert into {name} ({listed}) overriding system value select {listed} from kept.{name}"]
        self._ask(";".join([*steps, "commit"]))
