"""Messages for tests, as octets: a plain one, with headers changed, added or left out."""

from __future__ import annotations

from portaswitch.wire.sip.fault import Fault
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.parse import parse

BRANCH = "z9hG4bK.a1b2c3d4e5"
ALICE, BOB = "<sip:12065550021@pbx.example>", "<sip:12065550019@pbx.example>"
PLAIN: dict[str, str] = {
    "Via": f"SIP/2.0/UDP 198.51.100.7:5060;branch={BRANCH}",
    "Max-Forwards": "70",
    "From": f"{ALICE};tag=f00d",
    "To": BOB,
    "Call-ID": "b6c0a7@198.51.100.7",
    "CSeq": "11 {method}",
    "Content-Length": "{length}",
}
Changes = dict[str, str | None]


def head(start: str, method: str, changes: Changes, more: tuple[str, ...], length: int) -> bytes:
    """Start line and headers: those of PLAIN with changes (None leaves one out), then more lines, then the empty line."""
    told = {**PLAIN, **changes}
    lines = [f"{name}: {value.replace('{method}', method).replace('{length}', str(length))}" for name, value in told.items() if value is not None]
    return "\r\n".join((start, *lines, *more, "", "")).encode("utf-8", "surrogateescape")


def asking(method: str = "OPTIONS", changes: Changes | None = None, *more: str, target: str = "sip:pbx.example", body: bytes = b"", start: str = "") -> bytes:
    """The octets of a request; `start` is a whole start line in the place of the usual one."""
    return head(start or f"{method} {target} SIP/2.0", method, changes or {}, more, len(body)) + body


def telling(text: str = "hello", changes: Changes | None = None, *more: str) -> bytes:
    """The octets of a MESSAGE with this text."""
    return asking("MESSAGE", changes, *more, "Content-Type: text/plain", target="sip:12065550019@pbx.example", body=text.encode())


def replying(status: str = "200 OK", changes: Changes | None = None, *more: str, method: str = "MESSAGE", body: bytes = b"") -> bytes:
    """The octets of a response."""
    return head(f"SIP/2.0 {status}", method, {"Max-Forwards": None, "To": f"{BOB};tag=cafe", **(changes or {})}, more, len(body)) + body


def asked(octets: bytes) -> Request:
    """The request of octets that are one."""
    found = parse(octets)
    assert isinstance(found, Request), found
    return found


def replied(octets: bytes) -> Response:
    """The response of octets that are one."""
    found = parse(octets)
    assert isinstance(found, Response), found
    return found


def faulty(octets: bytes) -> Fault:
    """The fault of octets that are no message."""
    found = parse(octets)
    assert isinstance(found, Fault), found
    return found
