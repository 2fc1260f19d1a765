"""Values of the model as rows of PostgreSQL, for tests that put the same subscribers into both ledgers."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any

from portaswitch.model.party import Account, Customer, Funds, SessionLimits

ENVIRONMENT = "insert into environments values (1, 'One', 'USD'), (2, 'Two', 'USD')"
#: The plans of `tests.contract.world`, as far as rows refer to them; ledgers know nothing of what they say.
ITEMS = """
insert into services (i_service, i_env, i_service_type, name, base) values (90, 1, 3, 'Counted', 'session-time');
insert into vd_plans (i_vd_plan, i_env, name, currency) values (1, 1, 'own', 'USD'), (2, 1, 'shared', 'USD');
insert into vd_dgs (i_vd_dg, i_vd_plan, i_service, kind, counted_in) values
    (1, 1, 90, 'discount', 'units'), (2, 1, 90, 'wallet', 'units'), (3, 2, 90, 'quota', 'units');
"""
EXCEEDED = """
select 'counter', i_vd_dg, i_account is null, peak_level from vd_counters where exceeded
union all select 'wallet', i_service_wallet, false, 0 from service_wallets where exceeded
"""
#: Columns whose 0 means that there is none.
NULLABLE = frozenset(("i_parent", "i_product", "i_tariff", "i_access_policy", "i_vd_plan"))
#: Aliases have numbers of their own, above those that tests give.
ALIASES = 1_000_000
#: A payment (amount, amount, i_account, amount): the customer's money moves too where an account owes.
TOP_UP = (
    "with a as (update accounts set balance = balance - case when billing_model < 0 then -%s else %s end where i_account = %s "
    "returning i_customer, billing_model) "
    "update customers c set balance = c.balance - %s from a where c.i_customer = a.i_customer and a.billing_model > 0"
)

Statement = tuple[str, tuple[Any, ...]]


def customer_row(customer: Customer, funds: Funds) -> Statement:
    """The insertion of a customer or reseller."""
    return _insertion("customers", {**_values(customer), "balance": funds.balance, "opening_balance": funds.balance, "held": funds.held})


def account_row(account: Account, funds: Funds) -> Statement:
    """The insertion of an account; its service password is not written, as that is sealed, nor static address and aliases, which are other rows."""
    values = _values(account)
    del values["password"], values["static_ip"], values["aliases"], values["payer"], values["pays"]
    return _insertion("accounts", {**values, "balance": funds.balance, "opening_balance": funds.balance, "held": funds.held})


def beneficiary_row(account: Account, i_payer: int) -> Statement:
    """The insertion of an account whose use another one pays for."""
    sql, values = account_row(account, Funds())
    return sql.replace("(", "(i_payer, ", 1).replace("values (", "values (%s, "), (i_payer, *values)


def alias_row(i_env: int, alias: str, master: Account) -> Statement:
    """The insertion of one more name of an account."""
    values = {"i_account": ALIASES + master.i_account, "i_env": i_env, "id": alias, "i_customer": master.i_customer}
    return _insertion("accounts", {**values, "i_master_account": master.i_account, "billing_model": 2, "currency": "USD"})


def wallet_row(i_account: int, i_service_wallet: int, i_vd_dg: int, balance: int) -> Statement:
    """The purchase of units."""
    return (
        "insert into service_wallets (i_service_wallet, i_customer, i_account, i_env, i_vd_dg, balance) "
        "select %s, i_customer, i_account, i_env, %s, %s from accounts where i_account = %s",
        (i_service_wallet, i_vd_dg, balance, i_account),
    )


def changed_row(table: str, number: int, what: dict[str, Any]) -> Statement:
    """An update of `accounts` or `customers` by an operator; a trigger makes the revision rise."""
    key = "i_account" if table == "accounts" else "i_customer"
    values = _columns(what)
    columns = ", ".join(f"{name} = %s" for name in values)
    return f"update {table} set {columns} where {key} = %s", (*values.values(), number)


def _insertion(table: str, values: dict[str, Any]) -> Statement:
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    return f"insert into {table} ({names}) values ({places})", tuple(values.values())


def _values(row: Account | Customer) -> dict[str, Any]:
    return _columns({field.name: getattr(row, field.name) for field in fields(row) if field.name not in ("barred", "barring", "inactive_from")})


def _columns(what: dict[str, Any]) -> dict[str, Any]:
    """Fields as columns: limits of sessions are three, a budget two."""
    values: dict[str, Any] = {}
    for name, value in what.items():
        if isinstance(value, SessionLimits):
            values |= {"max_sessions": value.total, "max_outgoing": value.outgoing, "max_incoming": value.incoming}
        elif name == "budget":
            values |= {} if value is None else {"spend_limit": value.limit, "spend_period": value.period.value}
        else:
            values[name] = _plain(name, value)
    return values


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value
    return None if name in NULLABLE and not value else value
