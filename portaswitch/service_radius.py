"""The role radius of a server: profiles, clients, the two ports, and the tasks that go over RADIUS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from os import getpid
from typing import Any

from portaswitch.config.settings import Settings
from portaswitch.endpoints import accounting_copies, listen, radius
from portaswitch.endpoints.answer_templates import AnswerTemplates
from portaswitch.endpoints.client_habits import Habits
from portaswitch.endpoints.clients import EXPOSED, Clients
from portaswitch.endpoints.dynamic import DynamicAuthorization
from portaswitch.endpoints.outgoing import Timing
from portaswitch.endpoints.profiles import SHIPPED, Profile, load
from portaswitch.endpoints.radius_addresses import AddressStep
from portaswitch.endpoints.radius_joined import JoinedSessions
from portaswitch.endpoints.radius_tasks import RadiusTeller
from portaswitch.endpoints.tasks import Pacing, TaskRunner
from portaswitch.interfaces.billing import IBilling
from portaswitch.logs import background
from portaswitch.model.catalogue import EMPTY, Catalogue, Seen
from portaswitch.store.addresses import Addresses
from portaswitch.store.clients import keep_seen
from portaswitch.store.pool import Pool
from portaswitch.store.session_names import SessionNames
from portaswitch.store.session_tasks import COPIES, SessionTasks
from portaswitch.trace.tracer import Tracer

#: Seconds that the lease of a task is longer than a request may take.
LEASE_MARGIN = 30.0
Job = tuple[float, Callable[[], Any], str]


class RadiusRole:
    """Made before the catalogue is there; a fault in a node profile stops the start before anything is open. `now` is the wall clock (aware UTC)."""

    def __init__(self, reactor: Any, settings: Settings, now: Callable[[], datetime], pool: Callable[[], Pool]) -> None:
        self._reactor, self._settings, self._now, self._pool = reactor, settings, now, pool
        self._profiles: dict[str, Profile] = {}
        self._dynamic: DynamicAuthorization | None = None
        self._runner: TaskRunner | None = None
        self._copies: accounting_copies.CopyTeller | None = None
        self._copier: TaskRunner | None = None
        self.clients = Clients(EMPTY, Habits(now, self._keep_seen))
        self.protocols: dict[str, radius.RadiusProtocol] = {}
        EXPOSED.read = lambda: len(self.clients.exposed)

    def load_profiles(self) -> None:
        """Read the node profiles. Errors: ConfigError."""
        self._profiles = load(SHIPPED, *self._settings.radius.profile_path)

    def swapped(self, catalogue: Catalogue) -> None:
        """Another catalogue is in force."""
        before = self.clients
        self.clients = Clients(catalogue, before.habits, AnswerTemplates.of_catalogue(catalogue))
        self.clients.warn(before)

    def _keep_seen(self, i_client: int, seen: Seen) -> None:
        background(keep_seen(self._pool(), i_client, seen), "keeping what a RADIUS client sends")

    def open(self, core: IBilling, tracer: Tracer) -> list[tuple[str, listen.ListeningPort]]:
        """Listen; gives each port with its name. Errors: StartError."""
        settings, opened = self._settings, []
        limits = radius.Limits(settings.radius.reject_delay, settings.radius.duplicate_window, settings.radius.max_waiting_per_peer)
        addresses = AddressStep(Addresses(self._pool()), core, self._reactor.seconds)
        for port, number in ((radius.AUTH, settings.radius.auth_port), (radius.ACCT, settings.radius.acct_port)):
            prefix = f"{settings.instance}-{port.name[1]}"
            billing = JoinedSessions(core, SessionNames(self._pool())) if port is radius.ACCT else core
            protocol = radius.RadiusProtocol(port, billing, lambda: self.clients, self._reactor, self._now, limits, prefix, addresses, tracer)
            self.protocols[port.name] = protocol
            name = f"RADIUS {port.name}"
            opened.append((name, listen.listen_udp(self._reactor, settings.radius.interface, number, protocol, settings.reuse_port, name)))
        return opened

    def jobs(self) -> list[Job]:
        """
        What recurs. Session tasks: CoA and Disconnect to the nodes, copies of accounting to their collectors. A lease is longer than a request may take, so
        that only a dead process loses one.
        """
        settings = self._settings.radius
        timing, worker = Timing(settings.coa_tries, settings.coa_first_wait), f"{self._settings.instance}/{getpid()}"
        dynamic = DynamicAuthorization(self._reactor, timing, settings.coa_interface)
        tasks = SessionTasks(self._pool(), worker, timing.total + LEASE_MARGIN)
        teller = RadiusTeller(dynamic, lambda: self.clients, self._profiles, settings.coa_default_port)
        self._dynamic, self._runner = dynamic, TaskRunner(tasks, teller, self._reactor, Pacing(settings.coa_node_rate, settings.coa_attempts))
        self._copies = accounting_copies.CopyTeller(self._reactor, timing, lambda: self.clients, self._profiles, settings.coa_interface)
        copies = SessionTasks(self._pool(), worker, timing.total + LEASE_MARGIN, COPIES)
        self._copier = TaskRunner(copies, self._copies, self._reactor, accounting_copies.PACING)
        return [(0.5, self._runner.run, "session-tasks"), (0.5, self._copier.run, "accounting-copies")]

    def sweep(self) -> None:
        """Forget answers that are too old to be asked for again."""
        for protocol in self.protocols.values():
            protocol.duplicates.sweep()

    async def stop(self) -> None:
        """Finish the tasks that are under way."""
        if self._runner is not None and self._dynamic is not None:
            await self._runner.stop()
            await self._dynamic.stop()
        if self._copier is not None and self._copies is not None:
            await self._copier.stop()
            await self._copies.stop()
