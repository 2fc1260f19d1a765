"""The role diameter of a server: the endpoint, its ports, and the tasks that go over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import getpid
from random import getrandbits
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.config.settings import Settings
from portaswitch.endpoints import diameter_map, listen
from portaswitch.endpoints.diameter import LINGER, DiameterEndpoint
from portaswitch.endpoints.diameter_peers import DiameterPeers, LocalIdentity
from portaswitch.endpoints.diameter_profiles import DiameterProfile, load
from portaswitch.endpoints.diameter_push import PATIENCE, DiameterTeller
from portaswitch.endpoints.diameter_requests import Limits
from portaswitch.endpoints.tasks import Pacing, TaskRunner
from portaswitch.interfaces.billing import IBilling
from portaswitch.model.catalogue import EMPTY, Catalogue
from portaswitch.store.diameter_agents import DiameterAgents
from portaswitch.store.diameter_origins import DiameterOrigins
from portaswitch.store.pool import Pool
from portaswitch.store.session_tasks import DIAMETER, SessionTasks
from portaswitch.trace.tracer import Tracer
from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.identifiers import Identifiers

#: What is said to all: no restart of ours forgets sessions, since they live in the database, so it never rises (RFC 6733 8.16).
ORIGIN_STATE = 1
#: Attempts of a task: a peer that does not answer twice is left to Validity-Time. Seconds that a lease is longer than a request may take.
ATTEMPTS, LEASE_MARGIN = 2, 30.0


@dataclass(frozen=True, slots=True)
class Every:
    """A job of the role: its name, and the seconds between two runs."""

    name: str
    seconds: float
    run: Callable[[], Any]


class DiameterRole:
    """Made before the catalogue is there; `open` listens. `now` is the wall clock (aware UTC)."""

    def __init__(self, reactor: Any, settings: Settings, now: Callable[[], datetime]) -> None:
        self._reactor, self._settings, self._now = reactor, settings, now
        section = settings.diameter
        self._identity = LocalIdentity(section.origin_host, section.origin_realm, frozenset(section.realms))
        self._profiles: Mapping[str, DiameterProfile] | None = None
        self._peers = DiameterPeers(EMPTY, self._identity)
        self._runner: TaskRunner | None = None
        self.endpoint: DiameterEndpoint | None = None
        self.ports: list[listen.ListeningPort] = []

    def load_profiles(self) -> None:
        """Read the node profiles. Errors: ConfigError."""
        self._profiles = load(*self._settings.diameter.profile_path)

    def swapped(self, catalogue: Catalogue) -> None:
        """Another catalogue is in force."""
        self._peers = DiameterPeers(catalogue, self._identity, self._profiles)
        if self.endpoint is not None:
            self.endpoint.swapped()

    def open(self, core: IBilling, tracer: Tracer, pool: Pool, others: Callable[[], int]) -> list[str]:
        """Listen; gives a line for each port. `others` as the endpoint's. Errors: StartError."""
        section = self._settings.diameter
        addresses = section.host_addresses or tuple(dict.fromkeys(address.interface for address in section.listen))
        local = Local(section.origin_host, section.origin_realm, addresses, ORIGIN_STATE)
        identifiers = Identifiers(int(self._now().timestamp()), getrandbits(32))
        limits = Limits(section.max_waiting, section.max_waiting_per_peer)
        self.endpoint = endpoint = DiameterEndpoint(
            local, lambda: self._peers, core, diameter_map, self._reactor, self._now, identifiers, limits, section.watchdog,
            f"{self._settings.instance}-d", tracer, origins=DiameterOrigins(pool, self._reactor), ways=DiameterAgents(pool), others=others,
        )  # fmt: skip
        lines = []
        for address in section.listen:
            opened = listen.listen_stream(self._reactor, address, endpoint.factory, self._settings.reuse_port, "Diameter")
            self.ports.append(opened)
            host = opened.getHost()
            lines.append(f"Diameter on {address.transport} {host.host}:{host.port}")
        return lines

    def jobs(self, pool: Pool) -> list[Every]:
        """What runs while the role does: watchdogs, and the tasks of session_tasks that are Diameter's."""
        endpoint = self.endpoint
        if endpoint is None:
            return []
        tasks = SessionTasks(pool, f"{self._settings.instance}/{getpid()}/diameter", PATIENCE + LEASE_MARGIN, DIAMETER)
        teller = DiameterTeller(endpoint, self._reactor)
        self._runner = TaskRunner(tasks, teller, self._reactor, Pacing(self._settings.diameter.push_node_rate, ATTEMPTS))
        return [
            Every("diameter-peers", 1.0, endpoint.tick), Every("diameter-tasks", 0.5, self._runner.run), Every("diameter-agents", 2.0, endpoint.learn),
            Every("diameter-agents-purge", 3600.0, DiameterAgents(pool).purge),
        ]  # fmt: skip

    async def drain(self) -> None:
        """Take no new connections and requests; what is in the core is answered still."""
        while self.ports:
            closed: Deferred[None] | None = self.ports.pop().stopListening()
            if closed is not None:
                await closed
        if self.endpoint is not None:
            self.endpoint.drain()

    async def stop(self) -> None:
        """Take leave of the peers, and give back the tasks under way."""
        if self._runner is not None:
            await self._runner.stop()
        if self.endpoint is not None:
            await self.endpoint.stop().addTimeout(LINGER + 1, self._reactor, lambda *_: None)
            self.endpoint.cut()
