"""
Backups: a folder with a dump of the whole database (PostgreSQL's custom format) and the key that its passwords are sealed with.

pg_dump reads one snapshot while the server goes on charging; pg_restore fills an empty database in one transaction. Both come from the wheel of the embedded
PostgreSQL or from the system; they must not be older than the server they talk to.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg2.extensions import parse_dsn
from twisted.internet.utils import getProcessOutputAndValue

from portaswitch import __version__
from portaswitch.errors import StartError
from portaswitch.store.binaries import installations
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import adopt

DUMP, KEY, NOTE = "database.dump", "secret.key", "backup.json"
SYSTEM = Path("/usr/lib/postgresql")
#: libpq's words of a connection string as environment variables: a password on a command line is there for all to see.
VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE", "service": "PGSERVICE", "options": "PGOPTIONS",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}  # fmt: skip
FIGURES = """
select (select max(version) from schema_version), (select count(*) from accounts), (select count(*) from xdr), (select coalesce(sum(balance), 0) from accounts)
"""


async def dump(reactor: Any, pool: Pool, dsn: str, key: Path, folder: Path) -> dict[str, Any]:
    """
    Write a backup into the new folder `folder`, readable by its owner only; gives what it holds (version, schema, accounts, xdrs, balance).

    Errors: StartError; an unfinished backup is never found under the name `folder`.
    """
    if folder.exists():
        raise StartError(f"{folder} exists: name a folder that does not, a backup never overwrites one")
    program = await _program(pool, "pg_dump")
    part = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700, parents=True)
        await _run(reactor, program, ("--format=custom", "--no-owner", "--no-privileges", f"--file={part / DUMP}"), dsn)
        adopt(part / KEY, key)
        note = await figures(pool)
        (part / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        part.rename(folder)
    except OSError as error:
        raise StartError(f"the backup can't be written to {folder} ({error.strerror}): name a folder that this user may make, on a disk with room") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return note


async def restore(reactor: Any, pool: Pool, dsn: str, key: Path, folder: Path) -> None:
    """
    Fill the empty database behind `dsn` from the backup in `folder`, and put its key in the place of `key`.

    Errors: StartError: no backup, a database that is not empty, another key than the backup's; nothing was changed then.
    """
    missing = [name for name in (DUMP, KEY) if not (folder / name).is_file()]
    if missing:
        raise StartError(f"{folder} is no backup, it lacks {' and '.join(missing)}: name a folder that `portaswitch backup` made")
    if (await pool.query("select to_regclass('schema_version')"))[0][0] is not None:
        raise StartError("the database is not empty: restore into a new one (another `state_dir`, or another database in `database:`)")
    if key.exists() and key.read_bytes() != (folder / KEY).read_bytes():
        raise StartError(f"{key} is another key than the backup's: move it away, the passwords of the backup open with its own key only")
    program = await _program(pool, "pg_restore")
    name = parse_dsn(dsn).get("dbname", "")
    words = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={name}", str(folder / DUMP))
    # The key goes first: a database without it would get a new one at the next start, and its passwords would open no more, whenever this is killed. It stays
    # where this is interrupted, as pg_restore may go on.
    is_new = not key.exists()
    if is_new:
        adopt(key, folder / KEY)
    try:
        await _run(reactor, program, words, dsn)
    except StartError:
        if is_new:
            key.unlink()
        raise


async def figures(pool: Pool) -> dict[str, Any]:
    """What the database holds, for people to compare: the schema's version, accounts, xDRs, and the sum of all accounts' balances."""
    ((schema, accounts, xdrs, balance),) = await pool.query(FIGURES)
    return {"version": __version__, "schema": schema, "accounts": accounts, "xdrs": xdrs, "balance": str(balance)}


async def _program(pool: Pool, name: str) -> Path:
    """The oldest pg_dump or pg_restore that is not older than the server."""
    ((number,),) = await pool.query("select current_setting('server_version_num')::int")
    major = number // 10000
    found = sorted((version, path) for version, path in _programs(name) if version >= major)
    if not found:
        raise StartError(f"no {name} of PostgreSQL {major} or newer here: apt install postgresql-client-{major}, or pip install 'portaswitch[embedded]'")
    return found[0][1]


def _programs(name: str) -> list[tuple[int, Path]]:
    known = [(software.major, software.root / "bin" / name) for software in installations()]
    known += [(int(path.name), path / "bin" / name) for path in SYSTEM.glob("*") if re.fullmatch(r"\d+", path.name)]
    return [(version, path) for version, path in known if path.is_file()]


async def _run(reactor: Any, program: Path, words: Sequence[str], dsn: str) -> None:
    out, errors, status = await getProcessOutputAndValue(str(program), words, _environment(dsn), reactor=reactor)
    if status:
        said = " ".join((errors or out).decode(errors="replace").split())
        raise StartError(f"{program.name} failed: {said}")


def _environment(dsn: str) -> Mapping[str, str]:
    """The connection string for libpq's programs, without showing it to `ps`."""
    known = {VARIABLES[word]: value for word, value in parse_dsn(dsn).items() if word in VARIABLES}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("PG")}, **known}
