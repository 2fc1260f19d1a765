"""The people behind accounts, and where their calls go when they don't take them (50_subscribers.sql, 56_follow_me.sql)."""

from __future__ import annotations

from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import FLAG, LINE, NAME, NATURAL, POSITIVE, choice, pattern
from portaswitch.operations.entities_parties import EMAIL, PERSON
from portaswitch.operations.prices import PERIOD

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
OWN: Final = PLACED | {Mark.FIXED}
READ_ONLY: Final = frozenset({Mark.READ_ONLY})
DETAIL: Final = frozenset({Mark.DETAIL})
SELF_CARE: Final = frozenset({Mark.SELF_CARE})
ALWAYS: Final = frozenset({Mark.SELF_CARE, Mark.FILLED})
SELF_CARE_DETAIL: Final = frozenset({Mark.DETAIL, Mark.SELF_CARE})
SHOWN: Final = frozenset({"companyname", "firstname", "lastname", "city"})
"""Of a person, what lists show."""

REDIRECT: Final = pattern(
    r"\+?[0-9*#]{1,32}|[A-Za-z0-9._+*#-]{1,64}@[A-Za-z0-9.:\[\]-]{1,255}", "number, number@address or number@domain",
    "is nowhere that a call can go: write a number, number@192.0.2.1 or number@example.com",
)  # fmt: skip

SUBSCRIBER: Final = Entity(
    "subscriber",
    "the people and firms behind accounts; several accounts may have the same",
    "subscribers",
    "i_subscriber",
    "number",
    Privilege.SELL,
    (
        Field("number", "its number", POSITIVE, PLACED | READ_ONLY, "i_subscriber"),
        Field("customer", "whose accounts may have it; null: administrators give it to any", NAME, frozenset({Mark.FIXED}), "i_customer", "customer"),
        *(Field(name, text, LINE, SELF_CARE if name in SHOWN else SELF_CARE_DETAIL) for name, text in PERSON),
        Field("cont1", "who is to be asked for", LINE, SELF_CARE_DETAIL),
        Field("cont2", "who else", LINE, SELF_CARE_DETAIL),
        Field("email", "e-mail", EMAIL, SELF_CARE),
        Field("bcc", "blind copies of its mail", EMAIL, DETAIL),
        Field("note", "what operators should know", LINE, frozenset({Mark.DETAIL, Mark.INTERNAL})),
    ),
    customer="i_customer",
)

FOLLOW_ME: Final = Entity(
    "account.follow-me",
    "follow-me: how the numbers that an account's calls go to are tried",
    "follow_me",
    "i_follow_me",
    "account",
    Privilege.SERVICE,
    (
        Field("account", "whose calls", NAME, OWN, "i_account", "account"),
        Field("sequence", "in their order, at random, or all at once", choice("order", "random", "simultaneous"), ALWAYS),
        Field("timeout", "seconds that each rings", POSITIVE, ALWAYS),
        Field("max_forwards", "how many are tried at most", POSITIVE, ALWAYS),
    ),
    parent="account",
)

FOLLOW_ME_NUMBER: Final = Entity(
    "account.follow-me-number",
    "the numbers that an account's calls go to when it doesn't take them",
    "follow_me_numbers",
    "i_follow_me_number",
    "redirect_number",
    Privilege.SERVICE,
    (
        Field("account", "whose calls", NAME, OWN | SELF_CARE, "i_account", "account"),
        Field("redirect_number", "where they go", REDIRECT, PLACED | SELF_CARE),
        Field("list", "the list that it stands in", POSITIVE, READ_ONLY | DETAIL, "i_follow_me"),
        Field("name", "whose it is", LINE, ALWAYS),
        Field("period", "when, in the period language; null: always", PERIOD, SELF_CARE),
        Field("timeout", "seconds that it rings; null: as the list says", POSITIVE, SELF_CARE),
        Field("active", "it counts", FLAG, ALWAYS),
        Field("keep_cli", "it is shown the caller's number, not the account's", FLAG, ALWAYS | DETAIL),
        Field("sort_order", "its place, the lowest first", NATURAL, ALWAYS),
    ),
    parent="account",
    order="t.sort_order, t.i_follow_me_number",
)

ENTITIES: Final = (SUBSCRIBER, FOLLOW_ME, FOLLOW_ME_NUMBER)
