"""From the entries of a catalogue file to rows of discounts: plans, items, steps, what can be bought of wallets."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from portaswitch.model.discount_steps import LEVELS
from portaswitch.model.loading import Entry, Section, plan_item
from portaswitch.store.arrays import Element
from portaswitch.store.loading_merge import Row, Shape

if TYPE_CHECKING:
    from portaswitch.store.loading_rows import Builder

PLANS: Final = Shape("vd_plans", "i_vd_plan", ("i_env", "name"))
ITEMS: Final = Shape("vd_dgs", "i_vd_dg", ("i_vd_plan", "i_service", "i_dest_group", "kind", "peak_level"), loose=("i_dest_group", "peak_level"))
STEPS: Final = Shape("vd_thresholds", "", ("i_vd_dg", "threshold", "discount", "forbidden"), whole="i_vd_dg")
POOLS: Final = Shape("vd_dg_services", "", ("i_vd_dg", "i_service"), whole="i_vd_dg")
TOPUPS: Final = Shape("vd_topups", "i_vd_topup", ("i_vd_dg", "name"))
TOPUP: Final = {"units": "topup_amount", "expires_after": "topup_expiry_time", "fee": "topup_fee"}
"""The columns of what can be bought."""
APART: Final = ("service", "group", "kind", "peak_level", "split")


def discount_tables(builder: Builder) -> list[tuple[Section, Shape, list[Row]]]:
    """Plans with what is in them, in the order in which they can be written."""
    plans = builder.file.of(Section.DISCOUNT_PLANS)
    return [
        (Section.DISCOUNT_PLANS, PLANS, [builder.priced(Section.DISCOUNT_PLANS, entry, "items") for entry in plans]),
        (Section.PLAN_ITEMS, ITEMS, [_item(builder, plan, item) for plan in plans for item in plan.parts("items")]),
        (Section.THRESHOLDS, STEPS, list(_steps(builder))),
        (Section.POOLS, POOLS, list(_pools(builder))),
        (Section.TOPUPS, TOPUPS, list(_topups(builder))),
    ]


def _item(builder: Builder, plan: Entry, item: Entry) -> Row:
    """An item; its service, group, kind and level are what it is known by."""
    ids, group, level = builder.ids, item.text("group"), item.text("peak_level")
    key: tuple[Element, ...] = (
        ids.of(Section.DISCOUNT_PLANS, plan.name), ids.of(Section.SERVICES, item.text("service")),
        None if group is None else ids.groups[_set(builder, plan), group], item.text("kind"), None if level is None else LEVELS[level],
    )  # fmt: skip
    named = dict(builder.values_of(item, *APART))
    if "split" in item.values:
        named["split_xdr"] = item.values["split"] is True
    initial = builder.identity(Section.PLAN_ITEMS, plan_item(plan.name, item))
    return Row(plan.name, key, named, initial if "counted_in" in named else {**initial, "counted_in": "units"})


def _set(builder: Builder, plan: Entry) -> str:
    """The plan's destination group set, by the file or else the database."""
    known = builder.stock.get(Section.DISCOUNT_PLANS, {}).get(plan.name)
    return plan.text("destination_groups") or (known.facts["destination_groups"] if known is not None else "")


def _parts(builder: Builder, key: str) -> Iterator[tuple[int | None, Entry]]:
    """Everything under a key of the items, each with its item's id."""
    for plan in builder.file.of(Section.DISCOUNT_PLANS):
        for item in plan.parts("items"):
            for part in item.parts(key):
                yield builder.ids.of(Section.PLAN_ITEMS, plan_item(plan.name, item)), part


def _steps(builder: Builder) -> Iterator[Row]:
    """Steps stand as a whole: those that an item does not name any more go."""
    for i_vd_dg, step in _parts(builder, "thresholds"):
        yield Row("", (i_vd_dg, step.amount("from"), step.amount("discount") or Decimal(0), step.values.get("forbidden") is True), {})


def _pools(builder: Builder) -> Iterator[Row]:
    for i_vd_dg, service in _parts(builder, "pool"):
        yield Row("", (i_vd_dg, builder.ids.of(Section.SERVICES, service.name)), {})


def _topups(builder: Builder) -> Iterator[Row]:
    for i_vd_dg, option in _parts(builder, "topups"):
        yield Row(option.name, (i_vd_dg, option.name), {TOPUP[key]: value for key, value in builder.values_of(option)})
