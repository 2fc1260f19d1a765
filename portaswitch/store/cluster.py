"""
The files of one embedded PostgreSQL: its binaries, its data folder ("database cluster" in PostgreSQL's
terms), its log, and its complaints.

Everything that takes long is done by child processes, so that the reactor goes on.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from portaswitch.store import binaries, placement, postmaster, processes
from portaswitch.store.binaries import Software
from portaswitch.store.placement import Account, EmbeddedError, Home
from portaswitch.store.postmaster import DATABASE, ROLE

SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "40",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
"""Written to postgresql.conf by initdb, where an operator may change them."""

FIXED = {"fsync": "on", "unix_socket_permissions": "0700", "logging_collector": "off", "listen_addresses": ""}
"""
Given on the command line at every start, with the socket's folder: these are not the operator's to change.
"""

LOG_SIZE = 10_000_000
"""Octets; a larger postgres.log is put away at the next start of PostgreSQL."""

LOG_KEPT = 4
"""Old logs: postgres.log.1 is the youngest."""

COPY = 'cd "$1" && shift && to="$1" && shift && cp -RL --parents -- "$@" "$to" && chmod -R a+rX "$to"'
"""
Copies files (third argument and on) of a folder (first) into another (second); paths are arguments, never
shell text.
"""

ADVICE = {
    "No space left on device": "free some space on the file systems of {folder} and /dev/shm",
    "could not resize shared memory": "free some space in /dev/shm",
    "Permission denied": "{folder} and its parents must be open to {user}",
    "wrong ownership": "run the server as the user that made {folder}",
    "Read-only file system": "set state_dir to a folder on a writable file system",
    "Cannot allocate memory": "free some memory, or lower shared_buffers in {folder}/data/postgresql.conf",
}
"""Words of PostgreSQL, and what an operator can do about them."""


class Cluster:
    """One home with the user that PostgreSQL runs as (None: ourselves)."""

    def __init__(self, reactor: Any, home: Home, account: Account | None) -> None:
        """`reactor` gives processes."""
        self._reactor = reactor
        self.home = home
        self.account = account

    async def serve(self) -> processes.ChildServer:
        """
        Start PostgreSQL; its data are made first when there are none.  It is not ready yet when this returns.
        """
        home, version = self.home, self.home.data / "PG_VERSION"
        software = await self._software(int(version.read_text("ascii")) if version.exists() else None)
        if not version.exists():
            await self._initialise(software)
        leftover = home.data / "postmaster.pid"
        if leftover.exists() and postmaster.deserted(home.data):
            leftover.unlink()
        rotate(home.log)
        fixed = {**FIXED, "port": str(placement.PORT), "unix_socket_directories": f'"{home.socket}"'}
        arguments = ["-D", str(home.data), *_settings(fixed)]
        return processes.serve(self._reactor, software.postgres, arguments, home.log, self.account)

    def error(self, what: str, said: str) -> EmbeddedError:
        """An error from the words of a program, with the advice that fits."""
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if "FATAL" in line or "ERROR" in line or "error:" in line]
        user = "the user of this process" if self.account is None else f"user {self.account.name}"
        advice = next((text for words, text in ADVICE.items() if words in said), "see {log}")
        hint = advice.format(folder=self.home.folder, user=user, log=self.home.log)
        return EmbeddedError(f"{what}: {' | '.join(telling or lines[-3:]) or 'it said nothing'}; {hint}")

    def log_length(self) -> int:
        """The octets in the log, a mark for `said_since`."""
        return self.home.log.stat().st_size if self.home.log.exists() else 0

    def said_since(self, mark: int) -> str:
        """
        What PostgreSQL wrote to its log since (100,000 octets at most); all of it when the log was put away
        meanwhile.
        """
        if not self.home.log.exists():
            return ""
        with self.home.log.open("rb") as log:
            log.seek(mark if mark <= self.log_length() else 0)
            return log.read(100_000).decode("utf-8", "replace")

    async def _software(self, major: int | None) -> Software:
        """The installation to run: the wheel's, or a copy when the ordinary user can't reach the wheel."""
        software = binaries.find_software(major)
        if self.account is None or self.account.obstacle(software.root / "bin") is None:
            return software
        copy = binaries.copy_of(software, self.home)
        if not copy.postgres.exists():
            base, target = software.root.parent.parent, copy.root.parent.parent
            fresh = self._fresh_folder(0o755)
            files = [str(part) for part in binaries.copied_files(software)]
            command = ["/bin/sh", "-c", COPY, "copy", str(base), str(fresh), *files]
            code, said = await processes.run(self._reactor, command)
            if code:
                raise self.error(f"cannot copy PostgreSQL's files to {target}", said)
            fresh.replace(target)
        return copy

    async def _initialise(self, software: Software) -> None:
        """Make the data folder in one step: a crash leaves nothing that looks finished."""
        placement.remove_leftovers(self.home)
        fresh = self._fresh_folder(0o700)
        if self.account is not None:
            os.chown(fresh, self.account.uid, self.account.gid)
        await self._initdb(software, fresh)
        single = [str(software.postgres), "--single", "-D", str(fresh), "postgres"]
        statement = f"create database {DATABASE};\n".encode()
        code, said = await processes.run(self._reactor, single, self.account, statement)
        if code or "ERROR" in said:
            raise self.error(f"cannot make the database {DATABASE}", said)
        fresh.replace(self.home.data)

    async def _initdb(self, software: Software, folder: Path) -> None:
        command = [str(software.initdb), "-D", str(folder), "-U", ROLE, "-E", "UTF8", "--data-checksums"]
        command += ["--auth-local=trust", "--auth-host=reject", "--no-instructions", *_settings(SETTINGS)]
        code, said = await processes.run(self._reactor, [*command, "--locale=C.UTF-8"], self.account)
        if code and "locale" in said:
            # Not every system has C.UTF-8; it differs from C in upper and lower case outside ASCII only.
            code, said = await processes.run(self._reactor, [*command, "--locale=C"], self.account)
        if code:
            raise self.error("cannot make the database (initdb)", said)

    def _fresh_folder(self, mode: int) -> Path:
        """
        A new folder beside its future place; one that is left behind by a crash is removed by the next
        initdb.
        """
        fresh = Path(tempfile.mkdtemp(prefix="data.new.", dir=self.home.folder))
        fresh.chmod(mode)
        return fresh


def _settings(values: dict[str, str]) -> list[str]:
    """Settings as arguments of postgres and initdb."""
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]


def rotate(log: Path, size: int = LOG_SIZE, kept: int = LOG_KEPT) -> None:
    """
    Put a log of more than `size` octets away as log.1, the older ones one number up; at most `kept` old ones
    stay.
    """
    if not log.exists() or log.stat().st_size <= size:
        return
    for number in range(kept, 0, -1):
        older = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number}"))
