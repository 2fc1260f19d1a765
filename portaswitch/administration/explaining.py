"""`xdr explain`: one charge from its request to the ledger, put together from what was kept, and rated again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from portaswitch.administration.opening import asked
from portaswitch.administration.quotes import catalogue_of
from portaswitch.administration.request_log import requests_of
from portaswitch.billing import rerating
from portaswitch.billing.quote import in_force_since
from portaswitch.errors import StartError
from portaswitch.model.actor import Actor, Realm
from portaswitch.model.catalogue import Catalogue, Product, RatePlan, RatingEntry
from portaswitch.model.discount import Stretch
from portaswitch.model.refusal import Refusal
from portaswitch.model.session import Leg, Session, Status
from portaswitch.store import explaining, listings
from portaswitch.store.catalogue import BEGINNING
from portaswitch.store.database import Database
from portaswitch.store.documents import key_text
from portaswitch.store.explaining import Party

#: How far around a use its requests are looked for in the log.
MARGIN = timedelta(minutes=2)
KINDS = {"a": "account", "c": "customer", "v": "vendor"}
STATUS = {Status.OPEN: "open", Status.PROVISIONAL: "closed provisionally", Status.CLOSED: "closed"}


@dataclass(frozen=True, slots=True)
class Access:
    """How the use was let in: names, and why this rating entry ('' where nothing is known of it any more)."""

    account: str
    asked_as: str
    customer: str
    node: str
    product: str
    service: str
    dialled: str
    rated: str
    entry: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a charge: how often, how many units, at which price per how many units, and what it comes to (exact)."""

    text: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PartyCharge:
    """
    What one party was charged by this piece. `kept`: whether the plan is the one that the session kept, or that of the tariff as it is now. `again`: the figure
    that rating the stored quantity gives now (None: no plan is left); `changed`: what today's tariff would charge, where that is another figure.
    """

    id: int
    party: str
    tariff: str
    currency: str
    prefix: str
    since: datetime | None
    price: str
    used: int
    charged: int
    steps: tuple[Step, ...]
    exact: Decimal | None
    rounding: str
    before: Decimal
    amount: Decimal
    overrun: Decimal
    moved: str
    kept: bool
    again: Decimal | None
    changed: Decimal | None

    @property
    def agrees(self) -> bool | None:
        """Whether rating again gives the figure of the xDR; None where there is nothing to rate by."""
        return None if self.again is None else self.again == self.amount


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The session as it is kept now: what it holds, by quota key."""

    key: str
    status: str
    started: datetime
    updated: datetime
    held: Decimal
    quotas: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """An xDR explained. `failed` '' or why nothing was charged; `requests`: lines of the billing log; `pieces`: ids of the session's other pieces."""

    id: int
    bill_time: datetime
    connect_time: datetime
    disconnect_time: datetime
    piece: int
    pieces: tuple[int, ...]
    session_id: str
    access: Access
    failed: str
    history: str
    charges: tuple[PartyCharge, ...]
    session: SessionFacts | None
    requests: tuple[dict[str, Any], ...]

    @property
    def agrees(self) -> bool:
        """False when rating again gives another figure for anybody."""
        return all(charge.agrees is not False for charge in self.charges)


async def explain(reactor: Any, database: Database, actor: Actor, number: int, logs: Path) -> Explanation:
    """Explain one xDR as far as the actor sees it; `logs` is the folder of the billing log. Errors: StartError where it is not there."""
    pool = database.pool
    row = await asked(listings.xdr(pool, actor, number))
    if row is None:
        raise StartError(f"no xDR {number} in environment {actor.i_env}: see `portaswitch xdr list`")
    rows = await asked(explaining.siblings(pool, actor, row["h323_conf_id"])) if row["h323_conf_id"] else [row]
    piece = [one for one in rows if _same_piece(one, row)]
    session = await asked(explaining.session(pool, actor, row))
    names, waiting = await asked(explaining.parties(pool, piece)), await asked(explaining.waiting(pool))
    teller = _Teller(await catalogue_of(reactor, database), session, names, waiting)
    since, until = _when(row, session)
    access = teller.access(row)
    return Explanation(
        number, row["bill_time"], row["connect_time"], row["disconnect_time"], row["split_order"],
        tuple(one["id"] for one in rows if one["storage"] == row["storage"] and one["id"] != number and one["i_account"] == row["i_account"]),
        row["h323_conf_id"], access, _failure(row) if row["failed"] else "", row["history"],
        tuple(teller.charge(one) for one in piece if not one["failed"]), None if session is None else _facts(session),
        tuple(_requests(logs, actor, row, access.node, since, until)),
    )  # fmt: skip


def _requests(logs: Path, actor: Actor, row: dict[str, Any], node: str, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """
    The requests behind an xDR. Another node may have the same session id, and another account may have been tried in the same session: whoever is no
    administrator is told of this account's alone, and of reports that name none at its node.
    """
    if row["h323_conf_id"]:
        for line in requests_of(logs, actor.i_env, row["h323_conf_id"], since, until):
            if actor.realm is Realm.ADMIN or line.get("account") == row["i_account"] or (line.get("account") is None and line.get("node") == node):
                yield line


def _same_piece(one: dict[str, Any], row: dict[str, Any]) -> bool:
    """The xDRs of all parties for one piece are written at once; several quota keys of a session differ in their use."""
    names = ("i_account", "bill_time", "split_order", "used_quantity", "rating_pattern")
    return one["id"] == row["id"] or all(one[name] == row[name] for name in names)


def _when(row: dict[str, Any], session: Session | None) -> tuple[datetime, datetime]:
    began = min(row["connect_time"], row["bill_time"], *([session.opened.started] if session is not None else []))
    return began - MARGIN, max(row["bill_time"], session.updated if session is not None else row["bill_time"]) + MARGIN


def _failure(row: dict[str, Any]) -> str:
    """Why nothing was charged: the word of a refusal with its meaning, or what the history says."""
    for refusal in Refusal:
        if row["history"] == f"refused: {refusal.word} ({refusal.return_code})":
            return f"refused: {refusal.word}, return code {refusal.return_code}: {refusal.text}"
    cause = row["disconnect_cause"]
    return str(row["history"]) + (f", disconnect cause {cause:x} (hexadecimal)" if cause is not None else "")


def _facts(session: Session) -> SessionFacts:
    quotas = tuple(
        {
            "key": key_text(quota.key), "base": quota.base.value, "used": quota.used, "granted": quota.granted, "charged": sum(quota.charged[:1], Decimal(0)),
            "holds": tuple({"source": take.source.value, "amount": take.amount, "units": take.units} for take in quota.holds),
        }
        for quota in session.quotas
    )  # fmt: skip
    return SessionFacts(session.key, STATUS[session.status], session.opened.started, session.updated, session.held, quotas)


class _Teller:
    """Puts names and figures to the rows of one piece."""

    def __init__(self, catalogue: Catalogue, session: Session | None, names: dict[tuple[str, int], Party], waiting: set[tuple[str, int]]) -> None:
        self._catalogue, self._session, self._names, self._waiting = catalogue, session, names, waiting

    def access(self, row: dict[str, Any]) -> Access:
        """Account, node, product, service and rating entry."""
        node = self._catalogue.nodes.get(row["i_node"] or (self._session.opened.i_node if self._session is not None else 0))
        service = self._catalogue.services.get(row["i_service"] or 0)
        product, entry = self._entry(row["i_accessibility"])
        text = "" if entry is None or product is None else self._entry_text(entry)
        others = [] if entry is None or product is None else rerating.why_this_entry(entry, product, self._alike(entry))
        return Access(
            row["account_id"] or "", self._session.opened.user if self._session is not None else "", self._name("customer", row["i_customer"]),
            node.name if node is not None else "", product.name if product is not None else self._session.opened.product if self._session is not None else "",
            service.name if service is not None else "", row["cld"] or "", row["rating_pattern"] or "", text,
            tuple(f"{self._entry_text(other)}: {why}" for other, why in others),
        )  # fmt: skip

    def _entry(self, number: int | None) -> tuple[Product | None, RatingEntry | None]:
        for product in self._catalogue.products.values():
            for entry in product.entries:
                if entry.i_accessibility == number:
                    return product, entry
        return None, None

    def _entry_text(self, entry: RatingEntry) -> str:
        node = self._catalogue.nodes.get(entry.i_node)
        where = "any node" if node is None else f"node {node.name}"
        code = f"access code {entry.access_code}" if entry.access_code else "no access code"
        return f"entry {entry.i_accessibility} (service {self._catalogue.services[entry.i_service].name}, {where}, {code})"

    def _alike(self, entry: RatingEntry) -> frozenset[int]:
        services = self._catalogue.services
        kind = services[entry.i_service].service_type
        return frozenset(number for number, service in services.items() if service.service_type == kind)

    def charge(self, row: dict[str, Any]) -> PartyCharge:
        """What one party was charged, step by step, and what rating it again gives."""
        kept, now = self._kept_plan(row), rerating.rate_of(self._catalogue.tariffs.get(row["i_tariff"]), row["rating_pattern"] or "", row["i_rate"] or 0)
        plan, unit, at = kept or now, self._unit(row), self._session.opened.started if self._session is not None else row["connect_time"]
        past = self._past(row)
        again = None if plan is None else rerating.again(plan, row["used_quantity"], unit, row["history"], at, past)
        today = None if now is None else rerating.again(rerating.bound_as(now, kept), row["used_quantity"], unit, row["history"], at, past).figure
        since = None if plan is None else in_force_since(self._catalogue.tariffs.get(plan.i_tariff), plan)
        party = self._names.get((KINDS[row["storage"]], self._party(row)))
        paid = f", paid by {party.payer}" if party is not None and party.payer else ""
        return PartyCharge(
            row["id"], f"{'reseller' if row['storage'] == 'c' else KINDS[row['storage']]} {party.name if party is not None else self._party(row)}{paid}",
            plan.tariff if plan is not None else "", plan.currency if plan is not None else "", plan.prefix if plan is not None else "",
            None if since == BEGINNING else since, "" if plan is None else _price(plan), row["used_quantity"], row["charged_quantity"],
            () if again is None else tuple(Step(segment.text, segment.amount) for segment in again.charge.segments),
            None if again is None else again.charge.exact, "" if plan is None else f"{plan.rounding.value}, {plan.precision} decimals",
            rerating.charged_before(row["history"]), row["charged_amount"], row["overrun"], self._moved(row, party), kept is not None,
            None if again is None else again.figure, today if today != row["charged_amount"] else None,
        )  # fmt: skip

    def _kept_plan(self, row: dict[str, Any]) -> RatePlan | None:
        """The plan that the session kept of its start."""
        legs: tuple[Leg, ...] = () if self._session is None else tuple(leg for quota in self._session.quotas for leg in quota.legs)
        return next((leg.plan for leg in legs if leg.role.value == row["storage"] and leg.i_party == self._party(row)), None)

    def _past(self, row: dict[str, Any]) -> tuple[Stretch, ...]:
        """What discounts took off the use, as the session has it: of the account's charge alone."""
        if self._session is None or row["storage"] != "a":
            return ()
        return next((quota.past for quota in self._session.quotas if quota.rated == row["rating_pattern"]), ())

    def _unit(self, row: dict[str, Any]) -> int:
        if self._session is not None:
            return self._session.opened.unit
        service = self._catalogue.services.get(row["i_service"] or 0)
        return service.unit if service is not None else 1

    def _party(self, row: dict[str, Any]) -> int:
        return int(row[f"i_{KINDS[row['storage']]}"] or 0)

    def _name(self, kind: str, number: int | None) -> str:
        party = self._names.get((kind, number or 0))
        return party.name if party is not None else ""

    def _moved(self, row: dict[str, Any], party: Party | None) -> str:
        amount, currency = f"{row['charged_amount']:f}", party.currency if party is not None else ""
        name = (party.payer or party.name) if party is not None else ""
        if row["storage"] != "a":
            folded = "; not folded into it yet" if (row["storage"], self._party(row)) in self._waiting else ""
            return f"balance of {KINDS[row['storage']]} {name} +{amount} {currency} (owed){folded}"
        if row["billing_model"] == -1:
            return f"balance of account {name} -{amount} {currency} (money left)"
        return f"balance of account {name} and of customer {self._name('customer', row['i_customer'])} +{amount} {currency} each (owed)"


def _price(plan: RatePlan) -> str:
    first, further = f"{plan.interval_first} at {plan.price_first:f}", f"{plan.interval_n} at {plan.price_n:f}"
    fee = f", connect fee {plan.connect_fee:f}" if plan.connect_fee else ""
    return f"first {first}, next {further}, per {plan.price_per} units{fee}"
