"""What changes behind a living Gy session: its client is asked to ask again, and meets what is in force."""

from __future__ import annotations

from typing import Any, Final

from portaswitch.model.actor import Actor
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.audit import audit
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.server.diameter_client import CARD, PEERS, Client, DiameterCase
from tests.server.diameter_octets import RAR, SESSION_ID, TGPP, avp, ccr, ccr_body, subscriber
from tests.server.harness import WORLD
from tests.server.test_diameter import GRANTED, MSCC, reply

#: Data at 1.00 a GiB in rating group 100, and a product that sells it at half the price.
DATA: Final = """
insert into services (i_service, i_env, name, i_service_type, base)
    select 105, 1, 'Data', i_service_type, 'octets' from service_types where name = 'Data';
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values
    (105, 1, 'Data', 'CAD', 105, 1073741824), (106, 1, 'Cheap data', 'CAD', 105, 1073741824);
insert into destinations (i_dest, i_env, prefix) values (105, 1, '100');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (105, 105, 105, 1, 1), (106, 106, 105, 0.5, 0.5);
insert into products (i_product, i_env, name, currency) values (102, 1, 'Cheap', 'CAD');
insert into accessibility (i_product, i_service, i_tariff) values (101, 105, 105), (102, 105, 106);
"""
NAME, GIB = "pgw.example.com;4;1", 2**30
OCTETS: Final = 421


def data(hop: int, kind: int, number: int, used: int | None = None, session: str = NAME) -> bytes:
    """A CCR of a data session; all but the end ask for more."""
    units = b"" if kind == 3 else avp(437)
    units += b"" if used is None else avp(446, avp(OCTETS, used.to_bytes(8, "big")))
    information = avp(873, avp(874, avp(30, "internet"), TGPP), TGPP)
    return ccr(hop, ccr_body(session, kind, number, subscriber(CARD), avp(456, units + avp(432, 100)), information))


class StandingTests(DiameterCase):
    """A prepaid subscriber with an open data session of a P-GW."""

    timeout = 180
    rows = WORLD + PEERS + DATA

    async def _begin(self) -> None:
        await super()._begin()
        self.desk = Desk(Books(self.world.pool, Sealer.load(self.world.folder / "secret.key"), ENTITIES))
        self.gateway = await self.peer()
        opened = await self.gateway.ask(data(10, 1, 0))
        self.assertEqual(opened.find(MSCC, GRANTED, OCTETS), GIB)

    async def operate(self, operation: str, **given: str) -> Any:
        """What an operator does."""
        return await self.desk.operate(Actor("test:root", 1), operation, given)

    async def asked_again(self, client: Client) -> None:
        """The client gets a Re-Auth for the session, and says that it will."""
        rar = await client.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID)), (RAR, NAME))
        client.say(reply(rar, 2002))

    async def test_blocked(self) -> None:
        """A block reaches a session that nobody asks for: RAR, 4010; its end does too, and the session goes on with what it used charged."""
        await self.operate("account.block", id=CARD)
        await self.asked_again(self.gateway)
        self.assertEqual((await self.gateway.ask(data(11, 2, 1, GIB // 4))).result, 4010)
        await self.operate("account.unblock", id=CARD)
        await self.asked_again(self.gateway)
        self.assertEqual((await self.gateway.ask(data(12, 2, 2, 0))).find(MSCC, GRANTED, OCTETS), GIB)
        self.assertEqual((await self.gateway.ask(data(13, 3, 3, GIB // 4))).result, 2001)
        self.assertEqual(await self.world.one("select used_quantity, charged_amount * 2 from xdr where not failed"), (GIB // 2, 1))

    async def test_without_funds(self) -> None:
        """A session that begins without funds stands, as its 2001 says: a top-up has its client asked to ask again, and it goes on and is charged once."""
        await self.gateway.ask(data(11, 3, 1, 0))
        await self.world.pool.execute("update accounts set balance = 0, opening_balance = 0 where i_account = 101")
        name = "pgw.example.com;4;2"
        opened = await self.gateway.ask(data(12, 1, 0, session=name))
        self.assertEqual((opened.result, opened.find(MSCC, 268), opened.find(MSCC, 430, 449)), (2001, 4012, 0))
        await self.operate("account.topup", id=CARD, amount="5")
        rar = await self.gateway.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID)), (RAR, name))
        self.gateway.say(reply(rar, 2002))
        self.assertEqual((await self.gateway.ask(data(13, 2, 1, session=name))).find(MSCC, GRANTED, OCTETS), GIB)
        self.assertEqual((await self.gateway.ask(data(14, 3, 2, GIB, session=name))).result, 2001)
        self.assertEqual(await self.world.one("select balance, held, open_outgoing from accounts where i_account = 101"), (4, 0, 0))
        self.assertEqual([found for found in (await audit(self.world.pool)).findings if found.differ], [])

    async def test_suspended_customer(self) -> None:
        """So does the suspension of its customer."""
        await self.operate("customer.suspend", name="Retail")
        await self.asked_again(self.gateway)
        self.assertEqual((await self.gateway.ask(data(11, 2, 1, 5))).result, 4010)

    async def test_product(self) -> None:
        """Another product is told at once; the running session keeps the prices of its beginning, the next one has the new ones."""
        await self.operate("account.product", id=CARD, product="Cheap")
        await self.asked_again(self.gateway)
        await self.gateway.ask(data(11, 2, 1, GIB))
        self.assertEqual((await self.gateway.ask(data(12, 3, 2, 0))).result, 2001)
        await self.gateway.ask(data(13, 1, 0, session="pgw.example.com;4;2"))
        await self.gateway.ask(data(14, 3, 1, GIB, session="pgw.example.com;4;2"))
        self.assertEqual(await self.world.pool.query("select charged_amount::float from xdr where not failed order by 1"), [(0.5,), (1.0,)])

    async def test_closed(self) -> None:
        """An account that is closed: RAR, and no more units."""
        await self.operate("account.close", id=CARD)
        await self.asked_again(self.gateway)
        refused = await self.gateway.ask(data(11, 2, 1, 5))
        self.assertIn(refused.result, (4010, 5030))
        self.assertIsNone(refused.find(MSCC, GRANTED, OCTETS))

    async def test_blocked_by_timetable(self) -> None:
        """The blocked level of its policy begins: a living session is asked to ask again, and its user is sent to the portal; other turns are nothing to it."""
        policy = "insert into access_policies (i_access_policy, i_env, name, captive_portal) values (101, 1, 'Home', 'https://portal.example/');"
        phase = "insert into access_policy_phases (i_access_policy, name, period, level) values (101, 'Now', 'hr{0-23}', '%s');"
        since = "update sessions set started = now() - interval '9 days'"
        await self.world.changed(policy + phase % "turbo" + "update accounts set i_access_policy = 101;" + since)
        job = next(job for job in self.world.server._jobs if job.name == "standing")
        await job._work()
        self.assertEqual(await self.world.one("select count(*) from session_tasks"), 0)
        await self.world.changed("update access_policy_phases set level = 'blocked'")
        await job._work()
        await self.asked_again(self.gateway)
        sent = await self.gateway.ask(data(11, 2, 1, GIB // 4))
        self.assertEqual((sent.result, sent.find(MSCC, 268), sent.find(MSCC, 430, 449), sent.find(MSCC, GRANTED)), (2001, 2001, 1, None))
        self.assertEqual(sent.find(MSCC, 430, 434, 435), "https://portal.example/")
