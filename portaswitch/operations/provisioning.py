"""
What outside systems report of an account: how far its provisioning is, group by group (HSS, PCRF, IPTV ...), and events of their own
(a quota used up at Jasper).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, Mark, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import LINE, POSITIVE, TextKind, choice, pattern
from portaswitch.operations.entities_parties import ACCOUNT
from portaswitch.operations.records import the

STATUSES: Final = ("OK", "IN_PROGRESS", "RETRY", "FAILED")
LONGEST_MESSAGE: Final = 4000
_WANTED: Final = frozenset({Mark.REQUIRED})
_PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})


def _message(text: str) -> str:
    if len(text) > LONGEST_MESSAGE or "\x00" in text:
        raise ValueError(f"is too long: at most {LONGEST_MESSAGE} characters")
    return text


def _details(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or len(text) > LONGEST_MESSAGE:
        raise ValueError('is no JSON object, such as {"limit": 5}')
    return found


GROUP: Final = pattern(r"[A-Za-z0-9_.-]{1,40}", "word", "is no group: write 1 to 40 letters, digits, points, lines")
WORD: Final = pattern(r"[A-Za-z0-9]{1,40}", "word", "is no word: write 1 to 40 letters and digits")
MESSAGE: Final = TextKind("text", _message)
DETAILS: Final = TextKind("JSON object", _details)


async def _account(work: IWork, values: Mapping[str, Any]) -> Row:
    """The account by its id or by its number: outside systems know the number from events. An alias is its account, of which handlers know."""
    if (values.get("id") is None) == (values.get("number") is None):
        raise OperationRefused(["id or number: name the account by one of them"])
    row = await the(work, ACCOUNT, values) if values.get("id") is not None else await work.get(ACCOUNT, values["number"])
    if row is None:
        raise NotThere([f"there is no account of number {values['number']}"])
    return row if row["_master"] is None else await work.get(ACCOUNT, row["_master"]) or row


async def _status(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await _account(work, values)
    group = await _registered(work, values["group"])
    given = {"account": account["_id"], "group": group, "status": values["status"], "message": values.get("message")}
    ((before, updated),) = await work.ask("provisioning.status", given)
    if before != values["status"]:
        await work.note("account.provisioned", f"account:{account['_id']}", {group: before}, {group: values["status"]})
    return {"id": account["id"], "group": group, "status": values["status"], "message": values.get("message") or "", "updated": updated}


async def _registered(work: IWork, name: str) -> str:
    found = await work.ask("provisioning.group", {"group": name})
    if not found:
        known = ", ".join(name for name, _ in await work.ask("provisioning.groups", {}))
        raise OperationRefused([f"group: {name!r} is not registered; there are {known}"])
    return str(found[0][0])


async def _statuses(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await _account(work, values)
    names = ("group", "status", "message", "updated")
    return [dict(zip(names, row, strict=True)) for row in await work.ask("provisioning.statuses", {"account": account["_id"]})]


async def _report(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await _account(work, values)
    details = json.dumps(values.get("details") or {})
    given = {"account": account["_id"], "source": values["source"], "kind": values["kind"], "details": details}
    ((number, received),) = await work.ask("provisioning.report", given)
    await work.note("account.reported", f"account:{account['_id']}", None, {"report": f"{values['source']}/{values['kind']}"})
    return {"report": number, "id": account["id"], "source": values["source"], "kind": values["kind"], "received": received}


async def _groups(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    return [{"name": name, "everybody": everybody} for name, everybody in await work.ask("provisioning.groups", {})]


async def _group_add(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    if await work.ask("provisioning.group", {"group": values["name"]}):
        raise OperationRefused([f"group: {values['name']} is registered already"])
    await work.ask("provisioning.group_add", {"name": values["name"]})
    await work.note("provisioning-group.add", f"provisioning-group:{values['name']}", None, {"name": values["name"]})
    return {"name": values["name"], "everybody": False}


async def _group_remove(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    if not await work.ask("provisioning.group_remove", {"name": values["name"]}):
        raise NotThere([f"there is no group {values['name']} of this environment (the eight of the guide stay)"])
    await work.note("provisioning-group.remove", f"provisioning-group:{values['name']}", {"name": values["name"]}, None)
    return {"name": values["name"], "everybody": False}


_WHICH: Final = (
    Field("id", "the account, by its id", LINE, frozenset({Mark.PLACE})),
    Field("number", "or by its number (i_account)", POSITIVE),
)
_NAME: Final = Field("name", "the group", GROUP, _PLACED)

OPERATIONS: Final = (
    Operation(
        "account.provisioned",
        "say how far an outside system is with an account",
        Privilege.SERVICE,
        _status,
        (
            *_WHICH,
            Field("group", "which kind of system", GROUP, _WANTED),
            Field("status", "how far it is", choice(*STATUSES), _WANTED),
            Field("message", "what it says", MESSAGE),
        ),
        "portaswitch account provisioned 10086610975 --group HSS --status OK",
    ),
    Operation(
        "account.provisioning",
        "how far outside systems are with an account",
        Privilege.READ,
        _statuses,
        _WHICH,
        columns=("group", "status", "message", "updated"),
    ),
    Operation(
        "account.report",
        "take an event of an outside system about an account: it becomes Custom/SOURCE/KIND",
        Privilege.SERVICE,
        _report,
        (
            *_WHICH,
            Field("source", "which system", WORD, _WANTED),
            Field("kind", "what happened", WORD, _WANTED),
            Field("details", "more about it", DETAILS),
        ),
        "portaswitch account report 10086610975 --source Jasper --kind CapReached",
    ),
    Operation("provisioning-group.list", "list groups of provisioning status", Privilege.READ, _groups, columns=("name", "everybody")),
    Operation("provisioning-group.add", "register a group", Privilege.SECURITY, _group_add, (_NAME,), "portaswitch provisioning-group add CRM"),
    Operation("provisioning-group.remove", "remove a group of this environment", Privilege.SECURITY, _group_remove, (_NAME,)),
)
