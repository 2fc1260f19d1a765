"""
MESSAGE (RFC 3428): who sends it, to whom, and what the sender hears.

    202 accepted, and again for the same message in a new transaction; 401; 402 no funds; 403; 404 nobody there; 480 too many wait for the recipient;
    482 our own; 483; 413, 415, 420, 513 as `wire.sip.admission`; 503 busy
"""

from __future__ import annotations

from collections.abc import Set

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from portaswitch.endpoints.sip import ABILITIES, Passing, Reply, refusing
from portaswitch.endpoints.sip_domains import Domains, Party
from portaswitch.endpoints.sip_login import Claim, Entrance, watched
from portaswitch.endpoints.sip_map import key_of, status_of, to_draft
from portaswitch.endpoints.sip_ports import Place
from portaswitch.endpoints.sip_trace import SipTrace
from portaswitch.interfaces.messages import IRelay
from portaswitch.model.message import Answer
from portaswitch.model.refusal import Refusal
from portaswitch.trace.tracer import silent
from portaswitch.wire.digest import Proof
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.admission import admit, forwarding
from portaswitch.wire.sip.challenge import Verdict
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.uri import SipUri

#: Added by an edge node of ours: the Request-URI that the client wrote, and where the client is behind its NAT.
REQUESTED, NOTIFY = "PortaOne-Requested-URI", "PortaSIP-Notify"

ANSWERS = {
    Answer.ACCEPTED: Reply(202),
    Answer.UNKNOWN: Reply(404),
    Answer.FULL: Reply(480, phrase="Too Many Messages Waiting"),
}


class UnderWay:
    """A message that is being taken: what proves it, and who has sent it again meanwhile."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self._waiting: list[Deferred[Reply]] = []

    def outcome(self) -> Deferred[Reply]:
        """Fires with what its sender hears, or fails as that does."""
        waits: Deferred[Reply] = Deferred()
        self._waiting.append(waits)
        return waits

    def over(self, outcome: Reply | Failure) -> None:
        """It has come to that."""
        for waits in self._waiting:
            waits.callback(outcome)


class MessageHandler:
    """Answers MESSAGE. `edges` are the addresses of our edge nodes, whose additions are believed; `ours` what our Vias say."""

    def __init__(
        self, entrance: Entrance, domains: Domains, relay: IRelay, ours: Set[tuple[str, int]], edges: Set[str] = frozenset(), trace: SipTrace | None = None
    ) -> None:
        self._entrance, self._domains, self._relay, self._ours, self._edges = entrance, domains, relay, ours, edges
        self._under_way: dict[str, UnderWay] = {}
        self._trace = trace or SipTrace(silent())

    async def answer(self, request: Request, place: Place) -> Reply:
        """What the sender of a MESSAGE hears."""
        fault = admit(request, ABILITIES, place.transport != "UDP") or forwarding(request, schemes=frozenset(ABILITIES.schemes))
        if fault is not None:
            return refusing(fault)
        if any(via.sent_by in self._ours for via in request.known.vias):
            return Passing(482)
        sender = request.known.sender.uri
        origin = self._domains.origin(sender.host) if isinstance(sender, SipUri) else None
        if origin is None or not isinstance(sender, SipUri):
            return Passing(403, phrase="Sender Is None Of Ours")
        target, source = self._as_sent(request, place)
        told = self._domains.party(sender, origin)
        claim = self._entrance.claim(request, origin, told.address, source, (target,))
        if isinstance(claim, Reply):
            self._trace.challenged(request, place, claim)
            return claim
        meant = uris.read(target)
        called = self._domains.party(meant if meant is not None else request.uri, origin)
        key = key_of(request, origin, told.address, claim.login)
        if not self._trace.watches:
            return await self._once(request, claim, told, called, key)
        asked = watched(claim, f"sip-{key}", called.number)
        self._trace.taken(asked, request, place)
        reply = await self._once(request, claim, told, called, key)
        self._trace.answered(asked, reply)
        return reply

    async def _once(self, request: Request, claim: Claim, sender: Party, called: Party, key: str) -> Reply:
        """
        Submit a message, unless it is there already. Who sends one that is under way in another transaction has given up the first: it hears what comes of it
        (and no 482, as RFC 3261 8.2.2.2 has it for copies that came by two ways, or it would think it lost). Another proof of the same is nobody's repetition.
        """
        first = self._under_way.get(key)
        if first is not None:
            return await first.outcome() if first.proof == claim.login.proof else self._entrance.again(claim.source)
        this = self._under_way[key] = UnderWay(claim.login.proof)
        try:
            reply = await self._taken(request, claim, sender, called, key)
        except Exception:
            del self._under_way[key]
            this.over(Failure())
            raise
        del self._under_way[key]
        this.over(reply)
        return reply

    async def _taken(self, request: Request, claim: Claim, sender: Party, called: Party, key: str) -> Reply:
        # A log-in without qop has no count that would tell a repetition.
        if claim.repeated or (not claim.login.proof.qop and await self._relay.known(key)):
            return await self._repeated(claim, key)
        return await self._submitted(request, claim, sender, called, key)

    async def _repeated(self, claim: Claim, key: str) -> Reply:
        entered = await self._entrance.proven(claim)
        if isinstance(entered, Reply):
            return entered
        return ANSWERS[Answer.ACCEPTED] if await self._relay.known(key) else self._entrance.again(claim.source)

    async def _submitted(self, request: Request, claim: Claim, sender: Party, called: Party, key: str) -> Reply:
        answer = await self._relay.submit(to_draft(request, claim, sender, called, key))
        if claim.verify.verdict is not Verdict.PASSED:
            return self._entrance.refused(claim, answer if isinstance(answer, Refusal) else Refusal.INVALID_PASSWORD)
        self._entrance.passed()
        if isinstance(answer, Answer):
            reply = ANSWERS[answer]
            return Reply(reply.status, claim.verify.confirmation if answer is Answer.ACCEPTED else (), reply.phrase)
        status, phrase = status_of(answer)
        return Reply(403 if status == 401 else status, phrase=phrase)

    def _as_sent(self, request: Request, place: Place) -> tuple[str, str]:
        """The Request-URI as the client wrote it, and the client's address: of our edge nodes what they say, else what we see."""
        if place.host not in self._edges:
            return request.target, place.host
        pairs = (part.partition("=") for part in (request.headers.first(NOTIFY) or "").split(";"))
        nat = next((value for name, _, value in pairs if name == "NAT"), "")
        return request.headers.first(REQUESTED) or request.target, nat or place.host
