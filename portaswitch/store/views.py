"""From the JSON of `exchange_view` to a `View`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from sys import intern
from typing import Any

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import NO_ITEM, Budget, SpendPeriod
from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.discount import NO_COUNTERS, Counter, Counters
from portaswitch.model.ledger import NO_VIEW, View
from portaswitch.model.money import ZERO
from portaswitch.model.party import NO_LIMITS, Account, BillStatus, Customer, Funds, Payer, SessionLimits, days_after, life_end, paid_by
from portaswitch.store.documents import session_of


def view_of(document: Mapping[str, Any] | None, unseal: Callable[[bytes], str]) -> View:
    """The view in a stale member's answer; `unseal` opens sealed passwords."""
    if document is None:
        return NO_VIEW
    session = None if document["session"] is None else session_of(document["session"])
    row = document["account"]
    if row is None:
        return View(session=session)
    chain = [(customer_of(party), funds_of(party)) for party in document["chain"]]
    customer, customer_funds = chain[0]
    account, funds, paying = account_of(row, unseal), funds_of(row), document.get("payer")
    if paying is not None:
        account, funds = paid_by(account, payer_of(paying)), replace(funds, balance=money(paying["balance"]), held=money(paying["held"]))
    return View(account, customer, funds, customer_funds, session, tuple(chain[1:]), counters_of(document))


def counters_of(document: Mapping[str, Any]) -> Counters:
    """Counters, wallets, add-ons and the billing period of an account."""
    row, counters, wallets = document["account"], document["counters"], document["wallets"]
    addons, period = tuple(row["addons"] or ()), row["billing_period"] or 4
    if not counters and not wallets and not addons and period == NO_COUNTERS.billing_period:
        return NO_COUNTERS
    return Counters(addons=addons, billing_period=period).put(*map(_counter, counters or ()), *map(_wallet, wallets or ()))


def _counter(row: Mapping[str, Any]) -> Counter:
    key, start = SourceKey(Source.COUNTER, row["i_vd_dg"] or NO_ITEM, row["shared"], row["peak_level"]), instant(row["period_start"])
    return Counter(key, money(row["used"]), money(row["held"]), money(row["carried"]), start, instant(row["period_end"]), start)


def _wallet(row: Mapping[str, Any]) -> Counter:
    key = SourceKey(Source.WALLET, row["i_service_wallet"])
    start, end = instant(row["begins"]), instant(row["expires"])
    return Counter(key, -money(row["balance"]), money(row["held"]), start=start, end=end, i_vd_dg=row["i_vd_dg"])


def funds_of(row: Mapping[str, Any]) -> Funds:
    """What moves in a row of accounts or customers as JSON."""
    return Funds(money(row["balance"]), money(row["held"]), row["open_outgoing"], row["open_incoming"], row.get("locked_by") or "")


def _limits(row: Mapping[str, Any]) -> SessionLimits:
    limits = SessionLimits(row["max_sessions"], row["max_outgoing"], row["max_incoming"])
    return NO_LIMITS if limits == NO_LIMITS else limits


def account_of(row: Mapping[str, Any], unseal: Callable[[bytes], str]) -> Account:
    """An account from its row as JSON."""
    sealed = row["h323_password"]
    return Account(
        row["i_account"], row["i_env"], row["revision"], row["id"], row["i_customer"], row["i_product"] or 0, BillingModel(row["billing_model"]),
        intern(row["currency"]), BillStatus(row["bill_status"]), row["blocked"], optional_money(row["credit_limit"]),
        None if sealed is None else unseal(bytes.fromhex(sealed[2:])), instant(row["activation_date"]),
        life_end(instant(row["expiration_date"]), instant(row["first_usage"]), row["life_time"]),
        intern(row["language"] or ""), row["i_access_policy"] or 0, row["static_ip"] or "", _limits(row), tuple(row["barred"] or ()),
        tuple(row["aliases"] or ()), row["barring"] or "", i_vd_plan=row["i_vd_plan"] or 0,
        inactive_from=days_after(instant(row["last_usage"]), row["inactivity_days"]), budget=budget_of(row["spend_limit"], row["spend_period"]),
        pays=row["pays"],
    )  # fmt: skip


def payer_of(row: Mapping[str, Any]) -> Payer:
    """Who pays for a beneficiary, from its row as JSON."""
    return Payer(
        row["i_account"], row["id"], row["revision"], row["i_product"] or 0, BillingModel(row["billing_model"]), BillStatus(row["bill_status"]), row["blocked"],
        optional_money(row["credit_limit"]), instant(row["activation_date"]),
        life_end(instant(row["expiration_date"]), instant(row["first_usage"]), row["life_time"]), row["i_vd_plan"] or 0,
        budget_of(row["spend_limit"], row["spend_period"]), tuple(row["addons"] or ()),
    )  # fmt: skip


def customer_of(row: Mapping[str, Any]) -> Customer:
    """A customer or reseller from its row as JSON."""
    return Customer(
        row["i_customer"], row["i_env"], row["revision"], row["name"], row["i_parent"] or 0, intern(row["currency"]),
        BillStatus(row["bill_status"]), row["blocked"],
        optional_money(row["credit_limit"]), optional_money(row["temp_credit_limit"]), instant(row["temp_credit_until"]), row["i_tariff"] or 0,
        intern(row["timezone"]), intern(row["language"]), _limits(row), tuple(row["barred"] or ()), row["i_vd_plan"] or 0,
        budget_of(row["spend_limit"], row["spend_period"]),
    )  # fmt: skip


def budget_of(limit: Any, period: str) -> Budget | None:
    """The spending budget of a row; None where it has none."""
    return None if limit is None else Budget(money(limit), SpendPeriod(period))


def parse(text: Any) -> Any:
    """JSON with every number that has a point as Decimal; the driver may have parsed it already, with floats, so it must be told not to (see `pool`)."""
    return None if text is None else json.loads(text, parse_float=Decimal)


def money(value: Decimal | int) -> Decimal:
    """A numeric from JSON: whole amounts come as int. Nothing is always the same object: most rows hold nothing, and hundreds of thousands are kept."""
    return Decimal(value) if value else ZERO


def optional_money(value: Decimal | int | None) -> Decimal | None:
    """The same where null is possible."""
    return None if value is None else Decimal(value)


def instant(text: str | None) -> datetime | None:
    """A timestamptz from JSON; None where there is none, or it never comes."""
    return None if text is None or text == "infinity" else datetime.fromisoformat(text)
