"""SIP messages as a trace shows them: headers as understood, proofs masked, of a text its length only; requests that are taken, and those that are sent on."""

from __future__ import annotations

from datetime import datetime

from portaswitch.endpoints.sip import Reply
from portaswitch.endpoints.sip_ports import Place
from portaswitch.model.message import Text
from portaswitch.model.request import AAARequest, Kind, Origin, Parties
from portaswitch.trace import masking
from portaswitch.trace.line import Facts
from portaswitch.trace.tracer import Tracer
from portaswitch.wire.sip.fault import PHRASES
from portaswitch.wire.sip.grammar import printable
from portaswitch.wire.sip.headers import Headers
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.values import credentials

#: Of a log-in what says who and how, and nothing that proves it.
SHOWN = ("username", "realm", "uri", "algorithm", "qop", "nc")
LOGINS = frozenset(("Authorization", "Proxy-Authorization"))
PROOFS = frozenset(("Authentication-Info",))
#: Headers of a message that are shown: more has no sender of sense.
MOST = 100


class SipTrace:
    """What the handlers tell the tracer of requests that the core is asked about."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @property
    def watches(self) -> bool:
        """Whether anybody is watched now."""
        return bool(self._tracer.watches)

    def taken(self, asked: AAARequest, request: Request, place: Place) -> None:
        """A request that was understood; `asked` has the id and session of what the core is asked."""
        if self._tracer.watches:
            self._tracer.request(asked, (place.host, place.number), f"{request.method} {printable(request.target)}", lambda: described(request))

    def answered(self, asked: AAARequest, reply: Reply) -> None:
        """What its sender hears."""
        if self._tracer.watches:
            self._tracer.reply(asked, _status(reply), lambda: headers(Headers.of(reply.headers)))

    def challenged(self, request: Request, place: Place, reply: Reply) -> None:
        """A request without a log-in that could be looked at: whoever it says to be."""
        if self._tracer.watches:
            self._tracer.packet((place.host, place.number), f"SIP {request.method} answered {_status(reply)}", described(request))

    def sent(self, text: Text, request: Request, place: Place, at: datetime) -> AAARequest | None:
        """A message that goes on to a contact or peer; None while nobody is watched."""
        if not self._tracer.watches:
            return None
        parties = Parties(text.account, text.sender.partition("@")[0], text.recipient.rpartition("@")[0] or text.recipient)
        name = f"{request.via.branch[-8:]}-{text.key[:8]}"
        asked = AAARequest(Kind.EVENT, name, Origin(text.i_node, text.i_env), f"sip-{text.key}", "", parties, at, at)
        title = f"sent: {request.method} {printable(request.target)}"
        self._tracer.request(asked, (place.host, place.number), title, lambda: described(request))
        return asked

    def came_back(self, asked: AAARequest | None, status: int) -> None:
        """The answer to what was sent; 0: there was none."""
        if asked is not None and self._tracer.watches:
            told = f"{status} {PHRASES.get(status, '')}".rstrip() if status else "no answer"
            self._tracer.reply(asked, told, tuple)


def described(request: Request) -> Facts:
    """Headers in the order of the wire, and how long the body is."""
    return (*headers(request.headers), ("body", f"({len(request.body)} octets)"))


def headers(shown: Headers) -> Facts:
    """Name and text of each header."""
    return tuple((printable(name), _text(name, value)) for name, value in shown.entries[:MOST])


def _text(name: str, value: str) -> str:
    if name in LOGINS:
        found = credentials(value)
        fields = {} if found is None else found.fields
        told = ", ".join(f"{field}={printable(fields[field])}" for field in SHOWN if field in fields)
        return f"{told}, response={masking.MASK}" if told else masking.MASK
    return masking.MASK if name in PROOFS else masking.masked(name, printable(value))


def _status(reply: Reply) -> str:
    return f"{reply.status} {reply.phrase or PHRASES.get(reply.status, '')}".rstrip()
