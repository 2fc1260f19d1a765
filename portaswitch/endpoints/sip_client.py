"""
A user agent, for trying a server out: it registers, sends messages and takes those that come (`portaswitch sip-test`).

    request > 401 > the same request with a digest answer > its final response
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from portaswitch.endpoints.sip import Reply, SipServer
from portaswitch.endpoints.sip_courier import via
from portaswitch.endpoints.sip_ports import Datagrams, Place, UdpPort
from portaswitch.endpoints.sip_throttle import Throttle
from portaswitch.wire.digest import Proof
from portaswitch.wire.sip import build
from portaswitch.wire.sip.grammar import decode, printable, quoted
from portaswitch.wire.sip.message import Request, Response
from portaswitch.wire.sip.uri import escaped
from portaswitch.wire.sip.values import credentials

Pairs = tuple[tuple[str, str], ...]
#: Headers that hold a proof.
SECRET = frozenset(("Authorization",))


@dataclass(frozen=True, slots=True)
class Step:
    """
    A request and what came of it, as text for people; `answer` is status and phrase, '' when nothing came.
    """

    request: str
    sent: Pairs
    answer: str
    received: Pairs


@dataclass(frozen=True, slots=True)
class Account:
    """Whose phone it is: `user`@`domain` with its service password."""

    user: str
    domain: str
    password: str

    @property
    def uri(self) -> str:
        """The address of record."""
        return f"sip:{escaped(self.user)}@{self.domain}"

    def __repr__(self) -> str:
        return f"Account({self.user}@{self.domain})"


class UserAgent:
    """
    A phone of `account` that asks the server at `host` and `number`; `told` gets each step, `arrived` the sender and the text of each message that comes.
    Listen with `port`, and set its `sent_by`.
    """

    def __init__(
        self, reactor: Any, account: Account, host: str, number: int, told: Callable[[Step], None], arrived: Callable[[str, str], None]
    ) -> None:
        self._account, self._host, self._number, self._told, self._arrived = account, host, number, told, arrived
        self.server = SipServer(reactor, Throttle(reactor.seconds, 0))
        self.server.handlers["MESSAGE"] = self._taken
        self.port = UdpPort(self.server, "sip-test")
        self._sequence, self._call = 0, token_hex(10)

    async def register(self, seconds: int) -> Response | None:
        """Register for so many seconds (0: no longer); None: no answer."""
        host, number = self.port.sent_by
        contact = f"<sip:{escaped(self._account.user)}@{host}:{number}>"
        return await self._ask("REGISTER", f"sip:{self._account.domain}", self._account.uri, (("Contact", contact), ("Expires", str(seconds))), b"")

    async def message(self, called: str, text: str) -> Response | None:
        """Send a text to a number of the domain, or to user@domain; None: no answer."""
        user, at, domain = called.rpartition("@")
        target = f"sip:{escaped(user if at else called)}@{domain if at else self._account.domain}"
        return await self._ask("MESSAGE", target, target, (("Content-Type", "text/plain;charset=UTF-8"),), text.encode())

    async def _ask(self, method: str, target: str, to: str, more: Pairs, body: bytes) -> Response | None:
        call, tag = self._call if method == "REGISTER" else token_hex(10), token_hex(4)
        answer, proof = await self._once(method, target, to, more, body, call, tag), ""
        if answer is not None and answer.status == 401:
            proof = self._proof(answer, method, target)
        return await self._once(method, target, to, (*more, ("Authorization", proof)), body, call, tag) if proof else answer

    async def _once(self, method: str, target: str, to: str, more: Pairs, body: bytes, call: str, tag: str) -> Response | None:
        self._sequence += 1
        place = Datagrams(self.port, self._host, self._number)
        headers = [
            *via(place), ("Max-Forwards", "70"), ("To", f"<{to}>"), ("From", f"<{self._account.uri}>;tag={tag}"), ("Call-ID", call),
            ("CSeq", f"{self._sequence} {method}"), *more,
        ]  # fmt: skip
        request = build.request(method, target, headers, body)
        answer = await self.server.ask(request, place)
        told = "" if answer is None else f"{answer.status} {printable(answer.reason)}"
        self._told(Step(f"{method} {target}", _shown(request.headers.entries), told, () if answer is None else _shown(answer.headers.entries)))
        return answer

    def _proof(self, answer: Response, method: str, target: str) -> str:
        """The answer to the first challenge of a kind that we know; '' for none."""
        for text in answer.headers.lines("WWW-Authenticate"):
            found = credentials(text)
            fields = {} if found is None or found.scheme != "digest" else found.fields
            algorithm = fields.get("algorithm", "MD5")
            if "nonce" not in fields or algorithm.upper() not in ("MD5", "SHA-256"):
                continue
            realm, nonce, qop = fields.get("realm", ""), fields["nonce"], "auth" if "auth" in fields.get("qop", "").split(",") else ""
            proof = Proof(self._account.user, realm, nonce, method, target, "", qop, algorithm.lower(), token_hex(8) if qop else "", "00000001" if qop else "")
            counted = f", qop=auth, nc={proof.count}, cnonce={quoted(proof.cnonce)}" if qop else ""
            told = f"username={quoted(proof.username)}, realm={quoted(realm)}, nonce={quoted(nonce)}, uri={quoted(target)}, algorithm={algorithm}"
            return f'Digest {told}{counted}, response="{proof.computed(self._account.password)}"'
        return ""

    async def _taken(self, request: Request, place: Place) -> Reply:
        """A message has come."""
        if place.host != self._host:
            return Reply(403)
        self._arrived(printable(str(request.known.sender.uri)), printable(decode(request.body)))
        return Reply(200)


def _shown(headers: Pairs) -> Pairs:
    return tuple((name, "(hidden)" if name in SECRET else printable(value)) for name, value in headers)
