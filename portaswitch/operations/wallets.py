"""What an account has of its discount plans: counters with what is left of them, wallets, what can be bought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.discount_steps import LEVELS, end_of, shown
from portaswitch.model.operation import Field, Mark, NotThere, Operation, OperationRefused, Outcome, RefusedButNoted, Row
from portaswitch.model.payment import Action, Payment
from portaswitch.model.text_values import FLAG, INSTANT, NAME, POSITIVE
from portaswitch.operations.discounts import steps_of
from portaswitch.operations.entities_parties import ACCOUNT
from portaswitch.operations.final_units import Reached, reauthorize
from portaswitch.operations.funds import COMMENTS, book, comments, refuse_short
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.payers import purse

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
WHOSE: Final = Field("account", "id of the account, or an alias", NAME, PLACED, refers="account")
ITEM: Final = Field("item", "the number of the item (`discount-plan item list`)", POSITIVE, PLACED)

NAMES: Final = ("plan", "item", "service", "group", "kind", "counted_in", "peak_level", "currency")
COUNTED: Final = (*NAMES, "shared", "in_force", "used", "held", "carried", "period_start", "period_end", "exceeded", "reset", "rollover", "notify_percent")
OFFERED: Final = (*NAMES, "number", "option", "units", "expires_after", "fee")
KEPT: Final = (*NAMES, "wallet", "option", "units", "held", "activated", "expires", "renewal", "state")
RETRY: Final = 3600
"""Seconds until a renewal is tried again for which the funds did not reach."""
AMOUNTS: Final = ("used", "held", "carried", "units")
"""What is shown as whole numbers where units are counted."""
WORDS: Final = {level: word for word, level in LEVELS.items()}


async def _owner(work: IWork, number: int, lock: bool = False) -> Row:
    """Whose counters and wallets the account of that number uses: its own, of an alias its account's, of a beneficiary its payer's."""
    row = await work.get(ACCOUNT, number)
    if row is None:
        raise NotThere(["the account is gone"])
    return await purse(work, row, lock)


def _told(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    found = dict(zip(names, row, strict=True))
    whole: dict[str, Any] = {name: int(found[name]) for name in AMOUNTS if name in found} if found["counted_in"] == "units" else {}
    return {**found, "peak_level": WORDS.get(found["peak_level"]), **whole}


# -- counters -------------------------------------------------------------------------------------------------------------------------------------


async def _counters(work: IWork, account: int, item: int | None) -> list[dict[str, Any]]:
    """The counters with what is left up to the last step: what was carried over lengthens it, what is held is not left."""
    owner = await _owner(work, account)
    found = [_told(COUNTED, row) for row in await work.ask("counter.list", {"account": owner["_id"], "item": item})]
    steps = await steps_of(work, [row["item"] for row in found])
    for row in found:
        end = end_of(steps[row["item"]])
        row["thresholds"] = shown(steps[row["item"]])
        row["of"] = of = None if end is None else (int(end) if row["counted_in"] == "units" else end) + row["carried"]
        row["left"] = None if of is None else max(of - row["used"] - row["held"], 0)
        row["percent"] = _percent(Decimal(row["used"]), of)
    return found


def _percent(used: Decimal, whole: Decimal | int | None) -> Decimal | None:
    """How much is used, in percent with one decimal; more than 100 after an overrun."""
    if whole is None:
        return None
    return (used * 100 / whole).quantize(Decimal("0.1")) if whole > 0 else Decimal(100)


async def _list_counters(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    return list(await _counters(work, values["account"], None))


async def _show_counter(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    found = await _counters(work, values["account"], values["item"])
    if not found:
        raise NotThere([f"item: nothing of {values['item']} is counted for that account: see `portaswitch counter list`"])
    several: list[Row] = [*found]
    return found[0] if len(found) == 1 else several


# -- wallets --------------------------------------------------------------------------------------------------------------------------------------


async def _list_wallets(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    owner = await _owner(work, values["account"])
    return [_told(KEPT, row) for row in await work.ask("wallet.list", {"account": owner["_id"]})]


async def _options(work: IWork, account: int) -> list[dict[str, Any]]:
    return [_told(OFFERED, row) for row in await work.ask("wallet.options", {"account": account})]


async def _list_options(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    owner = await _owner(work, values["account"])
    return list(await _options(work, owner["_id"]))


async def _buy(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Units for their fee: the fee is charged at once as a payment, and never what is held."""
    account = await _owner(work, values["account"], lock=True)
    refuse_closed(ACCOUNT, account)
    option = _chosen(await _options(work, account["_id"]), values)
    begins, first_use, renew = values.get("begin"), values.get("first_use", False), values.get("renew", False)
    if begins is not None and first_use:
        raise OperationRefused(["first_use: a wallet begins at a time or lasts from its first use on: leave one of both"])
    if begins is not None and begins <= await work.now():
        raise OperationRefused(["begin: that is over: leave it out to begin now"])
    if option["expires_after"] is None and (first_use or renew):
        raise OperationRefused([f"{'first_use' if first_use else 'renew'}: {option['option']} never expires: give the option expires_after"])
    return await _sold(work, actor, account, option, values, _Terms(begins, first_use, renew))


class _Terms(NamedTuple):
    """When a wallet begins (None: now), whether it lasts from its first use on, whether it is bought again when it ends."""

    begins: datetime | None
    first_use: bool
    renew: bool


async def _sold(work: IWork, actor: Actor, account: Row, option: Row, values: Mapping[str, Any], terms: _Terms, verb: str = "wallet.buy") -> Row:
    if option["currency"] != account["currency"]:
        raise OperationRefused([f"option: {option['option']} is in {option['currency']} and the account in {account['currency']}"])
    booked: Row = {}
    if option["fee"] > 0:
        await refuse_short(work, actor, account, option["fee"], False)
        said = comments(values, f"{option['option']} ({option['service']})")
        booked = await book(work, ACCOUNT, account, Payment(account["_id"], account["_customer"], -option["fee"], Action.MANUAL_CHARGE, said), verb)
    bought = {"account": account["_id"], "item": option["item"], "units": option["units"], "seconds": option["expires_after"], "option": option["number"]}
    ((wallet, activated, expires),) = await work.ask("wallet.buy", {**bought, **terms._asdict()})
    if activated <= await work.now():
        await reauthorize(work, [Reached(account["_customer"], account["_id"])])
    told = {"wallet": wallet, "option": option["option"], "units": option["units"], "fee": option["fee"], "expires": expires, "renew": terms.renew}
    await work.note(verb, f"wallet:{wallet}", None, {"account": account["id"], **told})
    left = {name: booked[name] for name in ("i_payment", "balance") if name in booked}
    return {"account": account["id"], "service": option["service"], **told, "activated": activated, "currency": account["currency"], **left}


def _chosen(options: list[dict[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The option of that name, in the item that is named where several have one."""
    found = [option for option in options if option["option"] == values["option"] and values.get("item") in (None, option["item"])]
    if not found:
        names = ", ".join(sorted({option["option"] for option in options})) or "nothing"
        raise NotThere([f"option: the account's plans sell no {values['option']}: they sell {names}"])
    if len(found) > 1:
        items = " or ".join(str(option["item"]) for option in found)
        raise OperationRefused([f"item: several items sell {values['option']}: name one of them, {items}"])
    return found[0]


async def _locked(work: IWork, values: Mapping[str, Any]) -> tuple[Row, dict[str, Any], tuple[Any, ...]]:
    """The account, what names its wallet in statements, and the wallet's row, locked."""
    account = await _owner(work, values["account"], lock=True)
    where = {"account": account["_id"], "wallet": values["wallet"]}
    rows = await work.ask("wallet.lock", where)
    if not rows:
        raise NotThere([f"wallet: account {account['id']} has no wallet {values['wallet']}: see `portaswitch wallet list {account['id']}`"])
    return account, where, rows[0]


async def _close(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The end of a wallet: what is left of it is lost."""
    account, where, (_, units, held, ended, _) = await _locked(work, values)
    if ended:
        raise OperationRefused([f"wallet: {values['wallet']} has ended already"])
    if held > 0:
        raise OperationRefused([f"wallet: {held} units of it are held by open sessions: disconnect them first"])
    await work.ask("wallet.end", where)
    await work.note("wallet.close", f"wallet:{values['wallet']}", {"account": account["id"], "units": units}, {"account": account["id"], "units": 0})
    return {"account": account["id"], "wallet": values["wallet"], "lost": units}


# -- renewal --------------------------------------------------------------------------------------------------------------------------------------


async def _renew(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """
    Buy what has ended once more, by the option as it is now. What is not due (any more) is left alone, so that doing it twice does it once. Without funds it
    is tried again later; of what can't be sold any more renewal ends.
    """
    account = await _owner(work, values["account"], lock=True)
    where = {"account": account["_id"], "wallet": values["wallet"]}
    due = await work.ask("wallet.due", where)
    if not due:
        raise NotThere([f"wallet: {values['wallet']} is not due to be bought again"])
    ((number, begins),) = due
    option = next((option for option in await _options(work, account["_id"]) if option["number"] == number), None)
    if option is None or option["expires_after"] is None or account["status"] == "closed":
        await work.ask("wallet.renews", {**where, "renew": False})
        raise RefusedButNoted([f"wallet: {values['wallet']} is not bought again: the plans of account {account['id']} don't sell it any more"])
    try:
        bought = await _sold(work, actor, account, option, values, _Terms(begins, False, True), "wallet.renew")
    except OperationRefused as refused:  # nothing was written yet: the funds were looked at first
        await work.ask("wallet.retry", {**where, "seconds": RETRY})
        raise RefusedButNoted(refused.faults) from refused
    await work.ask("wallet.renews", {**where, "renew": False})
    return bought


async def _change(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Whether a wallet is bought again when it ends."""
    account, where, (_, _, _, ended, ends) = await _locked(work, values)
    if values["renew"] and (ended or not ends):
        raise OperationRefused([f"renew: wallet {values['wallet']} {'has ended already' if ended else 'never ends'}"])
    await work.ask("wallet.renews", {**where, "renew": values["renew"]})
    await work.note("wallet.change", f"wallet:{values['wallet']}", None, {"account": account["id"], "renew": values["renew"]})
    return {"account": account["id"], "wallet": values["wallet"], "renew": values["renew"]}


OPTION: Final = Field("option", "what is bought (`wallet options`)", NAME, PLACED)
RENEW: Final = Field("renew", "yes or no", FLAG, frozenset({Mark.REQUIRED}))
WALLET: Final = Field("wallet", "its number (`wallet list`)", POSITIVE, PLACED)
BEGIN: Final = (
    Field("begin", "when its units may be used from on; now by default", INSTANT),
    Field("first_use", "it expires so long after its first use", FLAG),
    Field("renew", "it is bought again when it expires", FLAG),
)
WHICH: Final = Field("item", "of several items with that option: the number of the one", POSITIVE)
FORTH: Final = ("plan", "service", "group", "kind", "counted_in", "peak_level", "shared", "used", "held", "left", "percent", "period_end")

OPERATIONS: Final = (
    Operation(
        "counter.list", "list what is counted for an account: used, held and left of each discount and quota, shared ones of its customer too",
        Privilege.READ, _list_counters, (WHOSE,), "portaswitch counter list 10086610975", FORTH,
    ),
    Operation(
        "counter.show", "show the counter of one item, with its steps", Privilege.READ, _show_counter, (WHOSE, ITEM), "portaswitch counter show 10086610975 3",
    ),
    Operation(
        "wallet.list", "list the wallets of an account, the one that is used first at the top", Privilege.READ, _list_wallets, (WHOSE,),
        "portaswitch wallet list 0101", ("wallet", "service", "option", "units", "held", "activated", "expires", "renewal", "state"),
    ),
    Operation(
        "wallet.options", "list what an account can buy by its discount plans", Privilege.READ, _list_options, (WHOSE,), "portaswitch wallet options 0101",
        ("option", "service", "group", "units", "expires_after", "fee", "currency", "item"),
    ),
    Operation(
        "wallet.buy", "buy units of a wallet for their fee", Privilege.RECHARGE, _buy, (WHOSE, OPTION, WHICH, *BEGIN, *COMMENTS),
        "portaswitch wallet buy 0101 '1 GB for a month' --renew yes --key web-4711", self_care=True,
    ),
    Operation(
        "wallet.change", "say whether a wallet is bought again when it expires", Privilege.RECHARGE, _change, (WHOSE, WALLET, RENEW),
        "portaswitch wallet change 0101 7 --renew no", self_care=True,
    ),
    Operation(
        "wallet.renew", "buy a wallet again that is due, as the job does", Privilege.MONEY, _renew, (WHOSE, WALLET), "portaswitch wallet renew 0101 7",
    ),
    Operation(
        "wallet.close", "end a wallet; what is left of it is lost", Privilege.MONEY, _close, (WHOSE, WALLET), "portaswitch wallet close 0101 7",
    ),
)  # fmt: skip
