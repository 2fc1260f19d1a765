"""
A Diameter client that has restarted (RFC 6733 8.16): its Origin-State-Id has risen, so its sessions have died.

    CER, DWR, request of a host behind an agent  >  the state is noted in the database  >  it has risen
                >  the sessions of before are closed, provisionally (DESIGN.md 3.5), ABREAST at a time

A state is that of its Origin-Host: the restart of an agent ends no session of the hosts behind it, and that of one of these no session of the others.
What was heard last is in the database, so that a restart of ours, or another process, misses none. The closing leaves most of the time to other requests: after
each batch it rests for REST times what that took, or less where few others ask, and not at all where nobody does.
One that is cut short by our end goes on when the client comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.endpoints.diameter_peers import DiameterPeer
from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.diameter_origins import IDiameterOrigins
from portaswitch.metrics import Counter
from portaswitch.model.ledger import SessionName
from portaswitch.model.request import AAARequest, Kind, Origin, Parties

RESTARTED = Counter("portaswitch_diameter_peer_restarts_total", "Diameter peers whose Origin-State-Id rose: their sessions are closed provisionally", ("node",))
CLOSED = Counter("portaswitch_diameter_restart_sessions_total", "Sessions that were closed because their Diameter client had restarted", ("node",))

#: Sessions that are closed at once, and for how many times the time that they took nothing is closed: a fifth of the time is theirs.
ABREAST, REST = 32, 4.0
#: Seconds until it is tried again, when the database is away.
RETRY: Final = 5.0


class Restarts:
    """Hears states and closes sessions. `clock` measures and waits, `now` is the wall clock (aware UTC)."""

    _log = Logger()

    def __init__(
        self, billing: IBilling, origins: IDiameterOrigins, clock: Any, now: Callable[[], datetime], prefix: str, others: Callable[[], int] | None = None
    ) -> None:
        """`others` is how many other requests were decided so far; None: there are always some."""
        self._others = others
        self._billing, self._origins, self._clock, self._now, self._prefix = billing, origins, clock, now, prefix
        self._running: dict[tuple[int, str], Deferred[None]] = {}
        self._number = 0

    def heard(self, peer: DiameterPeer, state: int) -> None:
        """The Origin-State-Id of a host, under its own name; 0 says that it keeps none. A newer one takes the place of one that is being worked on."""
        if not state:
            return
        host = peer.i_env, peer.origin_host
        before = self._running.pop(host, None)
        if before is not None:
            before.cancel()
        running = self._running[host] = Deferred.fromCoroutine(self._follow(peer, state, self._now()))
        _ = running.addErrback(self._broken, peer).addBoth(self._over, host, running)

    def stop(self) -> None:
        """Leave the rest to whoever hears of it next."""
        for running in tuple(self._running.values()):
            running.cancel()

    async def _follow(self, peer: DiameterPeer, state: int, at: datetime) -> None:
        """Note the state; close what died, however often the database goes away meanwhile."""
        while True:
            try:
                risen = await self._origins.heard(peer.i_env, peer.i_node, peer.origin_host, state, at)
                if risen is not None:
                    await self._close(peer, risen)
                return
            except DatabaseDown as error:
                self._log.warn("whether {host} has restarted is not known, tried again: {error}", host=peer.origin_host, error=str(error))
            await deferLater(self._clock, RETRY)

    async def _close(self, peer: DiameterPeer, risen: datetime) -> None:
        names = await self._origins.sessions(peer.i_node, peer.origin_host, risen)
        count = len(names)
        RESTARTED.inc(peer.name)
        self._log.info("Diameter peer {host} of node {node} has restarted: {count} sessions are closed", host=peer.origin_host, node=peer.name, count=count)
        seen = self._others() if self._others is not None else 0
        for first in range(0, count, ABREAST):
            since = self._clock.seconds()
            done = await DeferredList([self._end(name) for name in names[first : first + ABREAST]], consumeErrors=True)
            CLOSED.inc(peer.name, by=sum(1 for ok, _ in done if ok))
            if first + ABREAST < count:
                now = seen + ABREAST if self._others is None else self._others()
                share, seen = min(1.0, (now - seen) / ABREAST), now
                await deferLater(self._clock, REST * share * (self._clock.seconds() - since))
        await self._origins.closed(peer.i_env, peer.origin_host, risen)

    def _end(self, name: SessionName) -> Deferred[Any]:
        """Close one, provisionally; one that fails is left to its expiry."""
        self._number += 1
        at = self._now()
        key = f"on_off/{name.node}/{name.session}/{name.version}"
        origin, parties = Origin(name.node, name.i_env, "restarted"), Parties(name.account_id)
        return self._billing.handle(AAARequest(Kind.ON_OFF, f"{self._prefix}on{self._number}", origin, name.session, key, parties, at, at))

    def _broken(self, failure: Failure, peer: DiameterPeer) -> None:
        if not failure.check(CancelledError):
            self._log.failure("closing the sessions of Diameter peer {host}, which restarted, failed", failure, host=peer.origin_host)

    def _over(self, _: Any, host: tuple[int, str], running: Deferred[None]) -> None:
        if self._running.get(host) is running:
            del self._running[host]
