"""Name and password that a vendor refuses: every request would be, so the handler stops, and what waits stays."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.handler import NO_RECORD, EventHandler, HttpTarget
from tests.contract.handler_contract import configured, play
from tests.contract.vendor_answers import EXAMPLES
from tests.rules.handler_pages import shipped


def logs_in(handler: EventHandler) -> bool:
    """Whether its requests carry a name and a password, or a secret, of HTTP."""
    return handler.name not in EXAMPLES and any(isinstance(target, HttpTarget) and target.auth is not None for target in handler.reach().values())


class RefusalTests(SynchronousTestCase):
    """All shipped handlers with a log-in by HTTP."""

    def test_stopped(self) -> None:
        """401 (RFC 9110 15.5.2), at the first request of whatever event has one."""
        handlers = [handler for handler in map(configured, shipped()) if logs_in(handler)]
        self.assertGreater(len(handlers), 12)
        for handler in handlers:
            told = [play(handler, type, "full", "unauthorized", NO_RECORD) for type in handler.events]
            ends = {end if isinstance(end, str) else end.verdict.name for end, sent in told if sent}
            self.assertEqual(ends, {"HandlerStopped"}, handler.name)
