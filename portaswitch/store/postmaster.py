"""
What `postmaster.pid` says about the PostgreSQL of a data folder, and whether that process lives.

The file (PostgreSQL, src/include/utils/pidfile.h) has eight lines: process id, data folder, start time, port,
socket folder, listen address, shared memory key, status ("starting", "ready", "stopping" ...).  The server
writes it in steps, so a reader must take a short one.  A server that was killed leaves it behind, and its
process id may meanwhile belong to another program: hence the look into /proc.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROLE = "portaswitch"
"""The database superuser of an embedded PostgreSQL; no password, the socket's folder is the guard."""

DATABASE = "portaswitch"
"""The database made beside PostgreSQL's own ones."""

STATUS_LINE = 7
SOCKET_LINE = 4
PORT_LINE = 3


@dataclass(frozen=True, slots=True)
class Postmaster:
    """
    One reading of postmaster.pid; `socket` is None and `status` empty while the server has not written them.
    """

    pid: int
    data: Path
    port: int
    socket: Path | None
    status: str

    @property
    def ready(self) -> bool:
        """Whether the server says that it takes connections."""
        return self.status == "ready" and self.socket is not None

    def connection_string(self, database: str = DATABASE) -> str:
        """The libpq connection string of one of its databases."""
        return f"host={quoted(str(self.socket))} port={self.port} user={ROLE} dbname={quoted(database)}"


def quoted(value: str) -> str:
    """
    A value for a libpq connection string (PostgreSQL documentation, 32.1.1.1: quotes, and a backslash before
    quote and backslash).
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def read(data: Path) -> Postmaster | None:
    """
    The reading of a data folder's postmaster.pid; None when there is none, or not even its first two lines.
    """
    try:
        lines = [
            line.strip()
            for line in (data / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
        ]
    except FileNotFoundError:
        return None
    lines += [""] * (STATUS_LINE + 1 - len(lines))
    try:
        # A negative number is a stand-alone backend (postgres --single), which takes no connections.
        pid, port = int(lines[0]), int(lines[PORT_LINE] or 0)
    except ValueError:
        return None
    if pid <= 1 or not lines[1]:
        return None
    socket = Path(lines[SOCKET_LINE]) if lines[SOCKET_LINE] else None
    return Postmaster(pid, Path(lines[1]), port, socket, lines[STATUS_LINE])


def lives(pid: int, data: Path) -> bool:
    """
    Whether process `pid` is a living server of this data folder.

    A zombie is dead: nobody may have reaped it (no init in a container), and to kill(2) it still exists.  The
    working folder of a server is its data folder; where the kernel hides that (root without CAP_SYS_PTRACE)
    the command line, which we gave it, must name the folder.
    """
    process = Path("/proc") / str(pid)
    if not Path("/proc/self").exists():
        return exists(pid)
    try:
        if _state(process) in "ZX":
            return False
        try:
            return Path(os.readlink(process / "cwd")) == data.resolve()
        except PermissionError:
            return os.fsencode(data) in (process / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _state(process: Path) -> str:
    """The state of a process, such as S or Z; "X" (dead) when it is gone."""
    try:
        # "pid (command) state ..."; the command may hold spaces and brackets.
        return (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return "X"


def exists(pid: int) -> bool:
    """Whether there is a process of this id at all (for systems without /proc)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def deserted(data: Path) -> bool:
    """
    Whether it is certain that no process works in a data folder: neither a server nor one of its backends.

    Then a postmaster.pid in it is a leftover.  PostgreSQL itself would refuse to start as long as the process
    id in it is taken, by a zombie or by any other program of the same user; after a restart of a container it
    often is.
    """
    processes = [entry for entry in Path("/proc").glob("[0-9]*") if entry.name.isdigit()]
    return bool(processes) and not any(_works_in(process, data) for process in processes)


def _works_in(process: Path, data: Path) -> bool:
    """
    Whether a process (its folder in /proc) is, or as far as is known may be, a PostgreSQL process of a data
    folder.
    """
    try:
        return Path(os.readlink(process / "cwd")) == data.resolve()
    except PermissionError:
        # Where its folder is hidden, one of the data's owner with the right name may be it.
        return _state(process) not in "ZX" and _owner_and_name(process) == (data.stat().st_uid, "postgres")
    except OSError:
        return False


def _owner_and_name(process: Path) -> tuple[int, str]:
    try:
        return process.stat().st_uid, (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return -1, ""


def running(data: Path) -> Postmaster | None:
    """The living server of a data folder, whatever its status, or None."""
    found = read(data)
    return found if found is not None and lives(found.pid, data) else None
