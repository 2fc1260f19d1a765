"""RADIUS clients: what `auto` learns outlives a restart, costs no reload, and is shown to the operator."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import TimeoutError as Silence
from twisted.internet.task import deferLater

from portaswitch.administration import administration
from portaswitch.config.settings import load_text
from portaswitch.model.catalogue import Seen
from portaswitch.store.catalogue import RELOADS
from portaswitch.store.clients import keep_seen
from tests.server.harness import WorldCase

CARD = "10086610975"
HELLO = (("NAS-IP-Address", "164.9.9.100"), ("User-Name", CARD), ("User-Password", ""))
SEEN = "select seen_authenticator is not null, seen_without is not null, seen_proxy_state is not null from radius_clients"


class HabitTests(WorldCase):
    """The NAS is the only client, with the settings of a new one: auto and yes."""

    def request(self, signed: bool, *more: tuple[str, Any]) -> Any:
        """A log-in."""
        made = self.world.packet("auth", [*HELLO, *more])
        if signed:
            made.add_message_authenticator()
        return made

    async def answered(self, signed: bool, *more: tuple[str, Any]) -> bool:
        """Whether a log-in is answered."""
        try:
            await self.world.raw("auth", self.request(signed, *more).RequestPacket(), 4)
        except Silence:
            return False
        return True

    async def seen(self) -> tuple[bool, bool, bool]:
        """What the database has: signed, unsigned, unsigned with Proxy-State."""
        row: tuple[bool, bool, bool] = await self.world.one(SEEN)
        return row

    async def signature(self) -> str:
        """What the operator is told of the client."""
        text = f"state_dir: {self.world.folder}\ndatabase: '{self.world._dsn}'\n"
        async with administration(self.world._reactor, load_text(text)) as admin:
            (line,) = await admin.clients()
        return line.signature

    async def test_signed(self) -> None:
        """Once signed, an unsigned packet is silence, also as the first one after a restart."""
        self.assertEqual((await self.seen(), await self.signature()), ((False, False, False), "open"))
        self.assertTrue(await self.answered(True))
        await self.until(True, False, False)
        self.assertEqual(await self.signature(), "required")
        await self.world.stop()
        await self.world.start()
        self.assertEqual([await self.answered(False), await self.answered(True)], [False, True])
        self.assertEqual(await self.seen(), (True, False, False))

    async def test_unsigned(self) -> None:
        """Old equipment stays served after a restart, even when a signed packet comes first."""
        self.assertEqual([await self.answered(False), await self.answered(False, ("Proxy-State", b"x"))], [True, False])
        await self.until(False, True, False)
        self.assertEqual(await self.signature(), "not required")
        await self.world.stop()
        await self.world.start()
        self.assertEqual([await self.answered(True), await self.answered(False)], [True, True])

    async def test_no_reload(self) -> None:
        """Keeping what was seen is no change of the catalogue; a change of the client is one."""
        before = RELOADS.get("ok")
        await self.answered(True)
        await self.until(True, False, False)
        await deferLater(self.world._reactor, 0.3)
        self.assertEqual(RELOADS.get("ok"), before)
        await self.world.pool.execute("update radius_clients set limit_proxy_state = 'no'")
        while RELOADS.get("ok") == before:
            await deferLater(self.world._reactor, 0.02)
        self.assertEqual(await self.seen(), (True, False, False))

    async def test_several_processes(self) -> None:
        """Two processes that saw different things: the latest without, and signed since only when it is after that."""
        (number,) = (await self.world.pool.query("select i_client from radius_clients"))[0]
        times = [row[0] for row in await self.world.pool.query("select now() + n * interval '1 hour' from generate_series(0, 3) n order by n")]
        for seen, expected in (
            (Seen(times[1]), (times[1], None)),
            (Seen(times[2]), (times[1], None)),
            (Seen(times[0]), (times[0], None)),
            (Seen(None, times[2]), (None, times[2])),
            (Seen(times[1]), (None, times[2])),
            (Seen(None, times[1]), (None, times[2])),
            (Seen(times[3], times[0]), (times[3], times[2])),
        ):
            await keep_seen(self.world.pool, number, seen)
            self.assertEqual(await self.world.one("select seen_authenticator, seen_without from radius_clients"), expected)

    async def until(self, *seen: bool) -> None:
        """Wait until the database has it; the test's time-out ends this if it never does."""
        while await self.seen() != seen:
            await deferLater(self.world._reactor, 0.02)
