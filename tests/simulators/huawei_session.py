"""
The SOAP sessions of Huawei's provisioning: log in with LGI at the root, get a URL, work there, log out.

    -> POST /  LGI                      <- 307, Location: http://host/TOKEN, ResultCode 0
    -> POST /TOKEN  a command           <- 200, ResultCode of the command
    -> POST /TOKEN  when it is over     <- 307, Location: http://host/, ResultCode 5004

Here a 307 is data, not a redirect to follow: a client that follows it sends its log-in to the session's URL and is refused there.
A session is its TCP connection's: from another one it is over, and is gone with its own (its next request comes from elsewhere).
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import count

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Refused, Sessions
from tests.simulators.huawei_operators import NO_SESSION, Operators
from tests.simulators.soap import Element, Malformed, content, envelope, fault, parse
from tests.simulators.web import Ask, HttpSimulator, Reply

#: Seconds without a request that end a session.
IDLE = 60


class HuaweiSoap(HttpSimulator):
    """`operators` is the one account. With `header` set, requests need no session but carry user and password in their SOAP header."""

    #: What says that a session is over: HTTP status of the answer with code 5004.
    over = 307

    def __init__(self, clock: IReactorTime, user: str = "provision", password: str = "made-up", header: bool = False) -> None:
        super().__init__(clock)
        self.operators = Operators(user, password, self.faults)
        self.sessions = Sessions(clock, IDLE)
        self.header = header
        self._tokens = count(1)
        self._peers: dict[str, str] = {}

    @abstractmethod
    def header_credentials(self, document: Element) -> tuple[str | None, str | None]:
        """User and password of the SOAP header of a document, each at its place."""

    @abstractmethod
    def credentials(self, call: Element) -> tuple[str | None, str | None]:
        """User and password of an LGI."""

    @abstractmethod
    def result(self, operation: str, code: str, text: str, data: str = "") -> str:
        """The body of an answer."""

    @abstractmethod
    def execute(self, call: Element) -> str:
        """Do a command; the data of its answer, or Refused."""

    def forget_sessions(self) -> None:
        """As after a restart."""
        self.sessions.clear()

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        if ask.method != "POST":
            return Reply(405)
        token = ask.path.strip("/")
        if token and not ask.body.strip():
            return self._keep_alive(ask, token)
        if not ask.is_kind("text/xml") or ask.headers.get("soapaction", "-").strip('"') not in ("", "Notification"):
            return fault("Client", "the content type is text/xml, and SOAPAction is empty or Notification")
        try:
            document = parse(ask.body)
            call = content(document)
        except Malformed as error:
            return fault("Client", f"malformed request: {error}")
        try:
            if self.header:
                self.operators.log_in(*self.header_credentials(document))
            elif call.name == "LGI":
                return self._log_in(ask, token, call)
            elif self._user(ask, token) is None:
                return self._over(ask, call.name)
            if call.name == "LGO":
                self.note("LGO")
                self.sessions.close(token)
                return envelope(self.result("LGO", "0", "Operation is successful"))
            return envelope(self.result(call.name, "0", "Operation is successful", self.execute(call)))
        except Refused as error:
            return envelope(self.result(call.name, error.code, error.text))

    def _log_in(self, ask: Ask, token: str, call: Element) -> Reply:
        """At the root only."""
        self.note("LGI")
        if token:
            raise Refused("1004", "LGI is not allowed in a session")
        self.operators.log_in(*self.credentials(call))
        key = f"{next(self._tokens):032x}"
        if not self.sessions.open(key, self.operators.user):
            return Reply(503)
        self._peers[key] = ask.peer
        where = f"http://{ask.headers.get('host', 'localhost')}/{key}"
        return envelope(self.result("LGI", "0", "Operation is successful"), status=307, headers=(("Location", where),))

    def _keep_alive(self, ask: Ask, token: str) -> Reply:
        """An empty request keeps a session."""
        return Reply(200 if self._user(ask, token) is not None else 404)

    def _user(self, ask: Ask, token: str) -> str | None:
        """Who has this session on this connection."""
        return self.sessions.user(token) if self._peers.get(token) == ask.peer else None

    def _over(self, ask: Ask, operation: str) -> Reply:
        text = self.result(operation, NO_SESSION, "Session ID is invalid or timed out")
        root = (("Location", f"http://{ask.headers.get('host', 'localhost')}/"),) if self.over == 307 else ()
        return envelope(text, status=self.over, headers=root)
