"""
What happens to a customer, product or site happens to its accounts: one event for each of them, told in pages (DESIGN.md 5.1).

What an event becomes is the catalogue's (`also_from`), and below where the guide's lists go further: a customer's block and custom fields reach the
snapshots of its accounts, and a rating entry that comes or goes changes what a product is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.espf.catalogue import EVENTS, find
from portaswitch.handler import Event, EventHandler, FanOut, Record, Steps, Subscriber
from portaswitch.model.value import dataclass

#: Events of an account that pays for others: its money, its counters, and whether it may pay. They are told of its beneficiaries too.
PAYING: Final = (
    "Account/AvailableFundsAppear", "Account/Blocked", "Account/Service/Msg/QuotaExceeded", "Account/Service/Netaccess/QuotaExceeded",
    "Account/Service/QuotaAvailable", "Account/Service/QuotaExceeded", "Account/Status/Suspend", "Account/Status/Unsuspend", "Account/Unblocked",
    "Account/ZeroAvailableFunds",
)  # fmt: skip
#: Events of the funds of a customer: they are those of accounts that have no limit of their own.
FUNDS: Final = frozenset({"Customer/AvailableFundsAppear", "Customer/ZeroAvailableFunds", "Customer/BalanceChanged"})


@dataclass(frozen=True, slots=True)
class Becomes:
    """What an event becomes: the event of accounts, and which of its variables has which of the first one's values."""

    type: str
    variables: Mapping[str, str]


def _becomes(source: str, target: str, **renamed: str) -> Becomes:
    """Variables of the same name are handed on; `renamed` are the others."""
    before, after = find(source), find(target)
    if before is None or after is None:
        raise ValueError(f"{source} or {target} is no event of the catalogue")
    kept = {name: name for name in after.variables if name in before.variables and name not in ("i_env", "i_account")}
    return Becomes(after.name, {**kept, **renamed})


FURTHER: Final = {
    "Customer/Blocked": _becomes("Customer/Blocked", "Account/Blocked"),
    "Customer/Unblocked": _becomes("Customer/Unblocked", "Account/Unblocked"),
    "Customer/CustomField/Changed": _becomes("Customer/CustomField/Changed", "Account/CustomField/Changed"),
    "Customer/ServiceFlags/Changed": _becomes("Customer/ServiceFlags/Changed", "Account/ServiceFlags/Changed", account_prev_service_flags="prev_service_flags"),
    "Accessibility/Inserted": _becomes("Accessibility/Inserted", "Account/Product/Changed", prev_product="i_product", curr_product="i_product"),
    "Accessibility/Deleted": _becomes("Accessibility/Deleted", "Account/Product/Changed", prev_product="i_product", curr_product="i_product"),
    "CustomerSite/ServiceAttribute/Changed": _becomes("CustomerSite/ServiceAttribute/Changed", "Account/ServiceAttribute/Changed"),
}
TABLE: Final[Mapping[str, Becomes]] = {
    **{origin: _becomes(origin, event.name) for event in EVENTS.values() if event.name.startswith("Account/") for origin in event.also_from
       if origin != "ServiceAttribute/Changed"},
    **FURTHER,
}  # fmt: skip
#: The kind of scope by the kind of entity.
SCOPES: Final = {"customer": "customer", "product": "product", "customer_site": "site"}


class Dispatcher(EventHandler):
    """Turns events of an owner of accounts into events of its accounts, by `TABLE`."""

    snapshot = False
    api = "internal"

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """One fan-out."""
        becomes, (kind, _, number) = TABLE.get(event.type), event.entity.partition(":")
        if kind == "account" and event.type in PAYING:
            told = {name: value for name, value in event.variables.items() if name not in ("i_env", "i_account")}
            yield FanOut(event.type, f"payer:{number}", told)
        elif becomes is not None and kind in SCOPES:
            told = {name: event.variables.get(source) for name, source in becomes.variables.items()}
            yield FanOut(becomes.type, f"{SCOPES[kind]}:{number}", told, event.type in FUNDS)


class CustomerToAccountsDispatcher(Dispatcher):
    """
    A customer's events, and those of its sites, for its accounts and those of the customers below it; those of accounts that pay for others (`PAYING`), which
    alone are told it (schema/functions/raise_events.sql), for their beneficiaries.
    """

    name = "CustomerToAccountsDispatcher"
    description = "Dispatch events of customers to accounts"
    events = (
        "Customer/AvailableFundsAppear", "Customer/Blocked", "Customer/CustomField/Changed", "Customer/ServiceAttribute/Changed",
        "Customer/ServiceFlags/Changed", "Customer/Status/Changed", "Customer/Status/Closed", "Customer/Status/Exported", "Customer/Status/Imported",
        "Customer/Status/Suspend", "Customer/Status/Unsuspend", "Customer/Unblocked", "Customer/ZeroAvailableFunds",
    )  # fmt: skip
    extra_events = ("Customer/BalanceChanged", *PAYING)


class ProductToAccountsDispatcher(Dispatcher):
    """A product's or add-on's events for the accounts that have it."""

    name = "ProductToAccountsDispatcher"
    description = "Dispatch events of products to accounts"
    events = (
        "Accessibility/Deleted", "Accessibility/Inserted", "Product/ServiceAttribute/Changed", "Product/AccessPolicy/Changed", "Product/Discount/Changed",
    )  # fmt: skip


class ServiceAttributeDispatcher(Dispatcher):
    """
    Attributes of service features. The triggers name the owner whose attribute it is, as this handler's filter lets them
    (schema/functions/attribute_told.sql); what remains are sites, whose accounts are told here.
    """

    name = "ServiceAttributeDispatcher"
    description = "Dispatch events to Accounts / Customers"
    events = ("CustomField/Changed", "ServiceAttribute/Changed")
    extra_events = ("CustomerSite/ServiceAttribute/Changed",)


CUSTOMERS: Final = CustomerToAccountsDispatcher()
PRODUCTS: Final = ProductToAccountsDispatcher()
SERVICE_ATTRIBUTES: Final = ServiceAttributeDispatcher()
