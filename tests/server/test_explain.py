"""`tariff quote` and `xdr explain` against the whole server: what was quoted is charged, and what was charged is explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from portaswitch.administration.explaining import Explanation, explain
from portaswitch.administration.opening import operator
from portaswitch.administration.quotes import Quoted, QuoteWish, quote
from portaswitch.errors import StartError
from portaswitch.store.database import Database
from tests.server.harness import ALIVE, START, STOP, WorldCase, h323
from tests.server.test_spine import CARD, CONF, NODE

#: A reseller above the customer, with a tariff of its own; a second node, and rating entries for it and for an access code.
MORE = """
insert into tariffs (i_tariff, i_env, name, currency, i_service, applied_to) values (103, 1, 'Resale', 'CAD', 103, 'reseller');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (104, 103, 101, 0.015, 0.015), (105, 103, 102, 0.2, 0.2);
insert into customers (i_customer, i_env, name, currency, i_customer_type, i_tariff) overriding system value values (102, 1, 'Above', 'CAD', 2, 103);
update customers set i_parent = 102 where i_customer = 101;
insert into nodes (i_node, i_env, name, nas_ip) values (102, 1, 'other', '164.9.9.102');
insert into accessibility (i_product, i_service, i_node, access_code, i_tariff) values (101, 103, 102, '', 101), (101, 103, null, 'code', 101);
insert into accounts (i_account, i_env, id, i_customer, i_master_account, billing_model, currency) values (103, 1, 'alias', 101, 102, 2, 'CAD');
"""
CHARGED = "select storage, charged_amount, charged_quantity, history from xdr where h323_conf_id = '{}' and not failed order by id"
LETTERS = {"account": "a", "reseller": "c", "vendor": "v"}


class ExplainTests(WorldCase):
    """Each test has a server and a database of its own."""

    timeout = 180
    by = operator(1)

    async def _begin(self) -> None:
        await super()._begin()
        await self.world.pool.execute(MORE)
        await self.reloaded()
        self.database = Database(reactor, self.world.folder, self.world._dsn)
        await self.database.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.database.close()))

    async def reloaded(self) -> None:
        """The server has the catalogue as it is in the database now."""
        await self.world.stop()
        await self.world.start()

    async def call(self, user: str, number: str, seconds: int, conf: str = CONF, reports: tuple[int, ...] = ()) -> int:
        """A call that the vendor carried, with Alives at `reports`; gives the code of its authorization."""
        base = (NODE, ("User-Name", user), ("Called-Station-Id", number), ("h323-conf-id", conf))
        answer = await self.world.exchange(self.world.packet("auth", [*base, ("User-Password", "")]))
        if answer.code == 2:
            origin = (("h323-call-origin", "originate"), ("h323-remote-address", "192.0.2.77"))
            legs = [(START, 0), *((ALIVE, used) for used in reports), (STOP, seconds)]
            for status, used in legs:
                pairs = [*base, *origin, ("Acct-Status-Type", status), ("Acct-Session-Time", used)]
                await self.world.exchange(self.world.packet("acct", pairs))
        return int(answer.code)

    async def quoted(self, account: str, number: str, units: int, **what: Any) -> Quoted:
        """A quote."""
        at = what.pop("at", datetime.now(UTC))
        return await quote(reactor, self.database, self.by, QuoteWish(account, number, units, at, **what))

    async def explained(self, number: int) -> Explanation:
        """An explanation, when the log is written."""
        self.world.server._billing_log.flush()
        return await explain(reactor, self.database, self.by, number, self.world.folder / "log")

    async def test_quote_is_charged(self) -> None:
        """Account, reseller and vendor pay what was quoted, by the same steps; the longest use is what the NAS is told."""
        for number, (user, called, seconds) in enumerate(((CARD, "01182623634515", 71), ("alias", "442079", 61), (CARD, "442079", 59))):
            conf = f"{number:08X} 0 0 0"
            found = await self.quoted(user, called, seconds)
            self.assertEqual(await self.call(user, called, seconds, conf), 2)
            charged = await self.world.pool.query(CHARGED.format(conf))
            self.assertEqual([(LETTERS[line.party], line.amount, line.charged, line.history) for line in found.lines], charged)
            self.assertEqual(len(charged), 2 if called.startswith("011") else 3)  # the carrier has no price for 82
        found = await self.quoted(CARD, "01182623634515", 1)
        answer = await self.world.exchange(
            self.world.packet(
                "auth",
                [NODE, ("User-Name", CARD), ("Called-Station-Id", "01182623634515"), ("h323-conf-id", "A 0 0 0"), ("User-Password", "")],
            )
        )
        self.assertEqual(h323(answer, "h323-credit-time"), str(found.longest))

    async def test_quote_changes_nothing(self) -> None:
        """Nothing is held, charged or kept."""
        await self.quoted(CARD, "01182623634515", 71)
        self.assertEqual(await self.world.one("select balance, held, open_outgoing from accounts where i_account = 101"), (Decimal(10), Decimal(0), 0))
        self.assertEqual(await self.world.one("select (select count(*) from xdr) + (select count(*) from sessions)"), 0)

    async def test_quote_at(self) -> None:
        """By the price of that time, with its date."""
        later = datetime(2040, 1, 1, tzinfo=UTC)
        await self.world.pool.execute(f"insert into rates (i_tariff, i_dest, effective_from, price_first, price_n) values (101, 101, '{later}', 1, 1)")
        before = await self.quoted(CARD, "01182623634515", 60, at=later - timedelta(seconds=1))
        behind = await self.quoted(CARD, "01182623634515", 60, at=later)
        self.assertEqual([(line.amount, line.since) for line in (before.lines[0], behind.lines[0])], [(Decimal("0.02"), None), (Decimal(1), later)])

    async def test_quote_words(self) -> None:
        """What is not there is told; a number that nothing prices is refused."""
        for words, what in (("no account nobody", {"account": "nobody"}), ("--node", {"node": "x"}), ("--service", {"service": "x"}), ("--via", {"via": "x"})):
            error = await self.assertFailure(self.failing(**what), StartError)
            self.assertIn(words, str(error))
        found = await self.quoted(CARD, "999", 60)
        self.assertEqual((found.refusal.split(" ")[0], found.lines), ("cld_blocked", ()))
        self.assertEqual((await self.quoted(CARD, "82", 60, via="192.0.2.77", service="VOICE calls", node="other")).node, "other")

    def failing(self, account: str = CARD, **what: Any) -> Any:
        """A quote as a Deferred."""
        return Deferred.fromCoroutine(self.quoted(account, "82", 60, **what))

    async def test_explain(self) -> None:
        """A call by an alias: names, why this entry, steps, figures again, balances, the session and its requests."""
        await self.call("alias", "442079", 61)
        found = await self.explained(1)
        access = found.access
        self.assertEqual((access.account, access.asked_as, access.customer, access.node), ("442079460001", "alias", "Retail", "gw"))
        self.assertEqual((access.product, access.service, access.dialled, access.rated), ("PrepaidCard", "Voice calls", "442079", "442079"))
        self.assertIn("any node, no access code", access.entry)
        self.assertEqual([other.partition("): ")[2] for other in access.others], ["is for another node", "is for another access code"])
        account, reseller, vendor = found.charges
        self.assertEqual((account.party, reseller.party, vendor.party), ("account 442079460001", "reseller Above", "vendor Carrier"))
        self.assertEqual([step.text for step in account.steps], ["60@0.3/60", "60@0.3/60"])
        self.assertEqual((account.prefix, account.charged, account.amount, account.again, account.kept), ("44", 120, Decimal("0.6"), Decimal("0.6"), True))
        self.assertTrue(found.agrees)
        self.assertIn("of account 442079460001 and of customer Retail +0.60000 CAD", account.moved)
        self.assertIn("vendor Carrier +0.0", vendor.moved)
        assert found.session is not None
        self.assertEqual((found.session.status, found.session.held), ("closed", Decimal(0)))
        self.assertEqual([(line["kind"], line["user"]) for line in found.requests], [("auth", "alias"), ("start", "alias"), ("stop", "alias")])

    async def test_explain_refused(self) -> None:
        """A refused attempt: why, at which node, and its request."""
        self.assertEqual(await self.call(CARD, "999", 0), 3)
        found = await self.explained(1)
        self.assertIn("cld_blocked, return code 9", found.failed)
        self.assertEqual((found.access.node, found.access.rated, found.charges, found.session), ("gw", "999", (), None))
        self.assertEqual([line["result"] for line in found.requests], ["cld_blocked"])

    async def test_explain_tariff_changed(self) -> None:
        """The plan that the session kept gives the figure; today's price is told; when the session is gone the difference is."""
        await self.call(CARD, "01182623634515", 71)
        await self.world.pool.execute("update rates set price_n = 0.03, price_first = 0.03 where i_rate = 101")
        charge = (await self.explained(1)).charges[0]
        self.assertEqual((charge.agrees, charge.again, charge.changed), (True, Decimal("0.02367"), Decimal("0.0355")))
        await self.world.pool.execute("delete from sessions_closed")
        found = await self.explained(1)
        self.assertEqual((found.agrees, found.charges[0].again, found.charges[0].kept), (False, Decimal("0.0355"), False))
        await self.world.pool.execute("delete from rates where i_rate = 101")
        found = await self.explained(1)
        self.assertEqual((found.agrees, found.charges[0].again, found.charges[0].amount), (True, None, Decimal("0.02367")))

    async def test_explain_pieces(self) -> None:
        """Each piece of a session that is charged as it goes gives its own figure."""
        await self.world.pool.execute(
            "insert into service_policies (i_service_policy, i_env, name, charge_every) values (1, 1, 'Pieces', 1);"
            "update accessibility set i_service_policy = 1"
        )
        await self.reloaded()
        await self.call(CARD, "01182623634515", 200, reports=(60, 130))
        await self.world.pool.execute("update sessions_closed set started = started - interval '1 hour'")
        rows = await self.world.pool.query("select id from xdr where storage = 'a' order by id")
        for (number,) in rows:
            found = await self.explained(number)
            self.assertTrue(all(charge.agrees for charge in found.charges), number)
            self.assertEqual(len(found.pieces), len(rows) - 1)

    async def test_explain_not_there(self) -> None:
        """An xDR of nobody's, or of another environment."""
        error = await self.assertFailure(self.missing(), StartError)
        self.assertIn("no xDR 77", str(error))

    def missing(self) -> Any:
        """An explanation as a Deferred."""
        return Deferred.fromCoroutine(self.explained(77))
