"""
REGISTER (RFC 3261 10): contacts of an account, behind NATs too (RFC 3581), by connections the clients open (RFC 5626).

A contact is reached where it says when that is the address that the request came from; else at the place that the request came from. So nobody can have
messages sent to a third party.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address

from portaswitch.endpoints.sip import ABILITIES, Passing, Reply, refusing
from portaswitch.endpoints.sip_domains import Domains
from portaswitch.endpoints.sip_login import Claim, Entered, Entrance, watched
from portaswitch.endpoints.sip_ports import Place
from portaswitch.endpoints.sip_trace import SipTrace
from portaswitch.interfaces.messages import IRegistrar, IRelay
from portaswitch.model.message import Contact
from portaswitch.model.registration import NotBound, Registration, Terms, Wish
from portaswitch.trace.tracer import silent
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.admission import admit
from portaswitch.wire.sip.grammar import named, printable
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.uri import SipUri
from portaswitch.wire.sip.values import STAR, NameAddr, seconds

#: Octets of a contact's URI, and contacts that one request may name.
LONGEST, MOST = 512, 20
EPOCH = datetime.fromtimestamp(0, UTC)
BAD = Passing(400, phrase="Bad Contact")


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration that was done `at` a time: what the client asked for, and the contacts in force then."""

    request: Request
    contacts: tuple[Contact, ...]
    at: datetime


class RegisterHandler:
    """Answers REGISTER. `worker` names this process, `edge` gives its address as an edge node ('' it is none); `told` hears of what was done."""

    def __init__(
        self,
        entrance: Entrance,
        domains: Domains,
        registrar: IRegistrar,
        relay: IRelay,
        now: Callable[[], datetime],
        terms: Terms,
        worker: str,
        edge: Callable[[], str] = lambda: "",
        told: Callable[[Registered], None] = lambda registered: None,
        trace: SipTrace | None = None,
    ) -> None:
        self._entrance, self._domains, self._registrar, self._relay, self._now, self._terms = entrance, domains, registrar, relay, now, terms
        self._worker, self._edge, self._told, self._trace = worker, edge, told, trace or SipTrace(silent())

    async def answer(self, request: Request, place: Place) -> Reply:
        """What the sender of a REGISTER hears."""
        fault = admit(request, ABILITIES, place.transport != "UDP")
        if fault is not None:
            return refusing(fault)
        owner = request.known.recipient.uri
        origin = self._domains.origin(owner.host) if isinstance(owner, SipUri) else None
        if origin is None:
            return Passing(404)
        wishes = self._wishes(request, place)
        if isinstance(wishes, Reply):
            return wishes
        claim = self._entrance.claim(request, origin, self._domains.party(owner, origin).address, place.host)
        if isinstance(claim, Reply):
            self._trace.challenged(request, place, claim)
            return claim
        asked = watched(claim)
        self._trace.taken(asked, request, place)
        reply = await self._registered(request, claim, wishes)
        self._trace.answered(asked, reply)
        return reply

    async def _registered(self, request: Request, claim: Claim, wishes: tuple[Wish, ...]) -> Reply:
        entered = await self._entrance.proven(claim)
        if isinstance(entered, Reply):
            return entered
        if entered.repeated:
            return self._entrance.again(entered.source)
        return await self._bound(request, entered, wishes)

    async def _bound(self, request: Request, entered: Entered, wishes: tuple[Wish, ...]) -> Reply:
        known = request.known
        everything = STAR in request.contacts
        asked = Registration(entered.i_account, printable(known.call_id), known.cseq.number, wishes, everything, _same)
        done = await self._registrar.register(asked)
        if isinstance(done, NotBound):
            return self._refused(done)
        self._told(Registered(request, tuple(done.contacts), self._now()))
        if wishes and done.contacts and done.waiting:
            self._relay.drain(entered.i_account)
        return Reply(200, (*self._listed(done.contacts), ("Date", _date(self._now())), *entered.confirmation))

    def _refused(self, why: NotBound) -> Reply:
        match why:
            case NotBound.TOO_BRIEF:
                return Reply(423, (("Min-Expires", str(self._terms.shortest)),))
            case NotBound.OUT_OF_ORDER:
                return Reply(500, phrase="CSeq Out Of Order")
            case NotBound.TOO_MANY:
                return Reply(403, phrase="Too Many Contacts")

    def _listed(self, contacts: list[Contact]) -> list[tuple[str, str]]:
        now = self._now()
        return [("Contact", f"<{contact.uri}>;expires={max(0, round((contact.expires - now).total_seconds()))}") for contact in contacts]

    def _wishes(self, request: Request, place: Place) -> tuple[Wish, ...] | Reply:
        contacts = request.contacts
        if STAR in contacts:  # alone, and with Expires: 0 (10.2.2)
            return () if len(contacts) == 1 and request.expires == 0 else BAD
        if len(contacts) > MOST:
            return Passing(403, phrase="Too Many Contacts")
        wishes = []
        for given in contacts:
            if not isinstance(given.uri, SipUri) or given.uri.headers or len(str(given.uri)) > LONGEST:
                return BAD
            told = named(given.parameters, "expires")
            wishes.append(Wish(self._contact(given, given.uri, request, place), request.expires if told is None else seconds(told)))
        return tuple(wishes)

    def _contact(self, given: NameAddr, uri: SipUri, request: Request, place: Place) -> Contact:
        host, port = place.host, place.number
        if place.transport == "UDP" and _is_host(uri.host, place.host):
            port = uri.port or 5060
        worker = self._worker if place.flow else ""
        agent = printable(request.headers.first("User-Agent") or "")[:200]
        return Contact(
            0, printable(str(uri)), place.transport, host, port, place.listener, "", 0, EPOCH, worker, place.flow, _q(given), self._edge(), agent,
        )  # fmt: skip


def _is_host(text: str, host: str) -> bool:
    try:
        return ip_address(text.strip("[]")) == ip_address(host)
    except ValueError:
        return False


def _q(given: NameAddr) -> int:
    """The preference of a contact in thousandths (RFC 3261 20.10); one that can't be read is the usual one."""
    whole, _, part = (named(given.parameters, "q") or "1").partition(".")
    digits = f"{part[:3]:0<3}"
    return min(1000, int(whole) * 1000 + int(digits)) if whole in ("0", "1") and digits.isascii() and digits.isdigit() else 1000


def _same(one: str, other: str) -> bool:
    read, known = uris.read(one), uris.read(other)
    return one == other or (read is not None and known is not None and read.same(known))


def _date(at: datetime) -> str:
    """As RFC 3261 20.17 has it, whatever the language of the system."""
    days, months = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    return f"{days[at.weekday()]}, {at.day:02d} {months[at.month - 1]} {at.year} {at:%H:%M:%S} GMT"
