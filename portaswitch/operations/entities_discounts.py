"""Discount plans as operators see them: plans, their items, what can be bought of wallets (PORTABILLING.md a.9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.discount_steps import LEVELS
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import CURRENCY, FLAG, LINE, NAME, NATURAL, POSITIVE, PRICE, TextKind, choice, mapped, natural

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
OWN: Final = PLACED | {Mark.FIXED}
FIXED: Final = frozenset({Mark.FIXED})
DETAIL: Final = frozenset({Mark.DETAIL})
READ_ONLY: Final = frozenset({Mark.READ_ONLY})


def _percent(text: str) -> int:
    found = natural(text)
    if not 1 <= found <= 100:
        raise ValueError("is not a percentage from 1 to 100")
    return found


UNITS: Final = replace(POSITIVE, show=int)
"""Base units of a service; the column holds any number."""
PERCENT: Final = TextKind("percentage, 1 to 100", _percent)

PLAN: Final = Entity(
    "discount-plan",
    "discount plans: what is cheaper, free, limited or bought beforehand",
    "vd_plans",
    "i_vd_plan",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("currency", "currency of what is counted in money, and of who may have it", CURRENCY, FIXED | {Mark.REQUIRED}),
        Field("managed_by", "the reseller whose plan it is; null: administrators only", NAME, FIXED, "i_managed_by", "customer"),
        Field("destinations", "its destination group set", NAME, FIXED | DETAIL, "i_dest_group_set", "destination-set"),
        Field("combine", "plans behind it take their percent of what it leaves, or have no part in what it discounts", choice("ordered", "first")),
        Field("closed", "given to nobody any more; who has it keeps it", FLAG, READ_ONLY),
    ),
    customer="i_managed_by",
)

ITEM: Final = Entity(
    "discount-plan.item",
    "items of discount plans: what is counted, in what, how long, and the steps of its discount",
    "vd_dgs",
    "i_vd_dg",
    "number",
    Privilege.CATALOGUE,
    (
        Field("plan", "the plan it is in", NAME, OWN, "i_vd_plan", "discount-plan"),
        Field("number", "its number", LINE, READ_ONLY, "i_vd_dg"),
        Field("service", "the service whose use counts", NAME, OWN, "i_service", "service"),
        Field("kind", "discount, quota or wallet", choice("discount", "quota", "wallet"), OWN),
        Field("group", "the destination group of the plan's set; null: all destinations", NAME, FIXED, "i_dest_group", "destination-group"),
        Field("counted_in", "units of the service or money; units by default", choice("units", "money"), FIXED),
        Field("reset", "when its counter begins again", choice("daily", "billing_period", "once", "never")),
        Field("peak_level", "counts that level of the day only; null: all in one counter", mapped({**LEVELS}), FIXED),
        Field("exclusive", "at 100 percent the counter of the customer's plan stands still; of a quota, while it lasts, those behind it", FLAG, DETAIL),
        Field("split", "a use that crosses a step is one xDR per part", FLAG, DETAIL, "split_xdr"),
        Field("prorate_first", "a first period that is no whole one has a share of the steps", FLAG, DETAIL),
        Field("rollover", "what is left goes to the next period", FLAG, DETAIL),
        Field("notify_percent", "tells the subscriber when so many percent are used", PERCENT, DETAIL),
        Field("sort_order", "of items that fit a use alike the lowest one counts first", NATURAL, DETAIL),
    ),
    parent="plan",
    order="t.i_vd_plan, t.sort_order, t.i_vd_dg",
    environment="",
)

TOPUP: Final = Entity(
    "discount-plan.topup",
    "top-ups of wallets: units that accounts can buy",
    "vd_topups",
    "i_vd_topup",
    "name",
    Privilege.CATALOGUE,
    (
        Field("item", "the number of the item, a wallet", NAME, OWN, "i_vd_dg", "discount-plan.item"),
        Field("name", "name, unique in the item", NAME, PLACED),
        Field("units", "base units of the service", UNITS, frozenset({Mark.REQUIRED}), "topup_amount"),
        Field("expires_after", "seconds from the purchase until they are lost; null: never", POSITIVE, frozenset(), "topup_expiry_time"),
        Field("fee", "what they cost; 0 by default", PRICE, frozenset(), "topup_fee"),
    ),
    parent="item",
    environment="",
)

ENTITIES: Final = (PLAN, ITEM, TOPUP)
