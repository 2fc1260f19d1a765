"""Signals to children."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet import error
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.store.processes import EXEC_POLL, ChildServer


class Child:
    """The transport of a child of this pid."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        self.signals: list[int] = []

    def signalProcess(self, number: int) -> None:
        """Noted; a child without a pid has ended."""
        if self.pid is None:
            raise error.ProcessExitedAlready
        self.signals.append(number)


class SignalTests(SynchronousTestCase):
    """A server that is told to stop."""

    def told(self, pid: int | None) -> tuple[Clock, Child]:
        """A clock, and the transport of a child that was sent SIGTERM."""
        clock, child = Clock(), Child(pid)
        server = ChildServer(clock)
        transport: Any = child
        server.transport = transport
        server.signal(15)
        return clock, child

    def test_between_fork_and_exec(self) -> None:
        """A child that is still a copy of us, with our command line, is left alone until it runs its own program."""
        clock, child = self.told(os.getpid())
        clock.pump([EXEC_POLL] * 3)
        self.assertEqual(child.signals, [])
        child.pid = os.getppid()
        clock.advance(EXEC_POLL)
        self.assertEqual((child.signals, clock.getDelayedCalls()), ([15], []))

    def test_at_once(self) -> None:
        """One that runs its program gets the signal at once; one that is gone gets none."""
        self.assertEqual(self.told(os.getppid())[1].signals, [15])
        self.assertEqual(self.told(None)[1].signals, [])

    def test_gone_meanwhile(self) -> None:
        """A child that ended while it was waited for is not looked for again."""
        clock, child = self.told(os.getpid())
        child.pid = None
        clock.advance(EXEC_POLL)
        self.assertEqual((child.signals, clock.getDelayedCalls()), ([], []))
