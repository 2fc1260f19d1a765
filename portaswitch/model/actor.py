"""
Who operates the system: a person or program, the realm it belongs to and the role it has there.

A realm says which rows somebody reaches, a role what may be done with them (`ROLES`, `REALMS`); both have to allow an operation. An actor stands in one
environment (DESIGN.md 3.11) and reaches nothing of any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Realm(StrEnum):
    """Whose side somebody is on (PORTABILLING.md c.6); each reaches its own tree only."""

    ADMIN = "admin"  # the whole environment
    RESELLER = "reseller"  # the customers below one reseller, at any depth, and what it manages itself
    CUSTOMER = "customer"  # one customer and its accounts
    ACCOUNT = "account"  # one account


class Privilege(StrEnum):
    """What an operation takes the right to."""

    READ = "read"
    SERVICE = "service"  # what a help desk does: passwords, blocks, features
    SELL = "sell"  # open, change and close customers and accounts, give them products
    RECHARGE = "recharge"  # top an account up with a voucher, whose money is paid already
    MONEY = "money"  # payments, charges, credits, refunds, limits, vouchers
    STOCK = "stock"  # SIM cards, devices, numbers
    CATALOGUE = "catalogue"  # products, tariffs, rates, nodes, vendors, policies
    SECURITY = "security"  # users


class Role(StrEnum):
    """What somebody was made (api_users.role)."""

    ROOT = "root"
    ADMIN = "admin"
    FINANCE = "finance"
    HELPDESK = "helpdesk"
    PROVISIONING = "provisioning"
    READ = "read"


ROLES: Final[Mapping[Role, frozenset[Privilege]]] = {
    Role.ROOT: frozenset(Privilege),
    Role.ADMIN: frozenset(Privilege) - {Privilege.SECURITY},
    Role.FINANCE: frozenset({Privilege.READ, Privilege.MONEY, Privilege.RECHARGE}),
    Role.HELPDESK: frozenset({Privilege.READ, Privilege.SERVICE, Privilege.RECHARGE}),
    Role.PROVISIONING: frozenset({Privilege.READ, Privilege.SERVICE, Privilege.STOCK}),
    Role.READ: frozenset({Privilege.READ}),
}

REALMS: Final[Mapping[Realm, frozenset[Privilege]]] = {
    Realm.ADMIN: frozenset(Privilege),
    Realm.RESELLER: frozenset(Privilege) - {Privilege.SECURITY},
    Realm.CUSTOMER: frozenset({Privilege.READ, Privilege.SERVICE, Privilege.RECHARGE}),
    Realm.ACCOUNT: frozenset({Privilege.READ, Privilege.SERVICE, Privilege.RECHARGE}),
}
"""What a realm may ever do; self-care (customer and account) changes only the fields that are marked for it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """
    `name` as the audit shows it ('cli:root', 'api:alice', 'job:invoices'); `i_customer` is the reseller or customer of those realms, `i_account` the account of
    that realm, 0 otherwise; `request_id` joins what was done with the logs.
    """

    name: str
    i_env: int
    realm: Realm = Realm.ADMIN
    role: Role = Role.ROOT
    i_customer: int = 0
    i_account: int = 0
    i_user: int | None = None
    request_id: str | None = None

    def may(self, privilege: Privilege) -> bool:
        """Whether both its realm and its role allow that; which rows it reaches is another question."""
        return privilege in ROLES[self.role] and privilege in REALMS[self.realm]

    @property
    def in_self_care(self) -> bool:
        """Whether it looks after its own customer or account only."""
        return self.realm in (Realm.CUSTOMER, Realm.ACCOUNT)
