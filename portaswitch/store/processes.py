"""
Child processes as values one can wait for: a program that runs to its end, and a server that is ours or was
adopted.

PostgreSQL is started through setsid(1), in a session of its own: a Ctrl-C on the terminal reaches the server
only, which then stops PostgreSQL in order.  The child gets an open log file and no pipe, so that it survives
the death of the process that started it.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from portaswitch.store.placement import Account

EXEC_POLL = 0.01
"""Seconds between two looks whether a child runs its own program yet."""

ADOPTED_POLL = 0.5
"""Seconds between two looks at a process that is not our child (nobody tells us of its end)."""


class Reactor(IReactorProcess, IReactorTime):
    """What the embedded database needs of a reactor: processes and time."""


class Server(Protocol):
    """A running server process."""

    pid: int

    def ended(self) -> Deferred[str]:
        """Fires with the reason, in words, when the process is gone (at once when it is)."""

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when the process is gone."""


class _Ending:
    """An end that any number of callers wait for."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[str]] = []
        self._reason: str | None = None

    def wait(self) -> Deferred[str]:
        """A new Deferred of the reason."""
        waiter: Deferred[str] = Deferred(self._waiting.remove)
        if self._reason is not None:
            waiter.callback(self._reason)
        else:
            self._waiting.append(waiter)
        return waiter

    def over(self, reason: str) -> None:
        """Tell all who wait."""
        self._reason = reason
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(reason)


class ChildServer(ProcessProtocol):
    """A server that we started; its output goes to the log file."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._ending = _Ending()
        self.pid = 0

    def ended(self) -> Deferred[str]:
        """See Server."""
        return self._ending.wait()

    def signal(self, number: int) -> None:
        """See Server."""
        _send(self._clock, self.transport, number)

    def processEnded(self, reason: Failure) -> None:
        """Twisted's news that the child was reaped."""
        self._ending.over(words(reason))


class AdoptedServer:
    """A server that an earlier process of ours left behind: watched by looking, as only a parent is told."""

    def __init__(self, clock: IReactorTime, pid: int, lives: Callable[[], bool]) -> None:
        self.pid = pid
        self._lives = lives
        self._ending = _Ending()
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock
        self._looping = self._loop.start(ADOPTED_POLL, now=False)

    def ended(self) -> Deferred[str]:
        """See Server."""
        return self._ending.wait()

    def signal(self, number: int) -> None:
        """See Server; from here on the end is looked for more often, as somebody waits for it."""
        if not self._lives():
            return
        os.kill(self.pid, number)
        if self._loop.running:
            self._loop.stop()
            self._looping = self._loop.start(ADOPTED_POLL / 25, now=False)

    def _look(self) -> None:
        if not self._lives():
            self._loop.stop()
            self._ending.over("ended (it was not our child, so the cause is not known)")


def _send(clock: IReactorTime, transport: Any, number: int | str) -> None:
    """
    Send a signal to a child, once it runs its own program: between fork and exec it is a copy of us, in which a handler of ours would log to files that are
    closed already, for ever.
    """
    pid = None if transport is None else transport.pid
    if pid is None:
        return
    if _is_a_copy(pid):
        clock.callLater(EXEC_POLL, _send, clock, transport, number)
        return
    try:
        transport.signalProcess(number)
    except (error.ProcessExitedAlready, ProcessLookupError):
        return


def _is_a_copy(pid: int) -> bool:
    """Whether a child still has our command line; False where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == Path("/proc/self/cmdline").read_bytes() != b""
    except OSError:
        return False


def words(reason: Failure) -> str:
    """The end of a process in words."""
    value = reason.value
    if isinstance(value, error.ProcessTerminated) and value.signal is not None:
        return f"killed by {signal.Signals(value.signal).name}"
    return f"exit code {getattr(value, 'exitCode', 0)}"


def environment() -> dict[str, str]:
    """
    A child's environment: no PG* variable of ours steers it, and its messages are in English, as we read
    them.
    """
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def serve(
    reactor: Any, program: Path, arguments: Sequence[str], log: Path, account: Account | None
) -> ChildServer:
    """
    Start a server in a session of its own, with its output appended to `log`; the caller sees OSError when
    that can't be opened.
    """
    child = ChildServer(reactor)
    setsid = shutil.which("setsid")
    command = [*([setsid] if setsid else []), str(program), *arguments]
    null, output = (
        os.open(os.devnull, os.O_RDONLY),
        os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640),
    )
    try:
        transport = reactor.spawnProcess(
            child,
            command[0],
            command,
            env=environment(),
            path="/",
            childFDs={0: null, 1: output, 2: output},
            **_ids(account),
        )
    finally:
        os.close(null)
        os.close(output)
    child.pid = transport.pid
    return child


#: Programs under way; one that was cancelled stays until it is gone.
_running: set[_Program] = set()


async def programs_ended() -> None:
    """Wait until every program that was started, and perhaps cancelled, is gone: only then may its folder be used again."""
    for program in tuple(_running):
        gone: Deferred[None] = Deferred()
        program.waiting.append(gone)
        await gone


class _Program(ProcessProtocol):
    """A program that runs to its end; what it prints is collected."""

    def __init__(self, clock: IReactorTime, given: bytes) -> None:
        self._clock, self._given = clock, given
        self._output: list[bytes] = []
        self.done: Deferred[tuple[int, str]] = Deferred(self._kill)
        self.waiting: list[Deferred[None]] = []

    def connectionMade(self) -> None:
        """Feed the standard input."""
        assert self.transport is not None
        self.transport.write(self._given)
        self.transport.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Standard output and error alike."""
        self._output.append(data)

    def processEnded(self, reason: Failure) -> None:
        """Report the exit code (a signal counts as 128 and its number, as in a shell) and the output."""
        value: Any = reason.value
        code = 128 + value.signal if getattr(value, "signal", None) else getattr(value, "exitCode", 0) or 0
        _running.discard(self)
        if not self.done.called:
            self.done.callback((code, b"".join(self._output).decode("utf-8", "replace")))
        for waiting in self.waiting:
            waiting.callback(None)

    def _kill(self, done: Deferred[tuple[int, str]]) -> None:
        _send(self._clock, self.transport, "TERM")  # not KILL: initdb cleans up, and ends its own child


def run(
    reactor: Any, command: Sequence[str], account: Account | None = None, given: bytes = b""
) -> Deferred[tuple[int, str]]:
    """
    Run a program to its end, with `given` on its standard input; fires with exit code and output.  Cancelling
    ends the program (SIGTERM).
    """
    program = _Program(reactor, given)
    reactor.spawnProcess(program, command[0], list(command), env=environment(), path="/", **_ids(account))
    _running.add(program)
    return program.done


def _ids(account: Account | None) -> dict[str, int]:
    """
    The arguments of spawnProcess that change the user; none of them unless we are root (Twisted forks slowly
    with them).
    """
    return {} if account is None else {"uid": account.uid, "gid": account.gid}
