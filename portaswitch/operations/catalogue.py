"""
What is done with the catalogue: services, tariffs, rates, products and their entries, nodes, vendors.

Prices are not changed under a rate that holds: a new rate with a later date takes its place (`rate add --effective-from`), and sessions keep the prices of
their start. What no field of an entity says (dial rules, templates, levels of policies) is brought by `portaswitch load`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model import period
from portaswitch.model.actor import Actor, Realm
from portaswitch.model.operation import OperationRefused, Row
from portaswitch.operations import entities_catalogue as sold
from portaswitch.operations import entities_network as network
from portaswitch.operations import prices
from portaswitch.operations.discounts import plan_fits
from portaswitch.operations.entities_parties import CUSTOMER
from portaswitch.operations.records import record_operations


async def _managed_by_actor(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reseller adds it manages itself."""
    return {"managed_by": actor.i_customer, **values} if actor.realm is Realm.RESELLER else values


async def _manager(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Who manages a tariff or product is a reseller."""
    manager = await work.get(CUSTOMER, after["_managed_by"]) if after["_managed_by"] else None
    if manager is not None and manager["type"] == "retail":
        yield f"managed_by: {manager['name']} is a retail customer: only resellers and distributors manage"


async def _fees_of_product(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """The fees of a product are in its currency."""
    fees = await work.get(sold.SUBSCRIPTION, after["_subscription"]) if after["_subscription"] else None
    if fees is not None and fees["currency"] != after["currency"]:
        yield f"subscription: {fees['name']} is in {fees['currency']}, and the product in {after['currency']}"


async def _tariffs_of_entry(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """An entry's tariffs are for its service and for whom they are meant; the account's is in the product's currency and managed as the product is."""
    product = await work.get(sold.PRODUCT, after["_product"])
    for field, meant_for in (("tariff", "customer"), ("reseller_tariff", "reseller")):
        tariff = await work.get(sold.TARIFF, after[f"_{field}"]) if after[f"_{field}"] else None
        if tariff is None or product is None:
            continue
        if tariff["applied_to"] != meant_for:
            yield f"{field}: {tariff['name']} is applied to {tariff['applied_to']}: a tariff for {meant_for} belongs here"
        if tariff["service"] != after["service"]:
            yield f"{field}: {tariff['name']} rates the service {tariff['service']}, not {after['service']}"
        if field == "tariff" and tariff["currency"] != product["currency"]:
            yield f"tariff: {tariff['name']} is in {tariff['currency']}, and the product in {product['currency']}"
        if field == "tariff" and tariff["_managed_by"] != product["_managed_by"]:
            yield f"tariff: {tariff['name']} is managed by {tariff['managed_by'] or 'administrators only'}, and the product by {_who(product)}"


def _who(product: Row) -> str:
    return str(product["managed_by"] or "administrators only")


async def _tariff_of_connection(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A connection's tariff is a vendor's, in its currency."""
    tariff = await work.get(sold.TARIFF, after["_tariff"]) if after["_tariff"] else None
    vendor = await work.get(network.VENDOR, after["_vendor"])
    if tariff is None or vendor is None:
        return
    if tariff["applied_to"] != "vendor":
        yield f"tariff: {tariff['name']} is applied to {tariff['applied_to']}: a tariff for vendor belongs here"
    if tariff["currency"] != vendor["currency"]:
        yield f"tariff: {tariff['name']} is in {tariff['currency']}, and the vendor in {vendor['currency']}"


async def _identified(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A node is recognised by something."""
    if all(after[key] is None for key in ("nas_ip", "nas_identifier", "origin_host", "origin_realm")):
        yield "it needs nas_ip or nas_identifier, by which it is recognised (a Diameter peer: origin_host or origin_realm)"


async def _collected(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Who gets copies of a node's accounting can be told, and has no collector itself; a Diameter peer sends no accounting."""
    collector = await work.get(network.NODE, after["_accounting_copy"]) if after["_accounting_copy"] else None
    if collector is None:
        return
    if collector["name"] == after["name"] or collector["accounting_copy"]:
        yield f"accounting_copy: {collector['name']} has a collector itself: copies of copies would go round"
    if after["origin_host"] or after["origin_realm"]:
        yield "accounting_copy: is for nodes that account by RADIUS: a Diameter peer does not"
    if not collector["coa_address"]:
        yield f"accounting_copy: node {collector['name']} has no coa_address: give it the address that copies are to go to"


async def _period(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """The period of a phase can be read."""
    try:
        period.parse(after["period"])
    except ValueError as reason:
        yield f"period: {reason}"


async def _not_begun(work: IWork, row: Row) -> None:
    """Only a rate that has not begun may go: what was charged by must stay."""
    if row["effective_from"] is None or row["effective_from"] <= await work.now():
        raise OperationRefused([f"rate {row['number']} holds already: add one with a later effective_from, discontinued or forbidden, that ends it"])


OPERATIONS: Final = (
    *record_operations(sold.SERVICE),
    *record_operations(sold.POLICY),
    *record_operations(sold.DESTINATION),
    *record_operations(sold.GROUP_SET),
    *record_operations(sold.GROUP),
    *record_operations(sold.TARIFF, (_manager, prices.bounds), prepare=_managed_by_actor),
    *record_operations(sold.RATE, verbs=("list", "show", "remove"), going=_not_begun),
    prices.adding(sold.RATE),
    *record_operations(sold.PRODUCT, (_manager, plan_fits, _fees_of_product), prepare=_managed_by_actor),
    *record_operations(sold.ENTRY, (_tariffs_of_entry,)),
    *record_operations(sold.ACCESS_POLICY),
    *record_operations(sold.ACCESS_PHASE, (_period,)),
    *record_operations(network.NODE, (_identified, _collected)),
    *record_operations(network.CLIENT),
    *record_operations(network.VENDOR),
    *record_operations(network.CONNECTION, (_tariff_of_connection,)),
    *record_operations(network.IP_POOL),
)
