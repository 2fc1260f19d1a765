"""Closing an account: what hangs on it is free before its status is closed, in the same transaction (DESIGN.md 5.1), and its sessions are to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portaswitch.interfaces.work import IWork
from portaswitch.model.operation import OperationRefused, Row
from portaswitch.operations.entities_parties import ACCOUNT
from portaswitch.operations.life import turn
from portaswitch.operations.payers import refuse_paying


async def close(work: IWork, number: int, operation: str) -> dict[str, Any] | None:
    """
    Close the account of that number: its SIM card, device ports, numbers (DIDs) and aliases are let go, its open sessions told to end. Gives the row as it is
    now, with what was let go; None when it is closed already. The money that it has or owes stays in the books.
    """
    before = await work.get(ACCOUNT, number, lock=True)
    if before is None:
        raise OperationRefused(["an account is gone meanwhile: try again"])
    if before["status"] == "closed":
        return None
    await refuse_paying(work, before)
    released = [f"{kind} {name}" for kind, name in await work.ask("account.release", {"account": number})]
    released += [f"alias {name}" for (name,) in await work.ask("account.aliases_gone", {"account": number})]
    for thing in released:
        await work.note("account.release", f"account:{number}", {"released": thing}, {"released": None})
    after = await turn(work, ACCOUNT, before, "closed", "close")
    ended = await disconnect(work, [number])
    return {**after, "released": released, "disconnected": ended}


async def disconnect(work: IWork, accounts: Sequence[int]) -> list[str]:
    """Ask the nodes that can be told to end the open sessions of these accounts; gives the keys of those sessions."""
    return [key for (key,) in await work.ask("account.disconnect", {"accounts": list(accounts)})]


def refuse_alias(row: Row) -> None:
    """OperationRefused for an alias: what is meant is its account."""
    if row["model"] == "alias":
        raise OperationRefused([f"{row['id']} is an alias of {row['master']}: name that account"])
