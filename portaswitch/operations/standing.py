"""
How an account or customer stands: its effective status by the documented precedence (PORTABILLING.md a.2), and its funds (DESIGN.md 3.6).

Nothing of this is kept: it follows from the rows of the account, its customer and the resellers above at the moment of the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.operation import Row
from portaswitch.model.party import BillStatus, Funds, days_after, least, life_end, room
from portaswitch.model.value import dataclass

OK: Final = "ok"
GRAVITY: Final = (
    "closed", "exported", "blocked", "suspended", "inactive", "suspension_delayed", "provisionally_terminated", "credit_exceed", "has_no_available_funds", OK,
)  # fmt: skip
"""What a customer can be, the gravest first."""

LETTERS: Final[Mapping[str, str]] = {
    BillStatus.CLOSED: "closed", BillStatus.EXPORTED: "exported", BillStatus.SUSPENDED: "suspended", BillStatus.INACTIVE: "inactive",
    BillStatus.DEACTIVATED: "provisionally_terminated",
}  # fmt: skip

FULL: Final = frozenset({BillingModel.DEBIT.name.lower(), BillingModel.VOUCHER.name.lower()})
"""Models whose balance is money left."""


@dataclass(frozen=True, slots=True)
class Party:
    """A customer or reseller as the question needs it; `limit` is the one in force at `now`."""

    root: int
    now: datetime
    i_customer: int
    name: str
    type: int
    status: str
    blocked: bool
    balance: Decimal
    held: Decimal
    limit: Decimal | None
    delayed: bool
    prepaid: bool

    @property
    def word(self) -> str:
        """What it is by itself."""
        words = {LETTERS.get(self.status, OK)}
        if self.blocked:
            words.add("blocked")
        if self.delayed:
            words.add("suspension_delayed")
        if self.limit is not None and self.balance >= self.limit:
            words.add("has_no_available_funds" if self.prepaid else "credit_exceed")
        return gravest(words)

    @property
    def available(self) -> Decimal | None:
        """Its funds without regard to holds; None: no limit."""
        return None if self.limit is None else self.limit - self.balance

    @property
    def free(self) -> Decimal | None:
        """What may be spent of it: holds taken off."""
        return room(BillingModel.CREDIT, Funds(self.balance, self.held), self.limit)


Chain = list[Party]
"""A customer and the resellers above it, the nearest first."""


async def chains(work: IWork, customers: Iterable[int]) -> dict[int, Chain]:
    """The chains of some customers by their numbers."""
    found: dict[int, Chain] = {}
    for row in await work.ask("customer.chain", {"customers": sorted(set(customers))}):
        party = Party(*row)
        found.setdefault(party.root, []).append(party)
    return found


def gravest(words: Iterable[str]) -> str:
    """The gravest of some words."""
    return min(words, key=GRAVITY.index)


def customer_word(chain: Chain, own: str = "") -> str:
    """The effective status of a customer: its own, or 'reseller_...' where one above is worse; `own` prefixes its own words."""
    mine = chain[0].word
    theirs = gravest([party.word for party in chain[1:]] or [OK])
    if GRAVITY.index(theirs) < GRAVITY.index(mine):
        return f"reseller_{theirs}"
    return mine if mine == OK else f"{own}{mine}"


def account_word(account: Row, chain: Chain, payer: Row | None = None) -> str:
    """
    The effective status of an account: its own closing, block and life first, then what the payer of a beneficiary is, then its customer and resellers, then
    the money that it uses.
    """
    word = _own_word(account, chain[0].now)
    if word:
        return word
    if payer is not None and (theirs := _own_word(payer, chain[0].now)) not in ("", "inactive", "not_yet_active"):
        return f"payer_{theirs}"
    above = customer_word(chain, "customer_")
    if above not in (OK, "customer_credit_exceed", "customer_has_no_available_funds"):
        return above
    return _solvency(payer or account, chain, above)


def _own_word(account: Row, now: datetime) -> str:
    own = "" if account["status"] == "open" else str(account["status"])
    return "blocked" if account["blocked"] and own != "closed" else own or _life(account, now)


def _life(account: Row, now: datetime) -> str:
    end = life_end(account["expiration_date"], account["first_usage"], account["life_time"])
    if end is not None and now >= end:
        return "expired"
    unused = days_after(account["last_usage"], account["inactivity_days"])
    if unused is not None and now >= unused and not account["open_outgoing"] + account["open_incoming"]:
        return "inactive"
    begin = account["activation_date"]
    return "not_yet_active" if begin is not None and now < begin else ""


def _solvency(account: Row, chain: Chain, above: str) -> str:
    if account["model"] in FULL:
        if account["balance"] > 0:
            return OK
        return "overdraft" if account["balance"] < 0 else "zero_balance"
    limit = account["credit_limit"]
    return "credit_exceeded" if limit is not None and account["balance"] >= limit else above


def available(account: Row, chain: Chain) -> Decimal | None:
    """Gross funds (available-funds of events and answers); None: no limit."""
    if account["model"] in FULL:
        return Decimal(account["balance"])
    limit = account["credit_limit"]
    return least(None if limit is None else limit - account["balance"], chain[0].available)


def free(account: Row, chain: Chain) -> Decimal | None:
    """What may be spent: holds taken off, at each level its own; None: no limit."""
    model = BillingModel.DEBIT if account["model"] in FULL else BillingModel.CREDIT
    own = room(model, Funds(account["balance"], account["held"]), account["credit_limit"])
    return own if model is BillingModel.DEBIT else least(own, chain[0].free)


def told(account: Row, chain: Chain, payer: Row | None = None) -> dict[str, Any]:
    """
    What an account's row gets beside its fields; `payer`: whose money it uses, where that is another account's. One that the actor does not see has no figures.
    """
    word = account_word(account, chain, payer)
    if account["_payer"] is not None and payer is None:
        return {"available": None, "free": None, "effective_status": word}
    purse = payer or account
    return {"available": available(purse, chain), "free": free(purse, chain), "effective_status": word}
