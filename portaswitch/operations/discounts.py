"""What is done with discount plans: plans, items with their steps, what can be bought of wallets; and who may have a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.discount_steps import MOST, PERIODIC, UNFIT, Step, faults, parse, shown
from portaswitch.model.operation import Field, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import TextKind
from portaswitch.operations.entities_catalogue import GROUP, SERVICE
from portaswitch.operations.entities_discounts import ITEM, PLAN, TOPUP
from portaswitch.operations.entities_parties import CUSTOMER
from portaswitch.operations.final_units import reauthorize_plans
from portaswitch.operations.records import add, change, key_fields, record_operations, refuse_fields, the
from portaswitch.operations.standing import chains

STEPS: Final = Field("thresholds", "its steps: from so many used units (or money) on so many percent off, or forbidden", TextKind("0: 100%, 12000: 0%", parse))


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them, each once, sorted."""
    found = tuple(sorted({name for part in text.split(",") if (name := part.strip())}))
    if len(found) > MOST:
        raise ValueError(f"names more than {MOST}")
    return found


POOL: Final = Field("pool", "further services that are counted with its own", TextKind("Voice calls, Internet volume", names))
NAMED: Final = key_fields(PLAN)
APART: Final = ("thresholds", "pool")
"""What of an item stands in rows of its own."""
NEW: Final[Row] = {"counted_in": "units", "reset": "billing_period", "prorate_first": False, "rollover": False}
"""What a new item is where nobody says it."""


async def _managed_by_actor(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reseller adds it manages itself."""
    return {"managed_by": actor.i_customer, **values} if actor.realm is Realm.RESELLER else values


async def _manager(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Who manages a plan is a reseller."""
    manager = await work.get(CUSTOMER, after["_managed_by"]) if after["_managed_by"] else None
    if manager is not None and manager["type"] == "retail":
        yield f"managed_by: {manager['name']} is a retail customer: only resellers and distributors manage"


async def plan_fits(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A plan that a product, customer or account is given is open, in its currency, and of a manager that is theirs."""
    number = after["_discount_plan"]
    if number is None or (before is not None and (before["_discount_plan"], before.get("_customer")) == (number, after.get("_customer"))):
        return
    plan = await work.get(PLAN, number)
    if plan is None:
        return
    if plan["closed"] and (before is None or before["_discount_plan"] != number):
        yield f"discount_plan: {plan['name']} is closed: nobody gets it any more"
    if plan["currency"] != after["currency"]:
        yield f"discount_plan: {plan['name']} is in {plan['currency']}, and {after['currency']} is needed here"
    if "managed_by" in after:
        if plan["_managed_by"] is not None and plan["_managed_by"] != after["_managed_by"]:
            yield f"discount_plan: {plan['name']} is managed by {plan['managed_by']}, and the product by {after['managed_by'] or 'administrators only'}"
    elif plan["_managed_by"] is not None:
        customer = after["_customer"] if "_customer" in after else after["_id"]
        if plan["_managed_by"] not in {party.i_customer for party in (await chains(work, [customer]))[customer]}:
            yield f"discount_plan: {plan['name']} is managed by {plan['managed_by']}, which is not above it"


# -- plans ----------------------------------------------------------------------------------------------------------------------------------------


def _turn(verb: str, closed: bool, text: str) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        before = await the(work, PLAN, values, lock=True)
        return await change(work, PLAN, (), before, {"closed": closed}, verb)

    return Operation(f"discount-plan.{verb}", text, Privilege.CATALOGUE, run, NAMED, f"portaswitch discount-plan {verb} 'Vancouver minutes'")


# -- items ----------------------------------------------------------------------------------------------------------------------------------------


async def steps_of(work: IWork, items: Sequence[int]) -> dict[int, tuple[Step, ...]]:
    """The steps of some items, by their numbers."""
    found: dict[int, tuple[Step, ...]] = dict.fromkeys(items, ())
    for item, begin, discount, forbidden in await work.ask("plan.steps", {"items": list(items)}):
        found[item] = (*found[item], Step(begin, discount, forbidden))
    return found


async def _with_steps(work: IWork, rows: Sequence[Row]) -> list[Row]:
    numbers = [row["_id"] for row in rows]
    found, pools = await steps_of(work, numbers), await _pools_of(work, numbers)
    return [{**row, "thresholds": shown(found[row["_id"]]), "pool": ", ".join(pools[row["_id"]])} for row in rows]


async def _pools_of(work: IWork, items: Sequence[int]) -> dict[int, list[str]]:
    """The names of the further services of some items."""
    found: dict[int, list[str]] = {item: [] for item in items}
    for item, _, name, _ in await work.ask("plan.pool", {"items": list(items)}):
        found[item].append(name)
    return found


async def _write_pool(work: IWork, row: Row, values: Mapping[str, Any]) -> Row:
    """The item with the further services that were given; OperationRefused where they are not counted in its units."""
    had = (await _pools_of(work, [row["_id"]]))[row["_id"]]
    wanted = list(values["pool"] or ()) if "pool" in values else had
    if wanted != had:
        services = [await _pooled(work, row, name) for name in wanted]
        await work.ask("plan.pool.clear", {"item": row["_id"]})
        await work.ask("plan.pool.write", {"item": row["_id"], "services": services})
        await work.note("discount-plan.item.pool", f"discount-plan.item:{row['_id']}", {"pool": ", ".join(had)}, {"pool": ", ".join(wanted)})
    return {**row, "pool": ", ".join(wanted)}


async def _pooled(work: IWork, row: Row, name: str) -> int:
    service, own = await work.find(SERVICE, name), await work.get(SERVICE, row["_service"])
    if service is None or own is None:
        raise NotThere([f"pool: there is no service {name}"])
    if service["_id"] == own["_id"]:
        raise OperationRefused([f"pool: {name} is the item's own service"])
    if row["counted_in"] == "units" and service["base"] != own["base"]:
        raise OperationRefused([f"pool: {name} is not counted in the units of {own['name']}: count in money, or add an item of its own"])
    number: int = service["_id"]
    return number


def _unfit(values: Mapping[str, Any], row: Row, steps: Sequence[Step]) -> Iterator[str]:
    """What of the given values does not fit the item as it would be."""
    kind = row["kind"]
    yield from (f"{name}: does not fit a {kind}" for name in sorted(UNFIT.get(kind, ())) if values.get(name))
    if kind == "wallet":
        if row["counted_in"] == "money":
            yield "counted_in: a wallet holds units: money is what top-ups of the account are for"
        return
    for name, resets in PERIODIC.items():
        if row[name] and row["reset"] not in resets:
            yield f"{name}: means nothing when the counter is reset {row['reset']}: reset is {' or '.join(sorted(resets))}"
    yield from (f"thresholds: {reason}" for _, reason in faults(kind, row["counted_in"], steps))


def _refuse_unfit(values: Mapping[str, Any], row: Row, steps: Sequence[Step]) -> None:
    wrong = list(_unfit(values, row, steps))
    if wrong:
        raise OperationRefused(wrong)


async def _write_steps(work: IWork, row: Row, values: Mapping[str, Any]) -> Row:
    """The item as it is now, with its steps as they were given; OperationRefused when they don't fit each other."""
    had = (await steps_of(work, [row["_id"]]))[row["_id"]]
    steps = (values["thresholds"] or ()) if "thresholds" in values else had
    _refuse_unfit(values, row, steps)
    if steps != had:
        await work.ask("plan.steps.clear", {"item": row["_id"]})
        columns = {"begins": [step.begin for step in steps], "percents": [step.discount for step in steps], "barred": [step.forbidden for step in steps]}
        await work.ask("plan.steps.write", {"item": row["_id"], **columns})
        if row["kind"] == "quota":
            await work.ask("counter.limited", {"items": [row["_id"]]})
        await reauthorize_plans(work, plans=[row["_plan"]])
        await work.note("discount-plan.item.thresholds", f"discount-plan.item:{row['_id']}", {"thresholds": shown(had)}, {"thresholds": shown(steps)})
    return {**row, "thresholds": shown(steps)}


async def _add_item(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """A new item; its plan is locked, so that two of one kind can't come at once."""
    given = {name: value for name, value in values.items() if name not in APART}
    refuse_fields(ITEM, actor, given)
    plan = await work.get(PLAN, values["plan"], lock=True)
    if plan is None:
        raise NotThere(["plan: it is gone"])
    if given.get("group") is not None:
        given["group"] = await _group(work, plan, given["group"])
    alike = {name: given.get(name) for name in ("plan", "service", "kind", "group", "peak_level")}
    if await work.listing(ITEM, alike, "", 1):
        raise OperationRefused([f"plan: {plan['name']} has a {given['kind']} of that service, group and peak_level already: change it"])
    _refuse_unfit(values, {**NEW, **given}, values.get("thresholds") or ())
    row = await add(work, ITEM, (), {"counted_in": NEW["counted_in"], **given})
    return await _write_steps(work, await _write_pool(work, row, values), values)


async def _group(work: IWork, plan: Row, name: str) -> int:
    if plan["_destinations"] is None:
        raise OperationRefused([f"group: {plan['name']} has no destination group set: make another plan with destinations"])
    group = await work.find(GROUP, name, plan["_destinations"])
    if group is None:
        raise NotThere([f"group: there is no group {name} in {plan['destinations']}"])
    number: int = group["_id"]
    return number


async def _change_item(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    before = await the(work, ITEM, values, lock=True)
    given = {name: value for name, value in values.items() if name not in ("plan", "number", *APART)}
    refuse_fields(ITEM, actor, given)
    return await _write_steps(work, await _write_pool(work, await change(work, ITEM, (), before, given), values), values)


async def _list_items(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    (plain,) = record_operations(ITEM, verbs=("list",))
    rows: Any = await plain.run(work, actor, values)
    return [dict(row) for row in await _with_steps(work, rows)]


async def _show_item(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    (row,) = await _with_steps(work, [await the(work, ITEM, values)])
    return row


def _items() -> Iterator[Operation]:
    """The operations of items: as everywhere, and with steps."""
    plain = {operation.words[1]: operation for operation in record_operations(ITEM)}
    added = tuple(replace(field, refers="") if field.name == "group" else field for field in plain["add"].arguments)
    changed = tuple(field for field in plain["change"].arguments if field.name != "rename")
    start = "portaswitch discount-plan item"
    shown_first = ("plan", "number", "service", "pool", "group", "kind", "counted_in", "reset", "peak_level", "thresholds")
    yield replace(plain["list"], run=_list_items, columns=shown_first)
    yield replace(plain["show"], run=_show_item)
    yield replace(
        plain["add"], run=_add_item, arguments=(*added, POOL, STEPS),
        examples=f"{start} add 'Vancouver minutes' 'Internet volume' quota --thresholds '5000000000: forbidden'\n"
        f"{start} add 'Vancouver minutes' 'Voice calls' discount --group Overseas --thresholds '0: 10%, 60000: 25%'",
    )  # fmt: skip
    yield replace(plain["change"], run=_change_item, arguments=(*changed, POOL, STEPS), self_care=False, privilege=Privilege.CATALOGUE,
                  examples=f"{start} change 'Vancouver minutes' 1 --thresholds '0: 100%, 15000: 0%'")  # fmt: skip
    yield plain["remove"]


async def _of_wallet(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Only units of a wallet are bought."""
    item = await work.get(ITEM, after["_item"])
    if item is not None and item["kind"] != "wallet":
        yield f"item: {item['number']} is a {item['kind']}: only units of a wallet are bought"


OPERATIONS: Final = (
    *record_operations(PLAN, (_manager,), prepare=_managed_by_actor),
    _turn("close", True, "close a discount plan: nobody gets it any more, who has it keeps it"),
    _turn("open", False, "open a closed discount plan again"),
    *_items(),
    *record_operations(TOPUP, (_of_wallet,)),
)
