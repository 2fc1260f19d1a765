"""The billing log read by session and time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.administration.request_log import requests_of

AT = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def line(second: int, session: str = "s", env: int = 1) -> str:
    """A line as `logs.BillingLog` writes it."""
    return json.dumps({"at": (AT + timedelta(seconds=second)).isoformat(), "id": f"r{second}", "env": env, "session": session}, separators=(",", ":")) + "\n"


class RequestLogTests(SynchronousTestCase):
    """A log and one rotated file."""

    def setUp(self) -> None:
        """A folder of the test's own."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def found(self, since: int, until: int, session: str = "s") -> list[str]:
        """The ids of the lines of a session."""
        seconds = timedelta(seconds=since), timedelta(seconds=until)
        return [told["id"] for told in requests_of(self.folder, 1, session, AT + seconds[0], AT + seconds[1])]

    def test_none(self) -> None:
        """No log, an empty one, one of rubbish: nothing."""
        self.assertEqual(self.found(0, 10), [])
        for text in ("", "\n", "rubbish\n" * 5000, '{"at":"s'):
            (self.folder / "billing.log").write_text(text)
            self.assertEqual(self.found(0, 10), [])

    def test_halving(self) -> None:
        """In a log of many lines the same as line by line, across its rotation."""
        for name, seconds in (("billing.log.1", range(3000)), ("billing.log", range(3000, 6000))):
            text = "".join(line(second, "s" if second % 7 == 0 else f"other {second}") + line(second, env=2) for second in seconds)
            (self.folder / name).write_text(text)
        for since, until in ((0, 6000), (0, 20), (1400, 1500), (2990, 3010), (5990, 7000), (-50, -1), (6001, 7000)):
            wanted = [f"r{second}" for second in range(6000) if second % 7 == 0 and since <= second <= until]
            self.assertEqual(self.found(since, until), wanted)

    def test_all_that_are_kept(self) -> None:
        """Of fourteen old files, or as many as are kept, the oldest too; what somebody has packed is passed over."""
        for number in (1, 2, 14, 100):
            (self.folder / f"billing.log.{number}").write_text(line(1000 - number))
        (self.folder / "billing.log.3.gz").write_bytes(b"\x1f\x8b")
        (self.folder / "billing.log").write_text(line(1000))
        self.assertEqual(self.found(0, 1000), ["r900", "r986", "r998", "r999", "r1000"])

    def test_hostile_session(self) -> None:
        """A session id with quotes and escapes is found as it was written."""
        name = 'a"\\\n\x1bé'
        (self.folder / "billing.log").write_text(line(1, name) + line(2, "a"))
        self.assertEqual(self.found(0, 10, name), ["r1"])
