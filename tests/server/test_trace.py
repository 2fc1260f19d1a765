"""The trace on a running server: a NAS made of pyrad's packets, and the command line as an operator runs it."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

from pyrad.dictionary import Dictionary
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from portaswitch.config.settings import load_text
from portaswitch.logs import LOST
from portaswitch.service import Server
from tests.server.harness import DICTIONARY, SECRET, WorldCase
from tests.server.test_cli import Command
from tests.server.test_spine import ANSWER, AUTHENTICATE, AUTHORIZE, CARD, CONF, NODE, ORIGINATE

#: Attributes that prove who somebody is, as a NAS may send them.
SECRETS = """
ATTRIBUTE State 24 octets
ATTRIBUTE CHAP-Challenge 60 octets
ATTRIBUTE Tunnel-Password 69 octets
ATTRIBUTE Digest-Response 103 string
ATTRIBUTE Digest-Nonce 105 string
VENDOR Microsoft 311
BEGIN-VENDOR Microsoft
ATTRIBUTE MS-CHAP-Challenge 11 octets
ATTRIBUTE MS-CHAP2-Response 25 octets
END-VENDOR Microsoft
"""
LEAK = "zq7"


def lost() -> int:
    """Lines of both logs that found no room."""
    return sum(LOST.get(name) for name in ("trace.log", "billing.log"))


class Watching(Command):
    """A command that goes on; `said` fires when its output has a text."""

    _wanted: tuple[str, Deferred[None]] | None = None

    def said(self, text: str) -> Deferred[None]:
        """Fires when `text` was printed."""
        self._wanted = text, Deferred()
        done = self._wanted[1]
        self._look()
        return done

    def outReceived(self, data: bytes) -> None:
        """Standard output."""
        super().outReceived(data)
        self._look()

    def _look(self) -> None:
        if self._wanted is not None and self._wanted[0] in self._out.decode():
            (_, done), self._wanted = self._wanted, None
            done.callback(None)


class TraceTests(WorldCase):
    """Each test has a server and a database of its own, and starts programs: on a busy machine these take their time."""

    timeout = 180

    async def run_command(self, *words: str) -> tuple[int, str, str]:
        """Status, standard output and standard error of a command beside the server."""
        return await Command("--config", str(self.config()), *words).ended

    def config(self, database: str = "") -> Path:
        """The configuration of the commands."""
        path = self.world.folder / "portaswitch.yaml"
        text = f"state_dir: {self.world.folder}\ndatabase: '{database or self.world._dsn}'\nlogging: {{directory: {self.world.folder}/log}}\n"
        path.write_text(text)
        return path

    async def trace(self, *words: str) -> list[dict[str, Any]]:
        """A trace as lines of JSON, of what was written by now."""
        self.world.server._billing_log.flush()
        self.world.server._trace_log.flush()
        status, out, err = await self.run_command("trace", *words, "--since", "1h", "--json")
        self.assertEqual((status, err), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    async def switch(self, *words: str, watches: int = 1, server: Server | None = None) -> None:
        """Switch detail on or off, and wait until the server has heard it."""
        status, out, err = await self.run_command("debug", *words)
        self.assertEqual((status, err), (0, ""), out)
        await self.heard(watches, server or self.world.server)

    async def heard(self, watches: int, server: Server) -> None:
        """Wait until so many watches are on in a process; the test's time limits it."""
        while len(server.tracer.watches) != watches:
            await deferLater(self.world._reactor, 0.02)

    async def call(self) -> None:
        """The prepaid call of the guide's example."""
        packets: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = (("auth", AUTHENTICATE), ("auth", AUTHORIZE), ("acct", ORIGINATE), ("acct", ANSWER))
        for kind, pairs in packets:
            await self.world.exchange(self.world.packet(kind, pairs))

    async def test_afterwards(self) -> None:
        """Nothing was switched on: decisions, session, xDR in their order, by account, called number as rated, session and node."""
        await self.call()
        expected = ["decision", "decision", "session", "decision", "xdr", "session", "decision"]
        for words in (("account", CARD), ("number", CARD), ("nas", "gw"), ("peer", "164.9.9.100")):
            told = await self.trace(*words)
            self.assertEqual([line["kind"] for line in told], expected, words)
            self.assertEqual(told[4]["text"], "71 used, 0.02367 charged")
            self.assertEqual([line["at"] for line in told], sorted(line["at"] for line in told))
        self.assertEqual([line["kind"] for line in await self.trace("session", *CONF.split(" "))], expected[1:])
        self.assertIn("xdr", [line["kind"] for line in await self.trace("number", "82623634515")])
        self.assertEqual(await self.trace("account", "nobody"), [])

    async def test_detail(self) -> None:
        """Switched on for an account: packet, decision with its steps, hold, reply; then the charge; all of one request under its id. Off again: no detail."""
        await self.switch("account", CARD, "--for", "5m")
        await self.call()
        told = await self.trace("account", CARD)
        by_id: dict[str, list[str]] = {}
        for line in told:
            by_id.setdefault(line["id"], []).append(line["kind"])
        self.assertEqual(
            by_id,
            {
                "main-u1": ["packet", "decision", "reply"],
                "main-u2": ["packet", "decision", "hold", "session", "reply"],
                "main-c1": ["packet", "decision", "hold", "xdr", "session", "reply"],
                "main-c2": ["packet", "decision", "reply"],
            },
        )
        packet = next(line for line in told if line["id"] == "main-u2")
        self.assertIn(["Called-Station-Id", "01182623634515"], packet["facts"])
        await self.switch("off", "--all", watches=0)
        await self.call_again()
        self.assertEqual([line["kind"] for line in await self.trace("account", CARD)].count("packet"), 4)

    async def test_why_refused(self) -> None:
        """As an operator looks for it: the rule that refused, on a terminal."""
        await self.world.pool.execute("update accounts set blocked = true where i_account = 101")
        await self.switch("nas", "gw", "--for", "1m")
        await self.world.exchange(self.world.packet("auth", AUTHORIZE))
        self.world.server._trace_log.flush()
        status, out, err = await self.run_command("trace", "account", CARD)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("auth refused: user_denied (return code 7, User denied)", out)
        self.assertIn("rule            user_denied: the account is blocked", out)
        self.assertIn("xdr       failed attempt", out)

    async def test_secrets(self) -> None:
        """A packet that holds every kind of secret: none of them is in the log or in what is printed."""
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + SECRETS))
        await self.switch("peer", "127.0.0.1")
        octets = LEAK.encode() * 6
        pairs = [
            NODE, ("User-Name", CARD), ("User-Password", f"{LEAK}-password"), ("CHAP-Password", octets[:17]), ("CHAP-Challenge", octets), ("State", octets),
            ("Tunnel-Password", b"\0" + octets), ("Digest-Response", LEAK * 8), ("Digest-Nonce", LEAK), ("MS-CHAP-Challenge", octets),
            ("MS-CHAP2-Response", octets), ("h323-ivr-out", f"PortaBilling_Mod_auth:pin={LEAK};password={LEAK}"), ("h323-ivr-out", f"PortaBilling_PIN:{LEAK}"),
            ("h323-ivr-out", f"PortaBilling_Mod_v:action=rechargeVoucher;id={LEAK}"), ("Cisco-AVPair", f"sip-authorization=Digest response={LEAK}"),
        ]  # fmt: skip
        packet = self.world.packet("auth", pairs)
        packet.add_message_authenticator()
        await self.world.exchange(packet)
        told = await self.trace("peer", "127.0.0.1")
        text = (self.world.folder / "log" / "trace.log").read_text()
        self.assertEqual([line["kind"] for line in told][0], "packet")
        self.assertGreater(text.count('"***"'), 6)
        for form in (LEAK, LEAK.encode().hex(), SECRET.decode(), packet.authenticator.hex()):
            self.assertNotIn(form, text + json.dumps(told))

    async def test_typed_cards(self) -> None:
        """Where users type card numbers, which is all one has to know, a trace of the node shows their end; of the card itself it shows it."""
        await self.world.pool.execute("update nodes set profile = 'ivr'")
        await self.world.stop()
        await self.world.start()
        await self.switch("nas", "gw")
        await self.world.exchange(self.world.packet("auth", AUTHENTICATE))
        self.assertNotIn(CARD, json.dumps(await self.trace("nas", "gw")))
        self.assertNotIn(CARD, (self.world.folder / "log" / "trace.log").read_text())
        self.assertEqual([line["kind"] for line in await self.trace("account", CARD)], ["packet", "decision", "reply"])

    async def test_drops(self) -> None:
        """A wrong secret, and a packet that came again: told by the address of the peer."""
        await self.switch("peer", "127.0.0.1")
        wrong = self.world.packet("acct", ORIGINATE, b"wrong")
        self.world.send("acct", wrong.RequestPacket())
        octets = self.world.packet("auth", AUTHORIZE).RequestPacket()
        await self.world.raw("auth", octets)
        await self.world.raw("auth", octets)
        told = [line["text"] for line in await self.trace("peer", "127.0.0.1") if line["kind"] == "drop"]
        self.assertEqual(told, ["RADIUS acct packet dropped: authenticator", "RADIUS auth packet came again: the same answer went out again"])

    async def test_two_processes(self) -> None:
        """A call that is authorized by one process and accounted for by another: one trace, in one order; both heard the watch."""
        text = (
            f"state_dir: {self.world.folder}\ndatabase: '{self.world._dsn}'\nroles: [radius]\ninstance: second\n"
            f"radius: {{auth_port: 0, acct_port: 0, reject_delay: 0}}\nlogging: {{directory: {self.world.folder}/log}}\n"
        )
        second = Server(reactor, load_text(text))
        second.startService()
        await second.ready
        try:
            await self.switch("account", CARD)
            await self.heard(1, second)
            await self.world.exchange(self.world.packet("auth", AUTHORIZE))
            self.world.server.radius, first = second.radius, self.world.server.radius
            await self.world.exchange(self.world.packet("acct", ORIGINATE))
            self.world.server.radius = first
            second._trace_log.flush()
            second._billing_log.flush()
            told = await self.trace("account", CARD)
        finally:
            await second.stopService()
        ids = [line["id"] for line in told]
        self.assertEqual(ids, sorted(ids))
        self.assertEqual([(line["id"], line["kind"]) for line in told][::len(told) - 1], [("main-u1", "packet"), ("second-c1", "reply")])
        self.assertIn(("second-c1", "xdr"), [(line["id"], line["kind"]) for line in told])

    async def test_full_disk(self) -> None:
        """No room for any log: every request is answered and charged, and the lines are counted."""
        await self.world.stop()
        for name in ("trace.log", "billing.log"):
            path = self.world.folder / "log" / name
            path.unlink(missing_ok=True)
            os.symlink("/dev/full", path)
        await self.world.start()
        await self.switch("account", CARD)
        before = lost()
        await self.call()
        self.world.server._trace_log.flush()
        self.world.server._billing_log.flush()
        self.assertEqual(await self.world.one("select count(*) from xdr"), 1)
        self.assertGreaterEqual(lost() - before, 4 + 12)

    async def test_events(self) -> None:
        """What provisioning was told, attempts of handlers, tasks for the node, an operator's change: from their tables, secrets masked."""
        await self.world.pool.execute(
            """
            insert into event_handlers (i_handler, i_env, name, class) values (1, 1, 'calix', 'Calix');
            insert into event_queue (i_event, i_env, event_type, entity, variables) values (5, 1, 'Account/Blocked', 'account:101', '{"password": "zq7"}');
            insert into event_notifications (i_event, i_handler, entity, attempts, last_error) values (5, 1, 'account:101', 3, 'timeout, token=zq7');
            insert into event_history values (4, 1, 1, 'Account/New', 'account:101', '{}', 'done', 1, null, now() - interval '5 min', now() - interval '4 min');
            insert into session_tasks (i_env, kind, i_node, session_key, i_account, status, attempts, last_error, finished)
                values (1, 'pod', 101, '101/s', 101, 'failed', 5, 'nobody answered', now());
            insert into audit_log (i_env, actor, operation, entity, before, after)
                values (1, 'cli:root', 'account.block', 'account:101', '{"blocked": false}', '{"blocked": true, "h323_password": "zq7"}');
            """
        )
        told = await self.trace("account", CARD)
        self.assertEqual(sorted(line["kind"] for line in told), ["change", "event", "event", "handler", "handler", "task", "task"])
        texts = [line["text"] for line in told]
        self.assertIn("calix: Account/New done after 1 attempts", texts)
        self.assertIn("pod failed after 5 attempts: nobody answered", texts)
        self.assertNotIn(LEAK, json.dumps(told))

    async def test_database_away(self) -> None:
        """Without a database the logs are traced alone, which is said."""
        await self.call()
        self.world.server._billing_log.flush()
        path = self.config("host=127.0.0.1 port=1")
        status, out, err = await Command("--config", str(path), "trace", "account", CARD).ended
        self.assertEqual((status, err, out.count("decision")), (0, "", 4))
        self.assertIn("logs only: can't connect to the database", out)

    async def test_live(self) -> None:
        """What was, then what happens, until Ctrl-C, which ends it with status 0."""
        await self.call()
        self.world.server._billing_log.flush()
        command = Watching("--config", str(self.config()), "trace", "account", CARD, "--since", "1h", "--live")
        await command.said("xdr=1;")
        await self.call_again()
        await command.said("xdr=2;")
        command.process.signalProcess("INT")
        status, out, err = await command.ended
        self.assertEqual((status, err), (0, "live; Ctrl-C ends it\n"))
        self.assertEqual(out.count("stop accepted: 71 (session-time) used") + out.count("stop accepted: 71 used"), 2)

    async def call_again(self) -> None:
        """Another call of the card."""
        both: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = (("auth", AUTHORIZE), ("acct", ORIGINATE))
        for kind, pairs in both:
            other = [(name, "AAAA BBBB CCCC DDDD") if name == "h323-conf-id" else (name, value) for name, value in pairs]
            await self.world.exchange(self.world.packet(kind, other))

    async def test_debug_commands(self) -> None:
        """On, listed, off; what is not there is told in one line."""
        await self.switch("account", CARD, "--for", "90s")
        await self.switch("number", "82623634515", watches=2)
        listed = json.loads((await self.run_command("debug", "list", "--json"))[1])
        self.assertEqual([(line["kind"], line["name"]) for line in listed], [("account", CARD), ("number", "82623634515")])
        await self.switch("off", "account", CARD)
        for words in (("nas", "nobody"), ("account", "nobody"), ("peer", "nobody"), ("off",), ("off", "nas", "gw")):
            status, out, err = await self.run_command("debug", *words)
            self.assertEqual((status, (out + err).count("\n")), (1, 1), words)
        self.assertEqual((await self.run_command("debug", "nas", "gw", "--for", "2d"))[0], 2)
