"""Kamailio as an S-CSCF whose calls ims_charging pays for over Ro, with sipp's phones on both sides."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.claims import claims
from tests.interop.daemons import Daemon
from tests.interop.foreign import run_program
from tests.server.diameter_client import CARD, MORE, DiameterCase
from tests.server.pools import until
from tests.server.test_status import free_port

_reactor: Any = reactor
KAMAILIO, SIPP = "/usr/sbin/kamailio", "/usr/bin/sipp"
TEXTS: Final = Path(__file__).parent / "kamailio"
MODULES: Final = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
#: cdp looks its peers up by their names.
OCS: Final = "localhost"
NODE: Final = (
    "insert into nodes (i_node, i_env, name, protocol, origin_host, origin_realm, profile) "
    "values (206, 1, 'scscf', 'diameter', 'scscf.example.com', 'example.com', 'kamailio');"
)
#: The rest of a call that is answered: five seconds of it.
TALK: Final = """
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:@USER@@example.com>;tag=[call_number]
To: <sip:[service]@example.com>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <pause milliseconds="5000"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:@USER@@example.com>;tag=[call_number]
To: <sip:[service]@example.com>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <recv response="200"/>
"""
REFUSED: Final = """
  <send><![CDATA[
ACK sip:[service]@127.0.0.1:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

  ]]></send>
"""


class KamailioTests(DiameterCase):
    """One S-CSCF at a running server."""

    timeout = 300
    rows = DiameterCase.rows + NODE
    more = MORE.replace("ocs.example.com", OCS)

    async def _begin(self) -> None:
        await super()._begin()
        self.proxy, self.called = free_port(), free_port()
        words = {"PORT": self.proxy, "CALLED": self.called, "FOLDER": self.world.folder, "MODULES": MODULES, "OCS": OCS}
        words |= {"DIAMETER": self.port(), "ACCEPTOR": free_port()}
        for name in ("kamailio.cfg", "diameter.xml"):
            self.write(name, **words)
        folder = self.world.folder
        self.daemon = Daemon(KAMAILIO, "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-Y", str(folder), "-P", str(folder / "pid"), folder=folder)
        self.addCleanup(self.daemon.end, "TERM")
        await until(self.joined, "Kamailio at the server")

    def write(self, name: str, **words: object) -> Path:
        """A file of the test's with these words in their places."""
        text = (TEXTS / name).read_text()
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        path = self.world.folder / name
        path.write_text(text)
        return path

    def joined(self) -> bool:
        """Whether it is connected."""
        self.daemon.lives()
        role = self.world.server.diameter
        return role is not None and role.endpoint is not None and 206 in role.endpoint.ready()

    async def call(self, wanted: int, rest: str) -> str:
        """A call of the card's to Korea by sipp; what it printed."""
        scenario = self.write("caller.xml", WANTED=wanted, REST=rest, USER=CARD)
        scenario.write_text(scenario.read_text().replace("@USER@", CARD))
        common = ("-m", "1", "-nostdin", "-i", "127.0.0.1", "-timeout", "30s", "-timeout_error")
        return await run_program(SIPP, "-sf", str(scenario), "-s", "8210001", "-p", str(free_port()), *common, f"127.0.0.1:{self.proxy}")

    @claims("diameter-ro.1")
    async def test_call(self) -> None:
        """A call of five seconds in slices of four: asked for, asked for again, ended; one xDR of what Kamailio counted."""
        common = ("-m", "1", "-nostdin", "-i", "127.0.0.1", "-timeout", "60s")
        answers = Deferred.fromCoroutine(run_program(SIPP, "-sf", str(self.write("called.xml")), "-p", str(self.called), *common))
        said = await self.call(200, TALK)
        self.assertIn("status 0", said, self.daemon.said[-3000:])
        self.assertIn("status 0", await answers)
        await until(self.charged, "the call's xDR")
        ((used, amount, node),) = await self.world.pool.query("select used_quantity, charged_amount, i_node from xdr where not failed")
        self.assertIn(used, range(4, 9))
        self.assertEqual((amount, node), ((used * Decimal("0.02") / 60).quantize(Decimal("0.00001"), ROUND_UP), 206))
        ((numbers,),) = await self.world.pool.query("select state::json -> 'nu' from sessions_closed")
        self.assertGreaterEqual(numbers[-1][-1], 2, "there was no update")
        self.assertEqual(await self.world.pool.query("select count(*) from sessions"), [(0,)])

    async def charged(self) -> bool:
        """Whether the call is charged."""
        return bool(await self.world.one("select count(*) from xdr where not failed"))

    async def test_no_funds(self) -> None:
        """Without money the call is not begun: 402, and the CCR-T that follows has no effect."""
        await self.world.pool.execute("update accounts set balance = 0, opening_balance = 0 where i_account = 101")
        self.assertIn("status 0", await self.call(402, REFUSED), self.daemon.said[-3000:])
        self.assertEqual(await self.world.pool.query("select failed, history from xdr"), [(True, "refused: zero_balance (4)")])
        self.assertEqual(await self.world.pool.query("select balance, held from accounts where i_account = 101"), [(0, 0)])
