"""Values of single headers (RFC 3261 20): name-addr, Via, CSeq, Content-Type, credentials. Each reader gives None for a text that isn't of its grammar."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.grammar import BLANKS, QUOTED, Parameters, named, number, pairs, parameters, quoted, token, unquoted, written
from portaswitch.wire.sip.uri import Uri

#: RFC 3261 8.1.1.7: a branch that begins so names its transaction alone.
COOKIE: Final = "z9hG4bK"
#: CSeq must be less than 2**31 (RFC 3261 8.1.1.5); seconds less than 2**32 (20.19).
LARGEST_CSEQ: Final = 2**31 - 1
LARGEST_DELTA: Final = 2**32 - 1
DEFAULT_PORTS: Final = {"TLS": 5061, "WSS": 443, "WS": 80}

_VIA: Final = re.compile(
    r"([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+"
    r"(\[[0-9A-Fa-f:.]*\]|[A-Za-z0-9_.\-]+)(?:[ \t]*:[ \t]*([0-9]+))?[ \t]*(;.*)?",
    re.DOTALL,
)
#: The same as nearly all write it.
_PLAIN_VIA: Final = re.compile(r"SIP/2\.0/(UDP|TCP|TLS) ([A-Za-z0-9_.\-]+)(?::([0-9]{1,5}))?(;.*)?", re.DOTALL)
#: From and To as nearly all write them.
_PLAIN_ADDR: Final = re.compile(r"<(sips?:[A-Za-z0-9\-_.!~*'()+=$&]+@[A-Za-z0-9.\-]+)>(?:;tag=([A-Za-z0-9\-.!%*_+`'~]+))?")
_PLAIN_CSEQ: Final = re.compile(r"([0-9]{1,9}) ([A-Z]+)")
_CSEQ: Final = re.compile(r"([0-9]+)[ \t]+(\S+)")
_WORDS: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+(?:[ \t]+[A-Za-z0-9\-.!%*_+`'~]+)*")
#: `word [ "@" word ]`.
_CALL_ID: Final = re.compile(r"""[A-Za-z0-9\-.!%*_+`'~()<>:\\"/\[\]?{}]+(?:@[A-Za-z0-9\-.!%*_+`'~()<>:\\"/\[\]?{}]+)?""")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """
    A URI with a name to show and parameters of the header: From, To, Contact, Route, Record-Route.

    `display` is without quotes, '' for none; `*` of a Contact is :data:`STAR`.
    """

    uri: Uri
    display: str = ""
    parameters: Parameters = ()

    def __str__(self) -> str:
        return f"{quoted(self.display) + ' ' if self.display else ''}<{self.uri}>{written(self.parameters)}"

    @property
    def tag(self) -> str | None:
        """The tag of From or To, None without one."""
        return named(self.parameters, "tag") or None


#: `Contact: *` of a registration that removes all (RFC 3261 10.2.2).
STAR: Final = NameAddr(uris.OtherUri("*", ""))


def name_addr(text: str) -> NameAddr | None:
    """
    A name-addr or addr-spec with the header's parameters. A URI without brackets ends at the first semicolon and holds neither comma nor question mark (RFC
    3261 20).
    """
    plain = _PLAIN_ADDR.fullmatch(text)
    if plain is not None:
        address, tag = uris.read(plain[1]), plain[2]
        return None if address is None else NameAddr(address, "", (("tag", tag),) if tag else ())
    display, rest = "", text
    if text[:1] == "<":
        pass  # no display name, as most have it
    elif text[:1] == '"':
        found = QUOTED.match(text)
        if found is None:
            return None
        display, rest = unquoted(found.group()), text[found.end() :].lstrip(BLANKS)
        if rest[:1] != "<":
            return None
    else:
        words, bracket, _ = text.partition("<")
        words = words.rstrip(BLANKS)
        if bracket and (not words or _WORDS.fullmatch(words)):
            display, rest = words, text[text.index("<") :]
    if rest[:1] == "<":
        inner, bracket, tail = rest[1:].partition(">")
        if not bracket:
            return None
    else:
        inner, semicolon, tail = rest.partition(";")
        inner, tail = inner.rstrip(BLANKS), semicolon + tail
        if "," in inner or "?" in inner:
            return None
    address, told = uris.read(inner), parameters(tail.strip(BLANKS))
    return None if address is None or told is None else NameAddr(address, display, told)


def contact(text: str) -> NameAddr | None:
    """One value of Contact: `*` or as :func:`name_addr`."""
    return STAR if text == "*" else name_addr(text)


@dataclass(frozen=True, slots=True)
class Via:
    """
    One hop (RFC 3261 20.42). `transport` in capitals; `port` None when it isn't written.
    """

    transport: str
    host: str
    port: int | None = None
    parameters: Parameters = ()
    version: str = "2.0"

    def __str__(self) -> str:
        place = self.host if self.port is None else f"{self.host}:{self.port}"
        return f"SIP/{self.version}/{self.transport} {place}{written(self.parameters)}"

    @property
    def branch(self) -> str:
        """The branch, '' without one."""
        return named(self.parameters, "branch") or ""

    @property
    def modern(self) -> bool:
        """
        The branch names the transaction: it has the cookie and something behind it (RFC 4475 3.2.1). The cookie is compared without case, as all
        tokens are.
        """
        branch = self.branch
        return len(branch) > len(COOKIE) and (branch.startswith(COOKIE) or branch[: len(COOKIE)].lower() == COOKIE.lower())

    @property
    def sent_by(self) -> tuple[str, int]:
        """Host in small letters and port, the transport's default when it isn't written (18.1.1)."""
        return self.host.lower(), self.port or DEFAULT_PORTS.get(self.transport, 5060)

    def stamped(self, address: str, port: int) -> Via:
        """
        The hop as a server keeps it (RFC 3261 18.2.1, RFC 3581 4): `received` when the sender's address is another than sent-by or rport asks for it,
        `rport` filled in.

        What a client wrote into either itself is replaced.
        """
        asked = named(self.parameters, "rport") is not None
        kept = tuple(pair for pair in self.parameters if pair[0] not in ("received", "rport"))
        if asked:
            kept += (("rport", str(port)),)
        if asked or self.host.strip("[]").lower() != address.lower():
            kept += (("received", address),)
        return Via(self.transport, self.host, self.port, kept, self.version)

    def reply_to(self) -> tuple[str, int]:
        """Where an answer over an unreliable transport goes (RFC 3261 18.2.2, RFC 3581 4); maddr, meant for multicast, is not obeyed."""
        received, port = named(self.parameters, "received"), number(named(self.parameters, "rport") or "", 65535)
        return received or self.host.strip("[]"), port or self.sent_by[1]


def via(text: str) -> Via | None:
    """One value of Via."""
    found = _PLAIN_VIA.fullmatch(text)
    if found is not None:
        (transport, place, port, rest), protocol, version = found.groups(), "SIP", "2.0"
    else:
        found = _VIA.fullmatch(text)
        if found is None:
            return None
        protocol, version, transport, place, port, rest = found.groups()
    told = parameters((rest or "").strip(BLANKS))
    where = number(port, 65535) if port is not None else None
    if protocol.upper() != "SIP" or told is None or not uris.host(place) or (port is not None and not where):
        return None
    if ("branch", None) in told or ("branch", "") in told:
        return None
    return Via(transport.upper(), place, where, told, version)


@dataclass(frozen=True, slots=True)
class CSeq:
    """The place of a request in its dialog, and its method again."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def cseq(text: str) -> CSeq | None:
    """The value of CSeq, its number less than 2**31."""
    found = _PLAIN_CSEQ.fullmatch(text)
    if found is not None:
        return CSeq(int(found[1]), found[2])
    found = _CSEQ.fullmatch(text)
    if found is None or not token(found[2]):
        return None
    value = number(found[1], LARGEST_CSEQ)
    return None if value is None else CSeq(value, found[2])


def call_id(text: str) -> str | None:
    """The value of Call-ID, compared octet by octet (RFC 3261 20.8)."""
    return text if _CALL_ID.fullmatch(text) else None


def seconds(text: str) -> int | None:
    """The value of Expires: a larger one than 2**32-1 counts as that (RFC 3261 20.19); None when it is no number, which counts as absent."""
    if not text.isascii() or not text.isdigit():
        return None
    value = number(text, LARGEST_DELTA)
    return LARGEST_DELTA if value is None else value


@dataclass(frozen=True, slots=True)
class MediaType:
    """`type/subtype` in small letters, with parameters: Content-Type and the ranges of Accept."""

    name: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        return self.name + written(self.parameters)

    def covers(self, name: str) -> bool:
        """Whether a range of Accept holds this type (RFC 3261 20.1)."""
        return self.name in ("*/*", name) or (self.name.endswith("/*") and name.startswith(self.name[:-1]))


def media_type(text: str) -> MediaType | None:
    """The value of Content-Type, or one of Accept."""
    return _remembered(text) if len(text) <= uris.SHORT else _media_type(text)


def _media_type(text: str) -> MediaType | None:
    name, semicolon, rest = text.partition(";")
    kind, slash, subtype = name.partition("/")
    kind, subtype = kind.strip(BLANKS), subtype.strip(BLANKS)
    told = parameters((semicolon + rest).strip(BLANKS))
    return MediaType(f"{kind}/{subtype}".lower(), told) if slash and token(kind) and token(subtype) and told is not None else None


_remembered: Final = lru_cache(128)(_media_type)


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A scheme in small letters and its fields: Authorization, Proxy-Authorization, and the challenges WWW-Authenticate and Proxy-Authenticate."""

    scheme: str
    fields: dict[str, str]


def credentials(text: str) -> Credentials | None:
    """The value of one of the four headers; of a scheme that isn't Digest only its name matters, for nobody here knows its fields."""
    scheme, _, rest = text.partition(" ")
    if not token(scheme):
        return None
    if scheme.lower() != "digest":
        return Credentials(scheme.lower(), {})
    fields = pairs(rest.strip(BLANKS))
    return None if fields is None else Credentials("digest", fields)
