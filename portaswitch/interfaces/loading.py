"""The database as the catalogue loader sees it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.loading import CatalogueFile, Loaded, Stock

Check = Callable[[Stock], None]
"""
Compares the file with what the database has; raises when they do not fit. Called again when the transaction
has to be repeated.
"""

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what) as rows are written: `what` is the section."""


class ILoading(Interface):
    """Implemented by `store.loading.Loading` on PostgreSQL."""

    def load(file: CatalogueFile, check: Check, progress: Progress) -> Deferred[Loaded]:
        """
        Bring the database to what the file says, in one transaction; what the file does not name stays.

        `check` is called with what the database has, before anything is written; whatever it raises ends the
        load, and nothing has changed. Errors: `LoadError` (the database refuses), `DatabaseDown`.
        """

    def rehearse(file: CatalogueFile, check: Check, progress: Progress) -> Deferred[Loaded]:
        """What `load` would do: everything up to the first write. Errors as of `load`."""

    def migrate(file: CatalogueFile, check: Check, progress: Progress) -> Deferred[Loaded]:
        """As `load`; the totals are those of the database at the end of the transaction. Errors as of `load`."""
