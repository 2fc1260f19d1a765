"""The audit: what each command leaves in it, in the transaction of its change, and who may read it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet import reactor

from portaswitch.administration import Administration, NotFound, rates, topups
from portaswitch.config.catalogue import read_catalogue
from portaswitch.model.actor import Actor, Role
from portaswitch.model.operation import NotPermitted, NotThere, OperationRefused
from portaswitch.model.price_upload import Asked, Uploaded
from portaswitch.store import rate_upload
from portaswitch.store.database import Database
from portaswitch.store.hints import Hints
from tests.server.desks import CARD, LINE, DeskCase
from tests.server.loads import DEMO, quiet


class TrailCase(DeskCase):
    """The demo catalogue, and a database as commands have it."""

    async def prepare(self) -> None:
        """The lines that loading the demo left are part of it."""
        await super().prepare()
        hints = Hints(reactor, self.pool)
        self.addCleanup(hints.close)
        self.open = cast(Database, SimpleNamespace(pool=self.pool, hints=hints, sealer=self.sealer, dsn=str(self.database.dsn)))

    def file(self, text: str) -> Path:
        """A file with that text."""
        path = Path(self.mktemp())
        path.write_text(text, "utf-8")
        return path

    async def upload(self, tariff: str, text: str, by: Actor | None = None, **more: Any) -> Uploaded:
        """A price list of an actor."""
        asked = Asked(tariff, **{"destinations": True, **more})
        return await rates.upload(reactor, self.open, by or self.root, self.file(text), asked, quiet, 10)

    def lines(self, operation: str) -> list[tuple[Any, ...]]:
        """The lines of an operation, in their order: actor, environment, entity, after."""
        return self.ask("select actor, i_env, entity, after from audit_log where operation = %s order by i_audit", (operation,))


class CommandTests(TrailCase):
    """A line for each change, none where nothing changed."""

    async def test_load(self) -> None:
        """A load says what it made, in its environment; a second one changes nothing and says nothing."""
        ((actor, i_env, entity, after),) = self.lines("load")
        self.assertEqual((actor, i_env, entity), ("test:root", 1, "load:test.yaml"))
        self.assertEqual(after["accounts"], {"created": self.one("select count(*) from accounts where i_master_account is null"), "changed": 0})
        await self.load(read_catalogue(DEMO, 1))
        self.assertEqual(len(self.lines("load")), 1)

    async def test_upload(self) -> None:
        """New destinations and the rates each leave a line; a dry run, the same list again and a faulty one leave none."""
        number = self.number("tariffs", "i_tariff", name="PrepaidCard")
        await self.upload("PrepaidCard", "prefix,price\n99901,0.5\n", dry_run=True)
        self.assertEqual(self.lines("rate.upload"), [])
        done = await self.upload("PrepaidCard", "prefix,price\n99901,0.5\n")
        self.assertEqual((done.created, done.destinations), (1, 1))
        added, written = self.lines("rate.upload")
        self.assertEqual((written[0], written[2], added[3]["destinations"]), ("test:root", f"tariff:{number}", 1))
        self.assertEqual((written[3]["created"], written[3]["changed"], written[3]["mode"]), (1, 0, "add"))
        await self.upload("PrepaidCard", "prefix,price\n99901,0.5\n")
        with self.assertRaises(rates.UploadRefused):
            await self.upload("PrepaidCard", "prefix,price\n99901,x\n")
        self.assertEqual(len(self.lines("rate.upload")), 2)

    async def test_upload_swapped(self) -> None:
        """A list that becomes the tariff's partition leaves its line in the transaction of the exchange."""
        self.patch(rate_upload, "FEW", 1)
        await self.upload("PrepaidCard", "prefix,price\n99901,0.5\n99902,0.5\n99903,0.5\n")
        self.assertEqual([after["created"] for *_, after in self.lines("rate.upload") if "created" in after], [3])

    async def test_upload_rights(self) -> None:
        """It takes the privilege for the catalogue; a reseller reaches the tariffs that it manages, and of others hears that there are none, and adds no
        destinations."""
        text = "prefix,price\n44,0.5\n"
        for role in (Role.HELPDESK, Role.FINANCE, Role.READ):
            with self.assertRaises(NotPermitted):
                await self.upload("PrepaidCard", text, Actor("test:x", 1, role=role))
        with self.assertRaises(NotPermitted):
            await self.upload("PrepaidCard", text, self.customer())
        with self.assertRaises(NotThere):
            await self.upload("PrepaidCard", text, self.reseller())
        with self.assertRaises(NotThere):
            await self.upload("PrepaidCard", text, Actor("test:other", 2))
        self.assertEqual(self.lines("rate.upload"), [])
        await self.do("tariff.add", managed_by="Demo reseller", name="Own", service="Voice calls", currency="CAD", applied_to="customer")
        destinations = self.one("select count(*) from destinations")
        for dry_run in (True, False):
            with self.assertRaises(NotPermitted) as caught:
                await self.upload("Own", "prefix,price\n99901,0.5\n", self.reseller(), dry_run=dry_run)
            self.assertIn("environment's", str(caught.exception))
        with self.assertRaises(rates.UploadRefused):
            await self.upload("Own", "prefix,price\n99901,0.5\n", self.reseller(), destinations=False)
        self.assertEqual((self.one("select count(*) from destinations"), self.lines("rate.upload")), (destinations, []))
        self.assertEqual((await self.upload("Own", text, self.reseller(), destinations=False)).created, 1)
        self.assertEqual(self.lines("rate.upload")[-1][0], "test:Demo reseller")

    async def test_disconnect(self) -> None:
        """Nothing is wanted of a session that is not live, and nothing is told."""
        admin = Administration(self.open, 1)
        with self.assertRaises(NotFound):
            await admin.expire("no such")
        self.assertEqual(self.lines("session.expire"), [])
        self.ask(
            "insert into sessions (session_key, version, last_key, answer, i_env, i_node, i_account, i_customer, held, expires, status, started, updated, "
            "service, cli, cld, opened, state) "
            "select 'k/1', 1, '', '', 1, i_node, i_account, i_customer, 0, now() + interval '1 hour', 'o', now(), now(), '', '', '', "
            "'{}', '{}' from accounts, nodes where id = %s limit 1",
            (CARD,),
        )
        await admin.expire("k/1")
        ((actor, _, entity, _),) = self.lines("session.expire")
        self.assertEqual((actor, entity), (admin.actor.name, "session:k/1"))
        self.assertTrue(actor.startswith("cli:"))


class ListTests(TrailCase):
    """`audit.list`."""

    async def test_conditions(self) -> None:
        """By thing, kind, actor, operation and time; the newest first, with names and what changed."""
        await self.do("account.topup", id=CARD, amount="5")
        await self.do("account.block", id=LINE, by=Actor("cli:alice", 1))
        newest, older, *rest = await self.do("audit.list")
        self.assertEqual((newest["operation"], newest["name"], newest["change"]), ("account.block", LINE, "blocked False > True"))
        self.assertEqual((older["operation"], older["name"]), ("account.topup", CARD))
        self.assertIn("balance 10.00 > 15.00", older["change"])
        self.assertEqual([row["operation"] for row in rest], ["load"])
        number = self.number("accounts", "i_account", id=CARD)
        for asked, found in (
            ({"entity": f"account:{CARD}"}, ["account.topup"]),
            ({"entity": f"account:#{number}"}, ["account.topup"]),
            ({"entity": "account"}, ["account.block", "account.topup"]),
            ({"entity": "load:test.yaml"}, ["load"]),
            ({"by": "alice"}, ["account.block"]),
            ({"by": "cli:alice"}, ["account.block"]),
            ({"by": "ali"}, []),
            ({"operation": "account"}, ["account.block", "account.topup"]),
            ({"operation": "account.topup"}, ["account.topup"]),
            ({"since": "1h", "last": "1"}, ["account.block"]),
            ({"since": datetime(2100, 1, 1, tzinfo=UTC).isoformat()}, []),
        ):
            self.assertEqual([row["operation"] for row in await self.put("audit.list", asked)], found, asked)

    async def test_faults(self) -> None:
        """What is not there is told, and what can't be read."""
        with self.assertRaises(NotThere):
            await self.do("audit.list", entity="account:nobody")
        for asked in ({"since": "yesterday"}, {"last": "0"}, {"last": "10001"}, {"entity": "rate:1"}):
            with self.assertRaises(OperationRefused):
                await self.put("audit.list", asked)

    async def test_realms(self) -> None:
        """Only administrators read it, and of their environment; of them every role that may read."""
        for by in (self.reseller(), self.customer(), self.account()):
            with self.assertRaises(NotPermitted):
                await self.do("audit.list", by=by)
        self.assertEqual(await self.do("audit.list", by=Actor("test:other", 2)), [])
        self.assertEqual(len(await self.do("audit.list", by=Actor("test:read", 1, role=Role.READ))), 1)


class TopUpFileTests(TrailCase):
    """`account topup-file`."""

    HEAD = ("id", "amount", "comment")

    def lines_of(self, *rows: tuple[str, ...], head: tuple[str, ...] = HEAD, key: str = "bank") -> list[topups.Line]:
        """The lines of a table."""
        return topups.lines_of(head, rows, key)

    async def book(self, lines: list[topups.Line]) -> topups.Booked:
        """Book them, four at once."""
        return await topups.top_up_all(self.open, self.root, lines, 4, quiet)

    async def test_once(self) -> None:
        """Each line is a payment with its audit; the same table again books nothing, a line that was put right is booked."""
        table = [(CARD, "1.50", "thanks"), (LINE, "2", ""), ("nobody", "3", ""), ("", "", ""), (CARD, "0.25", "")]
        done = await self.book(self.lines_of(*table))
        self.assertEqual([done.booked, {name: str(sum_) for name, sum_ in done.sums.items()}], [3, {"CAD": "3.75"}])
        self.assertEqual(done.refused, [(4, "there is no account nobody")])
        self.assertEqual((await self.book(self.lines_of(*table))).booked, 3)
        table[2] = (LINE, "3", "")
        self.assertEqual((await self.book(self.lines_of(*table))).booked, 4)
        paid = self.ask("select amount::text, visible_comment from payments order by amount")
        self.assertEqual(paid, [("0.25", ""), ("1.50", "thanks"), ("2", ""), ("3", "")])
        self.assertEqual(len(self.lines("account.topup")), 4)
        await self.assert_books()

    async def test_other_values_under_a_key(self) -> None:
        """A line whose key was used for another amount is refused, and not booked."""
        await self.book(self.lines_of((CARD, "1", "")))
        done = await self.book(self.lines_of((CARD, "2", "")))
        self.assertEqual((done.booked, [line for line, _ in done.refused]), (0, [2]))
        self.assertEqual(self.one("select sum(amount)::text from payments"), "1")

    async def test_faults(self) -> None:
        """All faults of the table at once, by line; without keys nothing begins."""
        with self.assertRaises(OperationRefused) as caught:
            self.lines_of((CARD, "1,5", ""), (CARD,), ("", "1", ""), (CARD, "1", ""))
        self.assertEqual([fault.split(",")[0] for fault in caught.exception.faults], ["line 2", "line 3", "line 4"])
        with self.assertRaises(OperationRefused):
            self.lines_of((CARD, "1", ""), key="")
        with self.assertRaises(OperationRefused) as twice:
            self.lines_of((CARD, "1", "a"), (CARD, "1", "a"), head=("id", "amount", "key"))
        self.assertEqual(twice.exception.faults, ("line 3, key: a is the key of line 2 already",))
