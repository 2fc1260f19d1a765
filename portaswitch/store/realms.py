"""
What an actor sees of xDRs, sessions and accounts, as conditions of the statements that read them beside the operations.

A use belongs to the customer that was charged for it: an account that came from somebody else leaves its past there. What a vendor was paid for a use is the
environment's own matter, and what a reseller is charged is seen by itself and by who stands above it.
"""

from __future__ import annotations

from portaswitch.model.actor import Actor, Realm
from portaswitch.store.work_sql import TREE


def within(actor: Actor, customer: str, account: str) -> str:
    """The condition that a row is in the actor's tree; `customer` and `account` are the columns that say whose it is. It takes the parameters of `standing`."""
    match actor.realm:
        case Realm.ADMIN:
            return "true"
        case Realm.RESELLER:
            return f"{customer} in {TREE}"
        case Realm.CUSTOMER:
            return f"{customer} = %(own_customer)s"
        case Realm.ACCOUNT:
            return f"{account} = %(own_account)s"


def of_xdrs(actor: Actor, row: str = "xdr") -> str:
    """The condition that an xDR is one that the actor sees."""
    if actor.realm is Realm.ADMIN:
        return "true"
    charged = "'a'" if actor.in_self_care else "'a', 'c'"
    return f"({row}.storage in ({charged}) and {within(actor, f'{row}.i_customer', f'{row}.i_account')})"


VENDORS_OWN = ("i_vendor", "revenue")
"""Fields of an xDR that say what became of it behind the actor's back: for administrators alone."""
