"""Session tasks over RADIUS: CoA and Disconnect to the address of a node, by its profile (RFC 5176)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from twisted.internet.defer import Deferred

from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.dynamic import Acked, DynamicAuthorization, Refused, Result, Silent
from portaswitch.endpoints.error_causes import Law, law
from portaswitch.endpoints.outgoing import Place
from portaswitch.endpoints.profiles import Attributes, Profile, Unsayable
from portaswitch.endpoints.tasks import Never, NotNow, Verdict
from portaswitch.model.catalogue import Node
from portaswitch.model.session_task import Outcome, SessionTask, TaskKind

#: The words of RFC 5176 for a refusal.
NAKS: Final = {TaskKind.COA: "CoA-NAK", TaskKind.POD: "Disconnect-NAK"}
OUTCOMES: Final = {Law.DONE: Outcome.DONE, Law.FINAL: Outcome.FAILED, Law.LATER: Outcome.AGAIN}


class RadiusTeller:
    """Implements `tasks.Teller`. `clients` gives the clients and nodes in force; `port` is where neither node nor profile names one."""

    def __init__(self, dynamic: DynamicAuthorization, clients: Callable[[], Clients], profiles: Mapping[str, Profile], port: int = 3799) -> None:
        self._dynamic, self._clients, self._profiles, self._port = dynamic, clients, profiles, port

    def reachable(self) -> frozenset[int] | None:
        """All: a datagram goes anywhere."""
        return None

    def tell(self, task: SessionTask) -> Deferred[Verdict]:
        """See `tasks.Teller.tell`."""
        try:
            node, profile = self._node(task)
            place, secret = self._place(task, node, profile)
            asked = self._dynamic.ask(place, task.kind, _attributes(task, node, profile), secret)
        except Unsayable as error:
            raise Never(str(error)) from error
        return asked.addCallback(lambda result: _verdict(task, profile, result))

    def _node(self, task: SessionTask) -> tuple[Node, Profile]:
        node = self._clients().catalogue.nodes.get(task.i_node)
        if node is None or node.i_env != task.i_env:
            raise NotNow(f"the catalogue has no node {task.i_node} in environment {task.i_env}")
        profile = self._profiles.get(node.profile)
        if profile is None:
            raise Unsayable(f"node {node.name} has the profile {node.profile}, which is none of {', '.join(sorted(self._profiles))}")
        return node, profile

    def _place(self, task: SessionTask, node: Node, profile: Profile) -> tuple[Place, bytes]:
        """Where the request goes, and the secret: that of the RADIUS client of the address."""
        if not node.coa_address:
            raise Unsayable(f"node {node.name} takes no CoA and no Disconnect: it has no coa_address in the catalogue")
        client = self._clients().find(node.coa_address)
        if client is None or client.i_env != node.i_env:
            raise Unsayable(f"no radius_clients entry of environment {node.i_env} covers {node.coa_address}, the coa_address of node {node.name}")
        return (node.coa_address, node.coa_port or profile.port_for(task.kind) or self._port), client.secret


def _verdict(task: SessionTask, profile: Profile, result: Result) -> Verdict:
    match result:
        case Acked():
            return Verdict(Outcome.DONE)
        case Silent(reason):
            return Verdict(Outcome.AGAIN, reason, silent=True)
        case Refused(cause, word):
            why = "without Error-Cause" if cause is None else f"Error-Cause {cause}" if word in ("", str(cause)) else f"Error-Cause {cause} ({word})"
            return Verdict(OUTCOMES[law(cause, profile.success[task.kind])], f"{NAKS[task.kind]} {why}")


def _attributes(task: SessionTask, node: Node, profile: Profile) -> Attributes:
    """What the request says. Raises Unsayable."""
    facts = facts_of(task, node)
    found = profile.identify(facts)
    return found + profile.words(task.arguments, facts) if task.kind is TaskKind.COA else found


def facts_of(task: SessionTask, node: Node) -> dict[str, str]:
    """The facts that templates may use (`profiles.FACTS`): those of the session's row and of its node."""
    facts = {**task.facts, "nas_identifier": node.nas_identifier, "nas_ip": node.nas_ip, "node": node.name}
    session = facts.get("session", "")
    # A session's id is h323-conf-id unless it is another id that the node gave, or one that we made up for an Access-Request without any.
    if session not in (facts.get("acct_session_id"), facts.get("call_id")) and not session.startswith("auth-"):
        facts["h323_conf_id"] = session
    return facts
