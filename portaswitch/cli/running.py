"""
Running a command on the reactor, and what its errors look like.

Ctrl-C cancels the command, waits until it has closed what it opened (a PostgreSQL of our own must not stay),
and ends with status 130.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import IO, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.cli.command import FAILED, INTERRUPTED
from portaswitch.errors import ConfigError, PortaSwitchError
from portaswitch.model.operation import OperationRefused

PREFIX = "portaswitch: "


@implementer(ILogObserver)
class LogLines:
    """
    What the server's parts log as one line each on standard error; with tracebacks when everything is wanted.
    """

    def __init__(self, out: IO[str], verbose: bool) -> None:
        self._out, self._verbose = out, verbose
        self._level = LogLevel.debug if verbose else LogLevel.warn

    def __call__(self, event: LogEvent) -> None:
        """One event."""
        level = event.get("log_level", LogLevel.info)
        if level < self._level:
            return
        text, failure = formatEvent(event), event.get("log_failure")
        if failure is not None:
            text += f"\n{failure.getTraceback()}" if self._verbose else f": {failure.getErrorMessage()}"
        self._out.write(f"{PREFIX}{level.name}: {text if self._verbose else ' '.join(text.split())}\n")


def run(body: Callable[[Any], Awaitable[int]], verbose: bool) -> int:
    """Run `body(reactor)` to its end and give its status; an error is told on standard error and gives 1."""
    from twisted.internet import reactor

    observer = LogLines(sys.stderr, verbose)
    globalLogBeginner.beginLoggingTo([observer], discardBuffer=True, redirectStandardIO=False)
    return Running(reactor, body, verbose).run()


class Running:
    """One command on a reactor."""

    def __init__(self, reactor: Any, body: Callable[[Any], Awaitable[int]], verbose: bool) -> None:
        self._reactor, self._body, self._verbose = reactor, body, verbose
        self._task: Deferred[int] | None = None
        self._status = INTERRUPTED
        self._broken: BrokenPipeError | None = None

    def run(self) -> int:
        """Until the command is over and the reactor has stopped."""
        self._reactor.callWhenRunning(self._start)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._interrupted)
        self._reactor.run()
        if self._broken is not None:
            raise self._broken
        return self._status

    def _start(self) -> None:
        self._task = Deferred.fromCoroutine(self._go())
        _ = self._task.addBoth(self._over)

    async def _go(self) -> int:
        return await self._body(self._reactor)

    def _over(self, result: int | Failure) -> None:
        self._task = None
        if isinstance(result, Failure):
            self._failed(result)
        else:
            self._status = result
        # Not at once: the command may have ended before the reactor was running in full.
        self._reactor.callLater(0, self._stop)

    def _stop(self) -> None:
        if self._reactor.running:
            self._reactor.stop()

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, BrokenPipeError):
            self._broken = error
            return
        if isinstance(error, CancelledError):
            lines = ["interrupted"]
        else:
            self._status, lines = FAILED, told(error)
        if self._verbose and not isinstance(error, PortaSwitchError | CancelledError):
            traceback.print_exception(error)
        for line in lines:
            sys.stderr.write(f"{PREFIX}{line}\n")

    def _interrupted(self) -> Deferred[None] | None:
        """Before the reactor stops: cancel a command that still runs, and wait for its end."""
        if self._task is None:
            return None
        ended: Deferred[None] = Deferred()
        _ = self._task.addBoth(lambda _: ended.callback(None))
        self._task.cancel()
        return ended


def told(error: BaseException | None) -> list[str]:
    """
    An error as lines for people: faults of a configuration or an operation one a line, everything else one line
    that says what to do.
    """
    if isinstance(error, ConfigError | OperationRefused):
        return [" ".join(fault.split()) for fault in error.faults]
    if isinstance(error, PortaSwitchError):
        return [" ".join(str(error).split())]
    if isinstance(error, OSError) and error.strerror:
        return [f"{error.filename}: {error.strerror}" if error.filename else error.strerror]
    said = " ".join(str(error).split())
    return [f"internal error: {type(error).__name__}: {said} (--verbose shows where; please report it)"]
