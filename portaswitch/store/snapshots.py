"""
`Subscriber`, the snapshot of an account that event handlers map, of a whole page of accounts in a dozen statements (DESIGN.md 5.5).

All of them see one state of the database (repeatable read). Sealed values are opened only where the handler needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.feature import CUSTOMER_RANKS, Attribute, Feature, Said, effective, flag_at
from portaswitch.model.money import ZERO
from portaswitch.model.party import BillStatus, least
from portaswitch.model.subscriber import Condition, Device, Party, Policy, Sim, Subscriber
from portaswitch.store import snapshots_sql as sql
from portaswitch.store.pool import Pool
from portaswitch.store.statements_features import KNOWN
from portaswitch.store.transaction import Cursor

Rows = list[tuple[Any, ...]]
Unseal = Callable[[bytes], str]
#: Accounts that are looked at, customers and SIM cards and products behind them.
Page = dict[str, Any]

ONE_STATE: Final = "set transaction isolation level repeatable read, read only"
#: Models whose balance is money left.
FULL: Final = frozenset({BillingModel.DEBIT, BillingModel.VOUCHER})
OFF: Final = frozenset({"", "N", "~", "^"})
SEALED: Final = ("ki", "opc", "pin", "puk")


async def read_snapshots(pool: Pool, unseal: Unseal, accounts: Sequence[int], needs: frozenset[str]) -> Mapping[int, Subscriber]:
    """These accounts as they are now, by number; those that are gone, and aliases, are left out. `needs`: see `EventHandler`."""

    async def body(cursor: Cursor) -> Mapping[int, Subscriber]:
        await cursor.execute(ONE_STATE)
        return await _read(cursor, unseal, accounts, needs)

    return await pool.transaction(body) if accounts else {}


async def _read(cursor: Cursor, unseal: Unseal, accounts: Sequence[int], needs: frozenset[str]) -> Mapping[int, Subscriber]:
    page: Page = {"accounts": list(accounts), "password": "password" in needs}
    rows = await cursor.query(sql.ACCOUNTS, page)
    addons = _grouped(await cursor.query(sql.ADDONS, page))
    sims = _grouped(await cursor.query(sql.SIMS, page))
    page["customers"] = sorted({row[3] for row in rows})
    page["sims"] = [sim[0] for listed in sims.values() for sim in listed]
    policies = {row[0]: _policy(row, addons) for row in rows}
    page["policies"] = sorted({number for number in policies.values() if number})
    page["products"] = sorted({row[14] for row in rows} | {addon[0] for listed in addons.values() for addon in listed})
    beside = _Beside(
        barred={row[0] for row in await cursor.query(sql.BARRED_ABOVE, page)},
        exceeded={row[0] for row in await cursor.query(sql.EXCEEDED, page)},
        services=_grouped(await cursor.query(sql.SERVICES, page)),
        policies={row[0]: _policy_of(row) for row in await cursor.query(sql.POLICIES, page)} if page["policies"] else {},
        chosen=policies,
        addons=addons,
        sims=sims,
        devices=_grouped(await cursor.query(sql.DEVICES, page)),
        aliases=_grouped(await cursor.query(sql.ALIASES, page)),
        dids=_grouped(await cursor.query(sql.DIDS, page)),
        follow_me=_grouped(await cursor.query(sql.FOLLOW_ME, page)),
        custom=_custom([*await cursor.query(sql.CUSTOM, page), *await cursor.query(sql.OF_RESELLERS, page)]),
        pushing={number for (number,) in await cursor.query(sql.PUSHING, page)},
        features=await _features(cursor, page),
        unseal=unseal,
        needs=needs,
    )
    return {row[0]: beside.subscriber(row) for row in rows}


def _grouped(rows: Iterable[tuple[Any, ...]]) -> dict[int, Rows]:
    """Rows by their first column, without it."""
    found: dict[int, Rows] = {}
    for first, *rest in rows:
        found.setdefault(first, []).append(tuple(rest))
    return found


def _custom(rows: Rows) -> dict[tuple[str, int], dict[str, str]]:
    found: dict[tuple[str, int], dict[str, str]] = {}
    for kind, number, name, value in rows:
        found.setdefault((kind, number), {})[name] = value
    return found


def _policy(row: tuple[Any, ...], addons: Mapping[int, Rows]) -> int:
    """The Internet access policy in force: that of the first add-on that has one, else the account's own, else the product's; 0: none."""
    own, of_product = row[15], row[16]
    return next((policy for _, _, policy in addons.get(row[0], ()) if policy), None) or own or of_product or 0


def _policy_of(row: tuple[Any, ...]) -> Policy:
    number, name, context, portal, down, up, listed = row
    facts = {"download_rate": down, "upload_rate": up, "pdn_context_id": context, "captive_portal": portal}
    attributes = {word: str(fact) for word, fact in facts.items() if fact is not None}
    return Policy(number, name, {**attributes, **dict(listed)})


async def _features(cursor: Cursor, page: Page) -> dict[int, dict[str, Said]]:
    """What holds of each feature for each account after inheritance (`model.feature.effective`), by account and feature."""
    owners = _grouped(await cursor.query(sql.OWNERS, page))
    asked = {kind: sorted({row[1] for listed in owners.values() for row in listed if row[0] == kind}) for kind in ("account", "customer", "site", "product")}
    values: dict[tuple[str, int], dict[int, tuple[str, ...]]] = {}
    for kind, number, attribute, listed in await cursor.query(sql.VALUES, asked):
        values.setdefault((kind, number), {})[attribute] = tuple(listed)
    known = [
        Feature(number, name, position, kind, tuple(Attribute(*one) for one in listed))
        for number, name, position, kind, listed in await cursor.query(KNOWN)
    ]
    return {account: {feature.name: _holds(feature, listed, values) for feature in known} for account, listed in owners.items()}


def _holds(feature: Feature, owners: Rows, values: Mapping[tuple[str, int], Mapping[int, tuple[str, ...]]]) -> Said:
    said = []
    for kind, number, flags, *_ in owners:
        of_owner = values.get((kind, number), {})
        said.append((kind, Said(kind, flag_at(flags, feature.position), {one.name: of_owner.get(one.number, ()) for one in feature.attributes})))
    above = said[1:]
    return effective(said[0][1], [one for kind, one in above if kind not in CUSTOMER_RANKS], [one for kind, one in above if kind in CUSTOMER_RANKS])


class _Beside:
    """What stands beside the rows of a page of accounts, by account."""

    def __init__(self, **found: Any) -> None:
        self._found = found

    def subscriber(self, row: tuple[Any, ...]) -> Subscriber:
        """One account, from its row of `ACCOUNTS`."""
        number, i_env, account, i_customer, customer = row[:5]
        product, i_product = row[13:15]
        found = self._found
        addons = found["addons"].get(number, ())
        features = {name: said for name, said in found["features"].get(number, {}).items() if said.flag not in OFF}
        products = [i_product, *(addon[0] for addon in addons)]
        password = row[25]
        attributes = {name: {key: listed for key, listed in said.values.items() if listed} for name, said in features.items()}
        return Subscriber(
            i_account=number, i_env=i_env, id=account, i_customer=i_customer, customer=customer, conditions=self._conditions(row), product=product,
            i_product=i_product, addons=tuple(addon[1] for addon in addons), features=frozenset(features), attributes=attributes,
            services=frozenset(name for one in products for (name,) in found["services"].get(one, ())),
            policy=found["policies"].get(found["chosen"][number]), sim=self._sim(number),
            devices=tuple(_device(one) for one in found["devices"].get(number, ())), aliases=tuple(name for (name,) in found["aliases"].get(number, ())),
            dids=tuple(name for (name,) in found["dids"].get(number, ())),
            follow_me=tuple(name for (name,) in found["follow_me"].get(number, ())), custom_fields=found["custom"].get(("account", number), {}),
            customer_custom_fields=found["custom"].get(("customer", i_customer), {}), discount_plan=row[17], activation_date=row[18], expiration_date=row[19],
            language=row[20], time_zone=row[21], currency=row[22], person=_party(row[23]), owner=_party(row[24]),
            password="" if password is None else found["unseal"](password), push_events=not found["pushing"].isdisjoint(products),
            reseller_custom_fields=found["custom"].get(("reseller", i_customer), {}),
        )  # fmt: skip

    def _conditions(self, row: tuple[Any, ...]) -> frozenset[Condition]:
        number, i_customer, blocked, status, above = row[0], row[3], row[5], row[6], row[7]
        funds = _funds(row)
        found = {
            Condition.BLOCKED: blocked or i_customer in self._found["barred"],
            Condition.SUSPENDED: BillStatus.SUSPENDED in (status, above),
            Condition.NO_FUNDS: funds is not None and funds <= ZERO,
            Condition.QUOTA_EXCEEDED: number in self._found["exceeded"],
            Condition.CLOSED: BillStatus.CLOSED in (status, above),
        }
        return frozenset(condition for condition, holds in found.items() if holds)

    def _sim(self, account: int) -> Sim | None:
        for number, imsi, iccid, msisdn, hlr, kind, amf, *sealed in self._found["sims"].get(account, ()):
            secrets = {
                name: self._found["unseal"](value) for name, value in zip(SEALED, sealed, strict=True) if name in self._found["needs"] and value is not None
            }
            fields = self._found["custom"].get(("sim_card", number), {})
            return Sim(number, imsi, iccid or "", msisdn or "", hlr or "", kind, amf or "", **secrets, custom_fields=fields)
        return None


def _funds(row: tuple[Any, ...]) -> Decimal | None:
    """Gross funds of the account (DESIGN.md 3.6); None: no limit."""
    model, balance, limit, owed, customer_limit = row[8:13]
    if model in FULL:
        return Decimal(balance)
    return least(None if limit is None else limit - balance, None if customer_limit is None else customer_limit - owed)


def _device(row: tuple[Any, ...]) -> Device:
    i_ua, name, port, model, inventory, mac, ports, profile, settings, config = row
    told = {key: value if isinstance(value, str) else str(value) for key, value in settings.items()}
    return Device(i_ua, name, port, model, inventory or "", mac or "", ports, profile or "", told, config)


def _party(told: Mapping[str, Any]) -> Party:
    values: dict[str, Any] = {name: tuple(value) if name == "address" else value or "" for name, value in told.items()}
    return Party(**values)
