"""baresip, headless: a softphone that registers over UDP, TCP and TLS, sends a charged message, takes one, and leaves."""

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
from tests.server.test_sip_registrar import self_signed

PROGRAM = Path("/usr/bin/baresip")
MODULES = Path("/usr/lib/baresip/modules")
TEXT, ANSWER = "hello from baresip", "hello to baresip"
OF_ALICE = f"select count(*) from registrations join accounts using (i_account) where id = '{ALICE}'"

_reactor: Any = reactor


class Softphone(ProcessProtocol):
    """Alice's baresip; `said` is what it has printed, `ended` fires when it is gone."""

    def __init__(self, folder: Path, port: int, transport: str) -> None:
        self.said = b""
        self.ended: Deferred[None] = Deferred()
        folder.mkdir()
        modules = "".join(f"module {name}.so\n" for name in ("account", "contact", "menu"))
        (folder / "config").write_text(f"sip_listen 127.0.0.1:0\nsip_verify_server no\nmodule_path {MODULES}\n{modules}")
        way = f'outbound="sip:127.0.0.1:{port};transport={transport}"'
        (folder / "accounts").write_text(f"<sip:{ALICE}@{DOMAIN}>;auth_user={ALICE};auth_pass={PASSWORD};{way};regint=600\n")
        (folder / "contacts").write_text(f'"Bob" <sip:{BOB}@{DOMAIN}>\n')
        words = [str(PROGRAM), "-4", "-s", "-f", str(folder), "-t", "120", "-e", f"/message {TEXT}"]
        self._process = _reactor.spawnProcess(self, str(PROGRAM), words, env=os.environ, path=str(folder))

    def outReceived(self, data: bytes) -> None:
        """What it prints, with the SIP that it sends and gets."""
        self.said += data

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self.ended.callback(None)

    async def leave(self) -> None:
        """Have it unregister and end."""
        self._process.signalProcess("TERM")
        await self.ended


class BaresipTests(SipCase):
    """A server with one socket of each transport, whose log-ins are MD5 alone."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made()
        await self.world.server.stopService()
        certificate, key = self_signed(self.world.folder)
        await self.world.start(algorithms="[MD5]", listen=f"['udp:0', 'tcp:0', 'tls:0:certificate={certificate}:key={key}']")

    async def talk(self, transport: str, place: int) -> Softphone:
        """A message to Bob and one back, each paid once; then it is no longer there. `place`: of the socket."""
        if not PROGRAM.exists():
            self.fail(f"{PROGRAM} is not installed: .ci/packages lists what these tests need")
        bob, service = self.world.phone(BOB), self.world.server.sip
        assert service is not None
        self.assertEqual(status(await bob.register()), 200)
        arrives = bob.delivered()
        phone = Softphone(self.world.folder / "baresip", list(service.ports.values())[place].sent_by[1], transport)
        got = await arrives
        self.assertTrue(got.endswith(TEXT.encode()))
        self.assertEqual(headers(got, "From")[0].partition(";")[0], f"<sip:{ALICE}@{DOMAIN}>")
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
        await self.world.until(OF_ALICE, 1)
        self.assertEqual(await self.world.one(f"select transport from registrations where uri like 'sip:{ALICE}%'"), transport.upper())
        self.assertEqual(status(await bob.message(ALICE, ANSWER)), 202)
        await self.world.until("select count(*) from messages where state = 'delivered' and charge = 'settled'", 2)
        self.assertIn(ANSWER.encode(), phone.said)
        await phone.leave()
        await self.world.until(OF_ALICE, 0)
        return phone

    @claims("sip-simple.2", "sip-simple.3", "sip-simple.4")
    async def test_udp(self) -> None:
        """By datagrams."""
        phone = await self.talk("udp", 0)
        self.assertIn(b"SIP/2.0 202 Accepted", phone.said)

    async def test_tcp(self) -> None:
        """By a connection that it opens, by which it is reached too."""
        self.assertIn(b"SIP/2.0/TCP", (await self.talk("tcp", 1)).said)

    async def test_tls(self) -> None:
        """The same within TLS."""
        self.assertIn(b"SIP/2.0/TLS", (await self.talk("tls", 2)).said)
