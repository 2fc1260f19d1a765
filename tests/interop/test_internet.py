"""FreeRADIUS's radclient as an access point: log-ins by PAP, CHAP and digest, an Internet session, Status-Server, the ports by default."""

from __future__ import annotations

import re
from decimal import Decimal
from hashlib import md5
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from portaswitch.config.settings import load_text
from portaswitch.service import Server
from tests.claims import claims
from tests.interop.foreign import PASSWORD, USER, ForeignCase
from tests.server.harness import SECRET

NAS = "NAS-IP-Address = 10.7.0.2, NAS-Port-Type = Wireless-802.11, NAS-Port = 3, Service-Type = Framed-User"
WHO = f'{NAS}, User-Name = "{USER}"'
#: What a Mikrotik sends beside, and what no dictionary of ours has.
STRANGE = 'Mikrotik-Realm = "cafe", Ascend-Xmit-Rate = 11000000, Attr-26.14988.240 = 0x0102, Attr-26.99999.1 = 0x6162, Attr-250 = 0x00ff'
REALM, NONCE, URI = "example.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "sip:anna@example.com"


def digest(password: str) -> str:
    """The response of RFC 2617 3.2.2.1, without qop."""
    first, second = (md5(text.encode()).hexdigest() for text in (f"{USER}:{REALM}:{password}", f"REGISTER:{URI}"))
    return md5(f"{first}:{NONCE}:{second}".encode()).hexdigest()


def told(value: str) -> str:
    """A text as octets, for an attribute that radclient has no name for."""
    return f"0x{value.encode().hex()}"


class LoginTests(ForeignCase):
    """Who is this?"""

    async def test_pap(self) -> None:
        """The right password is accepted, a wrong one refused with code 2, and radclient takes both answers."""
        accepted = await self.radclient("auth", "auth", f'{WHO}, User-Password = "{PASSWORD}"')
        self.assertIn("Received Access-Accept", accepted)
        self.assertIn("status 0", accepted)
        refused = await self.radclient("auth", "auth", f'{WHO}, User-Password = "guess"')
        self.assertIn("Received Access-Reject", refused)
        self.assertIn('h323-return-code = "h323-return-code=2"', refused)

    async def test_chap(self) -> None:
        """The same by CHAP."""
        self.assertIn("Received Access-Accept", await self.radclient("auth", "auth", f'{WHO}, CHAP-Password = "{PASSWORD}"'))
        self.assertIn("Received Access-Reject", await self.radclient("auth", "auth", f'{WHO}, CHAP-Password = "guess"'))

    async def test_digest_of_the_draft(self) -> None:
        """Digest as radclient packs it: draft-sterman's 206, and sub-attributes in 207."""
        fields = f'Digest-Realm = "{REALM}", Digest-Nonce = "{NONCE}", Digest-Method = "REGISTER", Digest-URI = "{URI}", Digest-User-Name = "{USER}"'
        right = await self.radclient("auth", "auth", f'{WHO}, {fields}, Digest-Response = "{digest(PASSWORD)}", Message-Authenticator = 0x00')
        self.assertIn("Received Access-Accept", right)
        wrong = await self.radclient("auth", "auth", f'{WHO}, {fields}, Digest-Response = "{digest("guess")}", Message-Authenticator = 0x00')
        self.assertIn("Received Access-Reject", wrong)

    async def test_digest_of_the_rfc(self) -> None:
        """Digest in the attributes of RFC 5090."""
        fields = ", ".join(
            f"Attr-{code} = {told(value)}" for code, value in ((104, REALM), (105, NONCE), (108, "REGISTER"), (109, URI), (111, "MD5"), (115, USER))
        )
        right = await self.radclient("auth", "auth", f"{WHO}, {fields}, Attr-103 = {told(digest(PASSWORD))}, Message-Authenticator = 0x00")
        self.assertIn("Received Access-Accept", right)
        wrong = await self.radclient("auth", "auth", f"{WHO}, {fields}, Attr-103 = {told(digest('guess'))}, Message-Authenticator = 0x00")
        self.assertIn("Received Access-Reject", wrong)

    @claims("radius-voice.2")
    async def test_unknown(self) -> None:
        """Nobody's name: rejected, return code 1, ErrorExplanation."""
        refused = await self.radclient("auth", "auth", f'{NAS}, User-Name = "nobody", User-Password = "x", Called-Station-Id = "4420"')
        self.assertIn("Received Access-Reject", refused)
        self.assertIn('h323-return-code = "h323-return-code=1"', refused)
        self.assertIn("h323-ivr-in=ErrorExplanation:invalid_account", refused)

    async def test_status(self) -> None:
        """Status-Server on both ports."""
        self.assertIn("Received Access-Accept", await self.radclient("auth", "status", "Message-Authenticator = 0x00"))
        self.assertIn("Received Accounting-Response", await self.radclient("acct", "status", "Message-Authenticator = 0x00"))


class SessionTests(ForeignCase):
    """What did they use?"""

    async def report(self, status: str, seconds: int, more: str = STRANGE) -> None:
        """One report of the session; radclient must take the answer."""
        octets = f"Acct-Input-Octets = {seconds * 1000}, Acct-Output-Octets = {seconds * 3000}, Acct-Input-Gigawords = 0, Acct-Output-Gigawords = 0"
        time = f"Acct-Session-Time = {seconds}, {octets}, " if status != "Start" else ""
        request = f'{WHO}, Acct-Session-Id = "8040000f", Acct-Status-Type = {status}, {time}Framed-IP-Address = 10.5.50.252, {more}'
        answer = await self.radclient("acct", "acct", request)
        self.assertIn("Received Accounting-Response", answer)
        self.assertIn("status 0", answer)

    @claims("mikrotik.1", "mikrotik.7")
    async def test_session(self) -> None:
        """
        An access point's log-in, Start, two Alives and Stop, with attributes that we do not know: charged once, 125 seconds as three minutes. The log-in
        names no session: the Class of its answer does, which the access point returns (RFC 2865 5.25).
        """
        accepted = await self.radclient("auth", "auth", f'{WHO}, User-Password = "{PASSWORD}", {STRANGE}')
        self.assertIn("Received Access-Accept", accepted)
        (named,) = re.findall(r"Class = 0x[0-9a-f]+", accepted)
        for status, seconds in ("Start", 0), ("Alive", 60), ("Alive", 120):
            await self.report(status, seconds, f"{named}, {STRANGE}")
        self.assertEqual(await self.world.one("select count(*) from sessions"), 1)
        await self.report("Stop", 125, f"{named}, {STRANGE}")
        await self.report("Stop", 125, f"{named}, {STRANGE}")
        self.assertEqual(await self.world.one("select account_id, used_quantity, charged_amount from xdr"), (USER, 125, Decimal("0.18000")))
        self.assertEqual(await self.world.one("select balance, held from accounts where i_account = 103"), (Decimal("0.18000"), Decimal(0)))


class DefaultPortTests(ForeignCase):
    """A configuration that names no port."""

    ADDRESS = "127.77.18.12"  # another server of this machine may have the ports of 127.0.0.1

    async def ask(self, port: int, command: str, attributes: str) -> str:
        """What radclient prints of a request to the second server."""
        place = f"{self.ADDRESS}:{port}"
        return await self.run_program("/usr/bin/radclient", "-x", "-r", "1", "-t", "3", place, command, SECRET.decode(), stdin=attributes)

    @claims("radius-voice.1")
    async def test_ports(self) -> None:
        """Authentication on 1812, accounting on 1813."""
        folder, dsn = self.world.folder, self.world._dsn
        text = f"state_dir: {folder}\ndatabase: '{dsn}'\nroles: [radius]\nradius: {{interface: {self.ADDRESS}}}\nlogging: {{directory: {folder}/log}}\n"
        server = Server(_reactor, load_text(text))
        server.startService()
        await server.ready
        self.addCleanup(lambda: Deferred.fromCoroutine(_ended(server)))
        self.assertIn("Received Access-Accept", await self.ask(1812, "auth", f'{WHO}, User-Password = "{PASSWORD}"'))
        stop = f'{WHO}, Acct-Session-Id = "1", Acct-Status-Type = Stop, Acct-Session-Time = 60'
        self.assertIn("Received Accounting-Response", await self.ask(1813, "acct", stop))
        self.assertIn("No reply", await self.ask(1813, "auth", f'{WHO}, User-Password = "{PASSWORD}"'))


async def _ended(server: Server) -> None:
    await server.stopService()


_reactor: Any = reactor
