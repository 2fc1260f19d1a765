"""freeDiameter as the agent between a P-GW and the server: its peer machine, its dictionaries and its routing, both ways."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError

from portaswitch.model.actor import Actor
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.claims import claims
from tests.interop.daemons import Daemon
from tests.server.diameter_client import CARD, Client, DiameterCase, initial, termination, update
from tests.server.diameter_octets import CER, RAR, SESSION_ID, cer
from tests.server.pools import until
from tests.server.test_diameter import GRANTED, MSCC, TIME, reply
from tests.server.test_diameter_tls import certificate
from tests.server.test_status import free_port

_reactor: Any = reactor
PROGRAM: Final = "/usr/bin/freeDiameterd"
AGENT: Final = "dra.example.com"
NODE: Final = f"insert into nodes (i_node, i_env, name, protocol, origin_host, origin_realm) values (205, 1, 'dra', 'diameter', '{AGENT}', 'example.com');"
CONFIGURATION: Final = """\
Identity = "dra.example.com";
Realm = "example.com";
Port = {port};
SecPort = 0;
No_SCTP;
No_IPv6;
ListenOn = "127.0.0.1";
TLS_Cred = "{certificate}", "{key}";
TLS_CA = "{certificate}";
TLS_DH_Bits = 1024;
LoadExtension = "dict_nasreq.fdx";
LoadExtension = "dict_dcca.fdx";
LoadExtension = "dict_dcca_3gpp.fdx";
LoadExtension = "acl_wl.fdx" : "{allowed}";
ConnectPeer = "ocs.example.com" {{ ConnectTo = "127.0.0.1"; Port = {ours}; No_TLS; }};
"""


class FreeDiameterTests(DiameterCase):
    """One agent, in front of a running server."""

    timeout = 300
    rows = DiameterCase.rows + NODE

    async def _begin(self) -> None:
        await super()._begin()
        folder = self.world.folder
        made, key = certificate(folder, AGENT)
        (folder / "allowed.conf").write_text("ALLOW_IPSEC pgw.example.com\n")
        self.agent = free_port()
        written = folder / "freediameter.conf"
        written.write_text(CONFIGURATION.format(port=self.agent, ours=self.port(), certificate=made, key=key, allowed=folder / "allowed.conf"))
        self.daemon = Daemon(PROGRAM, "-c", str(written), folder=folder)
        self.addCleanup(self.daemon.end)

    def joined(self) -> bool:
        """Whether the agent is connected to the server."""
        self.daemon.lives()
        role = self.world.server.diameter
        return role is not None and role.endpoint is not None and 205 in role.endpoint.ready()

    async def gateway(self) -> Client:
        """A P-GW that is connected to the agent, when that is connected to the server."""
        await until(self.joined, "freeDiameterd at the server")
        try:
            client: Client = await connectProtocol(TCP4ClientEndpoint(_reactor, "127.0.0.1", self.agent), Client())
        except ConnectError as error:
            raise AssertionError(f"freeDiameterd does not listen: {self.daemon.said[-2000:]}") from error
        self.clients.append(client)
        cea = await client.ask(cer())
        self.assertEqual((cea.code, cea.result), (CER, 2001))
        return client

    @claims("diameter-gy.3")
    async def test_relayed(self) -> None:
        """A call to its last part, the top-up, the Re-Auth that finds its way back, and the end; the P-GW's node is charged as if it came itself."""
        gateway, name = await self.gateway(), "pgw.example.com;9;1"
        await self.world.pool.execute("update accounts set balance = 0.05, opening_balance = 0.05 where i_account = 101")
        last = await gateway.ask(initial(10, name, requested=600))
        self.assertEqual((last.result, last.find(MSCC, GRANTED, TIME), last.find(MSCC, 430, 449)), (2001, 150, 0))
        self.assertEqual(await self.world.pool.query("select i_node, session_key from sessions"), [(201, f"201/{name}")])
        desk = Desk(Books(self.world.pool, Sealer.load(self.world.folder / "secret.key"), ENTITIES))
        await desk.operate(Actor("test:root", 1), "account.topup", {"id": CARD, "amount": "5"})
        rar = await gateway.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID), rar.find(285), rar.find(293)), (RAR, name, 0, b"pgw.example.com"))
        gateway.say(reply(rar, 2002))
        more = await gateway.ask(update(11, name, 1, 45, requested=600))
        self.assertEqual((more.result, more.find(MSCC, GRANTED, TIME), more.find(MSCC, 430)), (2001, 600, None))
        self.assertEqual((await gateway.ask(termination(12, name, 2, 30))).result, 2001)
        self.assertEqual(await self.world.pool.query("select used_quantity, i_node from xdr where not failed"), [(75, 201)])
        await until(self.settled, "the verdict on the Re-Auth")

    async def settled(self) -> bool:
        """Whether the Re-Auth's answer came back."""
        return bool(await self.world.one("select count(*) from session_tasks where status = 'done'"))
