"""
Messages to octets, and the messages that answer others (RFC 3261 8.2.6).

Nothing that a value holds begins a new line: a value with a line end or a control octet raises ValueError with the header's name, for it comes from a defect
of ours
or from what someone else wrote into a database.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from portaswitch.wire.sip import uri as uris
from portaswitch.wire.sip.fault import PHRASES, Fault
from portaswitch.wire.sip.grammar import BLANKS, PRINTED, clean, encode, named, token
from portaswitch.wire.sip.headers import KNOWN, Headers
from portaswitch.wire.sip.message import READERS, Essentials, Message, Request, Response, Wrong
from portaswitch.wire.sip.message import essentials as read_essentials
from portaswitch.wire.sip.values import name_addr

Pairs = Iterable[tuple[str, str]]
#: What an answer has of its request.
_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


def to_octets(message: Message) -> bytes:
    """
    The octets of a message: headers in order, Content-Length last and always right; of a message made here those that it was checked by.

    :raises ValueError: for a name, value, method, Request-URI or reason phrase that can't be sent.
    """
    if not isinstance(message, Request | Response):
        raise ValueError("neither a request nor a response")
    if message.octets is not None:
        return message.octets
    if isinstance(message, Response):
        return _joined(_status_line(message.status, message.reason), message.headers, message.body)
    if not token(message.method) or uris.read(message.target) is None:
        raise ValueError(f"{message.method!r} {message.target!r} is no method with a Request-URI")
    return _joined(_request_line(message.method, message.target), message.headers, message.body)


def request(method: str, target: str, headers: Pairs, body: bytes = b"", essentials: Essentials | None = None) -> Request:
    """
    A request of ours. Via, From, To, Call-ID, CSeq and all else are among the headers.

    :param essentials: what they say, from who has written them by it, under canonical names, and has nothing of READERS among them that somebody else wrote.

    :raises ValueError: when it isn't one that :func:`.parse.parse` would take.
    """
    known_headers = Headers.of(headers) if essentials is None else Headers(tuple(headers))
    address = uris.read(target)
    if address is None or not token(method):
        raise ValueError(f"{method!r} {target!r} is no method with a Request-URI")
    known = _checked(known_headers) if essentials is None else essentials
    if known.cseq.method != method:
        raise ValueError(f"CSeq says {known.cseq.method}, the request line {method}")
    return Request(known_headers, body, known, method, target, address, _joined(_request_line(method, target), known_headers, body))


def response(status: int, headers: Pairs, body: bytes = b"", reason: str | None = None) -> Response:
    """
    A response with these headers, for tests and tools; servers use :func:`answer`.

    :raises ValueError: when it isn't one that :func:`.parse.parse` would take.
    """
    known_headers = Headers.of(headers)
    return _responding(known_headers, body, _checked(known_headers), status, reason)


def _responding(headers: Headers, body: bytes, known: Essentials, status: int, reason: str | None) -> Response:
    phrase = PHRASES.get(status, "") if reason is None else reason
    return Response(headers, body, known, status, phrase, _joined(_status_line(status, phrase), headers, body))


def _checked(headers: Headers) -> Essentials:
    known = read_essentials(headers)
    if isinstance(known, Wrong):
        raise ValueError(known.phrase)
    return known


def answer(asked: Request, status: int, more: Pairs = (), body: bytes = b"", reason: str | None = None, tag: str | None = None) -> Response:
    """
    The response to a request (RFC 3261 8.2.6.2): its Vias, From, To, Call-ID and CSeq, and more behind them.

    :param tag: of To, when the request has none; that of :func:`tag_of` by default. A 100 gets none and has the Timestamp.
    :raises ValueError: for a value that can't be sent.
    """
    if status != 100 and asked.known.recipient.tag is None:
        tag = tag or tag_of(asked.headers)
    copied = _copied(asked.headers, None if status == 100 else tag, "Timestamp" if status == 100 else "")
    added = Headers.of(more).entries
    if any(name in READERS for name, _ in added):
        return response(status, [*copied, *added], body, reason)
    # What is copied was read with the request, and of other headers only the letters matter.
    return _responding(Headers(copied.entries + added), body, asked.known, status, reason)


def refusal(fault: Fault, tag: str | None = None) -> bytes | None:
    """
    The octets of the answer to a message that isn't served, made of what of its headers could be read; None when it is dropped.
    """
    if fault.dropped:
        return None
    copied = _copied(fault.heard, tag or tag_of(fault.heard), "")
    return _joined(_status_line(fault.status, fault.phrase), copied.then(*fault.more), b"")


def tag_of(headers: Headers) -> str:
    """A tag for To that is the same for each retransmission, so that a server without memory gives one answer (RFC 3261 8.2.7)."""
    heard = "\n".join([value for name in _COPIED if (value := headers.first(name)) is not None])
    return sha256(encode(heard)).hexdigest()[:16]


def _copied(asked: Headers, tag: str | None, extra: str) -> Headers:
    """The headers that an answer copies, as they were written; To with a tag when it had none."""
    copied = [entry for entry in asked.entries if entry[0] in _COPIED or entry[0] == extra]
    if tag:
        copied = [("To", f"{value};tag={tag}") if name == "To" and not _has_tag(value) else (name, value) for name, value in copied]
    return Headers(tuple(copied))


def _has_tag(text: str) -> bool:
    """Whether a To has a tag; one that can't be read counts as having one, so that it is copied untouched."""
    read = name_addr(text)
    return read is None or named(read.parameters, "tag") is not None


def _request_line(method: str, target: str) -> str:
    return f"{method} {target} SIP/2.0"


def _status_line(status: int, reason: str) -> str:
    if not 100 <= status <= 699:
        raise ValueError(f"{status} is no status")
    return f"SIP/2.0 {status} {reason}"


def _joined(start: str, headers: Headers, body: bytes) -> bytes:
    """
    The octets of a whole message.

    :raises ValueError: as :func:`to_octets`.
    """
    # Blanks around a value are none of it (RFC 3261 7.3.1).
    lines = [f"{name}: {value.strip(BLANKS)}" for name, value in headers.entries if name != "Content-Length"]
    head = encode("\r\n".join((start, *lines, f"Content-Length: {len(body)}\r\n\r\n")))
    # All that is no text are the line ends between the lines; else some value has a control octet.
    if head.translate(None, PRINTED) != b"\r\n" * (len(lines) + 3) or not KNOWN.issuperset([name for name, _ in headers.entries]):
        _check(start, headers)
    return head + body


def _check(start: str, headers: Headers) -> None:
    """:raises ValueError: for what can't be sent."""
    if not clean(start):
        raise ValueError("a control character in the start line")
    for name, value in headers.entries:
        if (name not in KNOWN and not token(name)) or not clean(value):
            raise ValueError(f"{name!r}: a control character in the value, or no name of a header")
