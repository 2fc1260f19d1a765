"""
Brings the schema of this version into a database, in place and in order.

    schema/tables/*.sql      an empty database only, in sorted order
    schema/upgrades/NNNN_name.sql
                             each once, in its own transaction; an empty database has them all by its tables
    schema/functions/*.sql, schema/triggers/*.sql
                             `create or replace` only; run whenever their text differs from what was run last

An upgrade whose first line is `-- rolling from N` lets servers of schema version N and newer run on beside
the new one, and start again: what they rely on stays until a later upgrade takes it away.

All in one transaction on an empty database.  Every transaction takes the same advisory lock and looks again
at what is to be done, so that any number of processes may do this at once.  Nothing is ever analyzed:
statistics of empty tables give the money path bad plans (SPIKE_FACTS.md 1).  Re-creating a trigger enables
it; who enables and disables triggers does so after this.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import psycopg2
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from portaswitch.errors import SchemaError
from portaswitch.store.pool import Cursor, Pool

OLDEST = 150000
"""PostgreSQL 15, in the form of server_version_num."""

LOCK = 0x706F727461
"""The key of the advisory lock: "porta"."""

UPGRADE = re.compile(r"(\d{4})_(\w+)\.sql")
"""The name of an upgrade: its number, from 0001, and what it does."""

HISTORY = """
create table schema_version (
    version     int primary key,
    name        text not null,
    digest      text not null,
    applied_at  timestamptz not null default now(),
    oldest      int not null
);
create table schema_files (
    path        text primary key,
    digest      text not null,
    applied_at  timestamptz not null default now()
);
"""
"""What was done: version 0 and the upgrades; and the text last run of each function and trigger file."""

OLDEST_COLUMN = """
do $$ begin
    if not exists (select 1 from pg_attribute where attrelid = 'schema_version'::regclass and attname = 'oldest' and not attisdropped) then
        alter table schema_version add column oldest int;
        update schema_version set oldest = version;
        alter table schema_version alter column oldest set not null;
    end if;
end $$
"""
"""Databases made before upgrades said which servers may go on."""

ROLLING = re.compile(r"-- rolling from (\d+)\b")
"""The first line of an upgrade that leaves what servers of that schema version rely on (expand, then contract; DESIGN.md 7)."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class Script:
    """One SQL file; `path` is relative to the schema's folder."""

    path: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, the same on every system."""
        return hashlib.sha256(self.text.replace("\r\n", "\n").encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One numbered step from an older schema."""

    number: int
    script: Script

    @property
    def oldest(self) -> int:
        """The oldest schema version whose servers may run on a database with this step; without a word in its first line, this one."""
        told = ROLLING.match(self.script.text)
        return int(told[1]) if told else self.number


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of this version; `repeated` holds functions, then triggers."""

    tables: tuple[Script, ...]
    repeated: tuple[Script, ...]
    upgrades: tuple[Upgrade, ...]

    @classmethod
    def read(cls, folder: Traversable | None = None) -> Schema:
        """Read the package's schema folder, or another one; a misnamed upgrade is a SchemaError."""
        root = folder or resources.files("portaswitch.store").joinpath("schema")
        return cls(
            _scripts(root, "tables"),
            _scripts(root, "functions") + _scripts(root, "triggers"),
            tuple(_upgrade(script) for script in _scripts(root, "upgrades")),
        )

    @property
    def version(self) -> int:
        """The number of the last upgrade, 0 without any."""
        return self.upgrades[-1].number if self.upgrades else 0

    def pending(self, applied: Mapping[int, str], oldest: int) -> tuple[Upgrade, ...]:
        """
        The upgrades to do, given the digests of those done (with version 0) and the oldest schema version whose servers may run with them: a newer database
        that lets this version go on needs none.

        Raises SchemaError when the database is too new for this version, or has a later upgrade without this
        one.
        """
        newest = max(applied)
        if newest > self.version >= oldest:
            return ()
        if newest > self.version:
            raise SchemaError(
                f"the database has schema version {newest}, this server knows {self.version} at most: start"
                f" the version"
                f" of the server that upgraded it, or a newer one, or restore a backup from before the"
                f" upgrade"
            )
        pending = tuple(upgrade for upgrade in self.upgrades if upgrade.number not in applied)
        if pending and pending[0].number < newest:
            raise SchemaError(
                f"the database has schema version {newest} but not upgrade {pending[0].script.path}: the"
                f" upgrade was added"
                f" with too low a number; give it one above {newest}"
            )
        return pending

    def edited(self, applied: Mapping[int, str]) -> tuple[str, ...]:
        """The upgrades whose text is no longer the one that was run."""
        known = ((upgrade.script, applied.get(upgrade.number)) for upgrade in self.upgrades)
        return tuple(script.path for script, digest in known if digest not in (None, script.digest))

    def changed(self, done: Mapping[str, str]) -> tuple[Script, ...]:
        """The functions and triggers to run again, given the digests of what was run last."""
        return tuple(script for script in self.repeated if done.get(script.path) != script.digest)


def _scripts(root: Traversable, folder: str) -> tuple[Script, ...]:
    place = root.joinpath(folder)
    if not place.is_dir():
        return ()
    files = sorted(
        (file for file in place.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    return tuple(Script(f"{folder}/{file.name}", file.read_text("utf-8")) for file in files)


def _upgrade(script: Script) -> Upgrade:
    name = UPGRADE.fullmatch(script.path.removeprefix("upgrades/"))
    if name is None or int(name[1]) == 0:
        raise SchemaError(f"{script.path}: an upgrade must be called NNNN_name.sql, from 0001")
    return Upgrade(int(name[1]), script)


def migrate(pool: Pool, schema: Schema | None = None) -> Deferred[list[str]]:
    """
    Bring the database to this version; fires with what was done, in order, and with nothing at the second
    time.

    Fails with SchemaError, whose text says what to do; then the database is as it was after the last finished
    step.
    """
    return Deferred.fromCoroutine(_migrate(pool, schema or Schema.read()))


async def _migrate(pool: Pool, schema: Schema) -> list[str]:
    await _check_server(pool)
    done: list[str] = []

    async def locked(step: Callable[[Cursor], Deferred[list[str]]]) -> list[str]:
        async def body(cursor: Cursor) -> list[str]:
            await cursor.execute("set local statement_timeout = 0")
            await cursor.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            # A statement that waits behind a long transaction makes the whole server wait behind itself.
            await cursor.execute("set local lock_timeout = '15s'")
            return await step(cursor)

        found = await pool.transaction(body)
        for path in found:
            _log.info("schema: {path} applied", path=path)
        return found

    done += await locked(lambda cursor: Deferred.fromCoroutine(_create(cursor, schema)))
    while step := await locked(lambda cursor: Deferred.fromCoroutine(_one_upgrade(cursor, schema))):
        done += step
    return done + await locked(lambda cursor: Deferred.fromCoroutine(_repeat(cursor, schema)))


async def _check_server(pool: Pool) -> None:
    ((version, name),) = await pool.query("select current_setting('server_version_num')::int, version()")
    if version < OLDEST:
        raise SchemaError(f"PostgreSQL 15 or newer is needed, this is {name}: upgrade it (pg_upgrade)")


async def _create(cursor: Cursor, schema: Schema) -> list[str]:
    """On an empty database everything, in this one transaction; else nothing."""
    ((ours,),) = await cursor.query("select to_regclass('schema_version') is not null")
    if ours:
        await cursor.execute(OLDEST_COLUMN)
        return []
    rows = await cursor.query(
        "select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind in"
        " ('r', 'p')"
        " order by relname limit 3"
    )
    if rows:
        names = ", ".join(name for (name,) in rows)
        raise SchemaError(
            f"the database is not empty and not ours (it has {names}): give the server one of its own"
        )
    await cursor.execute(HISTORY)
    for script in schema.tables:
        await _run(cursor, script)
    repeated = await _repeat(cursor, schema)
    tables = hashlib.sha256("".join(script.digest for script in schema.tables).encode()).hexdigest()
    await _note(cursor, 0, "tables", tables, 0)
    for upgrade in schema.upgrades:
        await _note(cursor, upgrade.number, upgrade.script.path, upgrade.script.digest, upgrade.oldest)
    return [script.path for script in schema.tables] + repeated


async def _one_upgrade(cursor: Cursor, schema: Schema) -> list[str]:
    """The next upgrade, if one is left."""
    applied: dict[int, str] = dict(await cursor.query("select version, digest from schema_version"))
    pending = schema.pending(applied, await _oldest(cursor))
    if not pending:
        for path in schema.edited(applied):
            _log.error(
                "schema: {path} was edited after it had been applied; undo that, and put the change into a"
                " new upgrade",
                path=path,
            )
        return []
    await _run(cursor, pending[0].script)
    await _note(cursor, pending[0].number, pending[0].script.path, pending[0].script.digest, pending[0].oldest)
    return [pending[0].script.path]


async def _oldest(cursor: Cursor) -> int:
    """The oldest schema version whose servers may run on the database."""
    ((oldest,),) = await cursor.query("select coalesce(max(oldest), 0) from schema_version")
    return int(oldest)


async def _repeat(cursor: Cursor, schema: Schema) -> list[str]:
    """Functions and triggers whose text is new; none where a newer server has put its own, which serve this one too."""
    ((newest,),) = await cursor.query("select coalesce(max(version), 0) from schema_version")
    if newest > schema.version:
        return []
    changed = schema.changed(dict(await cursor.query("select path, digest from schema_files")))
    for script in changed:
        await _run(cursor, script)
        await cursor.execute(
            "insert into schema_files (path, digest) values (%s, %s) on conflict (path)"
            " do update set digest = excluded.digest, applied_at = now()",
            (script.path, script.digest),
        )
    return [script.path for script in changed]


async def _note(cursor: Cursor, version: int, name: str, digest: str, oldest: int) -> None:
    await cursor.execute("insert into schema_version (version, name, digest, oldest) values (%s, %s, %s, %s)", (version, name, digest, oldest))


async def _run(cursor: Cursor, script: Script) -> None:
    """One file; an error names the file and the line."""
    try:
        await cursor.execute(script.text)
    except psycopg2.Error as error:
        if error.diag.message_primary is None:
            # Not the file's fault: the connection was lost.
            raise
        position = int(error.diag.statement_position or 0)
        line = f", line {script.text.count(chr(10), 0, position - 1) + 1}" if position else ""
        said = " ".join(part for part in (error.diag.message_primary, error.diag.message_detail) if part)
        raise SchemaError(f"schema/{script.path}{line}: {said}") from error
