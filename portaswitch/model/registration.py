"""What a REGISTER asks for, and why it may not be done (RFC 3261 10)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from portaswitch.model.message import Contact
from portaswitch.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """The contacts of an account that are in force, the preferred ones first, and whether messages wait for it."""

    contacts: list[Contact]
    waiting: bool = False


class NotBound(StrEnum):
    """Why contacts were not changed."""

    TOO_BRIEF = "too brief"  # for less time than is allowed
    OUT_OF_ORDER = "out of order"  # not newer than what it would change
    TOO_MANY = "too many"  # more contacts than one account may have


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds that a contact may be bound for: at least, at most, and where the client does not say; most contacts of one account."""

    shortest: int = 60
    longest: int = 7200
    usual: int = 3600
    most: int = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """One contact of a REGISTER; `seconds` None where it does not say, 0 to remove it."""

    contact: Contact
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Registration:
    """
    A REGISTER of an account. `everything` is `Contact: *`, which removes all; without wishes and without it, it only asks. `same` tells whether two contacts
    are one (RFC 3261 19.1.4), which is the wire's to know.
    """

    i_account: int
    call_id: str
    cseq: int
    wishes: tuple[Wish, ...]
    everything: bool
    same: Callable[[str, str], bool]
