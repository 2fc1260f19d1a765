"""
Octets to messages (RFC 3261 7, RFC 4475). By length, never by a sentinel; whatever the octets are, the answer is a message or a :class:`.Fault`.

A fault of a request is answered when there is a Via to copy; one of a response or of an ACK is dropped in silence (RFC 3261 17.2.1, 18.1.2).
"""

from __future__ import annotations

import re
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.fault import DROPPED, PHRASES, Fault
from portaswitch.wire.sip.grammar import BLANKS, PRINTED, clean, decode, number, token
from portaswitch.wire.sip.headers import KNOWN, Headers, canonical
from portaswitch.wire.sip.limits import LIMITS, Limits
from portaswitch.wire.sip.message import Request, Response, Wrong, essentials
from portaswitch.wire.sip.uri import SipUri

END: Final = b"\r\n\r\n"
_VERSION: Final = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
#: A request line as nearly all are.
_REQUEST_LINE: Final = re.compile(rb"([A-Z]+) ([!-~]+) SIP/2\.0")
#: A header that is nothing but a name and its value, in a line of its own.
_HEADER: Final = re.compile(r"\r\n([!-9;-~]+):[ ]*([^\r]*)")
_STATUS: Final = re.compile(r"[1-6][0-9][0-9]")


@dataclass(frozen=True, slots=True)
class Start:
    """
    A start line as far as it could be read: `method` is '' of a response, `status` 0 of a request. `version` in capitals.
    """

    version: str
    method: str = ""
    target: str = ""
    status: int = 0
    reason: str = ""

    @property
    def answerable(self) -> bool:
        """A request that an error may be answered to: never an ACK."""
        return bool(self.method) and self.method != "ACK"


@dataclass(frozen=True, slots=True)
class Head:
    """Start line and headers, before anything is known of the body; `length` is Content-Length, None when there is none."""

    start: Start
    headers: Headers
    length: int | None

    def fault(self, reason: str, status: int = 400, phrase: str = "", *more: tuple[str, str]) -> Fault:
        """The fault of this message: its answer, or a drop where there is nobody to answer."""
        return _fault(self.start, self.headers, reason, status, phrase, *more)


def parse(octets: bytes, limits: Limits = LIMITS) -> Request | Response | Fault:
    """
    The message of a datagram. Line ends before it are passed over (RFC 3261 7.5), octets behind its Content-Length too (18.3).
    """
    octets = octets.lstrip(b"\r\n")
    if not octets:
        return Fault("keep-alive", DROPPED)
    end = octets.find(END, 0, limits.head + len(END))
    if end < 0:
        found = read_head(octets[: limits.head], limits, whole=len(octets) <= limits.head)
        if isinstance(found, Fault):
            return found
        return found.fault("no-end-of-headers") if len(octets) <= limits.head else found.fault("head-too-large", 513)
    found = read_head(octets[:end], limits)
    if isinstance(found, Fault):
        return found
    body = octets[end + len(END) :]
    if found.length is None:
        return complete(found, body, limits)
    if found.length > limits.body:
        return found.fault("body-too-large", 413)
    if found.length > len(body):
        return found.fault("short-body", 400, "Body Shorter Than Content-Length")
    return complete(found, body[: found.length], limits)


def read_head(octets: bytes, limits: Limits = LIMITS, whole: bool = True) -> Head | Fault:
    """
    Start line and headers, of octets without the empty line behind them.

    :param whole: these are all of them; else they were cut at the limit, the last line is left out and nothing of it is complained of.
    """
    end = octets.find(b"\r\n")
    start = _start(octets if end < 0 else octets[:end], limits)
    if isinstance(start, Fault):
        return start
    headers, wrong = _usual_headers(octets, end, limits) if whole else None, None
    if headers is None:
        lines = octets.split(b"\r\n")
        headers, wrong = _headers(lines[1:] if whole else lines[1:-1], limits)
    if not whole:
        return Head(start, headers, None)
    if wrong is None and start.version != "SIP/2.0":
        wrong = ("version", 505, "")
    told = headers.first("Content-Length")
    length = number(told, 2**31) if told is not None else None
    if wrong is None and not headers.alone() and len(headers.lines("Content-Length")) > 1:
        wrong = ("content-length", 400, "Repeated Content-Length")
    if wrong is None and told is not None and length is None:
        wrong = ("content-length", 400, "Bad Content-Length")
    return Head(start, headers, length) if wrong is None else _fault(start, headers, *wrong)


def complete(head: Head, body: bytes, limits: Limits = LIMITS) -> Request | Response | Fault:
    """The message of a head and its body."""
    start = head.start
    if len(body) > limits.body:
        return head.fault("body-too-large", 413)
    via = head.headers.alone().get("Via")
    if (via is None or "," in via) and len(head.headers.all("Via") or ()) > limits.hops:
        return head.fault("via-count", 400, "Too Many Via Headers")
    known = essentials(head.headers)
    if isinstance(known, Wrong):
        return head.fault(known.reason, 400, known.phrase)
    if not start.method:
        return Response(head.headers, body, known, start.status, start.reason)
    address = uris.read(start.target)
    if address is None or (isinstance(address, SipUri) and address.headers):
        return head.fault("bad-request-uri", 400, "Bad Request-URI")
    if known.cseq.method != start.method:
        return head.fault("method-mismatch", 400, "CSeq Method Differs")
    return Request(head.headers, body, known, start.method, start.target, address)


def _start(line: bytes, limits: Limits) -> Start | Fault:
    """The start line. What doesn't speak SIP at all is dropped; a request line with blanks in wrong places is kept for its answer."""
    found = _REQUEST_LINE.fullmatch(line) if len(line) <= limits.start_line else None
    if found is not None:
        return Start("SIP/2.0", found[1].decode(), found[2].decode())
    text = decode(line[: limits.start_line])
    first, blank, rest = text.partition(" ")
    if _VERSION.fullmatch(first):
        status, _, reason = rest.partition(" ")
        if len(line) > limits.start_line or not _STATUS.fullmatch(status) or not clean(reason):
            return Fault("bad-status-line", DROPPED)
        return Start(first.upper(), status=int(status), reason=reason) if first.upper() == "SIP/2.0" else Fault("version", DROPPED)
    if not blank or not token(first):
        return Fault("garbage", DROPPED)
    if len(line) > limits.start_line:
        return Start("", first, "long")
    target, _, version = rest.rpartition(" ")
    if _VERSION.fullmatch(version) and target and clean(target) and not set(target) & set(BLANKS):
        return Start(version.upper(), first, target)
    return Start("", first) if "SIP/" in text.upper() else Fault("garbage", DROPPED)


def _usual_headers(octets: bytes, end: int, limits: Limits) -> Headers | None:
    """The headers behind a start line with that end, of plain text, each a name and its value in a line; None: they have to be read carefully."""
    count = octets.count(b"\r\n")
    # All that is no text are the line ends that divide the lines, and no value has blanks behind it.
    if (
        end < 0 or count > limits.headers or len(octets) > limits.header or not octets.isascii() or octets.translate(None, PRINTED) != b"\r\n" * count
        or b" \r\n" in octets or b"\t" in octets or octets.endswith(b" ")
    ):  # fmt: skip
        return None
    found = _HEADER.findall(octets.decode("ascii"), end)
    if len(found) != count:
        return None
    if not KNOWN.issuperset([name for name, _ in found]):
        found = [(canonical(name), value) for name, value in found]
        if not all(name in KNOWN or token(name) for name, _ in found):
            return None
    return Headers(tuple(found))


def _headers(lines: list[bytes], limits: Limits) -> tuple[Headers, tuple[str, int, str] | None]:
    """The headers that could be read, and the first fault: reason, status, phrase."""
    wrong: tuple[str, int, str] | None = None
    found: list[tuple[str, str]] = []
    for line in _unfolded(lines):
        if len(found) >= limits.headers:
            return Headers(tuple(found)), ("header-count", 513, "")
        if len(line) > limits.header:
            wrong = wrong or ("header-too-large", 513, "")
            continue
        name, colon, value = decode(line).partition(":")
        name, value = name.rstrip(BLANKS), value.strip(BLANKS)
        if not colon or not token(name) or not clean(value):
            wrong = wrong or ("bad-header", 400, "Malformed Header Line")
            continue
        found.append((canonical(name), value))
    return Headers(tuple(found)), wrong


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """The lines with those that begin with a blank joined to the one before by a single space (RFC 3261 7.3.1); a first line that does is no header."""
    joined: list[list[bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and joined:
            joined[-1].append(line.strip(b" \t"))
        elif line:
            joined.append([line])
    return [b" ".join(parts) for parts in joined]


def _fault(start: Start, headers: Headers, reason: str, status: int = 400, phrase: str = "", *more: tuple[str, str]) -> Fault:
    """The fault of a message with this start line."""
    if start.answerable and not start.version:
        # The request line is broken, which is what the sender has to hear of first (RFC 4475 3.1.2.7 to 3.1.2.10).
        reason, status, phrase = ("start-line-too-long", 414, "") if start.target else ("bad-request-line", 400, "Bad Request-Line")
    if not start.answerable or headers.first("Via") is None:
        status = DROPPED
    return Fault(reason, status, phrase or PHRASES.get(status, ""), more, headers)
