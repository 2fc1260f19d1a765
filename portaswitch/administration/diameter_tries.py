"""`diameter-test`: plays a client of a running server, and tells each exchange as it comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import getrandbits
from time import monotonic
from typing import Any

from twisted.internet.defer import TimeoutError
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol

from portaswitch.endpoints.diameter_client import DiameterClient, Ended
from portaswitch.endpoints.diameter_plays import SUCCESS, Play, Step, Subscriber, steps, successful, understood
from portaswitch.endpoints.diameter_trace import described
from portaswitch.errors import StartError
from portaswitch.model.value import dataclass
from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Group, Message, Pair

__all__ = ["DiameterExchange", "DiameterVerdict", "Peer", "Play", "Subscriber", "play"]
DICTIONARY = Dictionary.standard()
#: Seconds that the connection may take to come up.
REACH = 5.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who the server takes us for, and whom we call: Origin-Host and -Realm, Destination-Realm."""

    host: str
    realm: str
    destination_realm: str


@dataclass(frozen=True, slots=True)
class DiameterExchange:
    """One request and its answer: names and texts in the order of the wire, and what was understood; `seconds` from one to the other."""

    title: str
    code: str
    sent: tuple[tuple[str, str], ...]
    answer: str
    received: tuple[tuple[str, str], ...]
    understood: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class DiameterVerdict:
    """How it went, in a line; `session` names the session in the books."""

    ok: bool
    text: str
    session: str = ""


async def play(
    reactor: Any, place: tuple[str, int], peer: Peer, what: Play, who: Subscriber, told: Callable[[DiameterExchange], None]
) -> DiameterVerdict:
    """Play it from the CER to the DPA. Raises StartError when the server can't be reached."""
    local = Local(peer.host, peer.realm, ("127.0.0.1",), 1)
    client = DiameterClient(local, Identifiers(int(datetime.now(UTC).timestamp()), getrandbits(32)), reactor)
    try:
        await connectProtocol(HostnameEndpoint(reactor, *place, timeout=REACH), client)
    except Exception as error:
        raise StartError(f"no Diameter server at {place[0]} port {place[1]} ({error}): does it run, with the role diameter?") from error
    try:
        return await _played(client, peer, what, who, told)
    except (TimeoutError, Ended) as error:
        text = str(error) if isinstance(error, Ended) else "no answer in time"
        return DiameterVerdict(False, f"FAILED: {text}; is {peer.host} the origin_host of a node, and {peer.destination_realm} the server's realm?")
    finally:
        client.close()


async def _played(client: DiameterClient, peer: Peer, what: Play, who: Subscriber, told: Callable[[DiameterExchange], None]) -> DiameterVerdict:
    cea = await client.capabilities()
    if cea.get("Result-Code") != SUCCESS:
        return DiameterVerdict(False, f"NOT LET IN: {'; '.join(understood(cea, DICTIONARY))}")
    now = datetime.now(UTC)
    session = f"{peer.host};{int(now.timestamp())};{getrandbits(24)};test"
    played = steps(what, who)
    for number, step in enumerate(played):
        body = _body(session, peer, who, step, number)
        begun = monotonic()
        answer = await client.credit(body)
        told(_exchange(step, body, answer, monotonic() - begun))
        if not successful(answer):
            return DiameterVerdict(False, f"REFUSED: {'; '.join(understood(answer, DICTIONARY))}", session)
    await client.leave()
    return DiameterVerdict(True, f"OK: {what.value} was played, {len(played)} requests, all answered 2001", session)


def _body(session: str, peer: Peer, who: Subscriber, step: Step, number: int) -> list[Pair]:
    subscription: list[Pair] = [("Subscription-Id-Type", "END_USER_E164"), ("Subscription-Id-Data", who.account)]
    return [
        ("Session-Id", session), ("Origin-Host", peer.host), ("Origin-Realm", peer.realm), ("Destination-Realm", peer.destination_realm),
        ("Auth-Application-Id", 4), ("Service-Context-Id", step.context), ("CC-Request-Type", step.kind), ("CC-Request-Number", number),
        ("Event-Timestamp", int(datetime.now(UTC).timestamp())), ("Subscription-Id", Group(subscription)), *step.pairs,
    ]  # fmt: skip


def _exchange(step: Step, sent: list[Pair], answer: Message, seconds: float) -> DiameterExchange:
    return DiameterExchange(
        step.title, f"CCR {step.kind}", described(sent, DICTIONARY), "CCA", described(answer.pairs, DICTIONARY), tuple(understood(answer, DICTIONARY)), seconds,
    )  # fmt: skip
