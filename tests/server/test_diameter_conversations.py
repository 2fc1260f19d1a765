"""The messages of the interface guide's appendix B over TCP: python-diameter's octets to the whole server with the demo catalogue, answers as printed."""

from __future__ import annotations

import json
import time
from typing import Any

from portaswitch.config.catalogue import read_catalogue
from portaswitch.model.actor import Actor
from portaswitch.operations.load import load
from portaswitch.store.loading import Loading
from portaswitch.store.secrets import Sealer
from tests.claims import claims
from tests.server.diameter_client import DiameterCase
from tests.server.diameter_octets import cer
from tests.server.diameter_sender import build, examples, read
from tests.server.loads import DEMO
from tests.server.test_cli import Command

PGW = "bec-pgw.portaone.com"
UNKNOWN, BLOCKED, POOR = "380630000009", "380630000002", "380630000003"
#: Seconds for which a file's service sets funds aside.
ASIDE = {"01": 7200, "02": 7200, "03": 10800, "04": 10800, "05": 259_200, "06": 259_200, "07": 259_200}


def validity(message: dict[str, Any]) -> int | None:
    """Validity-Time, of the answer or of its group."""
    found = (message | message.get("Multiple-Services-Credit-Control", {})).get("Validity-Time")
    return None if found is None else int(found)


def timeless(message: dict[str, Any]) -> dict[str, Any]:
    """The same without Validity-Time."""
    return {name: timeless(value) if isinstance(value, dict) else value for name, value in message.items() if name != "Validity-Time"}


class DemoCase(DiameterCase):
    """A server with the demo catalogue."""

    rows = "insert into environments values (1, 'Demo', 'CAD');"
    more = 'diameter: {listen: ["tcp:0:interface=127.0.0.1"], origin_host: ocs.portaone.com, origin_realm: portaone.com}\n'

    async def _begin(self) -> None:
        await super()._begin()
        generation = self.world.server.catalogue.generation
        loading = Loading(self.world.pool, Sealer.load(self.world.folder / "secret.key"), Actor("tests", 1), "demo")
        await load(read_catalogue(DEMO, 1), loading, lambda done, total, what: None)
        await self.world.heard(generation)


class ConversationTests(DemoCase):
    """One packet gateway."""

    async def _begin(self) -> None:
        await super()._begin()
        self.gateway = await self.connect()
        self.assertEqual((await self.gateway.ask(cer(PGW, "portaone.com"))).result, 2001)

    async def say(self, number: str, asked: dict[str, Any], printed: dict[str, Any]) -> None:
        """Send a request whose event was as long ago as the printed Validity-Time says; the answer is the printed one."""
        told_validity = validity(printed)
        lag = 0 if told_validity is None else ASIDE[number] - told_validity
        octets = build(asked | {"Event-Timestamp": str(int(time.time()) - lag)})
        told = read((await self.gateway.ask(octets)).octets)
        if told_validity is not None:
            # It counts down from the answer on.
            self.assertLessEqual(abs(told_validity - (validity(told) or 0)), 2)
        self.assertEqual(timeless(told), timeless(printed))

    async def whole(self, number: str) -> None:
        """A conversation in which each answer follows its request."""
        messages = examples(number)
        for asked, printed in zip(messages[::2], messages[1::2], strict=True):
            # The first CCA-I has the type and number of another request.
            same = {name: asked[name] for name in ("CC-Request-Type", "CC-Request-Number")}
            await self.say(number, asked, printed | same)

    async def refusals(self, number: str, like: str) -> None:
        """Answers alone: those to the first request of another file, by a blocked, an unknown and a poor subscriber."""
        asked = examples(like)[0]
        for printed, who in zip(examples(number), (BLOCKED, UNKNOWN, POOR), strict=True):
            subscriber = {"Subscription-Id": {"Subscription-Id-Data": who, "Subscription-Id-Type": "END_USER_E164"}}
            await self.say(number, asked | subscriber | {"Session-Id": printed["Session-Id"]}, printed)

    async def charged(self) -> tuple[str, str]:
        """What the subscriber has paid in all, and what is held."""
        paid, held = await self.world.one("select 20 - balance, held from accounts where id = '380630000001'")
        return str(paid.normalize()), str(held.normalize())

    @claims("diameter-gy.1")
    async def test_data(self) -> None:
        """01 and 02."""
        await self.whole("01")
        await self.refusals("02", "01")
        self.assertEqual(await self.charged(), ("0.00196", "0"))

    @claims("diameter-ro.1")
    async def test_calls(self) -> None:
        """03 and 04."""
        await self.whole("03")
        await self.refusals("04", "03")
        self.assertEqual(await self.charged(), ("0.12", "0"))

    @claims("diameter-ro.2")
    async def test_messages(self) -> None:
        """05 to 07."""
        await self.whole("05")
        await self.whole("06")
        await self.refusals("07", "06")
        self.assertEqual(await self.charged(), ("0.08", "0"))


class CommandTests(DemoCase):
    """`diameter-test`."""

    async def command(self, *words: str) -> tuple[int, str, str]:
        """Status, standard output and standard error."""
        config = self.world.folder / "commands.yaml"
        listen = f"tcp:{self.port()}:interface=127.0.0.1"
        config.write_text(f'diameter: {{listen: ["{listen}"], origin_realm: portaone.com}}\n')
        return await Command("--config", str(config), "diameter-test", *words).ended

    async def test_plays(self) -> None:
        """Each of the four is charged as the demo prices it, and what was granted is told."""
        lines = {
            "data": "=> Rating-Group 100: 1073741824 octets granted for 7", "voice": "30 s granted for 10", "sms": "1 units granted for 259",
            "ussd": "=> Service-Identifier 120: 20 s granted",
        }  # fmt: skip
        for play, line in lines.items():
            status, out, err = await self.command(play, "380630000001", *([] if play in ("data", "ussd") else ["380938508705"]))
            self.assertEqual((status, err), (0, ""), out)
            self.assertIn(line, out)
            self.assertIn(f"OK: {play} was played", out)
        amounts = await self.world.pool.query("select i_service, sum(charged_amount) from xdr where storage = 'a' group by 1")
        self.assertEqual(len(amounts), 3)

    async def test_refused(self) -> None:
        """A blocked subscriber, a stranger as client, a server that is not there: status 1 and why."""
        status, out, _ = await self.command("data", BLOCKED)
        self.assertEqual((status, "REFUSED: the answer is 4010" in out), (1, True), out)
        status, out, _ = await self.command("data", BLOCKED, "--origin-host", "nobody.example.org", "--origin-realm", "example.org", "--json")
        verdict = json.loads(out)["verdict"]
        self.assertEqual((status, verdict["ok"], "3010" in verdict["text"]), (1, False, True), out)
        status, _, err = await self.command("data", BLOCKED, "--host", "127.0.0.1", "--port", "9")
        self.assertEqual((status, err.count("\n"), "no Diameter server" in err), (1, 1, True))
        status, _, err = await self.command("voice", BLOCKED)
        self.assertEqual((status, "NUMBER" in err), (1, True))
