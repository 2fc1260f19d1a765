"""sipsak and sipp as phones: they register, send a charged message, and take one."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutputAndValue

from tests.server.phones import ALICE, BOB, DOMAIN, MONEY, PASSWORD, SipCase, SipWorld, status

#: sipp's own words; `{}` are the headers that a log-in adds.
SEND = """MESSAGE sip:{called}@{domain} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:{caller}@{domain}>;tag=[call_number]
To: <sip:{called}@{domain}>
Call-ID: [call_id]
CSeq: {cseq} MESSAGE
{more}Content-Type: text/plain
Content-Length: [len]

hello from sipp
"""
SENDER = """<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="sender">
<send retrans="500"><![CDATA[
{first}]]></send>
<recv response="401" auth="true"/>
<send retrans="500"><![CDATA[
{second}]]></send>
<recv response="202"/>
</scenario>
"""
TAKER = """<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="taker">
<recv request="MESSAGE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""
#: sipsak looks the domain up, so it is an address.
LOCAL = "insert into nodes (i_node, i_env, name, nas_identifier, protocol, i_service) values (301, 1, 'local', '127.0.0.1', 'sip', 108);"
_reactor: Any = reactor


class SipInteropTests(SipCase):
    """A server whose log-ins are MD5 alone: both clients give up at a challenge of SHA-256."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made(LOCAL, algorithms="[MD5]", realm="null", domains=f"[127.0.0.1, {DOMAIN}]")

    async def run_program(self, program: str, *arguments: str) -> str:
        """What a program prints, and its exit status in the last line."""
        if not Path(program).exists():
            self.fail(f"{program} is not installed: .ci/packages lists what these tests need")
        out, err, code = await getProcessOutputAndValue(program, arguments, env={**os.environ, "TERM": "dumb"}, reactor=_reactor, path=str(self.world.folder))
        return f"{out.decode(errors='replace')}{err.decode(errors='replace')}\nstatus {code}"

    async def sipp(self, text: str, *arguments: str) -> str:
        """Run one call of a scenario."""
        path = self.world.folder / f"scenario{len(text)}.xml"
        path.write_text(text)
        return await self.run_program("/usr/bin/sipp", "-sf", str(path), "-m", "1", "-nostdin", "-i", "127.0.0.1", "-timeout", "20s", *arguments)

    async def test_sipsak(self) -> None:
        """OPTIONS is answered; a registration with its log-in is bound, and ends."""
        told = await self.run_program("/usr/bin/sipsak", "-vv", "-s", f"sip:127.0.0.1:{self.world.udp}")
        self.assertIn("Allow: MESSAGE, OPTIONS, REGISTER", told)
        contact, user = f"sip:{BOB}@127.0.0.1:5099", f"sip:{BOB}@127.0.0.1:{self.world.udp}"
        told = await self.run_program("/usr/bin/sipsak", "-vv", "-U", "-C", contact, "-x", "300", "-u", BOB, "-a", PASSWORD, "-s", user)
        self.assertIn("All usrloc tests completed successful", told)
        self.assertEqual(await self.world.one("select uri from registrations"), contact)

    async def test_sipp(self) -> None:
        """sipp sends a message to a phone of sipp's: 202 to the one, delivered to the other, paid once."""
        bob = self.world.phone(BOB)
        self.assertEqual(status(await bob.register(contact=f"<sip:{BOB}@127.0.0.1:{bob.port}>")), 200)
        await bob.close()
        self.world.phones.remove(bob)
        taken: Deferred[str] = Deferred.fromCoroutine(self.sipp(TAKER, "-p", str(bob.port)))
        words = {"called": BOB, "caller": ALICE, "domain": DOMAIN}
        first, second = SEND.format(**words, cseq=1, more=""), SEND.format(**words, cseq=2, more=f"[authentication username={ALICE} password={PASSWORD}]\n")
        place = f"127.0.0.1:{self.world.udp}"
        told = await self.sipp(SENDER.format(first=first, second=second), "-auth_uri", f"{BOB}@{DOMAIN}", place)
        self.assertTrue(told.endswith("status 0"), told)
        self.assertTrue((await taken).endswith("status 0"))
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
