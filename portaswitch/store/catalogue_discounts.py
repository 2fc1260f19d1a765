"""Discount plans from their rows: a part of the catalogue (`store.catalogue`)."""

from __future__ import annotations

from portaswitch.model.discount import Combine, DiscountPlan, Item, ItemKind, Measure, Reset, Step
from portaswitch.model.money import ZERO
from portaswitch.store.pool import Pool

PLANS = "select i_vd_plan, name, currency, combine from vd_plans"
ITEMS = (
    "select i_vd_plan, i_vd_dg, i_service, kind, counted_in, reset, peak_level, exclusive, split_xdr, prorate_first, rollover, notify_percent, i_dest_group, "
    "(select array_agg(distinct d.prefix) from destination_group_members m join destinations d using (i_dest) where m.i_dest_group = v.i_dest_group), "
    "array(select s.i_service from vd_dg_services s where s.i_vd_dg = v.i_vd_dg order by 1) "
    "from vd_dgs v order by sort_order, i_vd_dg"
)
STEPS = "select i_vd_dg, threshold, discount, forbidden from vd_thresholds order by i_vd_dg, threshold"
#: What no number begins with: the prefixes of a group that has none.
NOBODY = ("\0",)


async def discount_plans(pool: Pool) -> dict[int, DiscountPlan]:
    """All plans by id, their items in order, the steps of each beginning at 0."""
    steps: dict[int, list[Step]] = {}
    for i_vd_dg, threshold, percent, forbidden in await pool.query(STEPS):
        steps.setdefault(i_vd_dg, []).append(Step(threshold, percent, forbidden))
    items: dict[int, list[Item]] = {}
    for i_vd_plan, *row, i_group, prefixes, services in await pool.query(ITEMS):
        i_vd_dg, i_service, kind, measure, reset, level, exclusive, split, prorate, rollover, notify = row
        within = () if i_group is None else tuple(prefixes or NOBODY)
        items.setdefault(i_vd_plan, []).append(
            Item(
                i_vd_dg, i_service, ItemKind(kind), Measure(measure), Reset(reset), _from_zero(steps.get(i_vd_dg, [])), within, level, exclusive, split,
                prorate, rollover, notify, tuple(services),
            )
        )  # fmt: skip
    return {row[0]: DiscountPlan(row[0], row[1], row[2], Combine(row[3]), tuple(items.get(row[0], ()))) for row in await pool.query(PLANS)}


def _from_zero(steps: list[Step]) -> tuple[Step, ...]:
    return tuple(steps) if steps and steps[0].threshold == ZERO else (Step(ZERO), *steps)
