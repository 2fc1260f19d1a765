"""People and programs that use the API and the console, as operators see them."""

from __future__ import annotations

from typing import Final

from portaswitch.model.actor import Privilege, Realm, Role
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import FLAG, INSTANT, NAME, TextKind, choice

_FIXED: Final = frozenset({Mark.FIXED})
#: Shorter passwords are guessed.
SHORTEST_PASSWORD: Final = 12


def _password(text: str) -> str:
    if len(text) < SHORTEST_PASSWORD or len(text) > 128 or not text.isprintable():
        raise ValueError(f"is no password: write {SHORTEST_PASSWORD} to 128 printable characters")
    return text


PASSWORD: Final = TextKind("password of 12 characters or more", _password)

USER: Final = Entity(
    "user",
    "users of the API and the console",
    "api_users",
    "i_user",
    "login",
    Privilege.SECURITY,
    (
        Field("login", "log-in name, unique in the environment", NAME, frozenset({Mark.PLACE, Mark.REQUIRED})),
        Field("password", "its password", PASSWORD, frozenset({Mark.SECRET, Mark.HASHED, Mark.DETAIL, Mark.REQUIRED})),
        Field("realm", "whose side the user is on", choice(*Realm), _FIXED),
        Field("role", "what the user may do", choice(*Role)),
        Field("customer", "of a reseller's or a customer's user: which", NAME, _FIXED, "i_customer", "customer"),
        Field("account", "of an account's user: which", NAME, _FIXED, "i_account", "account"),
        Field("blocked", "may not log in", FLAG),
        Field("last_login", "last log-in", INSTANT, frozenset({Mark.READ_ONLY, Mark.DETAIL})),
    ),
)

ENTITIES: Final = (USER,)
