"""linphone's console client, headless: a softphone that registers over UDP, TCP and TLS, sends a charged message, takes one, and leaves."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.claims import claims
from tests.server.phones import ALICE, BOB, DOMAIN, MONEY, PASSWORD, SipCase, SipWorld, headers, status
from tests.server.pools import until
from tests.server.test_sip_registrar import self_signed

PROGRAM = Path("/usr/bin/linphonec")
PROMPT = b"linphonec> "
TEXT, ANSWER = "hello from linphone", "hello to linphone"
OF_ALICE = f"select count(*) from registrations join accounts using (i_account) where id = '{ALICE}'"
#: Any free ports, and any certificate; Alice's account, whose requests all go by our socket.
CONFIG = """[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
verify_server_certs=0
verify_server_cn=0
use_ipv6=0
default_proxy=0
[proxy_0]
reg_identity=sip:{user}@{domain}
reg_proxy=<{way}>
reg_route=<{way};lr>
reg_sendregister=1
reg_expires=600
publish=0
[auth_info_0]
username={user}
passwd={password}
"""

_reactor: Any = reactor


class Softphone(ProcessProtocol):
    """Alice's linphonec on a terminal of its own, without which it does not start; `said` is what it has printed, `ended` fires when it is gone."""

    def __init__(self, folder: Path, port: int, transport: str) -> None:
        self.said = b""
        self.ended: Deferred[None] = Deferred()
        (folder / ".local/share/linphone").mkdir(parents=True)
        way = f"sip:127.0.0.1:{port};transport={transport}"
        (folder / "rc").write_text(CONFIG.format(user=ALICE, domain=DOMAIN, password=PASSWORD, way=way))
        words = [str(PROGRAM), "-d", "0", "-c", str(folder / "rc")]
        environment = {**os.environ, "HOME": str(folder), "TERM": "dumb"}
        self._process = _reactor.spawnProcess(self, str(PROGRAM), words, env=environment, path=str(folder), usePTY=True)

    def outReceived(self, data: bytes) -> None:
        """What it prints."""
        self.said += data

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self.ended.callback(None)

    async def heard(self, *words: bytes) -> None:
        """Wait until it has printed each of these."""
        await until(lambda: all(word in self.said for word in words), f"{words} of linphonec")

    def tell(self, command: str) -> None:
        """Type a command."""
        self._process.write(command.encode() + b"\n")

    def kill(self) -> None:
        """End it where it has not left."""
        if not self.ended.called:
            self._process.signalProcess("KILL")

    async def leave(self) -> None:
        """Have it unregister and end."""
        self.tell("quit")
        await self.ended


class LinphoneTests(SipCase):
    """A server with a socket of each transport."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made()
        await self.world.server.stopService()
        certificate, key = self_signed(self.world.folder)
        await self.world.start(listen=f"['udp:0', 'tcp:0', 'tls:0:certificate={certificate}:key={key}']")

    async def talk(self, transport: str, place: int) -> Softphone:
        """A message to Bob and one back, each paid once; then it is no longer there. `place`: of the socket."""
        if not PROGRAM.exists():
            self.fail(f"{PROGRAM} is not installed: .ci/packages lists what these tests need")
        bob, service = self.world.phone(BOB), self.world.server.sip
        assert service is not None
        self.assertEqual(status(await bob.register()), 200)
        phone = Softphone(self.world.folder / "linphone", list(service.ports.values())[place].sent_by[1], transport)
        self.addCleanup(phone.kill)
        await phone.heard(PROMPT)
        await self.world.until(OF_ALICE, 1)
        self.assertEqual(await self.world.one(f"select transport from registrations where uri like 'sip:{ALICE}%'"), transport.upper())
        arrives = bob.delivered()
        phone.tell(f"chat sip:{BOB}@{DOMAIN} {TEXT}")
        got = await arrives
        self.assertTrue(got.endswith(TEXT.encode()))
        self.assertEqual(headers(got, "From")[0].partition(";")[0], f"<sip:{ALICE}@{DOMAIN}>")
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
        self.assertEqual(status(await bob.message(ALICE, ANSWER)), 202)
        await self.world.until("select count(*) from messages where state = 'delivered' and charge = 'settled'", 2)
        await phone.heard(ANSWER.encode())
        await phone.leave()
        await self.world.until(OF_ALICE, 0)
        return phone

    @claims("sip-simple.2", "sip-simple.3", "sip-simple.4")
    async def test_udp(self) -> None:
        """By datagrams."""
        phone = await self.talk("udp", 0)
        self.assertIn(ANSWER.encode(), phone.said)

    async def test_tcp(self) -> None:
        """By a connection that it opens, by which it is reached too."""
        await self.talk("tcp", 1)

    async def test_tls(self) -> None:
        """The same within TLS."""
        await self.talk("tls", 2)
