"""
A price list into a tariff: staged outside of the tariff's rows, checked, and then put in place in one short transaction.

    sweep > stage (COPY) > check > rows (with ids) > compare > few: written in place | many: a partition of their own, swapped in

Whatever happens before the last transaction leaves the tariff as it was: an interrupted upload leaves tables of the name rate_upload_*, which the
next one drops. COPY wants a connection that blocks, so this runs in a thread; nothing of a charge waits for it. The tariff's revision says that
nobody else changed it meanwhile.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import PurePath
from typing import Any, Final, TypeVar

import psycopg2
from psycopg2 import errors

from portaswitch.model.actor import Actor
from portaswitch.model.price_upload import FIELDS, Asked, Mode, Rows, TariffFacts, Uploaded, UploadError, UploadRefused
from portaswitch.store import audit_trail
from portaswitch.store import rate_statements as sql

T = TypeVar("T")
Told = Callable[[int, int, str], None]

FEW: Final = 20_000
"""Changes that are written in place; more, and the tariff gets a new partition."""
PAGE: Final = 10_000
"""Rows in one COPY, and in one statement that writes: a charge that commits meanwhile waits for what the upload has written to the log too."""
REST: Final = 0.3
"""How long a rest is, in times of the page before it: charging comes first. Pages are half of the work, so all of it takes some 1.2 times as long."""
SETTINGS: Final = (
    "-c timezone=UTC -c work_mem=128MB -c maintenance_work_mem=128MB -c jit=off -c max_parallel_workers_per_gather=0 "
    "-c max_parallel_maintenance_workers=0 -c synchronous_commit=off"
)
"""
Memory for joins of a million rows; one processor, as the others are charging. Pages don't wait for the disk: the last transaction waits for all of them.
"""
PATIENCE: Final = 120.0
"""Seconds that the swap waits for those who read the rates: a server that compiles them."""
OTHERS: Final = 10.0
"""Seconds that an upload waits for another one to end."""


class Stopped(Exception):
    """The operator has interrupted the upload."""


class RateUpload:
    """One upload by `actor`, whose rights were asked before, to be run in a thread by `run`; `stop` may be called from any other."""

    def __init__(self, dsn: str, actor: Actor, asked: Asked, told: Told) -> None:
        self._dsn, self._actor, self._asked, self._told = dsn, actor, asked, told
        self._i_env = actor.i_env
        self._connection: Any = None
        self._stopped = False
        self._tariff = TariffFacts(0, asked.tariff, False)
        self._revision = 0
        self._staged = self._made = self._fresh = ""

    def stop(self) -> None:
        """End it as soon as possible, whatever it is doing."""
        self._stopped = True
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.cancel()

    def run(self, file: str, rows: Rows) -> Uploaded:
        """
        Do it all. Errors: UploadRefused with what is wrong with the file; UploadError; Stopped. The tariff is as it was then.
        """
        try:
            self._connection = psycopg2.connect(self._dsn, application_name="portaswitch rate upload", options=SETTINGS)
            self._connection.autocommit = True
            self._begin()
            try:
                return self._steps(file, rows)
            finally:
                with suppress(psycopg2.Error):
                    self._sweep()
        except psycopg2.Error as error:
            if self._stopped:
                raise Stopped from error
            raise UploadError(_said(error)) from error
        finally:
            if self._connection is not None:
                self._connection.close()

    # -- the steps --------------------------------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Alone, on a clean floor, with a tariff that is there."""
        until = time.monotonic() + OTHERS
        while not self._one(sql.ALONE):
            if time.monotonic() > until:
                raise UploadError("another upload of rates is going on in this database: try again when it has ended")
            self._pause(0.2)
        self._sweep()
        found = self._ask(sql.TARIFF, {"i_env": self._i_env, "name": self._asked.tariff})
        if not found:
            raise UploadError(f"no tariff {self._asked.tariff} in environment {self._i_env}: see `portaswitch tariff list`")
        i_tariff, name, self._revision, kind = found[0]
        self._tariff = TariffFacts(i_tariff, name, kind == "Quantity")
        number = self._one(sql.NUMBER)
        self._staged, self._made, self._fresh = f"rate_upload_{number}_file", f"rate_upload_{number}", f"rate_upload_{number}_new"

    def _sweep(self) -> None:
        """Drop what uploads have left: there is no other one now, and a partition is no litter."""
        for (table,) in self._ask(sql.LITTER):
            self._ask(f"drop table if exists {table}")

    def _steps(self, file: str, rows: Rows) -> Uploaded:
        count = self._stage(rows)
        self._check(rows)
        if rows.faults.total:
            raise UploadRefused(file, rows.faults.shown(), rows.faults.total)
        added = self._add_destinations(file)
        made, ended = self._make(count)
        ((created, changed, same),) = self._ask(self._statement(sql.COMPARE))
        removed = self._one(self._statement(sql.COUNT_REMOVED))
        if not count and (removed or ended):
            raise UploadError(f"{file} has no rows, and nothing of the tariff {self._tariff.name} would be left: a rate ends by a row with - as its action")
        # A dry run adds no destinations, so rows that name new ones have not been made.
        done = Uploaded(self._tariff.name, count, created + count - made, changed, same, removed, ended, added, self._asked.dry_run)
        writes = created + changed + removed
        if writes and not self._asked.dry_run:
            self._told(97, 100, "putting the rates in place")
            noted = self._line(file, {**asdict(done), "mode": self._asked.mode.value})
            if writes <= FEW:
                self._write(noted)
            else:
                self._swap(noted)
        self._told(100, 100, "done")
        return done

    def _stage(self, rows: Rows) -> int:
        """The file into a table of its own; gives the number of rows. While it has faults it is only read."""
        self._ask(f"create unlogged table {self._staged} ({sql.STAGED})")
        count, waiting, size = 0, io.StringIO(), 0
        for batch in rows(self._tariff):
            self._pause(0)
            count += len(batch)
            if not rows.faults.total:
                waiting.writelines(batch)
                size += len(batch)
                if size >= PAGE:
                    self._copy(waiting)
                    waiting, size = io.StringIO(), 0
            done, whole = rows.progress
            self._told(60 * done // max(whole, 1), 100, "reading the file")
        self._copy(waiting)
        self._index(self._staged, "line, prefix")
        return count

    def _index(self, table: str, columns: str) -> None:
        """Let its pages be found by the numbers of their lines."""
        self._ask(f"create index on {table} using brin (line) with (pages_per_range = 16)")
        self._ask(f"analyze {table} ({columns})")

    def _copy(self, lines: io.StringIO) -> None:
        lines.seek(0)
        with self._turn(), self._connection.cursor() as cursor:
            cursor.copy_expert(f"copy {self._staged} ({', '.join(FIELDS)}) from stdin", lines)

    def _check(self, rows: Rows) -> None:
        """What only the rows together and the database show; of a file with other faults the rows are not all there, so nothing is said."""
        if rows.faults.total:
            return
        self._told(62, 100, "checking the rows")
        places = {"i_env": self._i_env, "most": rows.faults.most, "default": "-infinity" if self._asked.since is None else self._asked.since}
        repeated = self._ask(sql.ANY_REPEATED.format(staged=self._staged))
        for line, first in () if not repeated else self._faults(rows, sql.REPEATED, places):
            rows.faults.add(line, rows.column("prefix"), f"has a rate of that date in line {first} already: keep one of the two")
        if not self._asked.destinations:
            for line, prefix in self._faults(rows, sql.UNKNOWN, places):
                rows.faults.add(line, rows.column("prefix"), f"{prefix} is no destination of environment {self._i_env}: --destinations-add adds it")

    def _faults(self, rows: Rows, statement: str, places: Mapping[str, object]) -> list[tuple[Any, ...]]:
        found = self._ask(statement.format(staged=self._staged), places)
        if found:
            rows.faults.count(found[0][2] - len(found))
        return [row[:2] for row in found]

    def _add_destinations(self, file: str) -> int:
        """New destinations, before the rates that name them; they stay, as nothing is sold by a destination alone, and each part has its line of the audit."""
        if not self._asked.destinations:
            return 0
        if self._asked.dry_run:
            return int(self._one(sql.COUNT_NEW.format(staged=self._staged), {"i_env": self._i_env}))
        self._told(63, 100, "finding new destinations")
        whole = self._count(sql.NEW.format(staged=self._staged, fresh=self._fresh), {"i_env": self._i_env})
        self._index(self._fresh, "line")
        added = 0
        for low, high in self._pages(whole):
            self._told(64 + 8 * low // whole, 100, "adding destinations")
            try:
                added += self._add_page(sql.ADD_DESTINATIONS, file, low, high)
            except errors.UniqueViolation:
                added += self._add_page(sql.UNLESS_THERE, file, low, high)
        if added > FEW:
            self._ask("analyze destinations")
        return added

    def _add_page(self, statement: str, file: str, low: int, high: int) -> int:
        with self._transaction():
            new = self._count(statement.format(fresh=self._fresh), {"i_env": self._i_env, "low": low, "high": high})
            self._ask(audit_trail.NOTE, self._line(file, {"destinations": new}))
        return new

    def _make(self, count: int) -> tuple[int, int]:
        """The rows as they shall be, with their ids; gives how many of the file's there are, and how many rates end because a list that replaces is silent."""
        self._ask(sql.MAKE.format(made=self._made))
        done = 0
        for low, high in self._pages(self._one(f"select coalesce(max(line), 0) from {self._staged}")):
            done += self._count(self._statement(sql.FILL), {"low": low, "high": high})
            self._told(72 + 16 * done // max(count, 1), 100, "finding the destinations")
        ended = 0
        if self._asked.mode is Mode.REPLACE and self._asked.since is not None:
            ended = self._count(self._statement(sql.END))
        self._ask(f"analyze {self._made} (i_rate, i_dest)")
        self._pause(0)
        return done, ended

    def _line(self, file: str, after: Mapping[str, Any]) -> Mapping[str, Any]:
        """The upload's line of the audit."""
        return audit_trail.line(self._actor, "rate.upload", f"tariff:{self._tariff.i_tariff}", None, {"file": PurePath(file).name, **after})

    def _write(self, noted: Mapping[str, Any]) -> None:
        """Few changes: into the tariff's rows, in one transaction."""
        with self._lasting():
            self._unchanged()
            for statement in (sql.REMOVE, sql.CHANGE, sql.CREATE):
                self._ask(self._statement(statement))
            self._ask(audit_trail.NOTE, noted)

    def _swap(self, noted: Mapping[str, Any]) -> None:
        """Many: the new rows with those that stay become the tariff's partition."""
        self._ask(self._statement(sql.KEEP))
        for statement in sql.FINISH:
            self._told(90, 100, "building the indexes")
            self._ask(self._statement(statement))
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._exchange(noted)
            except errors.LockNotAvailable:
                if time.monotonic() > until:
                    raise UploadError(f"the rates were in use for {PATIENCE:.0f} s, so they were not changed: try again") from None
                self._pause(0.5)

    def _exchange(self, noted: Mapping[str, Any]) -> None:
        """The short transaction: the old partition, or the old rows, for the new partition."""
        made, i_tariff = self._made, self._tariff.i_tariff
        with self._lasting():
            self._ask("set local lock_timeout = '1s'")
            self._unchanged()
            old = self._one("select to_regclass(%s)::text", (f"rates_of_{i_tariff}",))
            self._ask(f"alter table rates detach partition {old}" if old else f"delete from rates_default where i_tariff = {i_tariff}")
            self._ask(f"alter table rates attach partition {made} for values in ({i_tariff})")
            if old:
                self._ask(f"drop table {old}")
            self._ask(f"alter table {made} rename to rates_of_{i_tariff}")
            self._ask(f"update tariffs set revision = revision + 1 where i_tariff = {i_tariff}")
            self._ask(audit_trail.NOTE, noted)

    def _unchanged(self) -> None:
        """The tariff locked, and as it was when the rows were compared with it."""
        if self._one("select revision from tariffs where i_tariff = %s for no key update", (self._tariff.i_tariff,)) != self._revision:
            raise UploadError(f"somebody has changed the tariff {self._tariff.name} meanwhile, so the upload was not done: upload the file again")

    # -- statements -------------------------------------------------------------------------------------------------------------------------------

    def _statement(self, text: str) -> str:
        """A statement with the names of this upload's tables, its tariff, and which rates a list that replaces takes away."""
        since = self._asked.since
        gone = "false" if self._asked.mode is Mode.ADD else "true" if since is None else f"o.effective_from >= '{since.isoformat()}'"
        default = "-infinity" if since is None else since.isoformat()
        return text.format(
            staged=self._staged, made=self._made, i_tariff=self._tariff.i_tariff, i_env=self._i_env, gone=gone, since=default, figures=sql.FIGURES,
            old=sql.figures("o"), new=sql.figures("n"),
        )  # fmt: skip

    def _pages(self, last: int) -> Iterator[tuple[int, int]]:
        """Bounds of lines up to `last`, low < line <= high, of some PAGE rows each, for which the big tables aren't read whole each time."""
        self._ask("set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off")
        for low in range(0, last, PAGE):
            self._pause(0)
            with self._turn():
                yield low, low + PAGE
        self._ask("reset enable_hashjoin; reset enable_mergejoin; reset enable_seqscan")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Some work, and a rest behind it."""
        begun = time.monotonic()
        yield
        self._pause(REST * (time.monotonic() - begun))

    def _ask(self, statement: str, values: object = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _count(self, statement: str, values: object = None) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return int(cursor.rowcount)

    def _one(self, statement: str, values: object = None) -> Any:
        ((value,),) = self._ask(statement, values)
        return value

    @contextmanager
    def _lasting(self) -> Iterator[None]:
        """A transaction that is on the disk when it is over, with all that was before it."""
        with self._transaction():
            self._ask("set local synchronous_commit = on")
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.autocommit = False
        try:
            yield
            self._connection.commit()
        finally:
            if not self._connection.closed:
                self._connection.rollback()
                self._connection.autocommit = True

    def _pause(self, seconds: float) -> None:
        if self._stopped:
            raise Stopped
        if seconds:
            time.sleep(seconds)


def _said(error: psycopg2.Error) -> str:
    said = " ".join((error.diag.message_primary or str(error) or type(error).__name__).split())
    if isinstance(error, psycopg2.OperationalError):
        return f"the database was lost ({said}): upload the file again, nothing changes twice"
    return f"the database refused the upload, and the tariff is as it was: {said}"
