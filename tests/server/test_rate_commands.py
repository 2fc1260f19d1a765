"""`rate` and `tariff` as an operator runs them beside a running server: what they print, a reload behind them, and kill -9 in the middle."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.server.harness import WorldCase, ivr
from tests.server.test_cli import CARD, Command

TARIFF = "PrepaidCard"
WAITS = "select count(*) from pg_stat_activity where application_name = 'portaswitch rate upload' and wait_event_type = 'Lock'"
GONE = "select count(*) from pg_stat_activity where application_name = 'portaswitch rate upload'"
LITTER = "select count(*) from pg_class where relname like 'rate_upload%%' and relkind = 'r' and not relispartition"


class RateCommandTests(WorldCase):
    """The world's prepaid card, whose tariff has prices for 82 and 44."""

    async def _begin(self) -> None:
        await super()._begin()
        self.config = self.world.folder / "portaswitch.yaml"
        self.config.write_text(f"state_dir: {self.world.folder}\ndatabase: '{self.world._dsn}'\n")

    def file(self, text: str) -> str:
        """A file with that text."""
        path = self.world.folder / "prices.csv"
        path.write_text(text, "utf-8")
        return str(path)

    def command(self, *words: str) -> Command:
        """A command that was started."""
        return Command("--config", str(self.config), *words)

    async def printed(self, *words: str) -> str:
        """The output of a command that has to succeed without a word on standard error."""
        status, out, err = await self.command(*words).ended
        self.assertEqual((status, err), (0, ""), out)
        return out

    async def until(self, sql: str, wanted: int) -> None:
        """Wait for a count in the database."""
        clock: Any = reactor
        while await self.world.one(sql) != wanted:
            await deferLater(clock, 0.02, lambda: None)

    async def granted(self) -> str | None:
        """What a call to 82... is granted, in the words of the answer."""
        answer = await self.world.exchange(
            self.world.packet("auth", [("User-Name", CARD), ("NAS-IP-Address", "164.9.9.100"), ("Called-Station-Id", "01182623634515")])
        )
        return str(answer.code) + json.dumps(ivr(answer)) + str(answer.get("h323-credit-time"))

    async def test_upload_is_in_force(self) -> None:
        """The running server charges by the new list as soon as it has been told, and lists show it."""
        before = await self.granted()
        out = await self.printed("rate", "upload", TARIFF, self.file("prefix,price\n82,0.04\n"))
        self.assertEqual(out, "1 rows: 0 new, 1 changed, 0 the same, 0 removed\n")
        clock: Any = reactor
        while await self.granted() == before:
            await deferLater(clock, 0.05, lambda: None)
        (line,) = json.loads(await self.printed("rate", "list", TARIFF, "8", "--json"))
        self.assertEqual((line["prefix"], line["price_n"], line["until"]), ("82", "0.04", None))
        await self.printed("rate", "upload", TARIFF, self.file("prefix,price\n82,0.05\n"), "--effective-from", "2099-01-01")
        self.assertIn("2099-01-01", await self.printed("rate", "history", TARIFF, "82"))
        self.assertIn("0.05", await self.printed("rate", "list", TARIFF, "--at", "2099-01-02"))
        shown = json.loads(await self.printed("tariff", "show", TARIFF, "--json"))
        self.assertEqual((shown["destinations"], shown["rates"], shown["service"]), (2, 3, "Voice calls"))
        self.assertIn(TARIFF, await self.printed("tariff", "list"))
        again = await self.printed("rate", "upload", TARIFF, self.file(await self.printed("rate", "export", TARIFF)), "--replace")
        self.assertEqual(again, "3 rows: 0 new, 0 changed, 3 the same, 0 removed\n")

    async def test_faults(self) -> None:
        """One line each with file, line and column, as many as were asked for, and how many there are."""
        path = self.file("prefix;price\nx;1\n44;1,5\n82;\n")
        status, out, err = await self.command("rate", "upload", TARIFF, path, "--faults", "2").ended
        self.assertEqual((status, out), (1, ""))
        lines = err.splitlines()
        self.assertTrue(lines[0].startswith(f"portaswitch: {path}: line 2, prefix: 'x' is neither"), lines)
        self.assertEqual(lines[2], "portaswitch: 3 faults, 1 of them not shown (--faults N); nothing was changed")

    async def test_killed(self) -> None:
        """Kill -9 before the last transaction leaves the tariff whole; the next upload sweeps what is left and does its work."""
        before = await self.world.pool.query("select * from rates order by i_rate")
        killed = self.command("rate", "upload", TARIFF, self.file("prefix,price\n82,0.04\n44,0.5\n"))

        async def hold(cursor: Any) -> None:
            await cursor.query("select 1 from tariffs where name = %s for update", (TARIFF,))
            while not (await cursor.query(WAITS))[0][0]:
                await cursor.query("select pg_sleep(0.02)")
                await cursor.query("select pg_stat_clear_snapshot()")
            killed.process.signalProcess("KILL")
            await killed.ended

        await self.world.pool.transaction(hold)
        await self.until(GONE, 0)
        self.assertEqual(await self.world.pool.query("select * from rates order by i_rate"), before)
        self.assertGreater(await self.world.one(LITTER), 0)
        await self.printed("rate", "upload", TARIFF, self.file("prefix,price\n44,0.5\n"))
        self.assertEqual(await self.world.one(LITTER), 0)

    async def test_interrupted(self) -> None:
        """Ctrl-C ends it, cleans up, and says so."""
        before = await self.world.pool.query("select * from rates order by i_rate")
        stopped = self.command("rate", "upload", TARIFF, self.file("prefix,price\n82,0.04\n"))

        async def hold(cursor: Any) -> tuple[int, str, str]:
            await cursor.query("select 1 from tariffs where name = %s for update", (TARIFF,))
            while not (await cursor.query(WAITS))[0][0]:
                await cursor.query("select pg_sleep(0.02)")
                await cursor.query("select pg_stat_clear_snapshot()")
            stopped.process.signalProcess("INT")
            return await stopped.ended

        status, _, err = await self.world.pool.transaction(hold)
        self.assertEqual((status, err), (130, "portaswitch: interrupted\n"))
        self.assertEqual(await self.world.pool.query("select * from rates order by i_rate"), before)
        self.assertEqual(await self.world.one(LITTER), 0)
