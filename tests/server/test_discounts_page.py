"""docs/discounts.rst: every worked example of the page is a catalogue file that loads, with its plans in the order in which they count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from portaswitch.model.actor import Actor
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.work import Books
from tests.server.loads import LoadTestCase
from tests.server.test_rating_page import Digits

PAGE = Path(__file__).parents[2] / "docs" / "discounts.rst"
ORDER = ("product", "account", "customer")
"""Whose plans count first."""
RATE = {"first": "60", "next": "60", "price": "0.10"}


class Whole(yaml.SafeDumper):
    """Values that stand twice are written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """No aliases."""
        return True


def examples() -> list[dict[str, Any]]:
    """The page's blocks that are examples."""
    blocks = re.findall(r"::\n\n((?:    .*\n)+)", PAGE.read_text("utf-8"))
    return [yaml.load(block, Digits) for block in blocks if "    uses:" in block]


def holders(one: dict[str, Any]) -> dict[str, str]:
    """Whose each plan is."""
    plans: dict[str, Any] = one.get("plans", {})
    return one.get("has") or ({"product": next(iter(plans))} if plans else {})


def catalogue_of(found: list[dict[str, Any]]) -> str:
    """All examples as one catalogue file: product, customer and accounts of each bear its number."""
    file: dict[str, Any] = {
        "environments": {1: {"name": "One"}}, "services": {"Calls": {"type": "Voice"}, "Texts": {"type": "Msg"}}, "discount_plans": {}, "products": {},
        "tariffs": {"Texts": {"service": "Texts", "price_per": 1, "rates": {"|": {"price": "0.05"}}}}, "customers": {}, "accounts": {},
    }  # fmt: skip
    for number, one in enumerate(found):
        file["discount_plans"] |= {f"{number} {name}": plan for name, plan in one.get("plans", {}).items()}
        plans = {what: {"discount_plan": f"{number} {name}"} for what, name in holders(one).items()} | one.get("budgets", {})
        file["tariffs"][f"T{number}"] = {"service": "Calls", "rates": {"|": one.get("rate", RATE)}, **one.get("tariff", {})}
        entries = [{"service": "Calls", "tariff": f"T{number}"}, {"service": "Texts", "tariff": "Texts"}]
        file["products"][f"P{number}"] = {"entries": entries, **plans.get("product", {})}
        file["customers"][f"C{number}"] = plans.get("customer", {})
        more = {"activation_date": one["activated"]} if "activated" in one else {}
        holder = {"customer": f"C{number}", "product": f"P{number}", "model": "credit", **more, **plans.get("account", {})}
        file["accounts"] |= {f"{name}{number}": holder for name in "AB"}
    return str(yaml.dump(file, Dumper=Whole, sort_keys=False))


class LoadTests(LoadTestCase):
    """What is printed can be loaded."""

    async def test_worked_examples(self) -> None:
        """The plans of each example count for its accounts, in the order that the page says; wallets offer what they are printed with."""
        found = examples()
        self.assertGreater(len(found), 12)
        await self.text(catalogue_of(found))
        desk = Desk(Books(self.pool, self.sealer, ENTITIES))
        for number, one in enumerate(found):
            items = {name: plan["items"] for name, plan in one.get("plans", {}).items()}
            wanted = [name for what in ORDER if (name := holders(one).get(what)) and items[name][0]["kind"] != "wallet"]
            rows: Any = await desk.operate(Actor("test:root", 1), "counter.list", {"account": f"A{number}"})
            self.assertEqual([row["plan"].split(" ", 1)[1] for row in rows], wanted, one)
            options: Any = await desk.operate(Actor("test:root", 1), "wallet.options", {"account": f"A{number}"})
            sold = {option for plan in items.values() for item in plan for option in item.get("topups", {})}
            self.assertEqual({row["option"] for row in options}, sold, one)
