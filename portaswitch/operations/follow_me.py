"""
Follow-me of accounts: the numbers that a call goes to when its account doesn't take it, and how they are tried.

An account's list is made with its first number or setting. Events: Account/FollowMe/Changed of the list, Account/FollowMeNumber/* of its numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, NotThere, Operation, Outcome, Row, audited
from portaswitch.operations.accounts_end import refuse_alias
from portaswitch.operations.entities_parties import ACCOUNT
from portaswitch.operations.entities_people import FOLLOW_ME, FOLLOW_ME_NUMBER
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.records import add, change, key_fields, record_operations, refuse_fields, settable, the

ID: Final = key_fields(ACCOUNT)
SETTINGS: Final = tuple(field for field in settable(FOLLOW_ME, change=True))
EXAMPLE: Final = "portaswitch account follow-me"


async def _account(work: IWork, number: int | None, name: str = "") -> Row:
    """The account, locked, so that two first numbers make one list."""
    row = await the(work, ACCOUNT, {"id": name}, lock=True) if number is None else await work.get(ACCOUNT, number, lock=True)
    if row is None:
        raise NotThere(["the account is gone"])
    refuse_alias(row)
    refuse_closed(ACCOUNT, row)
    return row


async def _list(work: IWork, account: Row) -> Row | None:
    found = await work.listing(FOLLOW_ME, {"account": account["_id"]}, "", 1)
    return found[0] if found else None


async def _show(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await the(work, ACCOUNT, values)
    found = await _list(work, account)
    if found is None:
        raise NotThere([f"account {account['id']} has no follow-me: `{EXAMPLE} set` or `{EXAMPLE}-number add` makes it"])
    numbers = await work.listing(FOLLOW_ME_NUMBER, {"account": account["_id"]}, "", 0)
    return {**found, "numbers": [row["redirect_number"] for row in numbers]}


async def _set(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Settings of a list that may have to be made."""
    account = await _account(work, None, values["id"])
    wanted = {field.name: values[field.name] for field in SETTINGS if field.name in values}
    refuse_fields(FOLLOW_ME, actor, wanted)
    found = await _list(work, account)
    if found is None:
        return await add(work, FOLLOW_ME, (), {"account": account["_id"], **wanted})
    return await change(work, FOLLOW_ME, (), found, wanted, "set")


async def _remove(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The list goes, with its numbers."""
    account = await _account(work, None, values["id"])
    found = await _list(work, account)
    if found is None:
        raise NotThere([f"account {account['id']} has no follow-me"])
    for row in await work.listing(FOLLOW_ME_NUMBER, {"account": account["_id"]}, "", 0):
        await work.remove(FOLLOW_ME_NUMBER, row["_id"])
        await work.note("account.follow-me-number.remove", f"account.follow-me-number:{row['_id']}", audited(FOLLOW_ME_NUMBER, row), None)
    await work.remove(FOLLOW_ME, found["_id"])
    await work.note("account.follow-me.remove", f"account.follow-me:{found['_id']}", audited(FOLLOW_ME, found), None)
    return found


async def _prepared(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A new number stands in its account's list."""
    account = await _account(work, values["account"])
    found = await _list(work, account) or await add(work, FOLLOW_ME, (), {"account": account["_id"]})
    return {**values, "list": found["_id"]}


async def _once(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """People name a number by itself, so it stands in a list once."""
    same = await work.listing(FOLLOW_ME_NUMBER, {"account": after["_account"], "redirect_number": after["redirect_number"]}, "", 2)
    if len(same) > 1:
        yield f"redirect_number: {after['redirect_number']} is in the list already: change it there"


def _named(verb: str, text: str, privilege: Privilege, run: Any, more: tuple[Field, ...] = (), **what: Any) -> Operation:
    return Operation(f"account.follow-me.{verb}", text, privilege, run, (*ID, *more), f"{EXAMPLE} {verb} 16045550101", **what)


OPERATIONS: Final = (
    _named("show", "show how the follow-me numbers of an account are tried, and which there are", Privilege.READ, _show),
    replace(
        _named("set", "say how the follow-me numbers of an account are tried", Privilege.SERVICE, _set, SETTINGS, self_care=True),
        examples=f"{EXAMPLE} set 16045550101 --sequence simultaneous --timeout 20",
    ),
    _named("remove", "take follow-me from an account, with its numbers", Privilege.SERVICE, _remove, self_care=True),
    *(replace(one, self_care=True) for one in record_operations(FOLLOW_ME_NUMBER, (_once,), prepare=_prepared)),
)
