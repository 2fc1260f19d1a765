"""FreeRADIUS's radclient as the gateway: its packets are read, its checks of our answers pass."""

from __future__ import annotations

import os
from decimal import Decimal

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue

from tests.server.harness import SECRET, WorldCase

CARD = 'User-Name = "10086610975", NAS-IP-Address = 164.9.9.100, h323-conf-id = "39AE126B CD4D11DB 958E0014 1C3F6886"'
CALL = f'{CARD}, User-Password = "", Called-Station-Id = "01182623634515"'
STOP = f'{CARD}, Acct-Status-Type = Stop, h323-call-origin = "originate", Acct-Session-Time = 71'


class RadclientTests(WorldCase):
    """Each test has a server of its own."""

    async def radclient(self, port: str, command: str, attributes: str, secret: str = SECRET.decode(), *options: str) -> str:
        """What radclient prints of one request, its own exit status in the last line."""
        path = self.world.folder / "request"
        path.write_text(attributes)
        arguments = ["-x", "-r", "1", "-t", "1", *options, "-f", str(path), f"127.0.0.1:{self.world.port(port)}", command, secret]
        out, err, status = await getProcessOutputAndValue("/usr/bin/radclient", arguments, env=os.environ, reactor=reactor)
        return f"{out.decode()}{err.decode()}\nstatus {status}"

    async def test_call(self) -> None:
        """Authorization, Stop, and the same Stop again: radclient takes every answer, and one charge stands."""
        told = await self.radclient("auth", "auth", CALL)
        self.assertIn("Received Access-Accept", told)
        self.assertIn('h323-credit-time = "h323-credit-time=30000"', told)
        self.assertIn("Message-Authenticator = 0x", told)
        for _ in range(2):
            told = await self.radclient("acct", "acct", STOP)
            self.assertIn("Received Accounting-Response", told)
            self.assertIn("status 0", told)
        self.assertEqual(await self.world.one("select count(*), sum(charged_amount) from xdr"), (1, Decimal("0.02367")))

    async def test_message_authenticator(self) -> None:
        """A signed request is served; Status-Server is answered on both ports."""
        told = await self.radclient("auth", "auth", f"{CALL}, Message-Authenticator = 0x00")
        self.assertIn("Received Access-Accept", told)
        self.assertIn("Received Access-Accept", await self.radclient("auth", "status", "Message-Authenticator = 0x00"))
        self.assertIn("Received Accounting-Response", await self.radclient("acct", "status", "Message-Authenticator = 0x00"))

    async def test_chap(self) -> None:
        """CHAP: the card has no password, so a wrong one is refused."""
        told = await self.radclient("auth", "auth", f'{CARD}, CHAP-Password = "guess"')
        self.assertIn("Received Access-Reject", told)
        self.assertIn("h323-ivr-in=ErrorExplanation:invalid_password", told)

    async def test_wrong_secret(self) -> None:
        """A wrong secret gets no answer, and nothing is charged."""
        told = await self.radclient("acct", "acct", STOP, "another-secret")
        self.assertIn("No reply from server", told)
        self.assertEqual(await self.world.one("select count(*) from xdr"), 0)
