"""
The guide's Appendix C, "Messaging via SIP SIMPLE" (tests/spec/examples/sip): the recorded messages against an edge node and a gateway, header by header.

Addresses and ports are those of the test's sockets; nonces, tags and branches are new each time. Digests are recomputed with the demo's password, as the
printed one belongs to a password that nobody knows.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from twisted.internet.defer import Deferred

from tests.claims import claims
from tests.server.phones import ALICE, BOB, MONEY, PASSWORD, SipCase, SipWorld, challenges, digest, headers, status

FOLDER = Path(__file__).parents[1] / "spec" / "examples" / "sip"
SENDING, DELIVERING = (yaml.safe_load((FOLDER / name).read_text("utf-8"))["messages"] for name in ("01_sending_message.yaml", "02_delivering_message.yaml"))
GUIDE = "91.212.34.119"
NODE = f"insert into nodes (i_node, i_env, name, nas_identifier, protocol, i_service) values (301, 1, 'imgate', '{GUIDE}', 'sip', 108);"
#: Parts that are new each time.
FREE = ((r"branch=[^;,\s]+", "branch=B"), (r"tag=[^;,\s]+", "tag=T"), (r'nonce="[^"]*"', 'nonce="N"'), (r'response="[^"]*"', 'response="R"'))


def octets(message: dict[str, Any], *changes: tuple[str, str], leave: tuple[str, ...] = ()) -> bytes:
    """A recorded message as octets, with texts of it replaced; `leave` headers out."""
    body = message.get("body", "")
    lines = [message["start_line"], *(f"{name}: {len(body) if name == 'Content-Length' else value}" for name, value in message["headers"] if name not in leave)]
    text = "\r\n".join(lines)
    for old, new in changes:
        text = text.replace(old, new)
    return f"{text}\r\n\r\n{body}".encode()


def shape(message: bytes) -> list[str]:
    """The lines of a message without what is new each time; brackets around a URI without parameters are optional (RFC 3261 20)."""
    text = message.decode()
    for pattern, free in FREE:
        text = re.sub(pattern, free, text)
    return [re.sub(r"^(To|From): <(sip:[^>;]*)>", r"\1: \2", line) for line in text.split("\r\n")]


class EdgeTests(SipCase):
    """Our edge node before an IMGate that answers as the recorded one."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made(NODE)
        self.gate, self.bob = self.world.phone("imgate", interface="127.0.0.9"), self.world.phone(BOB, interface="127.0.0.5")
        self.alice = self.world.phone(ALICE, interface="127.0.0.4")
        self.gate.answers = None
        await self.world.server.stopService()
        await self.world.start(domains=f"['{GUIDE}']", gateway=f"'127.0.0.9:{self.gate.port}'")

    @claims("sip-simple.1")
    async def test_handed_over(self) -> None:
        """Messages 1 to 4, and 5 to 8: one hop less, our Via, PortaOne-Requested-URI and PortaSIP-Notify to the IMGate; its answers to the phone."""
        own = ("192.168.225.4", "127.0.0.4"), (";rport=5060;received=127.0.0.4", ";rport")
        seen = ("192.168.225.4", "127.0.0.4"), ("rport=5060;received=127.0.0.4", f"rport={self.alice.port};received=127.0.0.4")
        edge = ("91.212.34.107:5960", f"127.0.0.9:{self.gate.port}"), ("91.212.34.119:5060;branch", f"127.0.0.1:{self.world.udp};branch")
        for first in (0, 4):
            sent, forwarded, answered, passed = SENDING[first : first + 4]
            arrives, answer = self.gate.delivered(), self.alice.ask(octets(sent, *own))
            got = await arrives
            top = (";branch=z9hG4bK-524287-1---276aec77714342c248faacceffc72349;rport=5060", ";branch=x;rport")
            self.assertEqual(shape(got), shape(octets(forwarded, *seen, top, *edge)))
            self.assertNotEqual(headers(got, "Via")[0], headers(got, "Via")[1])
            self.gate.send(octets({**answered, "headers": [*(["Via", via] for via in headers(got, "Via")), *_but_via(answered)]}))
            self.assertEqual(shape(await answer), shape(octets(passed, *seen)))
        self.assertEqual(await self.world.one("select count(*) from messages"), 0)

    @claims("sip-simple.4")
    async def test_delivered_by_the_pinhole(self) -> None:
        """Part 2: what the IMGate sends by our Route goes down the pinhole, one hop less and without the Route; the phone's 200 goes back."""
        recorded, forwarded, answered, passed = DELIVERING
        self.bob.answers = None
        gate = ("91.212.34.107:5961", f"127.0.0.9:{self.gate.port}"), (";rport=5961", ";rport")
        hole = ("pinhole=UDP:192.168.225.4:5061", f"pinhole=UDP:127.0.0.5:{self.bob.port}")
        arrives, answer = self.bob.delivered(), self.gate.ask(octets(recorded, *gate, hole))
        got = await arrives
        seen = ("91.212.34.107:5961", f"127.0.0.9:{self.gate.port}"), ("rport=5961", f"rport={self.gate.port};received=127.0.0.9")
        ours = ("91.212.34.119:5060;branch", f"127.0.0.1:{self.world.udp};branch")
        self.assertEqual(shape(got), shape(octets(forwarded, *seen, ours)))
        self.bob.send(octets({**answered, "headers": [*(["Via", via] for via in headers(got, "Via")), *_but_via(answered)]}))
        self.assertEqual(shape(await answer), shape(octets(passed, *seen)))

    async def test_strangers_get_no_pinhole(self) -> None:
        """A Route of somebody who isn't the gateway leads nowhere but to the gateway."""
        thief = self.world.phone("x", interface="127.0.0.6")
        thief.send(octets(DELIVERING[0], ("pinhole=UDP:192.168.225.4:5061", f"pinhole=UDP:127.0.0.5:{self.bob.port}")))
        await self.gate.delivered()
        self.assertEqual(self.bob.requests, [])


class GatewayTests(SipCase):
    """Our gateway behind an edge node that sends the recorded messages."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made(NODE)
        self.edge = self.world.phone("edge", interface="127.0.0.9")
        await self.world.server.stopService()
        await self.world.start(domains=f"['{GUIDE}']", edges="[127.0.0.9]", realm="sip-18.Omega_MR75")

    def sent(self, number: int, *changes: tuple[str, str]) -> Deferred[bytes]:
        """Send a recorded message as the edge node, by its place in part 1; fires with the answer."""
        place = ("91.212.34.119:5060;branch", f"127.0.0.9:{self.edge.port};branch"), (";rport=5060\r\n", ";rport\r\n")
        return self.edge.ask(octets(SENDING[number], *place, *changes))

    @claims("sip-simple.2", "sip-simple.3", "sip-simple.4")
    async def test_authorized_and_delivered(self) -> None:
        """Message 2 is challenged, the printed digest refused, the recomputed one accepted and paid; part 2 begins at the recipient's edge."""
        first = await self.sent(1)
        wanted = [line for line in shape(octets(SENDING[2])) if not line.startswith(("Via", "WWW"))]
        self.assertEqual([line for line in shape(first) if not line.startswith(("Via", "WWW"))], wanted)
        self.assertEqual([fields["realm"] for fields in challenges(first)], ["sip-18.Omega_MR75"] * 2)
        self.assertEqual(status(await self.sent(5)), 401)
        await self.world.pool.execute(
            "insert into registrations (i_account, uri, transport, host, port, listener, call_id, cseq, expires, edge) values "
            f"(102, 'sip:12065550019@192.168.246.191:5061', 'UDP', '192.168.225.4', 5061, '', 'x', 1, now() + '1h', '127.0.0.9:{self.edge.port}')"
        )
        plain = {name: value for name, value in challenges(first)[-1].items() if name != "qop"}
        proof = digest(plain, ALICE, PASSWORD, "MESSAGE", f"sip:{BOB}@{GUIDE}")
        printed = next(value for name, value in SENDING[5]["headers"] if name == "Authorization")
        self.edge.answers = 200
        arrives = self.edge.delivered()
        accepted = await self.sent(5, (printed, proof), ("276aec77714342c248faacceffc72349", "another"))
        wanted = [line for line in shape(octets(SENDING[6])) if not line.startswith("Via")]
        self.assertEqual([line for line in shape(accepted) if not line.startswith("Via")], wanted)
        got = await arrives
        at = f"127.0.0.9:{self.edge.port}"
        wanted = shape(octets(DELIVERING[0], ("91.212.34.107:5961", f"127.0.0.1:{self.world.udp}"), (";rport=5961", ";rport"), ("91.212.34.119:5060", at)))
        allow = [line for line in shape(got) if line.startswith("Allow:")]
        self.assertEqual(shape(got), [allow[0] if line.startswith("Allow:") else line for line in wanted])
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))

    async def test_only_edges_are_believed(self) -> None:
        """From another address the additions of an edge node mean nothing: the log-in is for the Request-URI that is there."""
        stranger = self.world.phone(ALICE, interface="127.0.0.6")
        more = "Content-Type: text/plain", f"PortaOne-Requested-URI: sip:{BOB}@{GUIDE}", "PortaSIP-Notify: NAT=127.0.0.9;NAT-type=4"
        target = "sip:12065550031@" + GUIDE
        challenge = challenges(await stranger.ask(stranger.request("MESSAGE", target, *more, body=b"x", sender=f"sip:{ALICE}@{GUIDE}")))[0]
        proof = digest(challenge, ALICE, PASSWORD, "MESSAGE", f"sip:{BOB}@{GUIDE}")
        answer = await stranger.ask(stranger.request("MESSAGE", target, *more, f"Authorization: {proof}", body=b"x", sender=f"sip:{ALICE}@{GUIDE}"))
        self.assertEqual(status(answer), 401)


class BothTests(SipCase):
    """Edge and gateway of ours, two servers on one database."""

    async def test_from_phone_to_phone(self) -> None:
        """Phones know the edge only; the gateway authorizes, charges and delivers by it."""
        gateway = self.world.server
        gate = self.world.udp
        await gateway.stopService()
        gateway = await self.world.start(edges="[127.0.0.1]", listen="['udp:0:interface=127.0.0.9']")
        gate = self.world.udp
        edge = await self.world.start(gateway=f"'127.0.0.9:{gate}'")
        alice, bob = self.world.phone(), self.world.phone(BOB)
        self.assertEqual(status(await bob.register()), 200)
        arrives = bob.delivered()
        self.assertEqual(status(await alice.message(BOB, "through both")), 202)
        got = await arrives
        self.assertEqual((len(headers(got, "Via")), headers(got, "Max-Forwards"), got[-12:]), (2, ["69"], b"through both"))
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        await edge.stopService()
        self.world.server = gateway


def _but_via(message: dict[str, Any]) -> list[list[str]]:
    return [header for header in message["headers"] if header[0] != "Via"]


