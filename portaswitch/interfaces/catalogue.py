"""The catalogue in memory."""

from __future__ import annotations

from zope.interface import Interface

from portaswitch.model.catalogue import Catalogue


class ICatalogue(Interface):
    """Holds the newest compiled catalogue; swapped as a whole after a change."""

    def current() -> Catalogue:
        """The catalogue in force now; immutable, so a decision that began with it ends with it."""
