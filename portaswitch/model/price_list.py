"""
The rates of one tariff in little memory: some fifty octets a rate, where a `RatePlan` a rate would take seven hundred.

    prefixes    "1"  "1604"  "1604555"  "44" ...        sorted, 16 of them in one text: a million objects would take a long turn to free
    parents      -     0        1         -             the next shorter prefix that has rates, or none (-1)
    versions     one row or more a prefix, the newest first: id, destination, date, and the number of its terms

The longest prefix of a number is the last one that is not greater, or one of its parents. Price lists have few different prices: rows that cost the same share
their terms. The plan of a row is made when it is first used.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from portaswitch.model import price_terms, pricing
from portaswitch.model.catalogue import RatePlan, Tariff, Version
from portaswitch.model.money import Rounding
from portaswitch.model.pricing import Pricing

DISCONTINUED = -1
"""In the place of a row's terms: there is no rate from its date on."""

NONE = -1
TOGETHER = 16
"""Prefixes in one text."""
SEPARATOR = "\0"
"""What no text of PostgreSQL holds."""

WRONG_PRICING = Pricing()
"""Of rates whose pricing can't be read; they are forbidden."""

MOST_PLANS = 20_000
"""Plans, and versions by prefix, that are kept made; when there are more, all are made anew as they are used."""


class Terms(NamedTuple):
    """What rates that cost the same have in common; `connect_fee` None: the tariff's; `more`: figures of other levels of the day and formula, as JSON."""

    interval_first: int
    interval_n: int
    price_first: Decimal
    price_n: Decimal
    connect_fee: Decimal | None
    forbidden: bool
    more: str = ""

    @classmethod
    def read(cls, text: str) -> Terms:
        """From the fields in one text, as the database writes them: `60 6 0.10 0.05 - f`, and a JSON document behind them or none."""
        first, further, price_first, price_n, fee, forbidden, *more = text.split(" ", 6)
        return cls(
            int(first), int(further), Decimal(price_first), Decimal(price_n), None if fee == "-" else Decimal(fee), forbidden == "t", "".join(more)
        )  # fmt: skip


class Head(NamedTuple):
    """What a tariff itself says, as `store.catalogue_tariffs` reads it."""

    i_tariff: int
    name: str
    currency: str
    i_service: int
    precision: int
    rounding: str
    price_per: int
    connect_fee: Decimal
    revision: int
    terms: tuple[Any, ...] = ()


class PriceList(Mapping[str, tuple[Version, ...]]):
    """
    All versions of all rates of one tariff. It is filled by `add` in the order of the prefixes (by code point), of one prefix the newest version first, and
    not changed once it is in a catalogue.
    """

    def __init__(self, head: Head) -> None:
        self._head, self._rounding = head, Rounding(head.rounding)
        self._heads: list[str] = []
        self._pages: list[str] = []
        self._last: list[str] = []
        self._lengths, self._parents, self._begins = array("B"), array("i"), array("i")
        self._ids, self._destinations, self._since, self._terms = array("q"), array("q"), array("d"), array("i")
        self._numbers: dict[str, int] = {}
        self._distinct: list[Terms] = []
        self._pricings: list[Pricing | None] = []
        self.wrong: list[str] = []
        self._tariff = self._read_terms(head)
        self._plans: dict[int, RatePlan] = {}
        self._versions: dict[str, tuple[Version, ...]] = {}
        self._newest = ""
        self.longest = 0

    def add(self, prefix: str, i_rate: int, i_dest: int, since: float, terms: str | None) -> None:
        """One more version of a rate, in force from `since` (seconds since 1970, UTC) on `terms` (see `Terms.read`); None: discontinued from then."""
        if not self._lengths or self._newest != prefix:
            self._add_prefix(prefix)
        self._ids.append(i_rate)
        self._destinations.append(i_dest)
        self._since.append(since)
        self._terms.append(DISCONTINUED if terms is None else self._number(terms))

    def _add_prefix(self, prefix: str) -> None:
        at = len(self._lengths) - 1
        # The longest one that it begins with is on the way up from the last one, as they come sorted.
        while at >= 0 and not (self._lengths[at] <= len(prefix) and self._newest[: self._lengths[at]] == prefix[: self._lengths[at]]):
            at = self._parents[at]
        self._parents.append(at)
        self._begins.append(len(self._ids))
        self._lengths.append(len(prefix))
        if len(self._last) == TOGETHER:
            self._pages.append(SEPARATOR.join(self._last))
            self._last = []
        if not self._last:
            self._heads.append(prefix)
        self._last.append(prefix)
        self._newest = prefix
        self.longest = max(self.longest, len(prefix))

    def _page(self, number: int) -> list[str]:
        return self._pages[number].split(SEPARATOR) if number < len(self._pages) else self._last

    def _place(self, text: str) -> tuple[int, str]:
        """The place of the last prefix that is not greater than `text`, and the prefix; -1 where all are."""
        page = bisect_right(self._heads, text) - 1
        if page < 0:
            return NONE, ""
        prefixes = self._page(page)
        within = bisect_right(prefixes, text) - 1
        return page * TOGETHER + within, prefixes[within]

    def _number(self, terms: str) -> int:
        number = self._numbers.get(terms)
        if number is None:
            number = self._numbers[terms] = len(self._distinct)
            read = Terms.read(terms)
            beyond = self._pricing(read)
            self._distinct.append(read if self._tariff is not None and beyond is not WRONG_PRICING else read._replace(forbidden=True))
            self._pricings.append(beyond)
        return number

    def _read_terms(self, head: Head) -> pricing.Terms | None:
        """
        None where they can't be read, and then all rates are forbidden: one wrong row must not keep the catalogue from being loaded, and a price that nobody
        knows is charged to nobody. What is wrong stands in `wrong`.
        """
        try:
            return price_terms.terms_of(head.terms) if head.terms else pricing.NO_TERMS
        except price_terms.WRONG as error:
            self.wrong.append(f"its period or portions are wrong: {error}")
            return None

    def _pricing(self, read: Terms) -> Pricing | None:
        if self._tariff is None or (self._tariff is pricing.NO_TERMS and not read.more):
            return None
        try:
            off_peak, formula = json.loads(read.more) if read.more else (None, None)
            peak = pricing.Figures(read.interval_first, read.interval_n, read.price_first, read.price_n)
            return price_terms.priced(self._tariff, off_peak, formula, peak)
        except price_terms.WRONG as error:
            self.wrong.append(f"{self._newest}: its formula or off-peak prices are wrong: {error}")
            return WRONG_PRICING

    def find(self, number: str, at: datetime) -> RatePlan | None:
        """The plan of the longest prefix of `number` that is in force at `at`; None when there is none."""
        place, nearest = self._place(number)
        if place == NONE:
            return None
        lengths, parents, since, moment = self._lengths, self._parents, self._since, at.timestamp()
        while place >= 0:
            prefix = nearest[: lengths[place]]
            if number.startswith(prefix):
                for row in self._rows(place):
                    if since[row] <= moment:
                        if self._terms[row] != DISCONTINUED:
                            return self._plans.get(row) or self._plan(prefix, row)
                        break
            place = parents[place]
        return None

    def _rows(self, place: int) -> range:
        begins = self._begins
        return range(begins[place], begins[place + 1] if place + 1 < len(begins) else len(self._ids))

    def _plan(self, prefix: str, row: int) -> RatePlan:
        """The plan of a row: the same object as long as it is kept, by which others know it again."""
        plan = self._plans.get(row)
        if plan is None:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
                self._versions.clear()
            head, terms = self._head, self._distinct[self._terms[row]]
            plan = self._plans[row] = RatePlan(
                head.i_tariff, head.name, head.currency, self._ids[row], self._destinations[row], prefix, terms.interval_first, terms.interval_n,
                terms.price_first, terms.price_n, head.price_per, head.connect_fee if terms.connect_fee is None else terms.connect_fee, head.precision,
                self._rounding, terms.forbidden, pricing=self._pricings[self._terms[row]],
            )  # fmt: skip
        return plan

    def __getitem__(self, prefix: str) -> tuple[Version, ...]:
        versions = self._versions.get(prefix)
        if versions is None:
            versions = self._made(prefix)
            if len(self._versions) >= MOST_PLANS:
                self._versions.clear()
            self._versions[prefix] = versions
        return versions

    def _made(self, prefix: str) -> tuple[Version, ...]:
        place, found = self._place(prefix)
        if place < 0 or found != prefix:
            raise KeyError(prefix)
        return tuple(
            Version(datetime.fromtimestamp(self._since[row], UTC), None if self._terms[row] == DISCONTINUED else self._plan(prefix, row))
            for row in self._rows(place)
        )

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._heads)):
            yield from self._page(number)

    def __len__(self) -> int:
        return len(self._lengths)


class ListedTariff(Tariff):
    """A tariff whose `rates` are a price list, which finds by bisection what `Tariff.find` looks for length by length."""

    __slots__ = ()

    def find(self, number: str, at: datetime) -> RatePlan | None:
        """See `Tariff.find`."""
        prices = cast(PriceList, self.rates)
        return prices.find(number, at) or prices.find("|", at)
