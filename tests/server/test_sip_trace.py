"""SIP in a trace, on a running server and by the command line: packets as understood, decisions, what was sent on; no proof and no text."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.server.phones import ALICE, BOB, PASSWORD, SipCase, challenges, status
from tests.server.test_cli import Command

_reactor: Any = reactor


class SipTraceTests(SipCase):
    """Detail of one account."""

    timeout = 180

    async def command(self, *words: str) -> str:
        """What a command beside the server prints."""
        path = self.world.folder / "commands.yaml"
        path.write_text(f"state_dir: {self.world.folder}\ndatabase: '{self.world.dsn}'\nlogging: {{directory: {self.world.folder}/log}}\n")
        code, out, err = await Command("--config", str(path), *words).ended
        self.assertEqual((code, err), (0, ""), out)
        return out

    async def watch(self, *words: str) -> None:
        """Switch detail on, and wait until the server has heard it; the test's time limits it."""
        await self.command("debug", *words)
        while not self.world.server.tracer.watches:
            await deferLater(_reactor, 0.02)

    async def trace(self, *words: str) -> list[dict[str, Any]]:
        """A trace as lines of JSON, of what was written by now."""
        self.world.server._billing_log.flush()
        self.world.server._trace_log.flush()
        return [json.loads(line) for line in (await self.command("trace", *words, "--since", "1h", "--json")).splitlines()]

    async def test_message(self) -> None:
        """The message as it came, the decision with its steps, the charge, the answer, the message as it was sent on and what its recipient said."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        self.assertEqual(status(await bob.register()), 200)
        await self.watch("account", ALICE)
        self.assertEqual(status(await alice.message(BOB, "a word between us")), 202)
        await self.world.until("select state from messages", "delivered")
        told = await self.trace("account", ALICE)
        texts = [(line["kind"], line["text"].partition(" sip:")[0]) for line in told]
        wanted = [("packet", "MESSAGE"), ("packet", "sent: MESSAGE"), ("reply", "200 OK"), ("reply", "202 Accepted")]
        self.assertEqual(sorted(pair for pair in texts if pair[0] in ("packet", "reply")), wanted)
        decision = next(line for line in told if line["kind"] == "decision")
        self.assertEqual(decision["text"], "event accepted: 1 (quantity) granted")
        self.assertIn("password", [name for name, _ in decision["facts"]])
        self.assertEqual([line["text"].split(";")[0] for line in told if line["kind"] == "hold"], ["0.02000 charged"])
        self.assertIn(["body", "(17 octets)"], next(line for line in told if line["kind"] == "packet")["facts"])
        log = json.dumps(told) + (self.world.folder / "log" / "trace.log").read_text()
        self.assertIn("response=***", log)
        self.assertIn(f"username={ALICE}", log)
        for secret in (PASSWORD, "between us", *(word for octets in alice.got for word in [nonce["nonce"] for nonce in challenges(octets)])):
            self.assertNotIn(secret, log)
        self.assertIn("MESSAGE", [line["text"].partition(" ")[0] for line in await self.trace("number", BOB)])

    async def test_register_and_refusals(self) -> None:
        """A REGISTER with its answer; a wrong password as a decision; a challenge to whoever asks without one, by the address."""
        alice = self.world.phone()
        await self.watch("peer", "127.0.0.1")
        self.assertEqual(status(await alice.register()), 200)
        self.assertEqual(status(await self.world.phone(password="wrong").message(BOB)), 401)
        told = await self.trace("peer", "127.0.0.1")
        replies = [line["text"] for line in told if line["kind"] == "reply"]
        self.assertEqual(replies, ["200 OK", "401 Unauthorized"])
        drops = [line["text"] for line in told if line["kind"] == "drop"]
        self.assertEqual(drops, [f"SIP {name} answered 401 Unauthorized" for name in ("REGISTER", "MESSAGE")])
        self.assertIn("event refused: invalid_password", " ".join(line["text"] for line in told))
