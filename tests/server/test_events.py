"""Events on PostgreSQL: each of the 89 from what somebody does, for those who want it, once, in order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from portaswitch.espf.catalogue import EVENTS, OWN
from portaswitch.model.request import AAARequest, Base, Kind, Origin, Parties, QuotaKey, Report, UnitRequest
from portaswitch.store.event_sources import read_sources
from tests.server.charging import ChargingCase
from tests.server.desks import LINE, DeskCase
from tests.server.event_cases import CASES, FILE, Step, Use


class EventCase(DeskCase):
    """The demo, handlers by name, and what they would be told."""

    timeout = 300

    def handler(self, name: str, *events: str, i_env: int | None = 1) -> int:
        """An enabled handler that subscribes to those events."""
        number = int(self.one("insert into event_handlers (i_env, name, class, enabled) values (%s, %s, 'Test', true) returning i_handler", (i_env, name)))
        for event in events:
            self.ask("insert into event_subscriptions values (%s, %s)", (number, event))
        return number

    async def step(self, step: Step) -> None:
        """One step of a case."""
        if isinstance(step, Use):
            await self.use(step)
        elif isinstance(step, tuple):
            values = {name: str(self.one(value)) if value.startswith("select ") else value for name, value in step[1].items()}
            await self.put(step[0], values)
        elif FILE.match(step):
            await self.text(step)
        else:
            self.ask(step)

    async def use(self, use: Use) -> None:
        """Have the core charge something."""
        raise NotImplementedError("a test with a core charges")

    def looked_up(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The variables with SQL asked."""
        return {name: self.one(value) if isinstance(value, str) and value.startswith("select ") else value for name, value in variables.items()}

    def queued(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Type, entity and variables of the events in the queue, in order; the variables in the catalogue's."""
        rows = self.ask("select event_type, entity, variables from event_queue order by i_event")
        return [(word, entity, EVENTS[word.lower()].ordered(variables)) for word, entity, variables in rows]

    def told(self, handler: int) -> list[tuple[str, str]]:
        """Type and entity of what a handler is to be told, in order."""
        told = "select event_type, e.entity from event_notifications n join event_queue e using (i_event) where i_handler = %s order by i_event"
        return self.ask(told, (handler,))

    def forget(self) -> None:
        """Nothing has happened."""
        self.ask("delete from event_queue")
        self.ask("delete from event_notifications")


class RaisingCase(EventCase):
    """One test an event, made below from the cases."""

    async def raises(self, name: str) -> None:
        """The event, and nothing else, for the handler that wants it; its variables in the guide's order."""
        case, event = CASES[name], EVENTS[name.lower()]
        handler = self.handler("crm", name)
        for step in case.before:
            await self.step(step)
        self.forget()
        for step in case.do:
            await self.step(step)
        kind, _, key = case.entity.partition(":")
        entity = f"{kind}:{self.one(key) if key.startswith('select ') else key}"
        wanted = {**({"i_env": 1} if "i_env" in event.variables else {}), **self.looked_up(case.variables)}
        self.assertEqual(self.queued(), [(name, entity, wanted)])
        self.assertEqual(list(self.queued()[0][2]), list(event.variables))
        self.assertEqual(self.told(handler), [(name, entity)])


class CatalogueTests(RaisingCase):
    """Those that operations and files raise."""

    def test_cases(self) -> None:
        """Each of the 89, and our own one, has a case, in which an operation, a charge or a file that is loaded raises it; none is made by hand."""
        self.assertEqual(sorted(CASES), sorted(event.name for event in EVENTS.values()))
        self.assertEqual((len(CASES), [name for name, case in CASES.items() if case.by_hand]), (89 + len(OWN), []))


class UseCase(EventCase, ChargingCase):
    """A core that charges uses."""

    async def use(self, use: Use) -> None:
        """A use of the line that is over, charged at once, at prices and plans as they are now."""
        await self.catalogue.reload()
        self.uses = getattr(self, "uses", 0) + 1
        node, name = self.number("nodes", "i_node", name=use.node), f"use{self.uses}"
        now = datetime.now(UTC)
        if use.node == "SIP domain":
            kind, units = Kind.EVENT, UnitRequest(QuotaKey(), Base.QUANTITY, use.units, report=Report.FINAL)
        else:
            kind, units = Kind.STOP, UnitRequest(QuotaKey(), Base.TIME, used=use.units, report=Report.FINAL)
        asked = AAARequest(kind, name, Origin(node, 1, use.node), name, name, Parties(LINE, LINE, use.called), now, now, (units,), connected=now)
        told = await self.core.handle(asked)
        self.assertIsNone(told.refusal)


class ChargedTests(RaisingCase, UseCase):
    """Those that charges raise."""

    timeout = 300


def _test(name: str) -> Any:
    async def test(self: RaisingCase) -> None:
        await self.raises(name)

    test.__doc__ = name
    return test


for _event in read_sources().events:
    _home = ChargedTests if CASES[_event.name].charged else CatalogueTests
    setattr(_home, "test_" + _event.name.replace("/", "_"), _test(_event.name))
