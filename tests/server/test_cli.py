"""The command line as an operator runs it: a process of its own, beside a running server or alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol, ProcessProtocol
from twisted.trial.unittest import TestCase

from portaswitch.api.status import pages, site
from portaswitch.store import placement, postmaster
from portaswitch.store.embedded import EmbeddedPostgres
from tests.server.database import new_state_dir, seeded_state_dir
from tests.server.harness import SECRET, World

ROOT = Path(__file__).parents[2]
CARD = "10086610975"
NUMBER = "01182623634515"
#: A session of the card with a hold, as rows.
HELD = """
update accounts set held = 1, open_outgoing = 1 where i_account = 101;
insert into sessions values
    ('101/live', 1, 'k', '', 1, 101, 101, 101, 1, now() + interval '1 hour', 'o', now(), now(), 'Voice', '1',
    '2', '{}', '{"q":[{"k":"0.0","u":5,"g":300,"h":[{"s":"m","a":"1","u":0,"i":0}]}]}');
"""


class Command(ProcessProtocol):
    """One run of the program; `ended` fires with status, standard output and standard error."""

    def __init__(self, *words: str, environment: dict[str, str] | None = None) -> None:
        self.ended: Deferred[tuple[int, str, str]] = Deferred()
        self._out, self._err = b"", b""
        self._heard: Deferred[None] = Deferred()
        spawner: Any = reactor
        command = [sys.executable, "-m", "portaswitch.cli", *words]
        # PYTHONUNBUFFERED, so that a test sees a line when it is written.
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **(environment or {})}
        self.process = spawner.spawnProcess(self, command[0], command, environ, str(ROOT))

    def heard(self) -> Deferred[None]:
        """Fires when it has printed something."""
        return self._heard

    def outReceived(self, data: bytes) -> None:
        """Standard output."""
        self._out += data
        if not self._heard.called:
            self._heard.callback(None)

    def errReceived(self, data: bytes) -> None:
        """Standard error."""
        self._err += data

    def processEnded(self, reason: Any) -> None:
        """The end."""
        self.ended.callback((reason.value.exitCode, self._out.decode(), self._err.decode()))


class Silent(DatagramProtocol):
    """A server that never answers."""

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Nothing."""


class BesideServerTests(TestCase):
    """A running server, and commands that share its database."""

    timeout = 180

    def setUp(self) -> Any:
        """Start the world, and write the configuration of its commands."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await World.made()
        self.config = self.world.folder / "portaswitch.yaml"
        self.config.write_text(
            f"state_dir: {self.world.folder}\ndatabase: '{self.world._dsn}'\n"
            f"radius: {{auth_port: {self.world.port('auth')}, acct_port: {self.world.port('acct')}}}\n"
        )

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self.world.end())

    async def run_command(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """Status, standard output and standard error of a command."""
        return await Command("--config", str(self.config), *words, environment=environment).ended

    async def printed(self, *words: str, **environment: str) -> str:
        """The output of a command that has to succeed without a word on standard error."""
        status, out, err = await self.run_command(*words, **environment)
        self.assertEqual((status, err), (0, ""), out)
        return out

    async def test_call(self) -> None:
        """The call of the guide's example: charged once, and seen by every listing."""
        out = await self.printed("radius-test", CARD, NUMBER, PORTASWITCH_SECRET=SECRET.decode())
        self.assertEqual(out.count("  <- Access-Accept after"), 2)
        self.assertEqual(out.count("  <- Accounting-Response after"), 2)
        self.assertIn("OK: 30000 s granted, 71 s used and accounted", out)
        listed = await self.printed("xdr", "list", "--account", CARD)
        self.assertIn("71       71  0.02367  1@0.02/60 + 70*1@0.02/60", listed)
        (line,) = json.loads(await self.printed("xdr", "list", "--json"))
        self.assertEqual((line["account"], line["amount"], line["disconnect_cause"]), (CARD, "0.02367", 16))
        shown = json.loads(await self.printed("xdr", "show", str(line["id"]), "--json"))
        self.assertEqual(
            (shown["charged_amount"], shown["rating_pattern"], len(shown)), ("0.02367", "82623634515", 38)
        )
        account = json.loads(await self.printed("account", "show", CARD, "--json"))
        self.assertEqual((account["balance"], account["held"], account["status"]), ("9.97633", "0", "open"))
        session = json.loads(await self.printed("session", "show", *line["session"].split(" "), "--json"))
        self.assertEqual((session["status"], session["quota_keys"][0]["used"]), ("closed", 71))
        self.assertIn("OK: the books agree", await self.printed("verify"))

    async def test_call_refused(self) -> None:
        """A blocked card, a wrong secret and a stranger's number: status 1 and why."""
        await self.world.pool.execute("update accounts set blocked = true where i_account = 101")
        status, out, err = await self.run_command("radius-test", "--secret", SECRET.decode(), CARD, NUMBER)
        self.assertEqual((status, err), (1, ""))
        self.assertIn('REJECTED at authentication: return code 7, user_denied, "Failed - User denied"', out)
        document = json.loads(
            (await self.run_command("radius-test", "--json", "--secret", SECRET.decode(), "999", NUMBER))[1]
        )
        self.assertEqual(
            (document["verdict"]["ok"], document["exchanges"][0]["answer"]), (False, "Access-Reject")
        )
        status, out, _ = await self.run_command("radius-test", "--secret", "another", CARD, NUMBER)
        self.assertEqual(status, 1)
        self.assertIn("TIMEOUT at authentication", out)
        status, _, err = await self.run_command("radius-test", CARD, NUMBER, PORTASWITCH_SECRET="")
        self.assertEqual((status, err.count("\n")), (1, 1))
        self.assertIn("--secret", err)

    async def test_sessions(self) -> None:
        """A live session with its hold, by account, key and session id."""
        await self.world.pool.execute(HELD)
        (line,) = json.loads(await self.printed("session", "list", "--account", CARD, "--json"))
        self.assertEqual(
            (line["key"], line["held"], line["used"], line["granted"]), ("101/live", "1", 5, 300)
        )
        self.assertIn("101/live", await self.printed("session", "list"))
        for name in ("101/live", "live"):
            shown = json.loads(await self.printed("session", "show", name, "--json"))
            self.assertEqual(shown["quota_keys"][0]["held"], "1")
        account = json.loads(await self.printed("account", "show", CARD, "--json"))
        self.assertEqual((account["available"], account["free"]), ("10", "9"))

    async def test_not_there(self) -> None:
        """What isn't there is told in one line, with status 1."""
        for words in (
            ("xdr", "show", "1"),
            ("xdr", "list", "--account", "nobody"),
            ("session", "show", "none"),
            ("account", "show", "nobody"),
            ("account", "show", CARD, "--env", "2"),
        ):
            status, out, err = await self.run_command(*words)
            self.assertEqual((status, out, err.count("\n")), (1, "", 1), words)
            self.assertIn("no ", err)

    async def test_load(self) -> None:
        """
        The demo in an empty environment of this database: counted by section, and nothing a second time.
        """
        await self.world.pool.execute("delete from radius_clients")
        demo = str(ROOT / "config" / "demo.yaml")
        text = (
            Path(demo)
            .read_text(encoding="utf-8")
            .replace("environment: 1 ", "environment: 7 ")
            .replace("\n  1:\n", "\n  7:\n")
        )
        copy = self.world.folder / "demo.yaml"
        copy.write_text(text, encoding="utf-8")
        first = json.loads(await self.printed("load", str(copy), "--json"))["counts"]
        self.assertGreater(sum(count["created"] for count in first), 40)
        second = json.loads(await self.printed("load", str(copy), "--json"))["counts"]
        self.assertEqual(sum(count["created"] + count["changed"] for count in second), 0)
        self.assertIn("accounts", await self.printed("load", str(copy)))
        self.assertIn("10086610975", await self.printed("account", "list", "--env", "7"))

    async def test_orphans(self) -> None:
        """Usage of an account that nobody knows: listed with what was reported, and shown whole."""
        self.assertIn("no usage waits", await self.printed("orphan", "list"))
        stop = [("User-Name", "nobody"), ("NAS-IP-Address", "164.9.9.100"), ("Acct-Session-Id", "s9"), ("Acct-Status-Type", 2), ("Acct-Session-Time", 42)]
        await self.world.exchange(self.world.packet("acct", stop))
        (line,) = json.loads(await self.printed("orphan", "list", "--json"))
        self.assertEqual((line["user"], line["reason"], line["used"]), ("nobody", "no account", "42 session-time"))
        shown = json.loads(await self.printed("orphan", "show", str(line["i_orphan"]), "--json"))
        self.assertEqual((shown["session"], shown["kind"]), ("s9", "stop"))
        self.assertIn("orphan list", (await self.run_command("orphan", "show", "999"))[2])

    async def test_verify(self) -> None:
        """A balance that nothing explains: status 1, and the account by its name."""
        await self.world.pool.execute("update accounts set balance = 11 where i_account = 101")
        status, out, err = await self.run_command("verify")
        self.assertEqual((status, err), (1, ""))
        self.assertIn(f"differs: account {CARD} (environment 1): expected 10, found 11", out)
        self.assertIn("DIFFERS: 1 rows", out)


class AloneTests(TestCase):
    """Commands without a running server."""

    timeout = 180

    def setUp(self) -> None:
        """A folder for the configuration."""
        self.folder = new_state_dir()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.config = self.folder / "portaswitch.yaml"

    def configure(self, text: str) -> None:
        """Write the configuration."""
        self.config.write_text(text, encoding="utf-8")

    def run_command(self, *words: str) -> Deferred[tuple[int, str, str]]:
        """Status, standard output and standard error of a command."""
        return Command("--config", str(self.config), *words).ended

    async def test_init(self) -> None:
        """The first time everything is made, the second time found; no PostgreSQL stays behind."""
        state = self.folder / "var"
        self.configure(f"state_dir: {state}\n")
        status, out, err = await self.run_command("init")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual([line.split()[0] for line in out.splitlines()], ["made"] * 4)
        steps = json.loads((await self.run_command("init", "--json"))[1])
        self.assertEqual({step["done"] for step in steps}, {"found"})
        home = placement.recorded(state)
        assert home is not None
        self.assertIsNone(postmaster.running(home.data))
        self.assertEqual((state / "secret.key").stat().st_mode & 0o777, 0o600)

    async def test_shares(self) -> None:
        """The embedded PostgreSQL of a running server is used, and left running."""
        state = await seeded_state_dir()
        self.addCleanup(shutil.rmtree, state, ignore_errors=True)
        server = EmbeddedPostgres(reactor, state)
        await server.start()
        try:
            self.configure(f"state_dir: {state}\n")
            status, out, err = await self.run_command("xdr", "list")
            self.assertEqual((status, out, err), (0, "no xDRs\n", ""))
            self.assertIsNotNone(server.pid)
            home = placement.recorded(state)
            assert home is not None
            self.assertIsNotNone(postmaster.running(home.data))
        finally:
            await server.stop()

    async def test_check(self) -> None:
        """OK with what it would listen on; else all faults at once, with their places."""
        self.configure("roles: [radius, http]\nradius: {auth_port: 21812, acct_port: 21813}\n")
        status, out, err = await self.run_command("check")
        self.assertEqual((status, err), (0, ""))
        for place in (
            "udp:21812:interface=127.0.0.1",
            "udp:21813:interface=127.0.0.1",
            "tcp:8080:interface=127.0.0.1",
        ):
            self.assertIn(place, out)
        self.assertNotIn("3868", out)
        self.configure("roles: [radius, nonsense]\nradius: {auth_port: x}\nstat_dir: var\n")
        status, out, err = await self.run_command("check")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual([word in err for word in ("nonsense", "auth_port", "stat_dir")], [True] * 3)
        self.assertGreaterEqual(err.count("\n"), 3)
        document = json.loads((await self.run_command("check", "--json"))[1])
        self.assertEqual((document["ok"], len(document["faults"]) >= 3), (False, True))
        for section in ("radius", "diameter"):
            self.configure(f"{section}: {{profile_path: [nowhere]}}\n")
            status, out, err = await self.run_command("check")
            self.assertEqual((status, f"no such folder of node profiles ({section}.profile_path)" in err), (1, True))

    async def test_errors(self) -> None:
        """No configuration, no database, no server: one line each, status 1, and no traceback."""
        self.configure(
            f"state_dir: {self.folder}\ndatabase: 'host=127.0.0.1 port=1 dbname=x'\n"
            "http: {listen: ['tcp:1']}\n"
        )
        for words, told in (
            (("--config", "/nonexistent.yaml", "xdr", "list"), "/nonexistent.yaml"),
            (("xdr", "list"), "can't connect to the database"),
            (("init",), "correct `database:`"),
            (("metrics",), "is the server running"),
            (
                ("radius-test", "--secret", "x", "--host", "nonexistent.invalid", CARD, NUMBER),
                "nonexistent.invalid",
            ),
        ):
            status, out, err = await self.run_command(*words)
            self.assertEqual((status, err.count("\n")), (1, 1), (words, out, err))
            self.assertIn(told, err)
            self.assertNotIn("Traceback", err)

    async def test_metrics(self) -> None:
        """The page of the running server as it is, and as JSON."""
        listener: Any = reactor
        port = listener.listenTCP(0, site(pages(lambda: None)), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.configure(f"http: {{listen: ['tcp:{port.getHost().port}']}}\n")
        status, out, err = await self.run_command("metrics")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("# TYPE portaswitch_", out)
        samples = json.loads((await self.run_command("metrics", "--json"))[1])
        self.assertEqual({sample["name"].split("_")[0] for sample in samples}, {"portaswitch", "process"})

    async def test_interrupted(self) -> None:
        """Ctrl-C in the middle of a call: one line and status 130."""
        listener: Any = reactor
        port = listener.listenUDP(0, Silent(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number = str(port.getHost().port)
        words = (
            "radius-test",
            "--secret",
            "x",
            "--host",
            "127.0.0.1",
            "--auth-port",
            number,
            "--acct-port",
            number,
            CARD,
            NUMBER,
        )
        command = Command(*words)
        await command.heard()
        command.process.signalProcess(signal.SIGINT)
        status, _, err = await command.ended
        self.assertEqual((status, err), (130, "portaswitch: interrupted\n"))
