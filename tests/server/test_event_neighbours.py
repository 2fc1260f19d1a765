"""Accounts that take keys from each other, told side by side: the vendor has one home for each in the end, whoever is told first."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from portaswitch.espf.runner import Runner
from portaswitch.handler import Reply
from tests.server.pools import until
from tests.server.provisioning import event
from tests.server.test_event_runner import RunnerCase
from tests.unit.espf.fakes import FakeTransport, Homes

_reactor: Any = reactor
FIRST, SECOND = "10086610975", "442079460001"


class Village(FakeTransport):
    """Keeps homes by login; what is asked is done at once and answered a turn later, so that those who ask side by side meet."""

    def __init__(self) -> None:
        super().__init__()
        self.homes: set[str] = set()

    def send(self, request: Any) -> Deferred[Any]:
        """See `ITransport`."""
        self.sent.append(request)
        login = request.path.rpartition("/")[2]
        (self.homes.discard if request.method == "DELETE" else self.homes.add)(login)
        answered: Deferred[Any] = deferLater(_reactor, 0, Reply, 200)
        return answered


class NeighbourTests(RunnerCase):
    """Accounts 101 and 102, whose ids are their logins."""

    async def village(self) -> tuple[Village, Runner]:
        """Both have a home; four may be told at once."""
        village = Village()
        runner = await self.runner(Homes(), village, parallel=4)
        await self.told(runner, 101, 102)
        self.assertEqual(village.homes, {FIRST, SECOND})
        return village, runner

    async def told(self, runner: Runner, *accounts: int) -> None:
        """Events of these accounts, told until nothing is left; who waits for another one is due at once."""
        for account in accounts:
            await event(self.db, "Account/Blocked", f"account:{account}", 1)

        async def rest() -> bool:
            await self.due()
            await self.settle(runner)
            return not await self.db.query("select 1 from event_notifications where status = 'pending' limit 1")

        await until(rest, "the end of all events")

    async def renamed(self, *names: tuple[int, str]) -> None:
        """Ids, one after the other."""
        for account, name in names:
            await self.db.execute("update accounts set id = %s where i_account = %s", (name, account))

    async def assert_homes(self, village: Village, first: str, second: str) -> None:
        """Each has its home and its record, and there are no others."""
        self.assertEqual(village.homes, {first, second})
        held = await self.db.query("select entity, keys ->> 'login', state_hash is not null from remote_records order by entity")
        self.assertEqual(held, [("account:101", f'["{first}"]', True), ("account:102", f'["{second}"]', True)])

    async def test_ids_change_places(self) -> None:
        """Ten times, the events of both at once, of either one first."""
        village, runner = await self.village()
        for time in range(10):
            first, second = ((SECOND, FIRST), (FIRST, SECOND))[time % 2]
            await self.renamed((101, "x"), (102, second), (101, first))
            await self.told(runner, *((101, 102), (102, 101))[time // 2 % 2])
            await self.assert_homes(village, first, second)

    async def test_one_moves_on(self) -> None:
        """An id goes from one account to the other while the first one gets a new one."""
        village, runner = await self.village()
        await self.renamed((101, "111"), (102, FIRST))
        await self.told(runner, 102, 101)
        await self.assert_homes(village, "111", FIRST)

    async def test_who_was_not_told(self) -> None:
        """The handler does not hear of the first one's new id: when the second one takes the old one, the first one is told again, and has its home."""
        village, runner = await self.village()
        await self.renamed((101, "111"), (102, FIRST))
        await self.told(runner, 102)
        await self.assert_homes(village, "111", FIRST)
        raised = await self.db.query("select event_type, entity from event_history order by i_event desc limit 2")
        self.assertEqual(raised, [("Account/Blocked", "account:101"), ("Account/Blocked", "account:102")])
