"""
Contacts that are remembered: bounded, filled by what the table says, dropped on any doubt. The table is the truth, so nothing here is the last word: a change
names what it relied on, and what could not be delivered is looked up before it is tried again.

    written by this process > remembered        by another > NOTIFY > dropped        the connection for NOTIFY was lost > all dropped
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from portaswitch.model.message import Callee, Contact
from portaswitch.model.oldest import forget_oldest
from portaswitch.model.value import dataclass

Key = TypeVar("Key")
Value = TypeVar("Value")
#: Who is asked for: an environment and the ids that an account might have.
Names = tuple[int, tuple[str, ...]]
#: Accounts whose contacts are remembered: about 1 kB each.
MOST: Final = 20_000
#: What is remembered for longer is looked up again, whatever may have been missed.
LASTS: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an account `until` a time: the contacts in force."""

    contacts: tuple[Contact, ...]
    until: datetime


class _Named:
    """An account as it was addressed; `left` messages may be accepted before those that wait for it are to be counted again."""

    __slots__ = ("callee", "left")

    def __init__(self, callee: Callee, left: int) -> None:
        self.callee, self.left = callee, left


class Looking:
    """A look into the table that is under way: what is dropped in the meantime is not to be remembered from it."""

    def __init__(self) -> None:
        self._dropped: set[int] = set()
        self._everything = False

    def drop(self, i_account: int) -> None:
        """The account may have changed; 0: any may."""
        self._everything |= not i_account
        self._dropped.add(i_account)

    def holds(self, i_account: int) -> bool:
        """What was read of this account may be remembered."""
        return not self._everything and i_account not in self._dropped


class Contacts:
    """The memory of one process; `now` is the wall clock (aware UTC), `most` bounds accounts and names alike."""

    def __init__(self, now: Callable[[], datetime], most: int = MOST) -> None:
        self._now, self._most = now, most
        self._accounts: dict[int, Known] = {}
        self._names: dict[Names, _Named] = {}
        self._looking: set[Looking] = set()

    def looking(self) -> Looking:
        """A look into the table begins; see `seen`."""
        begun = Looking()
        self._looking.add(begun)
        return begun

    def seen(self, looking: Looking) -> None:
        """The look is over."""
        self._looking.discard(looking)

    def contacts(self, i_account: int) -> tuple[Contact, ...] | None:
        """The contacts of an account, the preferred ones first; None: to be looked up."""
        known = self._accounts.get(i_account)
        if known is None:
            return None
        if known.until > self._now():
            return known.contacts
        del self._accounts[i_account]
        return None

    def callee(self, names: Names) -> Callee | None:
        """Who was addressed, where that is known and more messages may be accepted without counting those that wait; None: to be looked up."""
        named = self._names.get(names)
        if named is None:
            return None
        contacts = self.contacts(named.callee.i_account)
        if not contacts or named.left <= 0:
            del self._names[names]
            return None
        named.left -= 1
        if contacts is not named.callee.contacts:
            named.callee = Callee(named.callee.i_account, named.callee.id, contacts, named.callee.waiting)
        return named.callee

    def keep(self, i_account: int, contacts: tuple[Contact, ...]) -> None:
        """Remember what an account has."""
        until = min([self._now() + LASTS, *[contact.expires for contact in contacts]])
        _put(self._accounts, i_account, Known(contacts, until), self._most)

    def keep_callee(self, names: Names, callee: Callee, left: int) -> None:
        """Remember who was addressed by these names, if it can be reached: for others the messages that wait are counted each time."""
        if callee.contacts and left > 0:
            self.keep(callee.i_account, callee.contacts)
            _put(self._names, names, _Named(callee, left), self._most)

    def drop(self, i_account: int) -> None:
        """An account may have changed."""
        self._accounts.pop(i_account, None)
        for looking in self._looking:
            looking.drop(i_account)

    def drop_all(self) -> None:
        """Any may have changed."""
        self._accounts.clear()
        self._names.clear()
        for looking in self._looking:
            looking.drop(0)

    def heard(self, payload: str, own: str) -> None:
        """A NOTIFY of `contacts`: who changed them (nothing to hear for `own`, its writer), and the numbers of accounts."""
        writer, _, numbers = payload.rpartition(" ")
        for number in numbers.split(",") if writer != own else ():
            if number.isdigit():
                self.drop(int(number))

    def heard_of_subscriber(self, payload: str) -> None:
        """A NOTIFY of `subscribers`, as `billing.cache` hears it: an account may have been closed, or given another id."""
        kind, _, number = payload.partition(":")
        if kind == "a" and number.isdigit():
            self.drop(int(number))
        elif kind == "*":
            self.drop_all()


def _put(table: dict[Key, Value], key: Key, value: Value, most: int) -> None:
    table.pop(key, None)
    table[key] = value
    forget_oldest(table, most)
