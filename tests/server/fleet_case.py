"""A server with the handlers of the fleet, each on a connection to its simulator, and the demo's accounts as subscribers of all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from typing import Any

import yaml
from twisted.internet import reactor as installed
from twisted.internet.defer import maybeDeferred
from twisted.protocols.policies import WrappingFactory

from portaswitch.config.settings import load_text
from portaswitch.espf.state import shown
from portaswitch.handler import Subscriber
from portaswitch.service import Server
from portaswitch.store.snapshots import read_snapshots
from tests.server.event_cases import Step
from tests.server.fleet import ADDON, CARDS, FLEET, ICCID, PACKAGE, POLICY, PRODUCTS, Facts, Vendor
from tests.server.pools import pause
from tests.server.test_events import EventCase
from tests.simulators.web import Ask, HttpSimulator, Reply

reactor: Any = installed
SPEC: Mapping[str, tuple[str, ...]] = {
    one["name"]: tuple(one["events"])
    for one in yaml.safe_load((Path(__file__).parents[1] / "spec" / "handlers.yaml").read_text("utf-8"))["handlers"]
}
#: Handlers that are told what happened, without a vendor's state: what they are configured by.
TOLD: dict[str, dict[str, Any]] = {
    "DemoHandler": {"token": "t"}, "EventSender": {"allow_private": True}, "SIPForwarder": {"token": "t", "system": "new", "other": "old"},
}  # fmt: skip
#: Handlers of ours that the server has without being configured.
INTERNAL = ("CustomerToAccountsDispatcher", "ProductToAccountsDispatcher", "ServiceAttributeDispatcher", "SessionDisconnector")
_KI = "00112233445566778899aabbccddeeff"
_SERVICE = {"lte": {"flag": "Y", "attributes": {"context_id": ["1"]}}, "iptv": {"flag": "Y", "attributes": {"channel_package": [PACKAGE]}}}
#: On top of the demo: products of a mobile operator with television, cards with keys, and the fields that vendors want.
WORLD = {
    "custom_fields": {"account": {name: {"type": "text"} for name in ("imei", "clientid", "phoneid", "location", "profileName", "domain")}},
    "products": {name: {"currency": "CAD", "features": _SERVICE} for name in PRODUCTS},
    "sim_cards": {
        **{imsi: {"iccid": ICCID[imsi], "account": account, "ki": _KI, "opc": _KI} for account, imsi in CARDS.items()},
        **{imsi: {"iccid": ICCID[imsi], "ki": _KI, "opc": _KI} for imsi in ICCID if imsi not in CARDS.values()},
    },
}
_ATTRIBUTES = {"calix": {"bandwidth_profile_id": "12"}, "titan": {"apn_id": "1", "roaming_profile_id": "31"}, "zxun": {"pakid": "1002"}}
TERMINAL = "update ua set model = '844E', inventory_id = 'CXNK00A1B2', mac = '001122334455'"
IMEI = (
    "insert into custom_field_values (i_env, i_custom_field, i_account, db_value) "
    "select 1, i_custom_field, i_account, '49015420' || i_account from accounts, custom_fields where custom_fields.name = 'imei' and i_master_account is null"
)
ATTRIBUTE = (
    "insert into access_policy_attributes (i_access_policy, group_name, name, value) "
    f"select i_access_policy, %s, %s, %s from access_policies where name = '{POLICY}'"
)
TOUCHED = (
    "select class, substr(entity, 9)::int from remote_records join event_handlers using (i_handler) where class = any (%s) and entity like 'account:%%'"
)
#: Of what became of notifications.
ENDS = (
    "select h.class, event_type, status, last_error from event_history join event_handlers h using (i_handler) where i_event > %s "
    "union all select h.class, event_type, status, last_error "
    "from event_notifications join event_queue using (i_event) join event_handlers h using (i_handler) where i_event > %s"
)


#: An event that changes nothing, of each of some entities; then handlers that hear of the last ones: all, or some of each.
NOTHING = (
    "insert into event_queue (i_env, event_type, entity, variables) select 1, 'Account/Product/Changed', entity, '{{}}' from ({}) one (entity)"
)
TO_ALL = (
    "insert into event_notifications (i_event, i_handler, entity, lane) select i_event, i_handler, entity, 1 "
    "from event_queue, event_handlers where class = any (%s) and not exists (select 1 from event_notifications n where n.i_event = event_queue.i_event)"
)
TO_THESE = (
    "insert into event_notifications (i_event, i_handler, entity, lane) select max(i_event), i_handler, entity, 1 "
    "from event_queue join unnest(%s, %s) told (entity, i_handler) using (entity) group by 2, 3"
)
TOLD_OF = (
    "select entity, i_handler from event_history join event_handlers using (i_handler) where class = any (%s) and i_event > %s and entity like 'account:%%' "
    "union select n.entity, i_handler from event_notifications n join event_handlers using (i_handler) "
    "where class = any (%s) and i_event > %s and n.entity like 'account:%%'"
)


#: Those who look for work are told to. By the pool: `ask` would wait for a row that the server has locked, which is in this process and would wait too.
DUE = "update event_notifications set next_try = now() where status = 'pending' and next_try > now(); notify provisioning"


def instance(name: str) -> str:
    """How the configuration calls a handler."""
    return name.lower().replace("::", "-")


class Ear(HttpSimulator):
    """Something that is told: `heard` are the bodies."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.heard: list[Any] = []

    def answer(self, ask: Ask) -> Reply:
        """Always well."""
        self.heard.append(json.loads(ask.body) if ask.body else ask.path)
        return Reply(200, b"{}", "application/json")


class Place:
    """Where a simulator listens. `close` as when its machine goes down: nobody gets in, and who is in is thrown out; `open` lets all in again."""

    def __init__(self, simulator: Any) -> None:
        self._factory = WrappingFactory(simulator.factory())
        # A socket that is bound and does not listen keeps the port from others while it is closed.
        self._kept = socket()
        self._kept.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", 0))
        self.number: int = self._kept.getsockname()[1]
        self.open()

    def open(self) -> None:
        """At the same port as before."""
        self._port = reactor.listenTCP(self.number, self._factory, interface="127.0.0.1")

    async def close(self) -> None:
        """Until it is open again."""
        await maybeDeferred(self._port.stopListening)
        for connection in tuple(self._factory.protocols):
            connection.transport.abortConnection()


class FleetCase(EventCase):
    """
    `vendors` are the simulators by the handler's name, `places` where they listen; `settle` waits until all that happened has arrived. `fleet`, `more` and
    `events_of` are for those who take other vendors, or subscribe to other events than the list's.
    """

    timeout = 600
    fleet: Mapping[str, Vendor] = FLEET
    #: More settings of the server.
    more: Mapping[str, Any] = {}

    def events_of(self, name: str) -> tuple[str, ...]:
        """The events of a handler: those of its list; OsmoHLR, which is in none, has those of its like."""
        return SPEC.get(name, SPEC["Protei::HLR"])

    async def begin(self, names: Iterable[str] = FLEET, told: Iterable[str] = ()) -> None:
        """Load the world, start the simulators, the server, and the handlers with the events of the list."""
        await self.text(json.dumps(WORLD))
        self.ask(TERMINAL)
        self.ask(IMEI)
        for group, listed in _ATTRIBUTES.items():
            for name, value in listed.items():
                self.ask(ATTRIBUTE, (group, name, value))
        self.vendors: dict[str, Any] = {name: self.fleet[name].make(reactor) for name in names} | {name: Ear(reactor) for name in told}
        self.places: dict[str, Place] = {}
        handlers = {instance(name): self.configured(name) for name in self.vendors} | {"log": {"class": "Sokoban::Log", "environment": 1}}
        folder = Path(self.mktemp()).absolute()
        (folder / "handlers").mkdir(parents=True)
        (folder / "secret.key").write_text(f"1 {(b'k' * 32).hex()}\n")
        (folder / "secret.key").chmod(0o600)
        settings = {
            "state_dir": str(folder), "database": self.dsn, "roles": ["espf"], "logging": {"directory": str(folder / "log")},
            "espf": {"handler_path": [str(folder / "handlers")], "handlers": handlers}, **self.more,
        }  # fmt: skip
        self.server = Server(reactor, load_text(json.dumps(settings)))
        self.server.startService()
        self.addCleanup(self.server.stopService)
        await self.server.ready
        self.subscribe()

    def configured(self, name: str) -> Mapping[str, Any]:
        """A simulator on a port, and the handler's options for it."""
        place = self.places[name] = Place(self.vendors[name])
        self.addCleanup(place.close)
        number = str(place.number)
        own: Mapping[str, Any] = self.fleet[name].options if name in self.fleet else {**TOLD[name], "url": "http://127.0.0.1:{port}/events"}
        options = {key: value.replace("{port}", number) if isinstance(value, str) else value for key, value in own.items()}
        return {"class": name, "environment": 1, "seconds": 30, "retry_first": 1, "attempts": 100, **options}

    def subscribe(self) -> None:
        """Each handler that is there gets its events."""
        for i_handler, name in self.ask("select i_handler, class from event_handlers"):
            for event in self.events_of(name):
                self.ask("insert into event_subscriptions values (%s, %s) on conflict do nothing", (i_handler, event))
        self.ask("update event_handlers set enabled = true")

    async def settle(self) -> None:
        """Wait until nothing is on its way; what waits for its next try is due now."""
        for time in range(4000):
            if not self.one("select count(*) from event_notifications where status = 'pending'"):
                return
            if time % 5 == 0:
                await self.pool.execute(DUE)
            await pause(0.05)
        self.fail(f"it does not come to rest: {[row for row in self.ask(ENDS, (0, 0)) if row[2] == 'pending']}")

    async def all_steps(self, steps: Iterable[Step]) -> None:
        """What somebody does, and what comes of it."""
        for step in steps:
            await self.step(step)
            await self.settle()

    async def everybody(self, *accounts: str) -> None:
        """All vendors hear of these accounts, of which something is said that changes nothing."""
        self.ask(NOTHING.format("select 'account:' || i_account from accounts where id = any (%s)"), (list(accounts),))
        self.ask(TO_ALL, (self.stateful,))
        await self.settle()

    async def again(self, mark: int) -> None:
        """Who was told of an account since hears of it once more, as it is now."""
        told = self.ask(TOLD_OF, (self.stateful, mark, self.stateful, mark))
        if told:
            self.ask(NOTHING.format("select unnest(%s)"), (sorted({entity for entity, _ in told}),))
            self.ask(TO_THESE, ([entity for entity, _ in told], [number for _, number in told]))
        await self.settle()

    @property
    def stateful(self) -> list[str]:
        """Handlers whose vendors hold a state."""
        return [name for name in self.vendors if name in self.fleet and self.fleet[name].wants is not None]

    async def snapshots(self, numbers: Iterable[int]) -> Mapping[int, Subscriber]:
        """Accounts as they are, by number."""
        found: Mapping[int, Subscriber] = await read_snapshots(self.pool, lambda sealed: "", sorted(numbers), frozenset())
        return found

    def mark(self) -> int:
        """The last event so far."""
        return int(self.one("select last_value from event_queue_i_event_seq"))

    def told_since(self, mark: int) -> set[tuple[str, str]]:
        """Handlers and types of all events since, and of what became of each nothing but that it is done."""
        rows = self.ask(ENDS, (mark, mark))
        self.assertEqual([row for row in rows if row[2] not in ("done", "superseded")], [])
        return {(name, type) for name, type, _, _ in rows}

    async def differing(self, names: Iterable[str] = FLEET) -> dict[str, tuple[Facts, Facts]]:
        """Of each vendor that does not hold what it shall, of the accounts that it was told of and of nobody else: what it holds, and what it shall hold."""
        touched: dict[str, list[int]] = {name: [] for name in names if name in self.stateful}
        for name, number in self.ask(TOUCHED, (list(touched),)):
            touched[name].append(number)
        lines = await self.snapshots({number for listed in touched.values() for number in listed})
        pairs = {
            name: (self.fleet[name].knows(self.vendors[name]), self.wanted(name, [lines[number] for number in listed if number in lines]))
            for name, listed in touched.items()
        }
        return {name: (held, shall) for name, (held, shall) in pairs.items() if held != shall}

    async def assert_right(self, said: str = "", names: Iterable[str] = FLEET) -> None:
        """Each vendor holds what it shall hold of the accounts that it was told of, and nothing else."""
        self.assertEqual(await self.differing(names), {}, said)

    def wanted(self, name: str, lines: Iterable[Subscriber]) -> Facts:
        """What a vendor shall hold of these accounts."""
        wants = self.fleet[name].wants
        facts: Facts = {}
        for line in lines:
            facts |= wants(shown(line, self.events_of(name))) if wants else {}
        return facts


__all__ = ["ADDON", "Ear", "FleetCase"]
