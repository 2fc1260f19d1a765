"""Messages in memory (RFC 3261 7), and the headers without which there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final, cast

from portaswitch.model.value import dataclass
from portaswitch.wire.sip import values
from portaswitch.wire.sip.grammar import number
from portaswitch.wire.sip.headers import SINGLE, Headers, divided
from portaswitch.wire.sip.uri import Uri
from portaswitch.wire.sip.values import CSeq, MediaType, NameAddr, Via

#: RFC 3261 8.1.1. Max-Forwards isn't among them: clients of RFC 2543 don't send it (RFC 4475 3.4.1).
ESSENTIAL: Final = ("Via", "From", "To", "Call-ID", "CSeq")


def hops(text: str) -> int | None:
    """The value of Max-Forwards, 0 to 255."""
    return number(text, 255)


#: Each header whose value must be of its grammar, wherever it is; a malformed header that isn't here is ignored by who doesn't need it (RFC 3261 8.2.2, 16.3).
READERS: Final[Mapping[str, Callable[[str], object | None]]] = {
    "Via": values.via,
    "From": values.name_addr,
    "To": values.name_addr,
    "Call-ID": values.call_id,
    "CSeq": values.cseq,
    "Max-Forwards": hops,
    "Contact": values.contact,
    "Route": values.name_addr,
    "Record-Route": values.name_addr,
    "Content-Type": values.media_type,
}


@dataclass(frozen=True, slots=True)
class Essentials:
    """
    What every message has. `vias` is topmost first; `sender` is From, `recipient` To.
    """

    vias: tuple[Via, ...]
    sender: NameAddr
    recipient: NameAddr
    call_id: str
    cseq: CSeq


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why headers make no message: a word and a phrase, as of a fault."""

    reason: str
    phrase: str


#: Of these a usual message has any number, with a value that matters only when somebody asks for it.
_MORE: Final = tuple((name, READERS[name]) for name in ("Max-Forwards", "Contact", "Route", "Record-Route", "Content-Type"))


def essentials(headers: Headers) -> Essentials | Wrong:
    """Read what every message has, and check all that :data:`READERS` knows."""
    alone = headers.alone()
    return (alone and _usual(alone)) or _carefully(headers)


def _usual(alone: Mapping[str, str]) -> Essentials | None:
    """What a message has that names each header once, and of which nothing is wrong; None: it has to be looked at carefully."""
    get = alone.get
    top, sender, recipient = get("Via", ""), values.name_addr(get("From", "")), values.name_addr(get("To", ""))
    call, place = values.call_id(get("Call-ID", "")), values.cseq(get("CSeq", ""))
    if sender is None or recipient is None or call is None or place is None:
        return None
    vias = (values.via(top),) if "," not in top else tuple(values.via(text) for text in divided("Via", [top]) or ("",))
    if None in vias:
        return None
    for name, reader in _MORE:
        if name in alone and None in [reader(text) for text in divided(name, [alone[name]]) or ("",)]:
            return None
    return Essentials(cast(tuple[Via, ...], vias), sender, recipient, call, place)


def _carefully(headers: Headers) -> Essentials | Wrong:
    """The same for any headers, with the first thing that is wrong of them."""
    groups = headers.groups()
    for name in SINGLE:
        if len(groups.get(name, ())) > 1:
            return Wrong("repeated-header", f"Repeated {name}")
    read: dict[str, list[Any]] = {}
    for name, reader in READERS.items():
        texts = divided(name, groups.get(name, []))
        found = None if texts is None else [reader(text) for text in texts]
        if found is None or None in found:
            return Wrong("bad-" + name.lower(), f"Bad {name}")
        read[name] = found
    for name in ESSENTIAL:
        if not read[name]:
            return Wrong("no-" + name.lower(), f"Missing {name}")
    return Essentials(tuple(read["Via"]), read["From"][0], read["To"][0], read["Call-ID"][0], read["CSeq"][0])


@dataclass(frozen=True, slots=True)
class Message:
    """What requests and responses have in common; `body` is exactly as long as Content-Length said."""

    headers: Headers
    body: bytes
    known: Essentials

    @property
    def via(self) -> Via:
        """The topmost Via: who sent it to us, or in a response ourselves."""
        return self.known.vias[0]

    @property
    def contacts(self) -> list[NameAddr]:
        """The values of Contact; :data:`.values.STAR` for `*`."""
        return self._addresses("Contact", values.contact)

    @property
    def routes(self) -> list[NameAddr]:
        """The values of Route."""
        return self._addresses("Route", values.name_addr)

    @property
    def record_routes(self) -> list[NameAddr]:
        """The values of Record-Route."""
        return self._addresses("Record-Route", values.name_addr)

    @property
    def content_type(self) -> MediaType | None:
        """The type of the body, None when it isn't told."""
        text = self.headers.first("Content-Type")
        return None if text is None else values.media_type(text)

    @property
    def expires(self) -> int | None:
        """Seconds of Expires; None when there is none or it is no number."""
        text = self.headers.first("Expires")
        return None if text is None else values.seconds(text)

    def _addresses(self, name: str, reader: Callable[[str], NameAddr | None]) -> list[NameAddr]:
        return cast(list[NameAddr], [reader(text) for text in self.headers.all(name) or ()])


@dataclass(frozen=True, slots=True)
class Request(Message):
    """A request. `target` is the Request-URI as written, `uri` as read; `octets` are those of one of ours, where they have been made already."""

    method: str
    target: str
    uri: Uri
    octets: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def max_forwards(self) -> int | None:
        """How many more hops the request may take; None when it doesn't say (RFC 2543)."""
        text = self.headers.first("Max-Forwards")
        return None if text is None else hops(text)

    def stamped(self, address: str, port: int) -> Request:
        """The request with `received` and `rport` of its topmost Via filled in from where it came (RFC 3261 18.2.1, RFC 3581 4)."""
        top, known, entries = self.via.stamped(address, port), self.known, self.headers.entries
        if len(known.vias) == 1 and entries[0][0] == "Via":
            headers = Headers((("Via", str(top)), *entries[1:]))
        else:
            rest = (self.headers.all("Via") or [])[1:]
            headers = self.headers.without("Via").before(*(("Via", value) for value in (str(top), *rest)))
        stamped = Essentials((top, *known.vias[1:]), known.sender, known.recipient, known.call_id, known.cseq)
        return Request(headers, self.body, stamped, self.method, self.target, self.uri)


@dataclass(frozen=True, slots=True)
class Response(Message):
    """A response. `reason` is its phrase, which may be empty; `octets` are those of one of ours, where they have been made already."""

    status: int
    reason: str
    octets: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def final(self) -> bool:
        """It ends its transaction."""
        return self.status >= 200
