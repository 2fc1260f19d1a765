"""`tariff quote`: what a use would cost now or at another time, and how long the funds allow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portaswitch.administration.opening import asked
from portaswitch.billing import quote as quotes
from portaswitch.errors import StartError
from portaswitch.model.actor import Actor
from portaswitch.model.catalogue import Catalogue, Node
from portaswitch.model.ledger import View
from portaswitch.model.request import AAARequest, Kind, Origin, Parties, UnitRequest
from portaswitch.model.session import Role
from portaswitch.store import catalogue as catalogues
from portaswitch.store import quoting
from portaswitch.store.database import Database

ROLES = {Role.ACCOUNT: "account", Role.CUSTOMER: "reseller", Role.VENDOR: "vendor"}


@dataclass(frozen=True, slots=True)
class QuoteWish:
    """What is to be quoted: `units` seconds, octets or pieces; `service`, `node`, `access_code`, `via` '' as a request would have it that does not say."""

    account: str
    number: str
    units: int
    at: datetime
    service: str = ""
    node: str = ""
    access_code: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """What one party would be charged, and by which rate; `since` None: a rate from the beginning. `via`: the address of the vendor's connection."""

    party: str
    name: str
    via: str
    amount: Decimal
    currency: str
    charged: int
    tariff: str
    prefix: str
    since: datetime | None
    history: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """
    A quote for people. `refusal` '' or why the use would not be authorized now; `granted` what its authorization would grant, `longest` what the free funds
    allow at most (None: no limit); `most` what the policy allows one session.
    """

    account: str
    number: str
    node: str
    product: str
    service: str
    base: str
    units: int
    at: datetime
    refusal: str
    granted: int | None
    longest: int | None
    most: int
    lines: tuple[QuoteLine, ...]


async def catalogue_of(reactor: Any, database: Database) -> Catalogue:
    """The catalogue as the server compiles it; no secret is opened. Errors: StartError."""
    store = catalogues.CatalogueStore(database.pool, reactor, lambda _: "")
    await asked(store.reload())
    found = store.current()
    if not found.generation:
        raise StartError("the catalogue can't be read: see the message before this one")
    return found


async def quote(reactor: Any, database: Database, actor: Actor, wish: QuoteWish) -> Quoted:
    """Quote one use, to parties that the actor sees. Errors: StartError when the account, the node or the service is not there."""
    catalogue, i_env = await catalogue_of(reactor, database), actor.i_env
    view = await asked(quoting.view(database.pool, actor, wish.account))
    if view.account is None:
        raise StartError(f"no account {wish.account} in environment {i_env}: see `portaswitch account list`")
    node, vendors = _node(catalogue, i_env, wish.node), await asked(quoting.vendors(database.pool, actor))
    resellers = await asked(quoting.resellers(database.pool, actor, view))
    if wish.via:
        if (i_env, wish.via) not in catalogue.connections or wish.via not in vendors:
            raise StartError(f"--via {wish.via}: no active connection of a vendor of environment {i_env} has that address")
        vendors = {wish.via: vendors[wish.via]}
    request = AAARequest(
        Kind.AUTH, "quote", Origin(node.i_node, i_env, node.name), "quote", "quote", Parties(wish.account, "", wish.number), wish.at, wish.at,
        (UnitRequest(requested=0),), service=_service_type(catalogue, view, wish.service), access_code=wish.access_code,
    )  # fmt: skip
    found = quotes.quote(view, request, catalogue, wish.units, tuple(vendors))
    opened = found.session.opened if found.session is not None else None
    service = catalogue.services.get(opened.i_service) if opened is not None else None
    refusal = "" if found.refusal is None else f"{found.refusal.word} ({found.refusal.return_code}): {found.refusal.text}"
    return Quoted(
        view.account.id, opened.number if opened is not None else wish.number, node.name, opened.product if opened is not None else "",
        service.name if service is not None else "", found.base.value, wish.units, wish.at, refusal, found.granted, found.longest, found.most,
        tuple(
            _line(price, view, catalogue, vendors) for price in found.prices if price.leg.role is not Role.CUSTOMER or price.leg.i_party in resellers
        ),
    )  # fmt: skip


def _line(price: quotes.Price, view: View, catalogue: Catalogue, vendors: dict[str, str]) -> QuoteLine:
    plan, row, account = price.leg.plan, price.xdr, view.account
    names = {customer.i_customer: customer.name for customer, _ in view.resellers}
    owner = account.id if account is not None else ""
    name = {Role.ACCOUNT: owner, Role.CUSTOMER: names.get(price.leg.i_party, ""), Role.VENDOR: vendors.get(price.via, "")}[price.leg.role]
    since = quotes.in_force_since(catalogue.tariffs.get(plan.i_tariff), plan)
    return QuoteLine(
        ROLES[price.leg.role], name, price.via, row.charged_amount, plan.currency, row.charged_quantity, plan.tariff, plan.prefix,
        None if since == catalogues.BEGINNING else since, row.history,
    )  # fmt: skip


def _node(catalogue: Catalogue, i_env: int, name: str) -> Node:
    """The node of that name or number; without one the first of the environment."""
    nodes = sorted((node for node in catalogue.nodes.values() if node.i_env == i_env), key=lambda node: node.i_node)
    for node in nodes:
        if name in ("", node.name, str(node.i_node)):
            return node
    known = ", ".join(node.name for node in nodes[:10]) or "none"
    raise StartError(f"--node {name}: environment {i_env} has no such node (it has {known})")


def _service_type(catalogue: Catalogue, view: View, name: str) -> str:
    """The type that a request for the service would name; '' leaves it to the node."""
    if not name:
        return ""
    product = catalogue.products.get(view.account.i_product) if view.account is not None else None
    services = {catalogue.services[entry.i_service] for entry in product.entries} if product is not None else set()
    for service in services:
        if name.casefold() in (service.name.casefold(), service.service_type.casefold()):
            return service.service_type
    known = ", ".join(sorted(service.name for service in services)) or "none"
    raise StartError(f"--service {name}: the account's product has no such service (it has {known})")
