"""
Copies of accounting: Accounting-Requests (RFC 2866) to a collector, which so learns what address a subscriber has (docs/accounting-copies.rst).

    tell(task)  >  the packet, again after 2, 4, 8, 8 s while nothing comes  >  again, later, until the task expires
                <  Accounting-Response                                       >  done

A later attempt is a new packet, with another Acct-Delay-Time (RFC 2866 5.2); Acct-Session-Id and Acct-Status-Type are the same, by which a collector that
got both takes them for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import uniform
from time import time
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from portaswitch.endpoints.asking import Answer, NoAnswer, Schedule
from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.outgoing import JITTER, Outgoing, Place, Timing
from portaswitch.endpoints.profiles import Attributes, Profile, Unsayable
from portaswitch.endpoints.tasks import NotNow, Pacing, Verdict
from portaswitch.metrics import Counter, Histogram
from portaswitch.model.catalogue import Node
from portaswitch.model.session_task import Outcome, SessionTask
from portaswitch.wire.radius.packet import Code

REQUESTS = Counter("portaswitch_accounting_copies_total", "Accounting-Requests to collectors that are settled", ("collector", "result"))
IGNORED = Counter("portaswitch_accounting_copies_ignored_total", "Datagrams at the ports of copies of accounting that were no answer", ("reason",))
SECONDS = Histogram("portaswitch_accounting_copy_seconds", "From the first sending of a copy of accounting to its answer")

#: Where a collector listens that names no port (RFC 2866 3).
PORT: Final = 1813
#: A collector gets what a busy access network has to tell; a copy is tried until it expires, a day after its event (functions/exchange_with.sql).
PACING: Final = Pacing(rate=500, attempts=None, window=256)
SILENCE: Final = "does it take RADIUS accounting from this server's address, with the secret that radius_clients has for the collector's coa_address?"


class CopyTeller:
    """Implements `tasks.Teller`. `clients` gives the clients and nodes in force; requests leave from `interface`, `now` gives seconds since 1970."""

    def __init__(
        self,
        reactor: Any,
        timing: Timing,
        clients: Callable[[], Clients],
        profiles: Mapping[str, Profile],
        interface: str = "0.0.0.0",
        now: Callable[[], float] = time,
        vary: Callable[[float, float], float] = uniform,
    ) -> None:
        schedule = Schedule(timing.tries, lambda sending: timing.wait(sending) * (1 + vary(-JITTER, JITTER)))
        self._outgoing = Outgoing(reactor, schedule, interface, SILENCE, IGNORED.inc)
        self._clients, self._profiles, self._now = clients, profiles, now

    def reachable(self) -> frozenset[int]:
        """The collectors of all nodes: where there are none, nobody looks for copies."""
        return frozenset(self._clients().catalogue.collectors.values())

    def tell(self, task: SessionTask) -> Deferred[Verdict]:
        """See `tasks.Teller.tell`. What is missing in the catalogue may be there before the copy expires, so that it is never a reason to give up."""
        node = self._node(task.i_node, task)
        try:
            profile = self._profile(node)
            attributes = self._attributes(task, profile)
        except Unsayable as error:
            raise NotNow(str(error)) from error
        place, secret = self._place(node, profile)
        asked = self._outgoing.ask(place, int(Code.ACCOUNTING_REQUEST), attributes, secret)
        return asked.addCallbacks(lambda answer: _taken(node, answer), lambda failure: _silent(node, failure))

    def stop(self) -> Deferred[Any]:
        """Close all ports; what is under way is tried again."""
        return self._outgoing.stop()

    def _node(self, i_node: int, task: SessionTask) -> Node:
        node = self._clients().catalogue.nodes.get(i_node)
        if node is None or node.i_env != task.i_env:
            raise NotNow(f"the catalogue has no node {i_node} in environment {task.i_env}")
        return node

    def _profile(self, node: Node) -> Profile:
        profile = self._profiles.get(node.profile)
        if profile is None:
            raise Unsayable(f"node {node.name} has the profile {node.profile}, which is none of {', '.join(sorted(self._profiles))}")
        return profile

    def _place(self, node: Node, profile: Profile) -> tuple[Place, bytes]:
        """Where copies go, and the secret: that of the RADIUS client of the address."""
        if not node.coa_address:
            raise NotNow(f"node {node.name} gets no copies: it has no coa_address in the catalogue")
        client = self._clients().find(node.coa_address)
        if client is None or client.i_env != node.i_env:
            raise NotNow(f"no radius_clients entry of environment {node.i_env} covers {node.coa_address}, the coa_address of node {node.name}")
        return (node.coa_address, node.coa_port or profile.accounting_port or PORT), client.secret

    def _attributes(self, task: SessionTask, profile: Profile) -> Attributes:
        """What the copy says: the session by the collector's profile, at the node that it is of. Raises Unsayable."""
        at, facts = int(task.arguments["at"]), dict(task.facts)
        number = task.session_key.partition("/")[0]
        nas = self._clients().catalogue.nodes.get(int(number)) if number.isdigit() else None
        if nas is not None:
            facts |= {"nas_identifier": nas.nas_identifier, "nas_ip": nas.nas_ip, "node": nas.name}
        said = profile.copy(facts)
        return [("Acct-Status-Type", str(task.arguments["status"])), *said, ("Acct-Delay-Time", max(0, int(self._now()) - at)), ("Event-Timestamp", at)]


def _taken(node: Node, answer: Answer) -> Verdict:
    SECONDS.observe(answer.seconds)
    REQUESTS.inc(node.name, "answered")
    return Verdict(Outcome.DONE)


def _silent(node: Node, failure: Failure) -> Verdict:
    failure.trap(NoAnswer)
    REQUESTS.inc(node.name, "silent")
    return Verdict(Outcome.AGAIN, str(failure.value), silent=True)
