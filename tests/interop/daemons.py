"""Foreign daemons of the tests: started, watched, and ended with their test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol

_reactor: Any = reactor


class Daemon(ProcessProtocol):
    """A process of a test's; `ended` fires when it is gone, `said` is what it printed."""

    def __init__(self, program: str, *arguments: str, folder: Path) -> None:
        if not Path(program).exists():
            raise AssertionError(f"{program} is not installed: .ci/packages lists what these tests need")
        self.ended: Deferred[None] = Deferred()
        self.said = ""
        self._name = program
        self._process = _reactor.spawnProcess(self, program, [program, *arguments], env={"PATH": "/usr/bin:/bin"}, path=str(folder))

    def outReceived(self, data: bytes) -> None:
        """What it prints."""
        self.said += data.decode(errors="replace")

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        """It is gone."""
        self.ended.callback(None)

    def lives(self) -> None:
        """AssertionError with its last words where it has ended."""
        if self.ended.called:
            raise AssertionError(f"{self._name} has ended: {self.said[-2000:]}")

    def end(self, signal: str = "KILL") -> Deferred[None]:
        """End it, and wait until it is gone."""
        if not self.ended.called:
            self._process.signalProcess(signal)
        return self.ended
