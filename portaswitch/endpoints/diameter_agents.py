"""
Clients behind agents (a DRA that is a peer itself): by which agents requests of a host come, so that requests of ours for it go there (RFC 6733 6.1).

    a request  >  heard: the host, by its agent  >  learn: noted, and read what other processes heard, and those before us  >  way: by the last that is there

A process knows the hosts behind the agents that are connected to it, so that it can claim what is to be told to them, also when it has just started.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from portaswitch.endpoints.diameter_peers import LONGEST_NAME, DiameterPeer
from portaswitch.interfaces.diameter_agents import IDiameterAgents
from portaswitch.metrics import Counter
from portaswitch.model.diameter_way import Way

UNREMEMBERED = Counter("portaswitch_diameter_hosts_unremembered_total", "Requests of hosts that an agent brought beyond those that are remembered", ("node",))

MOST: Final = 4096
"""Hosts that are remembered of one agent: more are made up."""

REWRITTEN: Final = 30.0
"""Seconds after which it is noted again that a way is in use."""

STALE: Final = 86400.0
"""Seconds after which a host makes room for another one."""

WEEK: Final = 7 * 86400.0
OVERLAP: Final = 60.0
"""Seconds that are read once more: what was committed late."""


@dataclass(slots=True)
class _Heard:
    """
    The realm of a host, when an agent last brought a request of it, and when that was last noted in the database; times of the clock. `state` is the highest
    Origin-State-Id of these requests, 0 for none.
    """

    realm: str
    at: float
    noted: float
    state: int = 0


class DiameterAgents:
    """
    Of one process. `kept` is what all processes know, `ready` says whether requests may go to a peer; `speaker` gives whom a request of a host and realm speaks
    for that a peer brings, None where the peer is no more. `clock` has `seconds()`.
    """

    def __init__(
        self, kept: IDiameterAgents, ready: Callable[[str], bool], speaker: Callable[[str, str, str], DiameterPeer | None], clock: Any
    ) -> None:  # fmt: skip
        self._kept, self._ready, self._speaker, self._clock = kept, ready, speaker, clock
        self._behind: dict[str, dict[str, _Heard]] = {}
        self._unwritten: dict[tuple[str, str], Way] = {}
        self._read: dict[str, float] = {}
        self._looked: dict[str, float] = {}

    def heard(self, sender: DiameterPeer, host: str, realm: str, state: int) -> bool:
        """
        A request of a host (small letters) that `sender` brought, and its Origin-State-Id, 0 for none. Gives whether that is a state of a host behind it which
        this process had not heard of: those of a peer itself are told by its CER and DWRs.
        """
        if host == sender.origin_host:
            return False
        agent, now = sender.origin_host, self._clock.seconds()
        known = self._behind.setdefault(agent, {}).get(host)
        if known is None:
            known = self._new(agent, host, realm, now)
            if known is None:
                UNREMEMBERED.inc(sender.name)
                return False
        known.at = now
        if now - known.noted >= REWRITTEN:
            known.noted = now
            self._unwritten[agent, host] = Way(agent, host, realm, sender.i_node)
        before, known.state = known.state, max(known.state, state)
        return state > before

    def _new(self, agent: str, host: str, realm: str, at: float) -> _Heard | None:
        """Make room for a host; None where there is none, or its name is none."""
        if not host or not all(text.isascii() and text.isprintable() and len(text) <= LONGEST_NAME for text in (host, realm)):
            return None
        hosts = self._behind.setdefault(agent, {})
        if len(hosts) >= MOST and not self._cleared(agent, hosts):
            return None
        found = hosts[host] = _Heard(realm, at, at - REWRITTEN)
        return found

    def _cleared(self, agent: str, hosts: dict[str, _Heard]) -> bool:
        """Whether stale hosts of an agent have made room; not looked for at every request of one that makes names up."""
        now = self._clock.seconds()
        if now - self._looked.get(agent, -OVERLAP) < OVERLAP:
            return False
        self._looked[agent] = now
        for name in [name for name, known in hosts.items() if known.at < now - STALE]:
            del hosts[name]
        return len(hosts) < MOST

    async def learn(self, connected: Collection[str]) -> None:
        """Note what was heard, and read of the agents among these peers what others noted. Errors: `DatabaseDown`; the next time makes it good."""
        if self._unwritten:
            written = self._unwritten
            self._unwritten = {}
            try:
                await self._kept.remember(list(written.values()))
            except BaseException:
                self._unwritten = written | self._unwritten
                raise
        if not connected:
            self._read = {}
            return
        now = self._clock.seconds()
        wanted = {agent: now - self._read[agent] + OVERLAP if agent in self._read else WEEK for agent in connected}
        for way in await self._kept.ways(wanted):
            self._told(way, now - way.age.total_seconds())
        self._read = dict.fromkeys(wanted, now)

    def _told(self, way: Way, at: float) -> None:
        known = self._behind.get(way.agent, {}).get(way.host) or self._new(way.agent, way.host, way.realm, at)
        if known is not None:
            known.at, known.noted = max(known.at, at), max(known.noted, at)

    def reachable(self) -> Iterator[DiameterPeer]:
        """The hosts behind agents that requests may go to now, each once, as whom they speak for; one that no node names is of its agent's."""
        told: set[str] = set()
        for agent, hosts in self._behind.items():
            if not self._ready(agent):
                continue
            for host, known in hosts.items():
                speaker = self._speaker(agent, host, known.realm) if host not in told else None
                if speaker is not None:
                    told.add(host)
                    yield speaker

    def way(self, host: str) -> str:
        """The connected peer by which requests for a host go: of the agents that are there the one that brought its last request; else itself."""
        found = [(hosts[host].at, agent) for agent, hosts in self._behind.items() if host in hosts and self._ready(agent)]
        return max(found)[1] if found else host
