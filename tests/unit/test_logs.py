"""The billing log: lines, rotation and loss; background work; the server's own log."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel, capturedLogs, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.logs import KEYS, LOST, BillingLog, RotatingFile, background, log_to_file
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import WHOLE, Base, Decision, Facts, Grant, Origin, Parties
from tests.unit.builders import alive, auth, event, stop, unlock


class BillingLogTests(SynchronousTestCase):
    """One file."""

    def setUp(self) -> None:
        """In a folder of its own."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "billing.log"

    def log(self, **what: Any) -> BillingLog:
        """A log that is closed in the end."""
        made = BillingLog(self.path, **what)
        self.addCleanup(made.close)
        return made

    def test_line(self) -> None:
        """The fixed keys in their order."""
        log = self.log()
        log.line(alive(30), Decision((Grant(WHOLE, Base.TIME, 60),), None, Facts(i_account=101)), 0.0123456)
        log.line(auth(), Decision(refusal=Refusal.FUNDS_LOCKED), 0.5)
        log.line(unlock(), Decision((Grant(WHOLE, Base.TIME, None),)), 0)
        log.flush()
        first, second, third = (json.loads(line) for line in self.path.read_text().splitlines())
        self.assertEqual([tuple(line) for line in (first, second, third)], [KEYS] * 3)
        self.assertEqual(list(first.values())[1:], ["r1", "update", 1, "gw", "10086610975", 101, "s1", "82623634515", "6045550193", 30, 60, "ok", 0.012346])
        self.assertEqual(first["at"], "2026-03-09T12:00:30+00:00")
        self.assertEqual((second["account"], second["used"], second["granted"], second["result"]), (None, None, None, "funds_locked"))
        self.assertEqual((third["used"], third["granted"]), (None, None))

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=30))
    def test_any_text(self, text: str) -> None:
        """Whatever the network sends stays in its field and on its line; also half characters."""
        path = Path(self.mktemp())
        log = BillingLog(path)
        asked = replace(stop(1), session=text, parties=Parties(text, text, text), origin=Origin(7, 1, text))
        log.line(asked, Decision(), 0)
        log.flush()
        log.close()
        (line,) = path.read_text().split("\n")[:-1]
        told = json.loads(line)
        self.assertEqual([told[key] for key in ("node", "user", "session", "called", "calling")], [text] * 5)

    def test_no_path(self) -> None:
        """Without a file nothing is kept."""
        log = BillingLog(None)
        log.line(auth(), Decision(), 0)
        log.flush()
        log.close()
        self.assertEqual(log._lines, [])

    def test_turns(self) -> None:
        """Rotated by size, the oldest goes; no line is lost or doubled."""
        log = self.log(rotate=300, keep=3)
        for number in range(8):
            log.line(event(number), Decision(), 0)
            log.line(event(number), Decision(), 0)
            log.flush()
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["billing.log.1", "billing.log.2", "billing.log.3"])
        self.assertEqual({len(path.read_text().splitlines()) for path in self.folder.iterdir()}, {2})
        self.assertEqual(log.lost, 0)
        log.line(event(1), Decision(), 0)
        log.flush()
        self.assertEqual(len(self.path.read_text().splitlines()), 1)

    def test_appended(self) -> None:
        """A restart goes on in the same file; closing writes the rest."""
        for _ in range(2):
            log = BillingLog(self.path)
            log.line(auth(), Decision(), 0)
            log.close()
        self.assertEqual(len(self.path.read_text().splitlines()), 2)

    def test_lost(self) -> None:
        """What cannot be written is counted and stops nothing; when it can, it is written again."""
        self.path.mkdir()
        log = self.log()
        log.line(auth(), Decision(), 0)
        log.line(auth(), Decision(), 0)
        log.flush()
        self.assertEqual(log.lost, 2)
        self.path.rmdir()
        log.line(auth(), Decision(), 0)
        log.flush()
        self.assertEqual((log.lost, len(self.path.read_text().splitlines())), (2, 1))


class RotationTests(SynchronousTestCase):
    """A log file, and who moves, cuts or fills what is under it."""

    def setUp(self) -> None:
        """A file in a folder of its own, on a day of our choice."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "x.log"
        self.day = datetime.now(UTC).date()

    def file(self, rotate: int = 1000, keep: int = 3) -> RotatingFile:
        """The file, closed in the end."""
        made = RotatingFile(self.path, rotate, keep, lambda: self.day)
        self.addCleanup(made.close)
        return made

    def written(self) -> dict[str, str]:
        """What is in the folder."""
        return {path.name: path.read_text() for path in sorted(self.folder.iterdir()) if path.is_file()}

    def test_days(self) -> None:
        """The first line of another day begins a new file; so does that of a start on another day; the oldest goes."""
        log = self.file(keep=2)
        for number in range(4):
            log.write(f"{number}\n")
            self.day += timedelta(1)
        self.assertEqual(self.written(), {"x.log": "3\n", "x.log.1": "2\n", "x.log.2": "1\n"})
        log.close()
        os.utime(self.path, (0, 0))
        self.file(keep=2).write("4\n")
        self.assertEqual(self.written(), {"x.log": "4\n", "x.log.1": "3\n", "x.log.2": "2\n"})

    def test_same_day(self) -> None:
        """A start on the same day goes on in the same file, also after a night without a line of an empty file."""
        for text in ("1\n", "2\n"):
            log = self.file()
            log.write(text)
            log.close()
        self.assertEqual(self.written(), {"x.log": "1\n2\n"})

    def test_reopened(self) -> None:
        """After somebody moved it (logrotate, create) the next line is under its name, told by SIGHUP or not."""
        log = self.file()
        log.write("1\n")
        self.path.rename(self.folder / "moved")
        log.write("2\n")
        log.close()
        self.path.unlink()
        log.write("3\n")
        self.assertEqual(self.written(), {"moved": "1\n", "x.log": "3\n"})

    def test_truncated(self) -> None:
        """After copytruncate it goes on at the beginning, without a hole."""
        log = self.file()
        log.write("1\n")
        os.truncate(self.path, 0)
        log.write("2\n")
        self.assertEqual(self.path.read_bytes(), b"2\n")

    def test_full_disk(self) -> None:
        """Lines that the disk does not take are counted and told of once; the next that it takes stands on a line of its own."""
        log, before = self.file(), LOST.get("x.log")
        self.path.symlink_to("/dev/full")
        with capturedLogs() as events:
            for _ in range(3):
                log.write("1\n2\n")
        self.assertEqual((log.lost, LOST.get("x.log") - before), (6, 6))
        self.assertEqual([formatEvent(event).partition(":")[0].removeprefix(str(self.folder)) for event in events], ["/x.log can't be written"])
        self.path.unlink()
        self.path.write_text('{"cut')
        with capturedLogs() as events:
            log.write("3\n")
            log.write("4\n")
        self.assertEqual(self.path.read_text(), '{"cut\n3\n4\n')
        (event,) = events
        self.assertIn("6 lines were lost", formatEvent(event))

    def test_own_messages(self) -> None:
        """The server's log on a full disk: the message about it comes back to it, once, and nobody hangs or fails."""
        self.path.symlink_to("/dev/full")
        observers = list(globalLogPublisher._observers)
        out = log_to_file(self.path, "info", 1000, 3)
        self.addCleanup(out.close)
        for observer in list(globalLogPublisher._observers):
            if observer not in observers:
                self.addCleanup(globalLogPublisher.removeObserver, observer)
        Logger("portaswitch.test").info("one")
        Logger("portaswitch.test").info("two")
        self.assertEqual(out.lost, 3)


class ServerLogTests(SynchronousTestCase):
    """The server's own messages."""

    def test_background(self) -> None:
        """A failure nobody waits for is logged under what it was."""
        done: Deferred[None] = Deferred()
        background(done, "folding")
        done.errback(ValueError("broken"))
        (failure,) = self.flushLoggedErrors(ValueError)
        self.assertEqual(failure.getErrorMessage(), "broken")

    def test_file(self) -> None:
        """JSON lines of the level and above, with their keys."""
        path = Path(self.mktemp()).absolute()
        observers = list(globalLogPublisher._observers)
        log_to_file(path, "warn")
        for observer in list(globalLogPublisher._observers):
            if observer not in observers:
                self.addCleanup(globalLogPublisher.removeObserver, observer)
        log = Logger("portaswitch.test")
        log.info("small matters")
        log.warn("a packet from {host}", host="10.0.0.1")
        (line,) = path.read_text().splitlines()
        told = json.loads(line)
        self.assertEqual((told["host"], told["log_format"], told["log_level"]["name"]), ("10.0.0.1", "a packet from {host}", LogLevel.warn.name))
