"""What tests of the pool share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from portaswitch.store.pool import Pool

_reactor: Any = reactor


def pause(seconds: float) -> Deferred[None]:
    """Lets the reactor run."""
    return deferLater(_reactor, seconds)


async def until(holds: Callable[[], Any], what: str = "it", seconds: float = 60) -> None:
    """Wait for something that comes soon on a quiet machine and some time on a busy one; `holds` may return what has to be awaited."""
    end = _reactor.seconds() + seconds
    while True:
        found = holds()
        if await found if hasattr(found, "__await__") else found:
            return
        if _reactor.seconds() > end:
            raise AssertionError(f"{what} did not come within {seconds:g} s")
        await pause(0.02)


class PoolTestCase(TestCase):
    """Makes pools that are closed at the end."""

    timeout = 180

    async def pool(self, dsn: str, **options: Any) -> Pool:
        """A connected pool of 2."""
        pool = Pool(_reactor, dsn, **{"size": 2, "name": "test", **options})
        self.addCleanup(pool.close)
        await pool.start()
        return pool

    def logged(self) -> list[str]:
        """From now on, the lines that the pool logs at level warn and above."""
        lines: list[str] = []

        @implementer(ILogObserver)
        def observer(event: Any) -> None:
            ours = event.get("log_namespace", "").startswith("portaswitch")
            if ours and event["log_level"] >= LogLevel.warn:
                lines.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return lines
