"""docs/rating.rst: every worked example of the page, loaded as a catalogue file, compiled as the server does, and rated."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from twisted.internet import reactor

from portaswitch.billing.access import bound
from portaswitch.billing.rating import announced, longest, rate
from portaswitch.model.charge import Usage
from portaswitch.store.catalogue import CatalogueStore
from tests.server.loads import LoadTestCase

PAGE = Path(__file__).parents[2] / "docs" / "rating.rst"
NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
HEAD = """
environments: {1: {name: One}}
services: {Calls: {type: Voice}}
tariffs:
"""


class Digits(yaml.SafeLoader):
    """Numbers as the digits that stand there."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(("float", "int"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }  # fmt: skip


def examples() -> list[dict[str, Any]]:
    """The page's blocks that are examples."""
    blocks = re.findall(r"::\n\n((?:    .*\n)+)", PAGE.read_text("utf-8"))
    return [yaml.load(block, Digits) for block in blocks if "    rate:" in block]


class WrongRowTests(LoadTestCase):
    """Rows that somebody wrote beside the loader."""

    async def test_wrong(self) -> None:
        """A wrong formula forbids its rate, a wrong period the rates of its tariff; everything else is compiled."""
        day = 'service: Calls, off_peak_period: "hr{1}", rates: {"82": {price: 1, off_peak: 0.5}, "83": {formula: "60@1"}}'
        await self.text(f"{HEAD}  A: {{{day}}}\n  B: {{{day}}}\n")
        self.ask("""update rates set formula = '{"text": "60@"}' where formula is not null and i_tariff = (select i_tariff from tariffs where name = 'A')""")
        self.ask("update tariffs set off_peak_period = 'hr{25}' where name = 'B'")
        store = CatalogueStore(self.pool, reactor, self.sealer.open)
        await store.reload()
        plans = {tariff.name: [tariff.find(prefix, NOON) for prefix in ("82", "83")] for tariff in store.current().tariffs.values()}
        self.assertEqual({name: [plan.forbidden for plan in found if plan] for name, found in plans.items()}, {"A": [False, True], "B": [True, True]})
        self.assertEqual(len(self.flushLoggedErrors()), 0)


class PageTests(LoadTestCase):
    """What is printed is what happens."""

    async def test_worked_examples(self) -> None:
        """All uses: units charged, figure and history; all funds: the longest use, and what is announced of it."""
        found = examples()
        self.assertGreater(len(found), 14)
        tariffs = [{**one["tariff"], "service": "Calls", "rates": {"82": one["rate"]}} for one in found]
        text = HEAD + "".join(f"  E{number}: {yaml.safe_dump(tariff, default_flow_style=True, width=9999)}" for number, tariff in enumerate(tariffs))
        await self.text(text)
        store = CatalogueStore(self.pool, reactor, self.sealer.open)
        await store.reload()
        compiled = {tariff.name: tariff for tariff in store.current().tariffs.values()}
        for number, one in enumerate(found):
            plan = compiled[f"E{number}"].find("82", NOON)
            assert plan is not None
            plan = bound(plan, one.get("zone", "UTC"), 1, one.get("session", ""))
            for use in one["uses"]:
                got = rate(plan, (), Usage(int(use["units"])), use.get("at", NOON))
                told = {"units": use["units"], "quantity": str(got.quantity), "figure": got.figure, "history": got.history}
                wanted = {**use, "figure": Decimal(use["figure"])}
                self.assertEqual({key: told[key] for key in wanted if key != "at"}, {key: wanted[key] for key in wanted if key != "at"}, one)
            for money in one.get("funds", ()):
                at, funds = money.get("at", NOON), Decimal(money["funds"])
                self.assertEqual(longest(plan, (), funds, at), None if money["longest"] is None else int(money["longest"]), (one, money))
                if "announced" in money:
                    self.assertEqual(announced(plan, (), funds, at), int(money["announced"]))
