"""
The catalogue's rows, compiled into the immutable `Catalogue` and swapped as a whole.

Tariffs are compiled a page of rates a reactor turn, and only those that have changed (`store.catalogue_tariffs`; DESIGN.md 3.2: no turn over 20 ms).
A reload is asked for by NOTIFY and after a reconnect; several wishes while one runs make one more run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

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
    RatingEntry,
    Seen,
    Service,
    ServicePolicy,
)  # fmt: skip
from portaswitch.model.money import ZERO
from portaswitch.model.request import Base
from portaswitch.store.catalogue_discounts import discount_plans
from portaswitch.store.catalogue_policies import access_policies
from portaswitch.store.catalogue_tariffs import Tariffs
from portaswitch.store.pool import Pool
from portaswitch.store.transaction import Cursor, Row
from portaswitch.store.views import budget_of

T = TypeVar("T")

#: Rows in one turn: a millisecond or two.
PAGE: Final = 250
RELOADS = Counter("portaswitch_catalogue_reloads_total", "Compilations of the catalogue", ("result",))
RATES = Gauge("portaswitch_catalogue_rates", "Rates in the compiled catalogue")
#: The date of rates that were always in force.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

SERVICES = "select s.i_service, s.name, t.name, s.base, s.unit from services s join service_types t using (i_service_type)"
POLICIES = "select i_service_policy, protection, slice, minimum, max_units, idle_timeout, charge_every, top_rate from service_policies"
PRODUCTS = (
    "select i_product, name, currency, breakage, coalesce(i_access_policy, 0), substr(service_flags, 13, 1), "
    "(select v.value from service_attribute_values v where v.i_product = p.i_product and v.i_attribute = 23), coalesce(i_vd_plan, 0), "
    "spend_limit, spend_period from products p"
)
ENTRIES = (
    "select i_product, i_accessibility, i_service, coalesce(i_node, 0), access_code, i_tariff, coalesce(i_tariff_reseller, 0), i_service_policy "
    "from accessibility order by i_accessibility"
)
NODES = (
    "select i_node, i_env, name, host(nas_ip), nas_identifier, profile, coalesce(i_service, 0), dial_rules, zones, coalesce(host(coa_address), ''), "
    "coalesce(coa_port, 0), response_template, coalesce(i_ip_pool, 0), coalesce(origin_host, ''), coalesce(origin_realm, ''), require_tls, max_connections, "
    "coalesce(i_accounting_copy, 0) "
    "from nodes"
)
CLIENTS = (
    "select i_client, i_env, address::text, secret, coalesce(i_node, 0), require_message_authenticator, limit_proxy_state, ignore_password, "
    "seen_authenticator, seen_without, seen_proxy_state from radius_clients order by masklen(address) desc"
)
#: Of several at one address of an environment the last one counts: the oldest that has a tariff.
CONNECTIONS = (
    "select v.i_env, i_connection, i_vendor, coalesce(i_node, 0), host(remote_ip), coalesce(i_tariff, 0), v.timezone, v.currency "
    "from connections join vendors v using (i_vendor) where active and direction = 'to' and remote_ip is not null "
    "order by i_tariff is not null, i_connection desc"
)
EXCHANGE = (
    "select i_env, currency, into_currency, extract(epoch from greatest(effective_from, '1970-01-01'))::float8, rate from exchange_rates "
    "order by effective_from desc"
)


@implementer(ICatalogue)
class CatalogueStore:
    """Implements `ICatalogue` from the database."""

    _log = Logger()

    def __init__(self, pool: Pool, reactor: IReactorTime, unseal: Callable[[bytes], str], reseller_slack: Decimal = ZERO) -> None:
        self._pool, self._reactor, self._unseal, self._slack = pool, reactor, unseal, reseller_slack
        self._tariffs = Tariffs(pool, reactor)
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
        nodes = await self._paged(NODES, _node)
        clients = await self._paged(CLIENTS, self._client)
        connections = dict(await self._paged(CONNECTIONS, lambda row: ((row[0], row[4]), Connection(*row[1:]))))
        return Catalogue(
            0, services, await self._products(services), await self._tariffs.read(), {node.i_node: node for node in nodes},
            {(node.i_env, node.nas_ip): node for node in nodes if node.nas_ip},
            {(node.i_env, node.nas_identifier): node for node in nodes if node.nas_identifier}, connections, tuple(clients), await access_policies(self._pool),
            self._slack, await self._exchange(), await discount_plans(self._pool),
            {node.i_node: node.i_collector for node in nodes if node.i_collector},
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

        def add(row: Row) -> None:
            i_product, i_entry, i_service, i_node, code, i_tariff, i_reseller, i_policy = row
            policy = policies.get(i_policy) or DEFAULT_POLICIES[services[i_service].base]
            entries.setdefault(i_product, []).append(RatingEntry(i_entry, i_service, i_node, code, i_tariff, i_reseller, policy))

        await self._paged(ENTRIES, add)
        return dict(await self._paged(PRODUCTS, lambda row: (row[0], _product(row, tuple(entries.get(row[0], ()))))))

    async def _paged(self, select: str, make: Callable[[Row], T]) -> list[T]:
        """What `make` makes of the rows of a query, a page a reactor turn: there may be thousands, and requests wait meanwhile."""

        async def body(cursor: Cursor) -> list[T]:
            await cursor.execute(f"declare rows_to_compile no scroll cursor for {select}")
            made: list[T] = []
            while True:
                page = await cursor.query(f"fetch {PAGE} from rows_to_compile")
                made += map(make, page)
                if len(page) < PAGE:
                    return made
                await deferLater(self._reactor, 0)

        return await self._pool.transaction(body)

    def _client(self, row: tuple[Any, ...]) -> RadiusClient:
        i_client, i_env, address, secret, i_node, require, limit, ignore, *seen = row
        return RadiusClient(i_client, i_env, address, self._unseal(bytes(secret)).encode(), i_node, Observe(require), Observe(limit), ignore, Seen(*seen))


def _product(row: tuple[Any, ...], entries: tuple[RatingEntry, ...]) -> Product:
    i_product, name, currency, breakage, i_access_policy, barring, barred, i_vd_plan, limit, period = row
    return Product(i_product, name, currency, breakage, entries, i_access_policy, barring, tuple(barred or ()), i_vd_plan, budget_of(limit, period))


def _node(row: tuple[Any, ...]) -> Node:
    i_node, i_env, name, nas_ip, identifier, profile, i_service, dial_rules, zones, *rest = row
    rules = tuple(DialRule(rule["prefix"], rule["replace"]) for rule in dial_rules)
    return Node(i_node, i_env, name, nas_ip or "", identifier or "", profile, i_service, rules, zones, *rest)
