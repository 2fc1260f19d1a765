"""
Internet sessions whose node names them only in accounting and does not return Class: what it reports is joined to the session that was authorized.

    Access-Request without a session    the session gets a made-up name, told as Class
    Start without Class                 its port and station say which session that is, where only one can be meant; the session keeps the node's name
    Alive, Stop without Class           found by that name
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.session_names import ISessionNames
from portaswitch.metrics import Counter
from portaswitch.model.oldest import forget_oldest
from portaswitch.model.request import AAARequest, Decision, Kind

JOINED = Counter("portaswitch_radius_joined_total", "Starts without Class that were joined to the session that was authorized from their port", ("node",))
REPORTS = frozenset((Kind.START, Kind.UPDATE, Kind.STOP))
#: What names where the user is connected; kept of Internet requests only (`radius_kept`).
PORTS = ("nas_port", "nas_port_id")
#: Names that are remembered; the oldest go first, and are looked up again.
MOST_NAMES = 100_000


@implementer(IBilling)
class JoinedSessions:
    """In front of `billing`, for accounting."""

    def __init__(self, billing: IBilling, names: ISessionNames) -> None:
        self._billing, self._names = billing, names
        # By user too: where a node has restarted and the Start got lost, its old names are of other users' sessions.
        self._known: dict[tuple[int, str, str], str] = {}

    def handle(self, request: AAARequest) -> Deferred[Decision]:
        """See `IBilling.handle`. Errors: also `DatabaseDown` of the look-up."""
        kept = request.kept
        if request.kind not in REPORTS or "class" in kept or not any(name in kept for name in PORTS):
            return self._billing.handle(request)
        known = self._known.get((request.origin.i_node, request.session, request.parties.user))
        if known is not None and request.kind is not Kind.START:  # a Start may be of a name that is given anew
            return self._billing.handle(_named(request, known))
        return self._names.made_up(request).addCallback(self._found, request)

    def _found(self, name: str, request: AAARequest) -> Deferred[Decision]:
        self._known[request.origin.i_node, request.session, request.parties.user] = name
        forget_oldest(self._known, MOST_NAMES)
        if name and request.kind is Kind.START:
            JOINED.inc(request.origin.name)
        return self._billing.handle(_named(request, name))


def _named(request: AAARequest, name: str) -> AAARequest:
    return replace(request, session=name) if name else request
