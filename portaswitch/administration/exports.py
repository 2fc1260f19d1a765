"""`xdr export`: the next file of an export, or one of its files again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from portaswitch.administration.csv_file import CsvFile
from portaswitch.administration.opening import asked
from portaswitch.errors import StartError
from portaswitch.interfaces.loading import Progress
from portaswitch.model.actor import Actor
from portaswitch.store import exports, listings
from portaswitch.store.database import Database
from portaswitch.store.exports import Bounds, Content, Export, File
from portaswitch.store.pool import Cursor, Pool

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
#: Seconds that writers of xDRs may keep an export waiting: far more than any charge may take.
PATIENCE = 60
#: Seconds in which the database lets go what a killed run held.
LET_GO = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What to export and where to. Names of the operator ('' any); `storage`: letters of xdr.storage, '' as the export has it; `failed`, `raw`: None as it has it.
    `again`: the number of a file to write again, 0: the next one.
    """

    name: str
    folder: Path
    account: str = ""
    customer: str = ""
    service: str = ""
    node: str = ""
    storage: str = ""
    failed: bool | None = None
    raw: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    again: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and what its control file says."""

    file: str
    number: int
    rows: int
    first_xdr: int
    last_xdr: int
    sums: Mapping[str, str]
    sha256: str


async def export(reactor: Any, database: Database, actor: Actor, wish: Wish, progress: Progress) -> list[Written]:
    """
    Write what is not yet in a file of this export: first a file that was begun and not finished, then the next one. Gives the files; none where there is
    nothing new. Errors: StartError.
    """
    if NAME.fullmatch(wish.name) is None:
        raise StartError(f"--name {wish.name!r} can't be part of a file's name: use up to 60 letters, digits, '_', '.' and '-'")
    pool = await database.connect("export", 2)
    given = await _given(pool, actor.i_env, wish)
    if wish.again and not await asked(exports.exists(pool, actor.i_env, wish.name)):
        raise StartError(f"there is no export {wish.name} in environment {actor.i_env}, so it has no file {wish.again}")
    found = await asked(exports.named(pool, actor.i_env, wish.name, given))
    _agree(found, given)
    run = _Run(reactor, pool, actor, found, wish, progress)
    return await asked(pool.transaction(run.alone))


class _Run:
    """One run of one export, alone with it."""

    def __init__(self, reactor: Any, pool: Pool, actor: Actor, export: Export, wish: Wish, progress: Progress) -> None:
        self._actor = actor
        self._reactor, self._pool, self._export, self._wish, self._progress = reactor, pool, export, wish, progress

    async def alone(self, cursor: Cursor) -> list[Written]:
        """All of it: `cursor` reads the rows; what is noted is noted beside it, and stands when this process is killed."""
        await cursor.execute("set local idle_in_transaction_session_timeout = 0")
        end = self._reactor.seconds() + LET_GO
        while not await exports.alone(cursor, self._export):
            if self._reactor.seconds() < end:
                await deferLater(self._reactor, 0.1)
                continue
            raise StartError(f"another process is writing the export {self._export.name}: wait for its end")
        if self._wish.again:
            return await self._write(cursor, await self._again())
        return [*await self._write(cursor, await self._begun()), *await self._write(cursor, await self._next())]

    async def _again(self) -> File:
        found = await exports.file(self._pool, self._export, self._wish.again)
        if found is None or found.content is None:
            raise StartError(f"the export {self._export.name} has no finished file {self._wish.again}")
        return found

    async def _begun(self) -> File | None:
        """The file that a run before began and did not finish."""
        found = await exports.file(self._pool, self._export, await exports.last_number(self._pool, self._export))
        return found if found is not None and found.content is None else None

    async def _next(self) -> File | None:
        """The bounds of the next file, noted before anything is written."""
        last = await exports.last_number(self._pool, self._export)
        before, until = await exports.file(self._pool, self._export, last), self._wish.until
        low = before.high if before is not None else exports.NOTHING
        if before is not None and until is not None and (low.until is None or until < low.until):
            end = "all that there was" if low.until is None else f"{low.until:%Y-%m-%d %H:%M:%S}"
            raise StartError(f"--until: file {last} of {self._export.name} holds {end} already: give a later time or none, or another --name")
        await self._pool.execute(exports.SUMMARIZE)
        high = Bounds(await self._settled(), until)
        if high == low:
            return None
        await exports.plan(self._pool, self._export, last + 1, high)
        return File(last + 1, low, high)

    async def _settled(self) -> int:
        end = self._reactor.seconds() + PATIENCE

        def tell(writers: int) -> None:
            self._progress(0, 1, f"waiting for {writers} writers")
            if self._reactor.seconds() > end:
                raise StartError(f"{writers} transactions have been writing xDRs for {PATIENCE} s: see pg_stat_activity, end them, and run this again")

        return await exports.settled_id(self._pool, lambda seconds: deferLater(self._reactor, seconds), tell)

    async def _write(self, cursor: Cursor, of: File | None) -> list[Written]:
        """Write a file, if there is one to write, and note it; one without rows leaves nothing."""
        if of is None:
            return []
        currencies = await exports.currencies(self._pool)
        name = f"{self._export.name}-{of.number:06}"
        with CsvFile(self._wish.folder, name, exports.FIELDS, bool(self._export.filter.get("raw"))) as out:
            self._progress(0, 1, f"{name}.csv")
            async for page in exports.rows(cursor, self._export, of):
                out.add(page)
                first, last = out.ids
                self._progress(last - first, max(of.high.last_id - first, 1), f"{name}.csv: {out.rows} rows")
            content = Content(out.rows, *(out.ids if out.rows else (0, 0)), out.sums(currencies), out.sha256)
            if of.content is not None and of.content.sha256 != content.sha256:
                raise StartError(f"file {of.number} would not be what it was: xDRs of it were dropped or changed since; nothing was written")
            if out.rows:
                out.keep(_control(self._export, of, out.path.name, content))
        if of.content is None:
            await exports.finish(self._pool, self._actor, self._export, of.number, content)
        else:
            await exports.repeated(self._pool, self._actor, self._export, of.number, content)
        return [Written(str(out.path), of.number, content.rows, content.first_xdr, content.last_xdr, content.sums, content.sha256)] if content.rows else []


def _control(export: Export, of: File, name: str, content: Content) -> dict[str, Any]:
    return {
        "export": export.name, "environment": export.i_env, "number": of.number, "file": name, "rows": content.rows, "first_xdr": content.first_xdr,
        "last_xdr": content.last_xdr, "sums": dict(content.sums), "sha256": content.sha256, "filter": dict(export.filter),
        "until": None if of.high.until is None else of.high.until.isoformat(),
    }  # fmt: skip


async def _given(pool: Pool, i_env: int, wish: Wish) -> dict[str, Any]:
    """The filter that a wish names: ids for names, nothing for what it does not name."""
    found: dict[str, Any] = {}
    for column, kind, name in (
        ("i_account", "account", wish.account), ("i_customer", "customer", wish.customer), ("i_service", "service", wish.service),
        ("i_node", "node", wish.node),
    ):  # fmt: skip
        if name:
            number = await asked(listings.number_of(pool, i_env, kind, name))
            if number is None:
                raise StartError(f"--{kind} {name}: environment {i_env} has none of that name")
            found[column] = number
    words = {"storage": wish.storage, "failed": wish.failed, "raw": wish.raw}
    found |= {name: value for name, value in words.items() if value}
    return found | ({"since": wish.since.astimezone(UTC).isoformat()} if wish.since is not None else {})


def _agree(export: Export, given: Mapping[str, Any]) -> None:
    """What is given must be what the export began with; what is not given is as it began."""
    for name, value in given.items():
        if export.filter.get(name) != value:
            began = f"{name} {export.filter[name]}" if name in export.filter else f"no {name}"
            raise StartError(f"the export {export.name} began with {began}, not {value}: leave it out, or give the other export another --name")

