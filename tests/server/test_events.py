"""Events on PostgreSQL: each of the 89 from what somebody does, for those who want it, once, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portaswitch.espf.catalogue import EVENTS
from portaswitch.store.event_sources import read_sources
from tests.server.desks import DeskCase
from tests.server.event_cases import CASES, Step

BY_HAND = {
    "Account/Discount/Changed",
    "Account/FollowMe/Changed",
    "Account/FollowMeNumber/Changed",
    "Account/FollowMeNumber/Deleted",
    "Account/FollowMeNumber/Inserted",
    "Account/Password/Changed",
    "Account/Service/Msg/QuotaExceeded",
    "Account/Service/Netaccess/QuotaExceeded",
    "Account/Service/QuotaAvailable",
    "Account/Service/QuotaExceeded",
    "CustomerSite/ServiceAttribute/Changed",
    "DID/Status/Moved",
    "Invoice/Adjustment/Changed",
    "Invoice/AmountPaid/Changed",
    "Invoice/New",
    "Invoice/Status/Changed",
    "Product/Discount/Changed",
    "Subscriber/Address/Changed",
    "Subscriber/ContactInfo/Changed",
    "Subscriber/Name/Changed",
}
"""Events that no operation raises yet: their tests change the rows themselves."""


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
        if isinstance(step, tuple):
            values = {name: str(self.one(value)) if value.startswith("select ") else value for name, value in step[1].items()}
            await self.put(step[0], values)
        elif step.startswith("accounts:"):
            await self.text(step)
        else:
            self.ask(step)

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


class CatalogueTests(EventCase):
    """One test an event, made below from the cases."""

    def test_cases(self) -> None:
        """There is a case for each of the 89, and those that no operation does are known by name."""
        self.assertEqual(sorted(CASES), sorted(event.name for event in EVENTS.values()))
        self.assertEqual({name for name, case in CASES.items() if case.by_hand}, BY_HAND)

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


def _test(name: str) -> Any:
    async def test(self: CatalogueTests) -> None:
        await self.raises(name)

    test.__doc__ = name
    return test


for _event in read_sources().events:
    setattr(CatalogueTests, "test_" + _event.name.replace("/", "_"), _test(_event.name))
