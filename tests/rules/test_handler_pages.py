"""The operators' pages of handlers are there and current."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.pages import BEGIN, END
from tests.rules import handler_pages


class PageTests(SynchronousTestCase):
    """Pages of docs/handlers."""

    def test_pages(self) -> None:
        """Each handler has a page that says what an operator needs, and its tables are the handler's own."""
        self.assertEqual(handler_pages.faults(), [])

    def test_stale(self) -> None:
        """A page whose handler has changed is not current."""
        page = f"Title\n\n{BEGIN}\nold\n{END}\nmore\n"
        self.assertEqual(handler_pages.current(page, f"{BEGIN}\nnew\n{END}"), f"Title\n\n{BEGIN}\nnew\n{END}\nmore\n")
