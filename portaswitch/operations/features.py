"""
Service features of accounts, customers, sites and products (PORTABILLING.md a.10): listed with what holds in the end, and set.

    account feature set 16045550101 call_barring --flag Y --attributes 'prefixes=900,976'

What an owner says is one letter of its service_flags and rows of values. Both are changed in place under the owner's lock: a cleared attribute keeps its row
without values, so that events tell what it was and what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.feature import (
    CUSTOMER_RANKS,
    INHERITED,
    NOTHING,
    ON,
    OWN_CHOICE,
    SECRET,
    Attribute,
    Feature,
    Said,
    Values,
    effective,
    flag_at,
    flag_faults,
    flags_with,
    read_values,
    shown,
)
from portaswitch.model.operation import Entity, Field, Mark, NotPermitted, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import FLAG, NAME, TextKind
from portaswitch.operations.entities_catalogue import PRODUCT
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER, SITE
from portaswitch.operations.records import key_fields, the

STATIC_IP: Final = "netaccess_static_ip"
COLUMNS: Final = ("feature", "effective_flag", "from", "flag", "locked", "effective_attributes", "attributes")


def _letter(text: str) -> str:
    if len(text) != 1 or not (text.isascii() and text.isprintable()):
        raise ValueError("is no flag: write Y, N, ~ (as the product says), ^ (as the customer says), or the letter of a mode; null says nothing")
    return text


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name or name in found or not value.isprintable() or len(value) > 4096:
            raise ValueError("is no list of attributes: write NAME=VALUE, several with ; between them, each name once; values of one with commas")
        found[name] = value
    return found


LETTER: Final = TextKind("Y, N, ~, ^, or a mode", _letter)
ATTRIBUTES: Final = TextKind("NAME=VALUE,...; NAME=...", _attributes)
WHICH: Final = Field("feature", "name of the feature", NAME, frozenset({Mark.PLACE, Mark.REQUIRED}))


@dataclass(frozen=True, slots=True)
class _Owner:
    """One who says something of features: its number, how people call it, its service_flags, values by i_attribute, and the features that it has locked."""

    kind: str
    number: int
    name: str
    flags: str
    values: Mapping[int, tuple[str, ...]]
    locks: frozenset[int]

    def said(self, feature: Feature) -> Said:
        values = {one.name: self.values.get(one.number, ()) for one in feature.attributes}
        return Said(f"{self.kind} {self.name}", flag_at(self.flags, feature.position), values)


Owners = Sequence[_Owner]
"""Who is asked, the owner itself first."""


async def known(work: IWork) -> list[Feature]:
    """All features."""
    rows = await work.ask("feature.known", {})
    return [Feature(number, name, place, kind, tuple(Attribute(*one) for one in listed)) for number, name, place, kind, listed in rows]


async def _owners(work: IWork, kind: str, number: int) -> Owners:
    rows = await work.ask(f"{kind}.feature_owners", {"number": number})
    if not rows:
        raise OperationRefused([f"the {kind} is an alias: its features are those of its account"])
    asked = {each: [row[1] for row in rows if row[0] == each] for each in ("account", "customer", "site", "product")}
    values: dict[tuple[str, int], dict[int, tuple[str, ...]]] = {}
    for each, owner, attribute, listed in await work.ask("feature.values", asked):
        values.setdefault((each, owner), {})[attribute] = tuple(listed)
    locks: dict[tuple[str, int], set[int]] = {}
    for each, owner, feature in await work.ask("feature.locks", asked):
        locks.setdefault((each, owner), set()).add(feature)
    return [
        _Owner(each, owner, name, flags, values.get((each, owner), {}), frozenset(locks.get((each, owner), ()))) for each, owner, name, flags, *_ in rows
    ]


def _told(feature: Feature, owners: Owners) -> dict[str, Any]:
    """A feature for people: what the owner says, and what holds and by whom."""
    own = owners[0].said(feature)
    above = [(owner, owner.said(feature)) for owner in owners[1:]]
    customers = [said for owner, said in above if owner.kind in CUSTOMER_RANKS]
    holds = effective(own, [said for owner, said in above if owner.kind not in CUSTOMER_RANKS], customers) if above else own
    return {
        "feature": feature.name,
        "service": feature.service_type or None,
        "flag": own.flag or None,
        "effective_flag": holds.flag or None,
        "from": holds.by if holds.by and holds.flag else None,
        "locked": any(feature.number in owner.locks for owner in owners),
        "attributes": shown(feature.name, own.values),
        "effective_attributes": shown(feature.name, holds.values),
    }


async def _the(work: IWork, name: str) -> Feature:
    features = await known(work)
    found = next((feature for feature in features if feature.name == name), None)
    if found is None:
        raise NotThere([f"feature: there is no feature {name}; there are {', '.join(sorted(one.name for one in features))}"])
    return found


def _faults(feature: Feature, owner: _Owner, flag: str, given: Mapping[str, str]) -> tuple[Values, list[str]]:
    """The values that would be set, and everything that speaks against them."""
    found: dict[str, tuple[str, ...]] = {}
    faults = [f"flag: {reason}" for reason in flag_faults(feature, owner.kind, flag)]
    for name, text in given.items():
        attribute = feature.attribute(name)
        several = attribute is not None and attribute.multiple
        listed = [part.strip() for part in text.split(",") if part.strip()] if several else [text] if text else []
        try:
            found[name] = read_values(feature, name, listed)
        except ValueError as reason:
            faults.append(f"attributes: {name} {reason}")
    if flag in INHERITED and any(found.values()):
        faults.append("attributes: they count only where the flag is on: write --flag Y too")
    return found, faults


async def _static_faults(work: IWork, feature: Feature, owner: _Owner, flag: str, found: Values) -> list[str]:
    """An account's static address is in no pool, and stands only where the feature is on: what reads it asks for no flag."""
    if feature.name != STATIC_IP or owner.kind != "account":
        return []
    (address,) = found.get("address", owner.said(feature).values["address"]) or ("",)
    if not address:
        return []
    if flag != ON:
        return [f"flag: the account has the address {address}: take it away too (--attributes address=)"]
    pools = await work.ask("feature.pool", {"address": address})
    return [f"attributes: address {address} is in the pool {name}, which gives it to others" for (name,) in pools]


def _refuse_user(actor: Actor, feature: Feature, owners: Owners, values: Mapping[str, Any]) -> None:
    """Users set only what is theirs to choose and nobody has locked."""
    if not actor.in_self_care:
        return
    faults = [] if feature.name in OWN_CHOICE else [f"{feature.name}: you may not set it"]
    faults += [f"{feature.name}: it is locked by {owner.kind} {owner.name}" for owner in owners if feature.number in owner.locks]
    if "locked" in values:
        faults.append("locked: you may not set it")
    if faults:
        raise NotPermitted(faults)


async def _store(work: IWork, feature: Feature, owner: _Owner, flag: str, found: Values) -> None:
    flags = flags_with(owner.flags, feature.position, flag)
    if flag != flag_at(owner.flags, feature.position):
        await work.ask(f"{owner.kind}.feature_flags", {"number": owner.number, "flags": flags})
    for name, listed in found.items():
        attribute = feature.attribute(name)
        if attribute is None or listed == owner.values.get(attribute.number, ()):
            continue
        secret = (feature.name, name) in SECRET
        if secret and listed and await _is_kept(work, owner, attribute.number, listed[0]):
            continue
        sealed = work.seal(listed[0]) if secret and listed else None
        values = {"number": owner.number, "attribute": attribute.number, "value": [] if secret else list(listed), "sealed": sealed}
        if not await work.ask(f"{owner.kind}.feature_value", values):
            await work.ask(f"{owner.kind}.feature_first", values)


async def _is_kept(work: IWork, owner: _Owner, attribute: int, text: str) -> bool:
    """Whether a secret is the one that is kept: sealing it again would be a change, of which outside systems hear."""
    rows = await work.ask(f"{owner.kind}.feature_sealed", {"number": owner.number, "attribute": attribute})
    return bool(rows) and work.same_secret(rows[0][0], text)


def _of(entity: Entity) -> tuple[Operation, ...]:
    kind, keys = entity.name, key_fields(entity)
    one = f"an {kind}" if entity is ACCOUNT else f"a {kind}"

    async def listing(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        row = await the(work, entity, values)
        owners = await _owners(work, kind, row["_id"])
        return [_told(feature, owners) for feature in await known(work)]

    async def showing(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        row = await the(work, entity, values)
        return _told(await _the(work, values["feature"]), await _owners(work, kind, row["_id"]))

    async def setting(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        row = await the(work, entity, values, lock=True)
        _refuse_closed(kind, row)
        feature = await _the(work, values["feature"])
        owners = await _owners(work, kind, row["_id"])
        _refuse_user(actor, feature, owners, values)
        own = owners[0].said(feature)
        flag = (values["flag"] or NOTHING) if "flag" in values else own.flag
        found, faults = _faults(feature, owners[0], flag, values.get("attributes") or {})
        faults += await _static_faults(work, feature, owners[0], flag, found)
        if faults:
            raise OperationRefused(faults)
        await _store(work, feature, owners[0], flag, found)
        if "locked" in values:
            await work.ask(f"{kind}.feature_{'lock' if values['locked'] else 'unlock'}", {"number": row["_id"], "feature": feature.number})
        after = await _owners(work, kind, row["_id"])
        await work.note(f"{kind}.feature.set", f"{kind}:{row['_id']}", _audited(feature, owners[0]), _audited(feature, after[0], found))
        return _told(feature, after)

    how = (
        Field("flag", "what it says of the feature; null: nothing", LETTER),
        Field("attributes", "values of attributes; NAME= takes a value away", ATTRIBUTES),
        Field("locked", "end users may not change it", FLAG),
    )
    example = f"portaswitch {kind} feature set {' '.join(key.name.upper() for key in keys)} call_barring --flag Y --attributes 'prefixes=900,976'"
    privilege = entity.privilege if entity is PRODUCT else Privilege.SERVICE
    return (
        Operation(f"{kind}.feature.list", f"list the service features of {one}, and what holds for it", Privilege.READ, listing, keys, columns=COLUMNS),
        Operation(f"{kind}.feature.show", f"show one service feature of {one}", Privilege.READ, showing, (*keys, WHICH)),
        Operation(f"{kind}.feature.set", f"set a service feature of {one}", privilege, setting, (*keys, WHICH, *how), example, self_care=True),
    )


def _refuse_closed(kind: str, row: Row) -> None:
    if row.get("status") == "closed":
        raise OperationRefused([f"the {kind} is closed"])


def _audited(feature: Feature, owner: _Owner, changed: Values | None = None) -> dict[str, Any]:
    said = owner.said(feature)
    secret = {name: "changed" for name, text in shown(feature.name, changed or {}).items() if text == "(hidden)"}
    return {
        "feature": feature.name,
        "flag": said.flag or None,
        "locked": feature.number in owner.locks,
        **{f"{feature.name}.{name}": secret.get(name, text) for name, text in shown(feature.name, said.values).items()},
    }


OPERATIONS: Final = tuple(operation for entity in (ACCOUNT, CUSTOMER, SITE, PRODUCT) for operation in _of(entity))
