"""URIs of SIP: sip and sips (RFC 3261 19.1), tel (RFC 3966), and any other as an opaque text; when two are the same (RFC 3261 19.1.4, RFC 3966 4)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.sip.grammar import Parameters, number, written

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_ESCAPE: Final = r"%[0-9A-Fa-f]{2}"
_UNRESERVED: Final = r"A-Za-z0-9\-_.!~*'()"
#: With `#`, which the grammar wants escaped, because telephones send *100# as it was dialled.
_USER: Final = re.compile(rf"(?:[{_UNRESERVED}&=+$,;?/#]|{_ESCAPE})+")
_PASSWORD: Final = re.compile(rf"(?:[{_UNRESERVED}&=+$,]|{_ESCAPE})*")
_PARAMETER: Final = re.compile(rf"(?:[{_UNRESERVED}\[\]/:&+$]|{_ESCAPE})+")
_HEADER: Final = re.compile(rf"(?:[{_UNRESERVED}\[\]/?:+$]|{_ESCAPE})*")
_OPAQUE: Final = re.compile(rf"(?:[{_UNRESERVED};/?:@&=+$,#\[\]]|{_ESCAPE})+")
#: A URI as nearly all are.
_PLAIN_SIP: Final = re.compile(rf"(sips?):([{_UNRESERVED}&=+$,;?/#]+)@([A-Za-z0-9.\-]+)(?::([0-9]{{1,5}}))?")
#: Underscores are no part of RFC 1123's names, but of those that container networks give.
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?\.)*[A-Za-z](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?\.?")
_FOUR: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_PHONE: Final = re.compile(r"\+[0-9\-.()]+|[0-9A-Fa-f*#\-.()]+")
_SEPARATORS: Final = re.compile(r"[\-.()]")
_ESCAPED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN: Final = re.compile(rf"[{_UNRESERVED}]")
_UNESCAPED: Final = re.compile(rf"[{_UNRESERVED}&=+$,;?/]*")
#: Parameters that matter even when one of the two URIs hasn't got them.
_DECISIVE: Final = frozenset(("user", "ttl", "method", "maddr", "transport"))
_DECISIVE_OF_TEL: Final = frozenset(("ext", "isub", "phone-context"))


#: Hosts and URIs that were read last are remembered, as one message has the same several times; longer ones are not, lest a sender fills the memory.
REMEMBERED: Final = 4096
SHORT: Final = 128


@lru_cache(REMEMBERED)
def host(text: str) -> bool:
    """Whether a text is a host: a name, an IPv4 address or an IPv6 address in brackets."""
    if text[:1] == "[":
        return text[-1:] == "]" and "%" not in text and _is_address(text[1:-1], six=True)
    if _FOUR.fullmatch(text):
        return _is_address(text, six=False)
    return len(text) <= 255 and _NAME.fullmatch(text) is not None


def _is_address(text: str, six: bool) -> bool:
    try:
        return isinstance(ip_address(text), IPv6Address) == six
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class SipUri:
    """
    A sip or sips URI, as written: escapes are not resolved, parameters' names are in small letters.

    `user` is '' for none; `password` and `port` None; `headers` are those behind the question mark, names as written.
    """

    scheme: str
    user: str
    host: str
    port: int | None = None
    parameters: Parameters = ()
    headers: tuple[tuple[str, str], ...] = ()
    password: str | None = None

    def __str__(self) -> str:
        login = self.user + ("" if self.password is None else f":{self.password}")
        place = self.host if self.port is None else f"{self.host}:{self.port}"
        asked = "&".join(f"{name}={value}" for name, value in self.headers)
        return f"{self.scheme}:{login}{'@' * bool(login)}{place}{written(self.parameters)}{'?' * bool(asked)}{asked}"

    def same(self, other: Uri) -> bool:
        """Whether the two are one resource (RFC 3261 19.1.4): a port that isn't written is not the default port."""
        if not isinstance(other, SipUri) or self.scheme != other.scheme or self.port != other.port or self.host.lower() != other.host.lower():
            return False
        if _plain(self.user) != _plain(other.user) or _plain(self.password or "") != _plain(other.password or ""):
            return False
        mine, theirs = _folded(self.parameters), _folded(other.parameters)
        shared = mine.keys() & theirs.keys() | (mine.keys() | theirs.keys()) & _DECISIVE
        if any(mine.get(name) != theirs.get(name) or (name in mine) != (name in theirs) for name in shared):
            return False
        return sorted((name.lower(), _plain(value)) for name, value in self.headers) == sorted((name.lower(), _plain(value)) for name, value in other.headers)

    @property
    def user_text(self) -> str:
        """The user with its escapes resolved; an octet that is no UTF-8 becomes U+FFFD."""
        return unescaped(self.user)


@dataclass(frozen=True, slots=True)
class TelUri:
    """A telephone number; a local one has a phone-context (RFC 3966 5.1.5)."""

    number: str
    parameters: Parameters = ()
    scheme: str = "tel"

    def __str__(self) -> str:
        return f"tel:{self.number}{written(self.parameters)}"

    @property
    def digits(self) -> str:
        """The number without visual separators."""
        return _SEPARATORS.sub("", self.number)

    def same(self, other: Uri) -> bool:
        """Whether the two are one number (RFC 3966 4); other parameters than those of the number don't matter, as nothing says what they mean."""
        if not isinstance(other, TelUri) or self.digits.lower() != other.digits.lower():
            return False
        mine, theirs = _folded(self.parameters), _folded(other.parameters)
        return all(mine.get(name) == theirs.get(name) for name in _DECISIVE_OF_TEL)


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of another scheme: only its letters are checked."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"

    def same(self, other: Uri) -> bool:
        """Whether the two are written alike."""
        return self == other


Uri = SipUri | TelUri | OtherUri


def read(text: str) -> Uri | None:
    """The URI of a text without blanks or brackets around it; None when it is none."""
    return _remembered(text) if len(text) <= SHORT else _read(text)


def _read(text: str) -> Uri | None:
    plain = _PLAIN_SIP.fullmatch(text)
    if plain is not None and host(plain[3]):
        port = plain[4]
        if port is None or 0 < int(port) < 65536:
            return SipUri(plain[1], plain[2], plain[3], None if port is None else int(port))
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        return None
    scheme = scheme.lower()
    if scheme in ("sip", "sips"):
        return _sip(scheme, rest)
    if scheme == "tel":
        return _tel(rest)
    return OtherUri(scheme, rest) if _OPAQUE.fullmatch(rest) else None


_remembered: Final = lru_cache(REMEMBERED)(_read)


def _sip(scheme: str, rest: str) -> SipUri | None:
    user, password, login = "", None, ""
    if "@" in rest:
        login, _, rest = rest.partition("@")
        user, colon, word = login.partition(":")
        password = word if colon else None
        if not _USER.fullmatch(user) or not _PASSWORD.fullmatch(word):
            return None
    rest, asked, told = rest.partition("?")
    place, *parts = rest.split(";")
    where = sent_by(place)
    parameters, headers = _parameters(parts), _headers(told) if asked else ()
    if where is None or parameters is None or headers is None:
        return None
    return SipUri(scheme, user, where[0], where[1], parameters, headers, password)


def sent_by(text: str) -> tuple[str, int | None] | None:
    """Host and port of `host` or `host:port`; None when it is neither. Port 0 is none."""
    name, port = text, ""
    end = text.rfind("]") + 1
    at = text.find(":", end)
    if at >= 0:
        name, port = text[:at], text[at + 1 :]
    place = number(port, 65535) if port else None
    if not host(name) or (at >= 0 and not place):
        return None
    return name, place


def _parameters(parts: list[str]) -> Parameters | None:
    found: dict[str, str | None] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not _PARAMETER.fullmatch(name) or name.lower() in found or (equals and not _PARAMETER.fullmatch(value)):
            return None
        found[name.lower()] = value if equals else None
    return tuple(found.items())


def _headers(text: str) -> tuple[tuple[str, str], ...] | None:
    found = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not equals or not name or not _HEADER.fullmatch(name) or not _HEADER.fullmatch(value):
            return None
        found.append((name, value))
    return tuple(found)


def _tel(rest: str) -> TelUri | None:
    phone, *parts = rest.split(";")
    parameters = _parameters(parts)
    if parameters is None or not _PHONE.fullmatch(phone) or not _SEPARATORS.sub("", phone).strip("+"):
        return None
    local = phone[:1] != "+"
    return None if local and "phone-context" not in dict(parameters) else TelUri(phone, parameters)


def unescaped(text: str) -> str:
    """The text with %xx resolved, as UTF-8."""
    if "%" not in text:
        return text
    octets = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes((int(found[1], 16),)), text.encode("utf-8", "surrogateescape"))
    return octets.decode("utf-8", "replace")


def escaped(text: str) -> str:
    """A user's name as it stands in a URI: all that the grammar has no place for becomes %xx."""

    if _UNESCAPED.fullmatch(text):
        return text

    def coded(letter: str) -> str:
        kept = _PLAIN.fullmatch(letter) or letter in "&=+$,;?/"
        return letter if kept else "".join(f"%{octet:02X}" for octet in letter.encode("utf-8", "surrogateescape"))

    return "".join(map(coded, text))


def _plain(text: str) -> str:
    """The text in the form in which two are compared: what need not be escaped isn't, other escapes in capitals."""

    def resolved(found: re.Match[str]) -> str:
        letter = chr(int(found[1], 16))
        return letter if _PLAIN.fullmatch(letter) else found[0].upper()

    return _ESCAPED.sub(resolved, text)


def _folded(parameters: Parameters) -> dict[str, str | None]:
    """The parameters for comparison, which is without case."""
    return {_plain(name).lower(): None if value is None else _plain(value).lower() for name, value in parameters}
