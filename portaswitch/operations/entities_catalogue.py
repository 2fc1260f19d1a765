"""What is sold and at which price, as operators see it (PORTABILLING.md a.4 to a.6)."""

from __future__ import annotations

from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import CURRENCY, FLAG, LINE, NAME, NATURAL, PRICE, choice

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
FIXED: Final = frozenset({Mark.FIXED})
NEEDED: Final = frozenset({Mark.FIXED, Mark.REQUIRED})
DETAIL: Final = frozenset({Mark.DETAIL})

SERVICE: Final = Entity(
    "service",
    "services: what can be used and charged",
    "services",
    "i_service",
    "name",
    Privilege.CATALOGUE,
    (Field("name", "name, shown on invoices", NAME, PLACED),),
)

TARIFF: Final = Entity(
    "tariff",
    "tariffs: price lists of one service in one currency",
    "tariffs",
    "i_tariff",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("currency", "currency of its prices", CURRENCY, NEEDED),
        Field("service", "the service that it prices", NAME, NEEDED, "i_service", "service"),
        Field("applied_to", "who is charged by it: customer, reseller or vendor", choice("customer", "reseller", "vendor"), FIXED),
        Field("managed_by", "the reseller whose tariff it is; null: administrators only", NAME, FIXED, "i_managed_by", "customer"),
        Field("connect_fee", "fee of an answered call", PRICE),
        Field("free_units", "units of each session that cost nothing", NATURAL, DETAIL),
    ),
    customer="i_managed_by",
)

PRODUCT: Final = Entity(
    "product",
    "products: which services, by which tariffs",
    "products",
    "i_product",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("currency", "currency of its accounts", CURRENCY, NEEDED),
        Field("is_addon", "an add-on to a main product", FLAG, FIXED),
        Field("addon_priority", "of an add-on: the higher one counts first", NATURAL, DETAIL),
        Field("managed_by", "the reseller whose product it is; null: administrators only", NAME, FIXED, "i_managed_by", "customer"),
        Field("breakage", "funds below it count as none", PRICE),
        Field("description", "what it is", LINE, DETAIL),
    ),
    customer="i_managed_by",
)

ENTITIES: Final = (SERVICE, TARIFF, PRODUCT)
