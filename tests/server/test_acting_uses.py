"""xDRs, sessions, quotes and traces by the eyes of every realm: each sees its own tree, and what is somebody else's is not there."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from portaswitch.administration import Administration, NotFound, tracing
from portaswitch.administration.explaining import Explanation, explain
from portaswitch.administration.quotes import QuoteWish, quote
from portaswitch.errors import PortaSwitchError, StartError
from portaswitch.model.actor import Actor, Role
from portaswitch.model.operation import NotPermitted
from portaswitch.store.database import Database
from tests.server.database import new_state_dir
from tests.server.desks import CARD, LINE, SUBLINE
from tests.server.test_acting import ActingCase

OTHER = "0101"
#: A use of an account: what it, a reseller and a vendor were charged.
USE = """
insert into xdr (id, i_env, storage, h323_conf_id, cld, connect_time, disconnect_time, bill_time, used_quantity, charged_quantity, charged_amount, history,
                 account_id, i_account, i_customer, i_vendor, revenue, billing_model, i_node)
select %(number)s + n, 1, storage::"char", 'use ' || a.id, '82', now(), now(), now(), 60, 60, n, '', a.id, a.i_account,
       case storage when 'c' then c.i_parent else a.i_customer end, 7, 9, -1, 1
from accounts a join customers c using (i_customer), (values ('a', 0), ('c', 1), ('v', 2)) kind (storage, n)
where a.id = %(account)s and (storage <> 'c' or c.i_parent is not null)
"""
LIVE = """
insert into sessions
select '1/live ' || a.id, 1, 'k', '', 1, 1, a.i_account, a.i_customer, 0, now() + interval '1 hour', 'o', now(), now(), 'Voice', '1', '2', '{}',
       '{"q":[{"k":"0.0","u":5,"g":300,"h":[]}]}'
from accounts a where a.id = %(account)s
"""
CLOSED = """
insert into sessions_closed select (jsonb_populate_record(null::sessions_closed, to_jsonb(s) || jsonb_build_object('closed', now()))).* from sessions s;
delete from sessions
"""
NUMBERS = {CARD: 10, SUBLINE: 20, OTHER: 30}
#: What of these uses each realm sees: numbers of xDRs.
ACCOUNTS_OF_RESELLER, CHARGES_OF_RESELLER = [10, 20], [11, 21]


class UsesTests(ActingCase):
    """On the demo, with a use and an open session of a card and a line below the reseller, and of an account that is not."""

    async def prepare(self) -> None:
        """The uses, and the lines that the server would have logged of them."""
        await super().prepare()
        self.ask("insert into environments (i_env, name) values (2, 'Other')")
        for account, number in NUMBERS.items():
            with self.database.cursor() as cursor:
                cursor.execute(USE, {"account": account, "number": number})
                cursor.execute(LIVE, {"account": account})
        self.store = Database(reactor, Path(new_state_dir()), self.dsn)
        await self.store.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.store.close()))
        self.logs = Path(self.mktemp())
        self.logs.mkdir()
        now = datetime.now(UTC).isoformat()
        ids = dict(self.ask("select id, i_account from accounts"))
        lines = [
            {"at": now, "id": f"u{number}", "kind": "auth", "env": 1, "node": "gw", "user": account, "account": ids[account], "session": f"use {account}",
             "called": "82", "calling": "1", "used": 0, "granted": 60, "result": "ok", "took": 0.0}
            for account, number in NUMBERS.items()
        ]  # fmt: skip
        (self.logs / "billing.log").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))

    def admin(self, by: Actor) -> Administration:
        """The database as somebody sees it."""
        return Administration(self.store, 1, by)

    async def move(self) -> None:
        """The card goes to a customer of nobody."""
        await self.do("customer.add", name="Elsewhere", currency="CAD", type="reseller")
        await self.do("customer.add", name="Far", currency="CAD", parent="Elsewhere")
        await self.do("account.move", id=CARD, customer="Far")

    async def numbers(self, by: Actor, storage: str = "a", account: str = "") -> list[int]:
        """The xDRs that somebody sees."""
        return sorted(line.id for line in await self.admin(by).xdrs(account, storage=storage))

    async def gone(self, asked: Awaitable[Any], kind: type[PortaSwitchError] = NotFound) -> str:
        """What is said of what is not there for somebody."""
        return str(await self.assertFailure(Deferred.fromCoroutine(_waited(asked)), kind))

    def everybody(self) -> dict[str, Actor]:
        """An actor of each realm."""
        return {
            "operator": self.root, "reseller": self.reseller(), "customer": self.customer(), "account": self.account(SUBLINE),
            "other reseller's": self.reseller("Demo retail USD"), "environment 2": Actor("test:y", 2),
        }  # fmt: skip

    async def test_xdrs(self) -> None:
        """Accounts below, and what resellers of the tree are charged; vendors' charges are the environment's own."""
        seen = {
            "operator": ([10, 20, 30], [11, 21], [12, 22, 32]), "reseller": (ACCOUNTS_OF_RESELLER, CHARGES_OF_RESELLER, []), "customer": ([20], [], []),
            "account": ([20], [], []), "other reseller's": ([30], [], []), "environment 2": ([], [], []),
        }  # fmt: skip
        for who, by in self.everybody().items():
            self.assertEqual(tuple([await self.numbers(by, storage) for storage in "acv"]), seen[who], who)
            whole = sum(seen[who], [])
            self.assertEqual(await self.numbers(by, "acv"), sorted(whole), who)
            for number in (10, 11, 12, 20, 21, 22, 30, 32):
                if number in whole:
                    row = await self.admin(by).xdr(number)
                    self.assertEqual((row["id"], row["i_vendor"], row["revenue"]), (number, *((7, 9) if who == "operator" else (None, None))))
                else:
                    self.assertIn(f"no xDR {number}", await self.gone(self.admin(by).xdr(number)), who)

    async def test_moved(self) -> None:
        """What an account was charged stays with the customer that it had then."""
        await self.move()
        self.assertEqual(await self.numbers(self.reseller()), ACCOUNTS_OF_RESELLER)
        self.assertEqual(await self.numbers(self.reseller("Elsewhere")), [])
        self.assertIn(f"no account {CARD}", await self.gone(self.admin(self.reseller()).xdrs(CARD)))
        self.assertEqual([line.account for line in await self.admin(self.reseller()).sessions()], [SUBLINE])

    async def test_accounts(self) -> None:
        """An account is found by those who see it, an alias by those who see its account."""
        self.assertEqual(await self.numbers(self.reseller(), account=CARD), [10])
        self.assertEqual(await self.numbers(self.account(LINE), account="16045550102"), [])
        for by, name in ((self.reseller(), OTHER), (self.customer(), CARD), (self.account(SUBLINE), LINE), (self.account(SUBLINE), "16045550102")):
            self.assertIn(f"no account {name}", await self.gone(self.admin(by).xdrs(name)))
            self.assertIn(f"no account {name}", await self.gone(self.admin(by).sessions(name)))

    async def test_sessions(self) -> None:
        """Live and closed ones of the tree, by key and by id."""
        seen = {
            "operator": {CARD, SUBLINE, OTHER}, "reseller": {CARD, SUBLINE}, "customer": {SUBLINE}, "account": {SUBLINE}, "other reseller's": {OTHER},
            "environment 2": set[str](),
        }  # fmt: skip
        for where in ("live", "closed"):
            for who, by in self.everybody().items():
                found = await self.admin(by).sessions()
                self.assertEqual({line.account for line in found}, seen[who] if where == "live" else set(), who)
                for account in NUMBERS:
                    if account in seen[who]:
                        self.assertEqual((await self.admin(by).session(f"live {account}"))[0].account, account)
                    else:
                        self.assertIn("no session", await self.gone(self.admin(by).session(f"1/live {account}")), who)
            self.ask(CLOSED)

    async def test_disconnect(self) -> None:
        """Who serves subscribers may, and only of his own; without a word to the node administrators alone."""
        self.ask("update nodes set coa_address = '192.0.2.9' where i_node = 1")
        mine, other = f"1/live {CARD}", f"1/live {OTHER}"
        for by in (self.reseller(role=Role.FINANCE), self.customer(), self.account(CARD)):
            self.assertIn("session.disconnect", await self.gone(self.admin(by).disconnect(mine), NotPermitted))
        self.assertIn("no session", await self.gone(self.admin(self.reseller()).disconnect(other)))
        self.assertIn("administrators", await self.gone(self.admin(self.reseller()).expire(mine), NotPermitted))
        self.assertEqual(self.ask("select * from session_tasks"), [])
        await self.admin(self.reseller(role=Role.HELPDESK)).disconnect(mine)
        self.assertEqual(self.one("select session_key from session_tasks"), mine)
        await self.admin(self.root).expire(other)

    async def explained(self, by: Actor, number: int) -> Explanation:
        """An explanation as somebody sees it."""
        return await explain(reactor, self.store, by, number, self.logs)

    async def test_explain(self) -> None:
        """The charges of parties that one sees, and the requests of the own account alone."""
        parties = {"operator": [10, 11, 12], "reseller": [10, 11]}
        self.ask("update xdr set h323_conf_id = 'same'")
        log = self.logs / "billing.log"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        node = self.one("select name from nodes where i_node = 1")
        same = [{**line, "session": "same", "node": node} for line in lines]
        reports = [{**same[0], "kind": "stop", "user": where, "account": None, "node": where} for where in (node, "elsewhere")]
        log.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in (*same, *reports)))
        for who, by in self.everybody().items():
            if who in parties:
                found = await self.explained(by, 10)
                self.assertEqual([charge.id for charge in found.charges], parties[who])
                users = [line["user"] for line in found.requests]
                self.assertEqual(users, [CARD, SUBLINE, OTHER, node, "elsewhere"] if who == "operator" else [CARD, node])
            else:
                self.assertIn("no xDR 10", await self.gone(self.explained(by, 10), StartError))

    async def test_quotes(self) -> None:
        """What one sees of a price: that of the account, and of resellers of the tree; never a vendor's, and nothing of an account that is somebody else's."""
        wish = QuoteWish(CARD, "01182623634515", 60, datetime.now(UTC))
        for by, parties in ((self.root, ["account", "reseller", "vendor"]), (self.reseller(), ["account", "reseller"]), (self.account(CARD), ["account"])):
            self.assertEqual([line.party for line in (await quote(reactor, self.store, by, wish)).lines], parties)
        for by in (self.customer(), self.account(SUBLINE), self.everybody()["other reseller's"]):
            self.assertIn(f"no account {CARD}", await self.gone(quote(reactor, self.store, by, wish), StartError))
        via = replace(wish, via=(await quote(reactor, self.store, self.root, wish)).lines[2].via)
        self.assertEqual(len((await quote(reactor, self.store, self.root, via)).lines), 3)
        self.assertIn("no active connection", await self.gone(quote(reactor, self.store, self.reseller(), via), StartError))

    async def traced(self, by: Actor, kind: str, name: str) -> list[tuple[str, int]]:
        """Kinds and accounts of a trace as somebody sees it."""
        reader, since = tracing.Reader(self.pool, by), datetime.now(UTC) - timedelta(hours=1)
        lines = await tracing.past(reader, await tracing.subject_of(reader, kind, name, since), [self.logs], since)
        return [(line.kind, line.account) for line in lines]

    async def test_trace(self) -> None:
        """Of a number, what own accounts had to do with it; of accounts the own ones; of what serves everybody nothing."""
        ids = dict(self.ask("select id, i_account from accounts"))
        kinds = {account: {(kind, ids[account]) for kind in ("decision", "xdr", "hold", "session")} for account in NUMBERS}
        everything = set(await self.traced(self.root, "number", "82"))
        self.assertLessEqual({("decision", ids[CARD]), ("decision", ids[OTHER]), ("xdr", ids[OTHER])}, everything)
        mine = set(await self.traced(self.reseller(), "number", "82"))
        self.assertEqual(mine, {one for one in everything if one[1] in (ids[CARD], ids[SUBLINE])})
        self.assertEqual(set(await self.traced(self.reseller(), "account", CARD)), kinds[CARD])
        self.assertEqual(await self.traced(self.reseller(), "session", f"use {OTHER}"), [])
        self.assertEqual(await self.traced(Actor("test:y", 2), "session", f"use {OTHER}"), [])
        self.assertEqual({account for _, account in await self.traced(self.reseller(), "session", f"use {CARD}")}, {ids[CARD]})
        for kind, name in (("account", OTHER), ("account", "nobody"), ("imsi", "001010000000009")):
            self.assertIn(f"{name} in environment 1", await self.gone(self.traced(self.reseller(), kind, name), tracing.NothingThere))
        for by, kind, name in ((self.reseller(), "nas", "gw"), (self.reseller(), "peer", "192.0.2.1"), (self.account(CARD), "account", CARD)):
            self.assertIn("trace", await self.gone(self.traced(by, kind, name), NotPermitted))

    async def test_trace_of_a_moved_account(self) -> None:
        """What it did for its old customer is not the new one's to read; nor is what it does from now on the old one's."""
        await self.move()
        self.assertEqual([kind for kind, _ in await self.traced(self.reseller("Elsewhere"), "account", CARD) if kind in ("decision", "xdr")], [])
        self.assertIn(CARD, await self.gone(self.traced(self.reseller(), "account", CARD), tracing.NothingThere))

    async def test_commands(self) -> None:
        """By the command line, as its user."""
        self.assertEqual(sorted(row["id"] for row in await self.told("xdr", "list", "--owner", "all", "--as", "seller")), [10, 11, 20, 21])
        self.assertEqual((await self.told("xdr", "show", "10", "--as", "desk"))["i_vendor"], None)
        foreign = ("xdr show 30", "xdr explain 30", f"session show live {OTHER}", f"trace account {OTHER}", f"tariff quote {OTHER} 82 9")
        for words in [line.split() for line in foreign]:
            self.assertIn("no ", await self.unsaid(*words, "--as", "seller"), words)
        self.assertEqual({row["account"] for row in await self.told("session", "list", "--as", "seller")}, {CARD, SUBLINE})
        # Without a database nobody's rights are known: the logs are not shown then.
        config = self.config.with_name("away.yaml")
        config.write_text(f"state_dir: {self.config.parent}\ndatabase: 'host=127.0.0.1 port=1 dbname=x'\nlogging: {{directory: '{self.logs.resolve()}'}}\n")
        for more, shown in (((), 0), (("--as", "seller"), 1)):
            status, out, err = await self.run_command("--config", str(config), "trace", "account", CARD, *more)
            self.assertEqual((status, CARD in out), (shown, not shown), err)


async def _waited(asked: Awaitable[Any]) -> Any:
    return await asked
