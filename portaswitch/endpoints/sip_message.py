"""
MESSAGE (RFC 3428): who sends it, to whom, and what the sender hears.

    202 accepted, and again for the same message in a new transaction; 401; 402 no funds; 403; 404 nobody there; 480 too many wait for the recipient;
    482 our own; 483; 413, 415, 420, 513 as `wire.sip.admission`; 503 busy
"""

from __future__ import annotations

from collections.abc import Set

from portaswitch.endpoints.sip import ABILITIES, Reply
from portaswitch.endpoints.sip_domains import Domains
from portaswitch.endpoints.sip_login import Entered, Entrance
from portaswitch.endpoints.sip_map import key_of, status_of, to_draft
from portaswitch.endpoints.sip_ports import Place
from portaswitch.interfaces.messages import IRelay
from portaswitch.model.message import Answer
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.admission import admit, forwarding
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.uri import SipUri

#: Added by an edge node of ours: the Request-URI that the client wrote, and where the client is behind its NAT.
REQUESTED, NOTIFY = "PortaOne-Requested-URI", "PortaSIP-Notify"

ANSWERS = {
    Answer.ACCEPTED: Reply(202),
    Answer.UNKNOWN: Reply(404),
    Answer.FULL: Reply(480, phrase="Too Many Messages Waiting"),
}


class MessageHandler:
    """Answers MESSAGE. `edges` are the addresses of our edge nodes, whose additions are believed; `ours` what our Vias say."""

    def __init__(self, entrance: Entrance, domains: Domains, relay: IRelay, ours: Set[tuple[str, int]], edges: Set[str] = frozenset()) -> None:
        self._entrance, self._domains, self._relay, self._ours, self._edges = entrance, domains, relay, ours, edges

    async def answer(self, request: Request, place: Place) -> Reply:
        """What the sender of a MESSAGE hears."""
        fault = admit(request, ABILITIES, place.transport != "UDP") or forwarding(request, schemes=frozenset(ABILITIES.schemes))
        if fault is not None:
            return Reply(fault.status, fault.more, fault.phrase)
        if any(via.sent_by in self._ours for via in request.known.vias):
            return Reply(482)
        sender = request.known.sender.uri
        origin = self._domains.origin(sender.host) if isinstance(sender, SipUri) else None
        if origin is None or not isinstance(sender, SipUri):
            return Reply(403, phrase="Sender Is None Of Ours")
        target, source = self._as_sent(request, place)
        told = self._domains.party(sender, origin)
        entered = await self._entrance.enter(request, origin, told.address, source, (target,))
        if isinstance(entered, Reply):
            return entered
        meant = uris.read(target)
        return await self._submitted(request, entered, meant if meant is not None else request.uri)

    async def _submitted(self, request: Request, entered: Entered, target: uris.Uri) -> Reply:
        sender = self._domains.party(request.known.sender.uri, entered.origin)
        key = key_of(request, entered.origin, sender.address, entered.login)
        if entered.repeated:
            return ANSWERS[Answer.ACCEPTED] if await self._relay.known(key) else self._entrance.again(entered.source)
        called = self._domains.party(target, entered.origin)
        draft = to_draft(request, entered.id, entered.origin, entered.account, sender, called, key, entered.source)
        answer = await self._relay.submit(draft)
        if isinstance(answer, Answer):
            reply = ANSWERS[answer]
            return Reply(reply.status, entered.confirmation if answer is Answer.ACCEPTED else (), reply.phrase)
        status, phrase = status_of(answer)
        return Reply(403 if status == 401 else status, phrase=phrase)

    def _as_sent(self, request: Request, place: Place) -> tuple[str, str]:
        """The Request-URI as the client wrote it, and the client's address: of our edge nodes what they say, else what we see."""
        if place.host not in self._edges:
            return request.target, place.host
        pairs = (part.partition("=") for part in (request.headers.first(NOTIFY) or "").split(";"))
        nat = next((value for name, _, value in pairs if name == "NAT"), "")
        return request.headers.first(REQUESTED) or request.target, nat or place.host
