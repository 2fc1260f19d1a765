"""What is wrong with a message, as a value: the answer that the RFC wants, or a silent drop."""

from __future__ import annotations

from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.sip.headers import Headers

#: RFC 3261 21, and those of later RFCs that this server sends or meets.
PHRASES: Final = {
    100: "Trying", 180: "Ringing", 200: "OK", 202: "Accepted", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 400: "Bad Request",
    401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 423: "Interval Too Brief",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
    488: "Not Acceptable Here", 500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out",
    505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip
#: The status of a fault that nothing is sent for.
DROPPED: Final = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Why a message isn't served.

    `reason` is one word for the counter of refusals and drops; `status` the answer's, :data:`DROPPED` for none; `phrase` its reason phrase, which tells the
    sender's operator what to look at; `more` the headers that the status wants (Allow, Accept, Unsupported); `heard` the headers of the message, as far as
    they were
    read, of which the answer copies Via, From, To, Call-ID and CSeq.
    """

    reason: str
    status: int
    phrase: str = ""
    more: tuple[tuple[str, str], ...] = ()
    heard: Headers = Headers()

    @property
    def dropped(self) -> bool:
        """Nothing is sent."""
        return self.status == DROPPED
