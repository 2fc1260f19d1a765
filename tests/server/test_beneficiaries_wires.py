"""Beneficiaries over RADIUS, Diameter and SIP: served by their own id, alias and IMSI, and paid for by another account."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.model.actor import Actor
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.claims import claims
from tests.server.diameter_client import DiameterCase, initial, termination, update
from tests.server.diameter_octets import RAR, SESSION_ID, call, ccr, ccr_body, seconds, subscriber
from tests.server.harness import ALIVE, START, STOP, World, WorldCase, h323, ivr
from tests.server.harness import WORLD as CARDS
from tests.server.phones import ALICE, BOB, MONEY, SipCase, SipWorld, headers, status
from tests.server.test_diameter import GRANTED, MSCC, TIME, reply

CHILD, ALIAS, IMSI = "380501112233", "child@example.com", "255070000000001"
#: The child of the prepaid card 101, with an alias and a SIM card of its own.
FAMILY = """
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency, i_payer) values (110, 1, '380501112233', 101, 101, 4, 'CAD', 101);
insert into accounts (i_env, id, i_customer, i_master_account, billing_model, currency) values (1, 'child@example.com', 101, 110, 2, 'CAD');
"""
SIM = "insert into sim_cards (i_env, imsi, i_account, status) values (1, '255070000000001', 110, 'in_use');"
CHARGED = "select account_id, i_account, charged_amount, billing_model from xdr where storage = 'a' and not failed"
BALANCES = "select i_account, balance, held from accounts where i_account in (101, 110) order by 1"
NODE = ("NAS-IP-Address", "164.9.9.100")


class RadiusTests(WorldCase):
    """Calls of a gateway."""

    async def _begin(self) -> None:
        self.world = await World.made(CARDS + FAMILY + SIM)

    def asked(self, user: str, conf: str) -> tuple[tuple[str, str], ...]:
        """What every packet of a call says."""
        return (NODE, ("User-Name", user), ("Calling-Station-Id", "6045550193"), ("h323-conf-id", conf))

    async def test_call(self) -> None:
        """
        Authenticated and authorized by its id: told its payer's funds and model, which the call holds. Start, Alive and Stop: one xDR of its own, and the
        payer's balance pays. The payer itself finds nothing while all its money is held.
        """
        asked, world = self.asked(CHILD, "C1"), self.world
        hello = await world.exchange(world.packet("auth", (*asked, ("User-Password", ""), ("h323-ivr-out", "PortaBilling_AccessCode:6045551600"))))
        self.assertEqual((hello.code, h323(hello, "h323-credit-amount"), h323(hello, "h323-billing-model")), (2, "10.00", "1"))
        self.assertEqual(ivr(hello)["PortaBilling_AccountBalance"], "10.00000")
        dialled = ("User-Password", ""), ("Called-Station-Id", "01182623634515")
        leave = await world.exchange(world.packet("auth", (*asked, *dialled)))
        self.assertEqual((leave.code, h323(leave, "h323-credit-time")), (2, "30000"))
        self.assertEqual(await world.pool.query(BALANCES), [(101, 10, 10), (110, 0, 0)])
        self.assertEqual((await world.exchange(world.packet("auth", (*self.asked("10086610975", "C2"), *dialled)))).code, 3)
        legs = ("Called-Station-Id", "82623634515"), ("h323-call-origin", "originate"), ("h323-call-type", "VoIP")
        for kind, seconds_ in (START, 0), (ALIVE, 30), (STOP, 60):
            told = ("Acct-Status-Type", kind), ("Acct-Session-Time", seconds_), ("h323-connect-time", "00:16:21.164 PST Fri Mar 9 2007")
            self.assertEqual((await world.exchange(world.packet("acct", (*asked, *legs, *told)))).code, 5)
        self.assertEqual(await world.pool.query(CHARGED), [(CHILD, 110, Decimal("0.02"), -1)])
        self.assertEqual(await world.pool.query(BALANCES), [(101, Decimal("9.98"), 0), (110, 0, 0)])

    async def test_names(self) -> None:
        """By its alias and by the IMSI of its SIM card it is the same; blocked, it is refused, and its payer is not."""
        world = self.world
        for number, user in enumerate((ALIAS, IMSI)):
            asked = *self.asked(user, f"N{number}"), ("User-Password", ""), ("Called-Station-Id", "01182623634515")
            self.assertEqual((await world.exchange(world.packet("auth", asked))).code, 2, user)
            stop = ("Called-Station-Id", "82623634515"), ("Acct-Status-Type", STOP), ("Acct-Session-Time", 30), ("h323-call-origin", "originate")
            await world.exchange(world.packet("acct", (*self.asked(user, f"N{number}"), *stop, ("h323-call-type", "VoIP"))))
        self.assertEqual([row[:3] for row in await world.pool.query(CHARGED)], [(CHILD, 110, Decimal("0.01"))] * 2)
        await world.pool.execute("update accounts set blocked = true where i_account = 110")
        for user, code in (CHILD, 3), ("10086610975", 2):
            self.assertEqual((await world.exchange(world.packet("auth", (*self.asked(user, "B"), ("User-Password", ""))))).code, code)


class DiameterTests(DiameterCase):
    """Calls over Ro."""

    rows = DiameterCase.rows + FAMILY + SIM

    async def _begin(self) -> None:
        await super()._begin()
        self.desk = Desk(Books(self.world.pool, Sealer.load(self.world.folder / "secret.key"), ENTITIES))
        await self.world.pool.execute("update accounts set balance = 0.05, opening_balance = 0.05 where i_account = 101")

    @claims("multi-imsi.2")
    async def test_imsi(self) -> None:
        """Of the IMSI of a beneficiary: granted, charged and ended; the account that it leads to is charged in the books, and its payer's money paid."""
        peer, name = await self.peer(), "pgw.example.com;1;imsi"
        who = subscriber(IMSI, 1)
        first = await peer.ask(ccr(10, ccr_body(name, 1, 0, who, seconds(30), call(CHILD, "8210001"))))
        self.assertEqual((first.result, first.find(MSCC, GRANTED, TIME)), (2001, 30))
        self.assertEqual(await self.world.pool.query(BALANCES), [(101, Decimal("0.05"), Decimal("0.01")), (110, 0, 0)])
        last = await peer.ask(ccr(11, ccr_body(name, 3, 1, who, seconds(None, 30), call(CHILD, "8210001"))))
        self.assertEqual(last.result, 2001)
        self.assertEqual(await self.world.pool.query(CHARGED), [(CHILD, 110, Decimal("0.01"), -1)])
        self.assertEqual(await self.world.pool.query(BALANCES), [(101, Decimal("0.04"), 0), (110, 0, 0)])

    async def test_final_units(self) -> None:
        """
        Payer and beneficiary share the money: what the one has is gone for the other, whose last part says so. A top-up of the payer asks that session to ask
        again, and it goes on; one by the beneficiary's id tops its payer up.
        """
        peer = await self.peer()
        paid = await peer.ask(initial(10, "pgw.example.com;1;payer", requested=60))
        self.assertEqual((paid.find(MSCC, GRANTED, TIME), paid.find(MSCC, 430)), (60, None))
        last = await peer.ask(initial(11, "pgw.example.com;1;child", requested=600, account=CHILD))
        self.assertEqual((last.find(MSCC, GRANTED, TIME), last.find(MSCC, 430, 449)), (90, 0))
        await self.desk.operate(Actor("test:root", 1), "account.topup", {"id": "10086610975", "amount": "1"})
        rar = await peer.asked()
        self.assertEqual((rar.code, rar.find(SESSION_ID)), (RAR, "pgw.example.com;1;child"))
        peer.say(reply(rar, 2002))
        more = await peer.ask(update(12, "pgw.example.com;1;child", 1, 45, requested=600))
        self.assertEqual((more.find(MSCC, GRANTED, TIME), more.find(MSCC, 430)), (600, None))
        await self.desk.operate(Actor("test:root", 1), "account.topup", {"id": CHILD, "amount": "1"})
        for hop, name, used in (13, "payer", 60), (14, "child", 45):
            self.assertEqual((await peer.ask(termination(hop, f"pgw.example.com;1;{name}", 2, used))).result, 2001)
        self.assertEqual(await self.world.pool.query(BALANCES), [(101, Decimal("2.00"), 0), (110, 0, 0)])

    async def test_alias(self) -> None:
        """By its alias (a URI): no more than its payer's money allows."""
        peer = await self.peer()
        asked = ccr_body("pgw.example.com;1;alias", 1, 0, subscriber(ALIAS, 2), seconds(600), call(CHILD, "8210001"))
        self.assertEqual((await peer.ask(ccr(11, asked))).find(MSCC, GRANTED, TIME), 150)


class SipTests(SipCase):
    """Texts of telephones."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made(FAMILY)

    async def test_message(self) -> None:
        """A beneficiary registers with its own password and sends a text: its payer's balance pays; a text to it finds its own telephone."""
        child, bob = self.world.phone(CHILD), self.world.phone(BOB)
        for phone in (child, bob):
            self.assertEqual(status(await phone.register()), 200)
        arrives = bob.delivered()
        self.assertEqual(status(await child.message(BOB)), 202)
        self.assertTrue(headers(await arrives, "From")[0].startswith(f"<sip:{CHILD}@"))
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        self.assertEqual(await self.world.one(CHARGED), (CHILD, 110, Decimal("0.02"), -1))
        self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
        self.assertEqual(await self.world.one("select count(*) from registrations where i_account = 110"), 1)
        alice, arrives = self.world.phone(ALICE), child.delivered()
        self.assertEqual(status(await alice.message(CHILD)), 202)
        self.assertEqual(headers(await arrives, "To"), [f"<sip:{CHILD}@sip.example>"])
        await self.world.until("select balance from accounts where i_account = 101", Decimal("9.96"))
