"""
The address step of RADIUS: between a decision and its answer, at nodes that have a pool (spec/radius.yaml, Framed-IP-Address).

    accepted authorization of an Internet session    an address of the node's pool goes into the decision's facts; none free: refused
    Start, Alive                                     the lease lives on
    Stop, Accounting-On, -Off                        addresses come back

At other nodes nothing is asked here: the decision holds the account's static address already. Accounting is answered whatever becomes of the lease: its
money is settled, and a lease ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.interfaces.addresses import IAddresses
from portaswitch.interfaces.billing import IBilling
from portaswitch.metrics import Counter
from portaswitch.model.catalogue import Node
from portaswitch.model.lease import Holder, Want
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Kind, Report, UnitRequest

LEASES = Counter("portaswitch_ip_leases_total", "What became of leases on addresses of pools", ("result",))
EXHAUSTED = Counter("portaswitch_ip_pool_exhausted_total", "Sessions refused because the pool of their node had no free address", ("node",))

#: How the ids of sessions begin that come without one (`radius_request`).
MADE_UP = "auth-"
#: Seconds between two log lines on one exhausted pool.
TELL_EVERY = 60.0


class AddressStep:
    """`settle` is called with each decision at a node with a pool; `seconds` is a monotonic clock."""

    _log = Logger()

    def __init__(self, addresses: IAddresses, billing: IBilling, seconds: Callable[[], float]) -> None:
        self._addresses, self._billing, self._seconds = addresses, billing, seconds
        self._told: dict[int, float] = {}

    def settle(self, decision: Decision, request: AAARequest, node: Node) -> Decision | Deferred[Decision]:
        """The decision as it is answered. Errors: `DatabaseDown` of an authorization, which then is not answered."""
        if request.kind is Kind.AUTH:
            if decision.accepted and request.units and "service" in decision.facts.more:
                return self._take(decision, request, node)
            return decision
        done = self._report(request)
        return decision if done is None else done.addBoth(self._reported, decision)

    # -- authorization ----------------------------------------------------------------------------------------------------------------------------

    def _take(self, decision: Decision, request: AAARequest, node: Node) -> Deferred[Decision]:
        facts = decision.facts
        lasts = timedelta(seconds=int(facts.more.get("session_timeout", "0")))
        made_up = request.session.startswith(MADE_UP)
        want = Want(node.i_ip_pool, _key(request), facts.i_account, request.parties.user, request.origin.i_node, made_up, lasts)
        return self._addresses.take(want).addCallback(self._taken, decision, request, node)

    def _taken(self, address: str | None, decision: Decision, request: AAARequest, node: Node) -> Decision | Deferred[Decision]:
        if address is None:
            return self._exhausted(decision, request, node)
        LEASES.inc("taken")
        return replace(decision, facts=replace(decision.facts, more={**decision.facts.more, "framed_ip": address}))

    def _exhausted(self, decision: Decision, request: AAARequest, node: Node) -> Deferred[Decision]:
        """No address: the session that was just opened ends, so that nothing stays held, and the user is refused."""
        EXHAUSTED.inc(node.name)
        now = self._seconds()
        if now - self._told.get(node.i_ip_pool, -TELL_EVERY) >= TELL_EVERY:
            self._told[node.i_ip_pool] = now
            self._log.error("the address pool of node {node} has no free address: {user} is refused; give the pool more ranges, or shorten its lease_time",
                            node=node.name, user=request.parties.user)  # fmt: skip
        refusal = Decision(refusal=Refusal.NOT_AVAILABLE, facts=replace(decision.facts, more={"reason": "no free address"}))
        units = tuple([UnitRequest(asked.key, asked.base, used=0, report=Report.FINAL) for asked in request.units])
        ended = replace(request, kind=Kind.STOP, key=f"{request.key}/no-address", units=units, credentials=None)
        return self._billing.handle(ended).addCallback(lambda _: refusal)

    # -- accounting -------------------------------------------------------------------------------------------------------------------------------

    def _report(self, request: AAARequest) -> Deferred[bool] | Deferred[int] | None:
        if request.kind is Kind.ON_OFF:
            return self._addresses.free_node(request.origin.i_node, request.at)
        if not request.session:
            return None
        holder = Holder(request.origin.i_env, _key(request), request.parties.user, request.kept.get("subscriber_ip", ""))
        return self._addresses.free(holder) if request.kind is Kind.STOP else self._addresses.renew(holder)

    def _reported(self, result: bool | int | Failure, decision: Decision) -> Decision:
        if isinstance(result, Failure):
            self._log.warn("a lease could not be kept or freed, it ends by itself: {error}", error=result.getErrorMessage())
        LEASES.inc("failed" if isinstance(result, Failure) else "reported" if result else "unknown")
        return decision


def _key(request: AAARequest) -> str:
    """The session's name in the store: node and session id."""
    return f"{request.origin.i_node}/{request.session}"
