"""
The catalogue's rows, compiled into the immutable `Catalogue` and swapped as a whole.

Rates are read in pages and compiled a page a reactor turn, so that 100,000 rates never keep the reactor from its packets (DESIGN.md 3.2: no turn over 20 ms).
A reload is asked for by NOTIFY and after a reconnect; several wishes while one runs make one more run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.logs import background
from portaswitch.metrics import Counter, Gauge
from portaswitch.model.catalogue import (
    DEFAULT_POLICIES,
    EMPTY,
    Catalogue,
    Connection,
    DialRule,
    Node,
    Observe,
    Product,
    Protection,
    RadiusClient,
    RatePlan,
    RatingEntry,
    Seen,
    Service,
    ServicePolicy,
    Tariff,
    Version,
)  # fmt: skip
from portaswitch.model.money import Rounding
from portaswitch.model.pricing import NO_TERMS, Figures, Pricing, Terms
from portaswitch.model.request import Base
from portaswitch.store.catalogue_policies import access_policies
from portaswitch.store.pool import Pool
from portaswitch.store.pricing import TERMS, WRONG, priced, terms_of

RELOADS = Counter("portaswitch_catalogue_reloads_total", "Compilations of the catalogue", ("result",))
RATES = Gauge("portaswitch_catalogue_rates", "Rates in the compiled catalogue")
PAGE = 2000

SERVICES = "select s.i_service, s.name, t.name, s.base, s.unit from services s join service_types t using (i_service_type)"
POLICIES = "select i_service_policy, protection, slice, minimum, max_units, idle_timeout, charge_every, top_rate from service_policies"
PRODUCTS = "select i_product, name, currency, breakage, coalesce(i_access_policy, 0) from products"
ENTRIES = (
    "select i_product, i_accessibility, i_service, coalesce(i_node, 0), access_code, i_tariff, coalesce(i_tariff_reseller, 0), i_service_policy "
    "from accessibility order by i_accessibility"
)
NODES = (
    "select i_node, i_env, name, host(nas_ip), nas_identifier, profile, coalesce(i_service, 0), dial_rules, zones, coalesce(host(coa_address), ''), "
    "coalesce(coa_port, 0), response_template, coalesce(i_ip_pool, 0) from nodes"
)
CLIENTS = (
    "select i_client, i_env, address::text, secret, coalesce(i_node, 0), require_message_authenticator, limit_proxy_state, ignore_password, "
    "seen_authenticator, seen_without, seen_proxy_state from radius_clients order by masklen(address) desc"
)
CONNECTIONS = (
    "select i_connection, i_vendor, coalesce(i_node, 0), host(remote_ip), coalesce(i_tariff, 0), v.timezone, v.currency "
    "from connections join vendors v using (i_vendor) where active and direction = 'to' and remote_ip is not null"
)
TARIFFS = f"select i_tariff, name, currency, i_service, precision, rounding, price_per, connect_fee, {TERMS} from tariffs"
EXCHANGE = (
    "select i_env, currency, into_currency, extract(epoch from greatest(effective_from, '1970-01-01'))::float8, rate from exchange_rates "
    "order by effective_from desc"
)
RATES_PAGE = (
    "select r.i_rate, r.i_tariff, d.prefix, r.i_dest, extract(epoch from greatest(r.effective_from, '1970-01-01'))::float8, r.discontinued, r.forbidden, "
    "r.interval_first, r.interval_n, r.price_first, r.price_n, r.connect_fee, r.off_peak, r.formula from rates r join destinations d using (i_dest) "
    "where r.i_rate > %s order by r.i_rate limit %s"
)

_log = Logger()

#: Versions of one tariff while it is compiled: by prefix.
Rates = dict[str, list[Version]]


@implementer(ICatalogue)
class CatalogueStore:
    """Implements `ICatalogue` from the database."""

    _log = Logger()

    def __init__(self, pool: Pool, reactor: IReactorTime, unseal: Callable[[bytes], str]) -> None:
        self._pool, self._reactor, self._unseal = pool, reactor, unseal
        self._current = EMPTY
        self._running: Deferred[None] | None = None
        self._wanted = False
        self.on_swap: list[Callable[[Catalogue], None]] = []
        RATES.read = lambda: sum(len(tariff.rates) for tariff in self._current.tariffs.values())

    def current(self) -> Catalogue:
        """See `ICatalogue.current`."""
        return self._current

    def reload(self) -> Deferred[None]:
        """Compile anew and swap; while one compilation runs, all further wishes are met by one more. Errors of the database keep the old catalogue."""
        if self._running is not None:
            self._wanted = True
        else:
            self._running = Deferred.fromCoroutine(self._reload())
        return self._settled()

    def _settled(self) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        if self._running is None:
            done.callback(None)
        else:
            background(self._running.addCallback(lambda _: done.callback(None)), "loading the catalogue")
        return done

    async def _reload(self) -> None:
        try:
            while True:
                self._wanted = False
                compiled = await self._compile()
                self._current = replace(compiled, generation=self._current.generation + 1)
                RELOADS.inc("ok")
                for swapped in self.on_swap:
                    swapped(self._current)
                if not self._wanted:
                    return
        except Exception as error:
            RELOADS.inc("failed")
            self._log.error("the catalogue could not be loaded, the old one stays: {error}", error=str(error).strip())
        finally:
            self._running = None

    async def _compile(self) -> Catalogue:
        services = {row[0]: Service(row[0], row[1], row[2], Base(row[3]), row[4]) for row in await self._pool.query(SERVICES)}
        nodes = [_node(row) for row in await self._pool.query(NODES)]
        clients = [self._client(row) for row in await self._pool.query(CLIENTS)]
        connections = {row[3]: Connection(*row) for row in await self._pool.query(CONNECTIONS)}
        return Catalogue(
            0, services, await self._products(services), await self._tariffs(), {node.i_node: node for node in nodes},
            {(node.i_env, node.nas_ip): node for node in nodes if node.nas_ip},
            {(node.i_env, node.nas_identifier): node for node in nodes if node.nas_identifier}, connections, tuple(clients), await access_policies(self._pool),
            await self._exchange(),
        )  # fmt: skip

    async def _exchange(self) -> dict[tuple[int, str, str], tuple[tuple[datetime, Decimal], ...]]:
        found: dict[tuple[int, str, str], tuple[tuple[datetime, Decimal], ...]] = {}
        for i_env, currency, into, since, rate in await self._pool.query(EXCHANGE):
            key = i_env, currency, into
            found[key] = (*found.get(key, ()), (datetime.fromtimestamp(since, UTC), rate))
        return found

    async def _products(self, services: dict[int, Service]) -> dict[int, Product]:
        policies = {row[0]: ServicePolicy(row[0], None if row[1] is None else Protection(row[1]), *row[2:]) for row in await self._pool.query(POLICIES)}
        entries: dict[int, list[RatingEntry]] = {}
        for i_product, i_entry, i_service, i_node, code, i_tariff, i_reseller, i_policy in await self._pool.query(ENTRIES):
            policy = policies.get(i_policy) or DEFAULT_POLICIES[services[i_service].base]
            entries.setdefault(i_product, []).append(RatingEntry(i_entry, i_service, i_node, code, i_tariff, i_reseller, policy))
        rows = await self._pool.query(PRODUCTS)
        return {row[0]: Product(row[0], row[1], row[2], row[3], tuple(entries.get(row[0], ())), row[4]) for row in rows}

    async def _tariffs(self) -> dict[int, Tariff]:
        heads = {row[0]: (*row[:8], _terms(row)) for row in await self._pool.query(TARIFFS)}
        rates: dict[int, Rates] = {i_tariff: {} for i_tariff in heads}
        last = 0
        while True:
            page = await self._pool.query(RATES_PAGE, (last, PAGE))
            for row in page:
                _rate(heads[row[1]], row, rates[row[1]])
            if len(page) < PAGE:
                break
            last = page[-1][0]
            await deferLater(self._reactor, 0)
        return {i_tariff: _tariff(head, rates[i_tariff]) for i_tariff, head in heads.items()}

    def _client(self, row: tuple[Any, ...]) -> RadiusClient:
        i_client, i_env, address, secret, i_node, require, limit, ignore, *seen = row
        return RadiusClient(i_client, i_env, address, self._unseal(bytes(secret)).encode(), i_node, Observe(require), Observe(limit), ignore, Seen(*seen))


def _node(row: tuple[Any, ...]) -> Node:
    i_node, i_env, name, nas_ip, identifier, profile, i_service, dial_rules, zones, *rest = row
    rules = tuple(DialRule(rule["prefix"], rule["replace"]) for rule in dial_rules)
    return Node(i_node, i_env, name, nas_ip or "", identifier or "", profile, i_service, rules, zones, *rest)


def _rate(head: tuple[Any, ...], row: tuple[Any, ...], rates: Rates) -> None:
    i_tariff, name, currency, _, precision, rounding, price_per, connect_fee, terms = head
    i_rate, _, prefix, i_dest, effective, discontinued, forbidden, first, further, price_first, price_n, fee, off_peak, formula = row
    plan = None
    try:
        pricing = None if terms is None else _pricing(terms, off_peak, formula, Figures(first, further, price_first, price_n))
    except WRONG as error:
        _log.error("rate {prefix} of tariff {name} is forbidden, its formula is wrong: {error}", prefix=prefix, name=name, error=str(error))
        terms = pricing = None
    if not discontinued:
        plan = RatePlan(
            i_tariff, name, currency, i_rate, i_dest, prefix, first, further, price_first, price_n, price_per, connect_fee if fee is None else fee, precision,
            Rounding(rounding), forbidden or terms is None, pricing=pricing,
        )  # fmt: skip
    rates.setdefault(prefix, []).append(Version(datetime.fromtimestamp(effective, UTC), plan))


def _terms(head: tuple[Any, ...]) -> Terms | None:
    """None where they can't be read: one wrong row must not keep the catalogue from being loaded, and a price that nobody knows is charged to nobody."""
    try:
        return terms_of(head[8:])
    except WRONG as error:
        _log.error("all rates of tariff {name} are forbidden, its period or portions are wrong: {error}", name=head[1], error=str(error))
        return None


def _pricing(terms: Terms, off_peak: Any, formula: str | None, peak: Figures) -> Pricing | None:
    return None if terms is NO_TERMS and formula is None else priced(terms, off_peak, formula, peak)


def _tariff(head: tuple[Any, ...], rates: Rates) -> Tariff:
    compiled = {prefix: tuple(sorted(versions, key=lambda version: version.effective_from, reverse=True)) for prefix, versions in rates.items()}
    return Tariff(head[0], head[1], head[2], head[3], compiled, max(map(len, compiled), default=0))
