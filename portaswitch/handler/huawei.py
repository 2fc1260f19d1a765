"""
What Huawei's SOAP interfaces (HLR/HSS and UPCC) share: the log-in by LGI, and the codes of its refusals.

A log-in is answered with 307, code 0 and the session's URL in Location, which is data and no redirect. A request of a session that is over is answered with
code 5004 (by status 307 and the server's root at the HSS, by 200 at the UPCC). Refused log-ins lock the operator's account, so they are never repeated.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from portaswitch.handler.base import EventHandler
from portaswitch.handler.requests import Reply, Request

#: The session is over.
OVER: Final = "5004"
#: A log-in that was answered with success but without the URL of a session.
NO_SESSION: Final = "no session"
#: Name or password are refused, or the account is locked. Where requests carry them in their header, any answer may say so.
CREDENTIALS: Final = frozenset({"1012", "1013", "1018", "1078", "1155"})
#: What a refused log-in says: of the credentials, or of its parameters (1004 bad value, 1009 missing, 1118 repeated).
LOG_IN: Final = CREDENTIALS | {"1004", "1009", "1118", NO_SESSION}


class HuaweiSession(EventHandler):
    """Mixed into a handler: its requests go to the path of a session (`call`)."""

    log_in_refused = LOG_IN
    credentials_refused = CREDENTIALS

    @abstractmethod
    def lgi(self) -> Request:
        """The log-in."""

    @abstractmethod
    def result(self, reply: Reply) -> str:
        """The code of an answer, '0' for success, '' for none."""

    def log_in(self, target: str) -> Generator[Request, Any, Mapping[str, str]]:
        """The path of the session."""
        reply: Reply = yield self.lgi()
        return {"path": _path(reply)}

    def logged_out(self, reply: Reply) -> bool:
        """Code 5004."""
        return self.result(reply) == OVER

    def fault(self, reply: Reply) -> str:
        """Of a log-in: its code, or `NO_SESSION`; of what ends a session 5004, whatever the status."""
        code = self.result(reply)
        if reply.xml is not None and reply.xml.tag == "LGIResponse" and reply.status < 400:
            opened = code == "0" and reply.status == 307 and _path(reply) not in ("", "/")
            return "" if opened else NO_SESSION if code in ("", "0") else code
        return OVER if code == OVER else super().fault(reply)


def _path(reply: Reply) -> str:
    """Where the session is. The host is the configured one, whatever Location says: nobody sends us elsewhere."""
    where = urlsplit(reply.headers.get("location", ""))
    return f"{where.path}?{where.query}" if where.query else where.path
