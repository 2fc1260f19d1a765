"""
Caches are told whose money an operation has moved: after its commit, never within it.

A transaction with a NOTIFY holds a lock of the whole database while it commits, so that top-ups, each waiting for the disk, would commit one after the other
(DESIGN.md 4). Those that end while one notice is under way share the next.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

import psycopg2
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from portaswitch.errors import PortaSwitchError
from portaswitch.store.pool import Pool

TELL: Final = "select notify_subscriber(subscriber) from unnest(%s::text[]) subscriber"


class Wakeups:
    """Notices on the connections of `pool`."""

    _log = Logger()

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._subscribers: set[str] = set()
        self._waiting: list[Deferred[None]] = []
        self._telling: Deferred[None] = succeed(None)

    async def tell(self, subscribers: Set[str]) -> None:
        """Tell all servers of these ('a:17' an account, 'c:4' a customer); over when they are told. A lost connection is logged: the rows decide anyway."""
        if not subscribers:
            return
        told: Deferred[None] = Deferred()
        self._subscribers |= subscribers
        self._waiting.append(told)
        if self._telling.called:
            self._telling = Deferred.fromCoroutine(self._tell())
        await told

    async def _tell(self) -> None:
        while self._waiting:
            await self._once()

    async def _once(self) -> None:
        subscribers, waiting = sorted(self._subscribers), self._waiting
        self._subscribers, self._waiting = set(), []
        try:
            await self._pool.query(TELL, (subscribers,))
        except (psycopg2.Error, PortaSwitchError) as error:
            self._log.warn("servers were not told of new money of {count} subscribers: {error}", count=len(subscribers), error=str(error).strip())
        finally:
            for told in waiting:
                if not told.called:
                    told.callback(None)
