"""`xdr explain`: one charge, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from portaswitch.administration.explaining import Access, Explanation, PartyCharge, SessionFacts, explain
from portaswitch.cli.command import FAILED, OK, Commands, Context, positive
from portaswitch.cli.text import money, printable, shown

ZERO = Decimal(0)


def add(group: Commands) -> None:
    """Add the command to the group `xdr`."""
    command = group.command(
        "explain",
        "say how one xDR came about, from its request to the ledger, and rate it again; status 1 when that gives another figure",
        "portaswitch xdr explain 1\nportaswitch xdr explain 1 --json",
        explain_xdr,
        rights=True,
    )
    command.add_argument("id", type=positive, metavar="ID", help="its id, as `xdr list` shows it (with --failed: an attempt)")


async def explain_xdr(context: Context) -> int:
    """The explanation, a line a step."""
    async with context.administration() as admin:
        found = await explain(context.reactor, admin.database, admin.actor, context.arguments.id, context.settings.logging.directory)
    charges = [{**asdict(charge), "agrees": charge.agrees} for charge in found.charges]
    context.out.document({**asdict(found), "charges": charges, "agrees": found.agrees})
    if not context.out.as_json:
        for line in lines(found, str(context.settings.logging.directory)):
            context.out.line(printable(line))
    return OK if found.agrees else FAILED


def lines(found: Explanation, directory: str) -> Iterator[str]:
    """An explanation for people."""
    yield f"xDR {found.id}, billed {shown(found.bill_time)} (UTC), use from {shown(found.connect_time)} to {shown(found.disconnect_time)}"
    yield from _access(found.access)
    if found.failed:
        yield f"nothing was charged: {found.failed}"
    for charge in found.charges:
        yield from _charge(charge)
    yield from _session(found)
    yield from _requests(found.requests, directory)


def _access(access: Access) -> Iterator[str]:
    alias = f", asked for as {access.asked_as}" if access.asked_as not in ("", access.account) else ""
    yield f"account    {shown(access.account)}{alias}, customer {shown(access.customer)}"
    rated = f", rated as {access.rated}" if access.rated != access.dialled else ""
    yield f"called     {shown(access.dialled)}{rated}, at node {shown(access.node)}"
    yield f"product    {shown(access.product)}, service {shown(access.service)}"
    yield f"entry      {access.entry or 'none, or one that is no longer there'}"
    for other in access.others:
        yield f"           not {other}"


def _charge(charge: PartyCharge) -> Iterator[str]:
    yield f"{charge.party} (xDR {charge.id})"
    if charge.again is None:
        yield f"  rate     none is left: neither its session nor its tariff has it any more; charged {money(charge.amount)}"
    else:
        since = "from the beginning" if charge.since is None else f"since {shown(charge.since)}"
        whose = "kept by the session" if charge.kept else "as the tariff has it now"
        yield f"  rate     tariff {charge.tariff}, prefix {charge.prefix}, in force {since} ({whose}): {charge.price}"
        steps = " + ".join(f"{step.text} ({money(round(step.amount, 10))})" for step in charge.steps) or "free"
        yield f"  use      {charge.used} used, {charge.charged} charged: {steps}"
        before = f", less {money(charge.before)} charged before" if charge.before else ""
        yield f"  figure   {money(charge.exact or ZERO)} rounded ({charge.rounding}){before}: {money(charge.amount)} {charge.currency}"
        yield f"  again    {_again(charge)}"
    overrun = f"; {money(charge.overrun)} of it beyond the funds" if charge.overrun else ""
    yield f"  moved    {charge.moved}{overrun}"


def _again(charge: PartyCharge) -> str:
    assert charge.again is not None
    if charge.agrees and charge.changed is None:
        return f"rated again: {money(charge.again)}, the same"
    if charge.agrees:
        return f"rated again: {money(charge.again)}, the same; the tariff was changed since: as it is now it would be {shown(charge.changed)}"
    why = "this must not be: please report it" if charge.kept else "the tariff was changed since, and the session with its plan is gone"
    return f"rated again: {money(charge.again)}, and {money(charge.amount)} was charged: {why}"


def _session(found: Explanation) -> Iterator[str]:
    session: SessionFacts | None = found.session
    yield f"session    {found.session_id or '-'}, piece {found.piece + 1}" + (f", others: xDR {', '.join(map(str, found.pieces))}" if found.pieces else "")
    if session is None:
        yield "           no row of it: it was never opened, or its days are over"
        return
    yield f"           {session.key}, {session.status}, started {shown(session.started)}, last heard of {shown(session.updated)}, holds {money(session.held)}"
    for quota in session.quotas:
        holds = ", ".join(f"{take['source']} {money(take['amount'])}" for take in quota["holds"]) or "nothing"
        yield f"           quota {quota['key']}: {quota['used']} used, {quota['granted']} granted, {money(quota['charged'])} charged, holds {holds}"


def _requests(requests: tuple[dict[str, Any], ...], directory: str) -> Iterator[str]:
    yield f"requests   {len(requests) or 'none'} in {directory}/billing.log"
    for line in requests:
        told = f"used {line.get('used')}, granted {line.get('granted')}"
        yield f"           {line.get('at')} {line.get('id')} {line.get('kind')} of {line.get('user')}: {line.get('result')}, {told}"
