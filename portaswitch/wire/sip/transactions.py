"""All transactions of a server: which one a message belongs to (RFC 3261 17.1.3, 17.2.3), and whose timer is next."""

from __future__ import annotations

from collections.abc import Hashable

from portaswitch.wire.sip.fault import DROPPED, PHRASES, Fault
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.table import Event, Kind, State
from portaswitch.wire.sip.transaction import Output, Transaction, event_of
from portaswitch.wire.sip.values import COOKIE
from portaswitch.wire.sip.wheel import NEVER, Wheel


def branch_of(random: bytes) -> str:
    """A branch for a request of ours, of octets that nobody can guess."""
    return COOKIE + random.hex()


def server_key(request: Request) -> Hashable:
    """
    By what a request and its retransmissions are known; an ACK has the key of its INVITE.

    With the cookie: branch, sent-by and method (17.2.3). The branch is compared octet by octet: clients draw it from letters of both cases.
    Without: as RFC 2543, by Request-URI, tags, Call-ID, CSeq and the topmost Via. The tag of To is left out for INVITE, as its ACK has the one of our answer.
    """
    method = "INVITE" if request.method == "ACK" else request.method
    top, known = request.via, request.known
    if top.modern:
        host, port = top.sent_by
        return f"{top.branch} {host}:{port} {method}"  # a text, which the collector of cycles needn't look at
    tag = None if method == "INVITE" else known.recipient.tag
    return request.target, tag, known.sender.tag, known.call_id, known.cseq.number, method, str(top)


def client_key(message: Request | Response) -> Hashable:
    """By what a response is known: its topmost branch and the method of CSeq (17.1.3)."""
    return message.via.branch, message.known.cseq.method


class Transactions:
    """
    The running transactions, at most `limit` of servers and as many of clients.

    Messages, timers and errors go in; what is to be sent, delivered or told comes out. Times are milliseconds of a clock that never goes back; timers may be
    late by a `tick`.
    """

    def __init__(self, limit: int = 65536, tick: int = 1) -> None:
        self._limit = limit
        self._servers: dict[Hashable, Transaction] = {}
        self._clients: dict[Hashable, Transaction] = {}
        #: Of each connection what goes by it: one that breaks is not to be looked for among all.
        self._streams: dict[object, dict[Transaction, None]] = {}
        #: Of each transaction its next timer; one that was stopped is found out when its time comes.
        self._due: Wheel[Transaction] = Wheel(tick)

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    def received(self, message: Request | Response, place: object, reliable: bool, now: int) -> list[Output] | Fault:
        """
        A message came in from a place.

        A fault is a message that belongs to no transaction and begins none: a stray ACK or response, which is dropped (RFC 6026 8.9), or a request too many.
        """
        if isinstance(message, Response):
            client = self._clients.get(client_key(message))
            if client is None:
                return Fault("stray-response", DROPPED, heard=message.headers)
            return self._settled(client, client.happens(event_of(message), now, message))
        key = server_key(message)
        server = self._servers.get(key)
        if server is not None:
            return self._settled(server, server.happens(Event.ACK if message.method == "ACK" else Event.REQUEST, now, message))
        if message.method == "ACK":
            return Fault("stray-ack", DROPPED, heard=message.headers)
        if len(self._servers) >= self._limit:
            return Fault("overload", 503, PHRASES[503], (("Retry-After", "5"),), message.headers)
        kind = Kind.INVITE_SERVER if message.method == "INVITE" else Kind.SERVER
        self._servers[key] = server = Transaction(kind, key, message, place, reliable)
        return self._begun(server, now)

    def runs(self, request: Request) -> bool:
        """Whether a request is one of a running transaction: sent again, or the ACK of an INVITE."""
        return server_key(request) in self._servers

    def asked(self, request: Request, place: object, reliable: bool, now: int) -> list[Output] | Fault:
        """
        Send a request of ours. Its branch must be new.

        :raises ValueError: for an INVITE or ACK, which have no machine here, or a branch that is in use or no RFC 3261 one.
        """
        key = client_key(request)
        if request.method in ("INVITE", "ACK") or key in self._clients or not request.via.modern:
            raise ValueError(f"{request.method} with branch {request.via.branch!r}: a request other than INVITE and ACK, with a new branch, is wanted")
        if len(self._clients) >= self._limit:
            return Fault("overload", DROPPED, heard=request.headers)
        self._clients[key] = client = Transaction(Kind.CLIENT, key, request, place, reliable)
        return self._begun(client, now)

    def _begun(self, transaction: Transaction, now: int) -> list[Output]:
        if transaction.reliable:
            self._streams.setdefault(transaction.place, {})[transaction] = None
        return self._settled(transaction, transaction.begin(now))

    def answered(self, transaction: Transaction, response: Response, now: int) -> list[Output]:
        """The user answers a request that was delivered. Nothing comes of it when the transaction is over or has its answer."""
        return self._settled(transaction, transaction.answers(response, now))

    def dismissed(self, transaction: Transaction, response: Response, now: int) -> list[Output]:
        """The user answers a request of which nothing is kept: the response is not sent again by itself, the request again is a new one (RFC 3261 8.2.7)."""
        outputs = transaction.answers(response, now)
        transaction.leave()
        return self._settled(transaction, outputs)

    def broken(self, place: object, now: int) -> list[Output]:
        """A connection has failed: tell the users of all that goes by it."""
        return [output for one in list(self._streams.get(place, ())) for output in self._settled(one, one.happens(Event.ERROR, now))]

    @property
    def soonest(self) -> int:
        """When :meth:`advance` may have something to do, as far as can be told without a look at what was stopped; NEVER: no timer runs."""
        return self._due.soonest

    def advance(self, now: int) -> list[Output]:
        """Fire the timers whose time has come."""
        outputs: list[Output] = []
        for when, transactions in self._due.taken(now):
            for transaction in transactions:
                if transaction.noted == when:
                    transaction.noted = NEVER
                    outputs += self._settled(transaction, transaction.due(now))
        return outputs

    def _settled(self, transaction: Transaction, outputs: list[Output]) -> list[Output]:
        """Forget a transaction that is over, and note the next timer of one that isn't."""
        if transaction.state is State.TERMINATED:
            group = self._clients if transaction.kind is Kind.CLIENT else self._servers
            if group.get(transaction.key) is transaction:
                del group[transaction.key]
                self._parted(transaction)
            transaction.noted = NEVER
            if len(self._due) > 4 * len(self) + 4096:  # most are timers of transactions that are over
                self._due.keep(_is_noted)
            return outputs
        when = transaction.earliest
        if when < transaction.noted:
            transaction.noted = self._due.put(when, transaction)
        return outputs

    def _parted(self, transaction: Transaction) -> None:
        """It goes by no connection any more."""
        together = self._streams.get(transaction.place) if transaction.reliable else None
        if together is not None:
            together.pop(transaction, None)
            if not together:
                del self._streams[transaction.place]


def _is_noted(when: int, transaction: Transaction) -> bool:
    return transaction.noted == when
