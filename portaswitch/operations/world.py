"""The world as a load would leave it: what the file says, and below it what the database has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from portaswitch.model.loading import CatalogueFile, Entry, Known, Section, Stock

DEFAULTS: Final[Mapping[tuple[Section, str], str]] = {
    (Section.TARIFFS, "applied_to"): "customer",
    (Section.CUSTOMERS, "type"): "retail",
}
"""What a new thing is when the file does not say it; currencies have their own rule."""


class World:
    """Answers whether something exists and what is true of it, of the file first and else of the database."""

    def __init__(self, file: CatalogueFile, stock: Stock) -> None:
        self.file = file
        self.stock = stock
        self.entries = {section: {entry.name: entry for entry in file.of(section)} for section in Section}

    def known(self, section: Section, name: str) -> Known | None:
        """What the database has of that name."""
        return self.stock.get(section, {}).get(name)

    def exists(self, section: Section, name: str) -> bool:
        """Whether there will be something of that name."""
        return name in self.entries[section] or self.known(section, name) is not None

    def names(self, section: Section) -> list[str]:
        """All names of a section, for suggestions."""
        return [*self.entries[section], *self.stock.get(section, {})]

    def fact(self, section: Section, name: str | None, key: str) -> str | None:
        """
        What will be true of something under a key of the file; None when that can't be known, as it was
        refused or there is no such thing.
        """
        if name is None:
            return None
        entry, known = self.entries[section].get(name), self.known(section, name)
        if entry is not None and not entry.silent(key):
            return entry.text(key)
        if known is not None:
            return known.facts.get(key)
        if entry is None:
            return None
        return self._currency(section, entry) if key == "currency" else DEFAULTS.get((section, key))

    def _currency(self, section: Section, entry: Entry) -> str | None:
        """
        The currency of something new that names none: an account's is its customer's, everybody else's the
        environment's.
        """
        if section is Section.ACCOUNTS:
            return self.fact(Section.CUSTOMERS, entry.text("customer"), "currency")
        if section is Section.ENVIRONMENTS:
            return "USD"
        return self.fact(Section.ENVIRONMENTS, str(self.file.i_env), "currency")

    def parent(self, customer: str) -> str | None:
        """The customer above a customer."""
        return self.fact(Section.CUSTOMERS, customer, "parent") or None

    def accounts(self) -> Iterator[Entry]:
        """The accounts of the file that are no aliases."""
        return (entry for entry in self.file.of(Section.ACCOUNTS) if entry.silent("alias_of"))

    def inner(self, section: Section, key: str) -> Iterator[tuple[Entry, Entry]]:
        """Things inside things, each with the outer one."""
        return ((entry, part) for entry in self.file.of(section) for part in entry.parts(key))
