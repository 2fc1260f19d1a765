"""
What a server refuses before it looks at the content (RFC 3261 8.2.1 to 8.2.3), what can't be forwarded (16.3), and which responses are none of ours (18.1.2).

The order is the RFC's: method, Request-URI, extensions, content. Log-ins come before, and are :mod:`.challenge`'s.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.sip.fault import DROPPED, PHRASES, Fault
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.uri import SipUri
from portaswitch.wire.sip.values import media_type

#: Methods of RFCs: one of these that isn't served is not allowed (405), any other not implemented (501).
METHODS: Final = frozenset((
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
))  # fmt: skip
#: Of these, RFC 3261 8.2.2.3 and 8.2.3 demand nothing.
_BARE: Final = frozenset(("ACK", "CANCEL"))
#: A MESSAGE of more octets must come by a transport with congestion control (RFC 3428 8).
LARGEST_ON_DATAGRAMS: Final = 1300


@dataclass(frozen=True, slots=True)
class Abilities:
    """
    What a server does: its methods, types of content, schemes of Request-URIs, extensions (option tags), and the type of the body with which it answers a
    method.

    `datagram`: how many octets of body a MESSAGE has at most on a transport without congestion control.
    """

    methods: tuple[str, ...]
    types: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ("sip", "sips")
    extensions: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    datagram: int = LARGEST_ON_DATAGRAMS

    @property
    def allow(self) -> tuple[str, str]:
        """The header that tells the methods."""
        return "Allow", ", ".join(self.methods)


def admit(request: Request, abilities: Abilities, reliable: bool) -> Fault | None:
    """The fault of a request that this server doesn't serve, None for one that it looks into."""
    for check in (_method, _target, _extensions, _acceptable, _content):
        fault = check(request, abilities)
        if fault is not None:
            return fault
    if request.method == "MESSAGE" and not reliable and len(request.body) > abilities.datagram:
        return _refused(request, "message-too-large", 513)
    return None


def forwarding(request: Request, extensions: Set[str] = frozenset(), schemes: Set[str] = frozenset(("sip", "sips", "tel"))) -> Fault | None:
    """
    The fault of a request that a proxy must not forward (RFC 3261 16.3): a scheme that it can't route, no hop left, or Proxy-Require of what we don't do.
    """
    if request.uri.scheme not in schemes:
        return _refused(request, "scheme", 416)
    if request.max_forwards == 0:
        return _refused(request, "max-forwards", 483)
    return _unsupported(request, "Proxy-Require", extensions)


def expected(response: Response, ours: Set[tuple[str, int]]) -> Fault | None:
    """
    The fault of a response to be dropped: its topmost Via is not one that we send (RFC 3261 18.1.2), or there is another below it although we are the client
    (8.1.3.3).

    :param ours: host in small letters and port, of each Via that we send.
    """
    if response.via.sent_by not in ours:
        return Fault("foreign-response", DROPPED, heard=response.headers)
    return Fault("response-of-another", DROPPED, heard=response.headers) if len(response.known.vias) > 1 else None


def _refused(request: Request, reason: str, status: int, *more: tuple[str, str], phrase: str = "") -> Fault:
    return Fault(reason, DROPPED if request.method == "ACK" else status, phrase or PHRASES[status], more, request.headers)


def _method(request: Request, abilities: Abilities) -> Fault | None:
    if request.method in abilities.methods:
        return None
    if request.method == "CANCEL":
        return _refused(request, "cancel", 481)
    known = request.method in METHODS
    return _refused(request, "method" if known else "unknown-method", 405 if known else 501, abilities.allow)


def _target(request: Request, abilities: Abilities) -> Fault | None:
    if request.uri.scheme not in abilities.schemes:
        return _refused(request, "scheme", 416)
    if request.method == "REGISTER" and not isinstance(request.known.recipient.uri, SipUri):
        return _refused(request, "address-of-record", 400, phrase="To Is No SIP URI")  # RFC 3261 10.2
    return None


def _extensions(request: Request, abilities: Abilities) -> Fault | None:
    return _unsupported(request, "Require", frozenset(abilities.extensions))


def _unsupported(request: Request, header: str, known: Set[str]) -> Fault | None:
    if not request.headers.has(header):
        return None
    unknown = [] if request.method in _BARE else [tag for tag in request.headers.tags(header) if tag.lower() not in known]
    return _refused(request, "extension", 420, ("Unsupported", ", ".join(unknown))) if unknown else None


def _acceptable(request: Request, abilities: Abilities) -> Fault | None:
    """RFC 3261 20.1: a client that accepts no type with which the method is answered; one without Accept takes application/sdp."""
    if not request.headers.has("Accept"):
        return None
    answer, ranges = dict(abilities.answers).get(request.method), request.headers.tags("Accept")
    if answer is None or not ranges:
        return None
    told = [media_type(text) for text in ranges]
    return None if any(one is not None and one.covers(answer) for one in told) else _refused(request, "not-acceptable", 406)


def _content(request: Request, abilities: Abilities) -> Fault | None:
    if not request.body or request.method in _BARE:
        return None
    if request.headers.has("Content-Encoding") and any(name.lower() != "identity" for name in request.headers.tags("Content-Encoding")):
        return _refused(request, "content-encoding", 415, ("Accept-Encoding", "identity"))
    kind = request.content_type
    if kind is None:
        return _refused(request, "no-content-type", 400, phrase="Missing Content-Type")
    return None if kind.name in abilities.types else _refused(request, "content-type", 415, ("Accept", ", ".join(abilities.types)))
