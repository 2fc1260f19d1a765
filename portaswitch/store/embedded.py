"""
A private PostgreSQL under the state folder, for `database: embedded`.

    start:  lock > places > (initdb) > adopt a living server, or start one > wait until it is ready while:  an
    end that nobody asked for is logged in one line and the server is started again, with growing pauses stop:
    SIGINT (disconnect clients, write a checkpoint) > SIGQUIT after 10 s > SIGKILL after 5 s more

A server that outlived us (kill -9 of the daemon) is adopted at the next start, and stopped at its end.  One
process at a time: the lock file belongs to who holds its flock(2), which ends with the process, so a stale
one mends itself.  Commands of the administrator use `attach`.
"""

from __future__ import annotations

import enum
import fcntl
import os
import signal
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.store import placement, postmaster, processes
from portaswitch.store.cluster import Cluster
from portaswitch.store.placement import EmbeddedError, Home

__all__ = ["EmbeddedError", "EmbeddedPostgres", "StateLock", "attach"]

POLL = 0.02
"""Seconds between two looks at postmaster.pid while the server starts."""

REAPING = 10.0
"""
Seconds for which a start is tried again while the remains of a killed server (a zombie, its shared memory)
are in the way.
"""

STOP_PAUSES = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""How a server is stopped, and how long each signal may take."""

BACKOFF = (0.1, 10.0)
"""
First and longest pause, in seconds, before a server that ended is started again; each is twice the one
before.
"""

STEADY = 60.0
"""A server that ran this many seconds has earned the first pause again."""

REMAINS = ("lock file", "pre-existing shared memory block", "could not create Unix socket")
"""What the server says when the remains of another one are in the way."""


class StateLock:
    """The lock file of a state folder, held until `release` or the end of the process."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock, or raise EmbeddedError with the process id of its holder."""
        self._path = state_dir / "portaswitch.lock"
        try:
            self._file = self._path.open("a+", encoding="ascii")
        except OSError as error:
            raise EmbeddedError(
                f"cannot write {self._path}: {error.strerror}; state_dir must be writable for this user"
            ) from error
        try:
            # flock, not lockf: a second opening in the same process is refused too.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise EmbeddedError(
                f"another server (pid {holder}) runs on this state_dir, {state_dir}: stop it, or give this"
                f" one"
                f" a state_dir of its own"
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let the next one in; the file stays, as deleting it would race with who opens it."""
        # Not by closing alone: a child between its fork and its exec still holds the same open file.
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._file.close()


def attach(state_dir: Path) -> str | None:
    """
    The connection string of the embedded PostgreSQL that already runs on a state folder, or None when none
    does.

    For the administrator's commands beside a running server; it starts, locks and stops nothing.
    """
    try:
        home = placement.recorded(state_dir)
        found = None if home is None else postmaster.running(home.data)
    except PermissionError as error:
        raise EmbeddedError(
            f"cannot read {error.filename}: {error.strerror}; run this as root or as the user that runs the"
            f" server"
        ) from error
    return found.connection_string() if found is not None and found.ready else None


class State(enum.Enum):
    """Where an EmbeddedPostgres stands."""

    STOPPED = enum.auto()
    STARTING = enum.auto()
    RUNNING = enum.auto()
    STOPPING = enum.auto()


class EmbeddedPostgres(Service):
    """
    The private PostgreSQL of one state folder.

    Whoever builds the tree awaits `start()` for the connection string; as a child of the tree its
    `stopService` stops PostgreSQL, so it must be attached before the pools (services stop in reverse order).
    """

    _log = Logger()
    name = "embedded-postgresql"

    def __init__(self, reactor: Any, state_dir: Path) -> None:
        """`reactor` gives processes and time; `state_dir` is made when it is missing."""
        self._reactor = reactor
        self._asked = state_dir
        self._state = State.STOPPED
        self._lock: StateLock | None = None
        self._cluster = Cluster(reactor, Home(state_dir, state_dir, state_dir), None)
        self._server: processes.Server | None = None
        self._task: Deferred[str] | None = None
        self._again: IDelayedCall | None = None
        self._pause, self._since = BACKOFF[0], 0.0

    @property
    def pid(self) -> int | None:
        """The process id of the running postmaster, or None."""
        return None if self._server is None else self._server.pid

    @property
    def log_file(self) -> Path:
        """Where PostgreSQL's own messages are."""
        return self._cluster.home.log

    def start(self) -> Deferred[str]:
        """
        Start or adopt PostgreSQL; fires with its libpq connection string when it takes connections.

        Fails with EmbeddedError, whose text says what to do; then nothing is held or left running.
        """
        if self._state is not State.STOPPED:
            raise RuntimeError(f"start() of an embedded PostgreSQL that is {self._state.name.lower()}")
        self._state = State.STARTING
        started: Deferred[str] = Deferred()
        self._task = Deferred.fromCoroutine(self._start())
        _ = self._task.chainDeferred(started)
        return started

    def stop(self) -> Deferred[None]:
        """Stop PostgreSQL, adopted or ours, and fire when it is gone; a start under way fails."""
        if self._state is State.STOPPED:
            return succeed(None)
        self._state = State.STOPPING
        return Deferred.fromCoroutine(self._stop())

    def stopService(self) -> Deferred[None]:
        """Stop with the tree."""
        self.running = 0
        return self.stop()

    async def _start(self) -> str:
        try:
            state_dir = placement.prepare_state_dir(self._asked)
            self._lock = StateLock(state_dir)
            found = placement.recorded(state_dir)
            account = placement.account_for(None if found is None else found.data)
            self._cluster = Cluster(self._reactor, placement.place(state_dir, account), account)
            connection_string = await self._launch()
        except OSError as error:
            await self._halt()
            raise EmbeddedError(
                f"{error.filename or self._asked}: {error.strerror}; run the server as the user that owns it"
            ) from error
        except BaseException:
            await self._halt()
            raise
        self._state = State.RUNNING
        return connection_string

    async def _stop(self) -> None:
        if self._again is not None and self._again.active():
            self._again.cancel()
        if self._task is not None and not self._task.called:
            self._task.cancel()
            # Its own failure was told to whoever waits for the start.
            await self._task.addErrback(lambda failure: "")
        await self._halt()

    async def _halt(self) -> None:
        """Stop the server, if there is one, and give the lock back."""
        await processes.programs_ended()
        for number, pause in STOP_PAUSES:
            server = self._server
            if server is None:
                break
            self._state = State.STOPPING
            ended = server.ended().addTimeout(pause, self._reactor)
            server.signal(number)
            try:
                await ended
                self._server = None
            except TimeoutError:
                said = "the embedded PostgreSQL (pid {pid}) is still there {pause} s after {signal}"
                self._log.warn(said, pid=server.pid, pause=pause, signal=number.name)
        self._server = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        self._state = State.STOPPED

    async def _launch(self) -> str:
        """Adopt the living server or start one; wait until it is ready, and watch it from then on."""
        cluster, until = self._cluster, self._reactor.seconds() + REAPING
        while True:
            mark = cluster.log_length()
            adopted = self._adopt()
            self._server = server = adopted or await cluster.serve()
            ended = server.ended()
            ready = await self._ready(server, ended)
            if ready is not None:
                break
            self._server = None
            said = cluster.said_since(mark)
            in_the_way = adopted is not None or any(words in said for words in REMAINS)
            if not in_the_way or self._reactor.seconds() > until:
                raise cluster.error("cannot start PostgreSQL", said)
            await deferLater(self._reactor, 0.2)
        self._since = self._reactor.seconds()
        _ = ended.addCallback(self._ended, server)
        said = "the embedded PostgreSQL is ready: pid {pid}, data in {data}"
        self._log.info(said, pid=server.pid, data=str(cluster.home.data))
        return ready.connection_string()

    def _adopt(self) -> processes.Server | None:
        data = self._cluster.home.data
        found = postmaster.running(data)
        if found is None:
            return None
        said = "adopting the PostgreSQL (pid {pid}) that an earlier process left running"
        self._log.info(said, pid=found.pid)
        return processes.AdoptedServer(self._reactor, found.pid, lambda: postmaster.lives(found.pid, data))

    async def _ready(self, server: processes.Server, ended: Deferred[str]) -> postmaster.Postmaster | None:
        """
        The reading of postmaster.pid once the server is ready; None when it ended before.  Recovery after a
        crash may take minutes.
        """
        told = self._reactor.seconds()
        while not ended.called:
            found = postmaster.read(self._cluster.home.data)
            if found is not None and found.pid == server.pid and found.ready:
                return found
            if self._reactor.seconds() - told >= 5:
                told = self._reactor.seconds()
                said = "waiting for PostgreSQL (pid {pid}) to recover its data; see {log}"
                self._log.info(said, pid=server.pid, log=str(self._cluster.home.log))
            await deferLater(self._reactor, POLL)
        return None

    def _ended(self, reason: str, server: processes.Server) -> str:
        """The server ended: nobody asked for it unless we are stopping."""
        self._server = None
        if self._state is State.STOPPING:
            return reason
        if self._reactor.seconds() - self._since > STEADY:
            self._pause = BACKOFF[0]
        said = (
            "the embedded PostgreSQL (pid {pid}) ended: {reason}; starting it again in {pause} s, see {log}"
        )
        log = str(self._cluster.home.log)
        self._log.error(said, pid=server.pid, reason=reason, pause=self._pause, log=log)
        self._plan_restart()
        return reason

    def _plan_restart(self) -> None:
        self._again = self._reactor.callLater(self._pause, self._restart)
        self._pause = min(self._pause * 2, BACKOFF[1])

    def _restart(self) -> None:
        self._task = Deferred.fromCoroutine(self._launch()).addErrback(self._restart_failed)

    def _restart_failed(self, failure: Failure) -> str:
        if self._state is not State.STOPPING:
            said = "{reason}; trying again in {pause} s"
            self._log.error(said, reason=failure.getErrorMessage(), pause=self._pause)
            self._plan_restart()
        return ""
