"""Commands on a database that is a stand-in: what they ask, what they print, and their exit status."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.administration import (
    Audit,
    ClientLine,
    Difference,
    Exchange,
    Finding,
    OrphanLine,
    QuotaLine,
    SessionLine,
    TaskLine,
    XdrLine,
)
from portaswitch.cli import books, calls
from portaswitch.cli.command import Context
from portaswitch.cli.output import Output
from portaswitch.cli.program import parser

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
XDR = XdrLine(
    7, "a", "100", "39AE", "6045550193", "4420", AT, AT, 71, 72, Decimal("0.02367"), "72*1@0.02/60", False, 16
)
SESSION = SessionLine(
    "1/39AE", "100", "open", "Voice", "6045550193", "4420", 0, 300, Decimal("0.10"), AT, AT, AT
)
ACCOUNT = {"_id": 1, "id": "100", "customer": "Retail", "product": "Card", "model": "credit", "currency": "CAD", "balance": Decimal(1), "held": Decimal(0),
           "available": None, "effective_status": "ok", "aliases": ["200", "300"]}  # fmt: skip
TASK = TaskLine(9, "pod", "failed", 5, "nobody answered", AT, AT, AT)
GOOD = Audit((Finding("balances agree", 3, 0, ()),), 0, 0, 0)
BAD = Audit((Finding("balances agree", 3, 25, (Difference("account 100", "10", "9.5"),)),), 2, 3, 1)


class Books:
    """Stands in for Administration: gives what it was made with and keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[tuple[Any, ...]]()

    def __getattr__(self, name: str) -> Any:
        async def answer(*arguments: Any) -> Any:
            self.asked.append((name, *arguments))
            return self.answers[name]

        return answer


class CommandTests(SynchronousTestCase):
    """Each command once as a table and once as JSON."""

    def run_command(self, admin: Books, *words: str) -> tuple[int, str]:
        """Exit status and output of a command line."""
        asked = parser().parse_args(words)
        stream = io.StringIO()

        class Standing(Context):
            """A context whose database is the stand-in."""

            def administration(self) -> Any:
                """The stand-in, for `async with`."""

                @asynccontextmanager
                async def opened() -> AsyncIterator[Books]:
                    yield admin

                return opened()

        clock = Clock()
        context = Standing(clock, asked, Output(stream, asked.json), io.StringIO())
        running = Deferred.fromCoroutine(asked.run(context))
        clock.pump([0.25] * 20)
        return self.successResultOf(running), stream.getvalue()

    def test_xdr_list(self) -> None:
        """The columns of a list, and the defaults of what is asked."""
        admin = Books(xdrs=[XDR])
        status, text = self.run_command(admin, "xdr", "list", "--account", "100")
        self.assertEqual(status, 0)
        self.assertEqual(text.splitlines()[0].split("  ")[0], "id")
        self.assertIn("2026-01-31 12:00:00    71       72  0.02367  72*1@0.02/60", text)
        self.run_command(admin, "xdr", "list", "--failed", "--owner", "all", "--since", "2026-01-31")
        self.assertEqual(admin.asked[0], ("xdrs", "100", "", "a", False, 20, None, None))
        self.assertEqual(admin.asked[1], ("xdrs", "", "", "acv", True, 0, AT.replace(hour=0), None))

    def test_xdr_json(self) -> None:
        """One document, money as strings."""
        _, text = self.run_command(Books(xdrs=[XDR]), "xdr", "list", "--json")
        (line,) = json.loads(text)
        self.assertEqual(
            (line["id"], line["amount"], line["connect_time"]), (7, "0.02367", "2026-01-31T12:00:00+00:00")
        )

    def test_session_show(self) -> None:
        """Blanks of a session id need no quotes; its quota keys stand below it."""
        quota = QuotaLine("0.0", 0, 300, Decimal("0.10"), AT)
        admin = Books(session=(SESSION, [quota]), session_tasks=[TASK])
        _, text = self.run_command(admin, "session", "show", "39AE126B", "CD4D11DB")
        self.assertEqual(admin.asked, [("session", "39AE126B CD4D11DB"), ("session_tasks", SESSION.key)])
        self.assertIn("9  pod   failed         5  2026-01-31 12:00:00  nobody answered", text)
        self.assertIn("0.0           0      300  0.10  2026-01-31 12:00:00", text)
        _, text = self.run_command(admin, "session", "show", "x", "--json")
        document = json.loads(text)
        self.assertEqual((document["quota_keys"][0]["held"], document["tasks"][0]["i_task"]), ("0.10", 9))

    def test_session_disconnect(self) -> None:
        """What became of it in one line, status 0 only when the session has ended."""
        for task, status, told in (
            (replace(TASK, status="done", note=None), 0, "OK: the node confirmed it (Disconnect-ACK)"),
            (replace(TASK, status="done", note="Disconnect-NAK Error-Cause 503"), 0, "OK: Disconnect-NAK Error-Cause 503"),
            (TASK, 1, "FAILED: nobody answered"),
            (replace(TASK, status="expired", note=None), 1, "FAILED: expired"),
        ):
            admin = Books(session=(SESSION, []), disconnect=9, task=task)
            self.assertEqual(self.run_command(admin, "session", "disconnect", "1/x"), (status, told + "\n"))
        self.assertEqual(admin.asked[:2], [("session", "1/x"), ("disconnect", SESSION.key)])
        self.assertEqual(json.loads(self.run_command(admin, "session", "disconnect", "x", "--json")[1])["status"], "expired")

    def test_session_disconnect_pending(self) -> None:
        """When the wait is over it says whether anybody has tried."""
        for attempts, told in ((0, "nobody has sent it"), (2, "attempt 2: nobody answered; the server goes on trying")):
            admin = Books(session=(SESSION, []), disconnect=9, task=replace(TASK, status="pending", attempts=attempts))
            status, text = self.run_command(admin, "session", "disconnect", "x", "--wait", "2")
            self.assertEqual((status, text.split(":")[0]), (1, "PENDING after 2 s" if not attempts else "PENDING after 2 s, attempt 2"))
            self.assertIn(told, text)

    def test_session_disconnect_forced(self) -> None:
        """The session is made to expire, and waited for; its node is not asked."""
        for live, status, told in ((False, 0, "OK: closed in the books"), (True, 1, "PENDING after 1 s")):
            admin = Books(session=(SESSION, []), expire=None, is_live=live)
            found, text = self.run_command(admin, "session", "disconnect", "x", "--force", "--wait", "1")
            self.assertEqual((found, text.startswith(told), admin.asked[1]), (status, True, ("expire", SESSION.key)))

    def test_account_show(self) -> None:
        """What has no limit says so, in JSON it is null."""
        _, text = self.run_command(Books(operate=ACCOUNT), "account", "show", "100")
        self.assertIn("available         no limit", text)
        self.assertIn("aliases           200, 300", text)
        _, text = self.run_command(Books(operate=ACCOUNT), "account", "show", "100", "--json")
        self.assertIsNone(json.loads(text)["available"])

    def test_lists_tell_of_more(self) -> None:
        """A list that met its limit says how to see all."""
        _, text = self.run_command(Books(operate=[ACCOUNT] * 2), "account", "list", "--limit", "2")
        self.assertIn("--limit 0 shows all", text)
        _, text = self.run_command(Books(sessions=[SESSION]), "session", "list", "--last", "1")
        self.assertIn("--last 0 shows all", text)
        _, text = self.run_command(Books(sessions=[]), "session", "list")
        self.assertEqual(text, "no live sessions\n")

    def test_orphans(self) -> None:
        """Reports that wait for a decision, and one of them whole."""
        line = OrphanLine(17, AT, "it used more seconds than have passed", "stop", "100", "s1", "4420", "4294967295 session-time")
        admin = Books(orphans=[line], orphan={"id": 17, "why": "it used more seconds than have passed"})
        _, text = self.run_command(admin, "orphan", "list")
        self.assertIn("it used more seconds than have passed  stop", text)
        self.assertIn("4294967295 session-time", self.run_command(admin, "orphan", "list", "--last", "0", "--json")[1])
        self.assertIn("it used more", self.run_command(admin, "orphan", "show", "17")[1])
        self.assertEqual(admin.asked, [("orphans", 50), ("orphans", 0), ("orphan", 17)])
        self.assertTrue(self.run_command(Books(orphans=[]), "orphan", "list")[1].startswith("no usage waits"))

    def test_client_list(self) -> None:
        """Settings and what was seen; a word on clients that are exposed, or could be asked to sign."""
        free = ClientLine("192.0.2.1/32", "gw", "no", "no", False, "not required", AT, None, None)
        signing = ClientLine("192.0.2.2/32", None, "auto", "yes", False, "not required", AT, AT.replace(day=1), None)
        good = ClientLine("192.0.2.3/32", None, "auto", "yes", True, "required", AT, None, None)
        _, text = self.run_command(Books(clients=[free, signing, good]), "client", "list")
        lines = text.splitlines()
        self.assertEqual(len(lines), 6)
        self.assertIn("192.0.2.2/32  -     auto     yes    not required  2026-01-31 12:00:00  2026-01-01 12:00:00", text)
        self.assertTrue(lines[4].startswith("warning: 192.0.2.1/32 is open"))
        self.assertEqual(lines[5], "note: 192.0.2.2/32 signs: set require_message_authenticator: yes")
        _, text = self.run_command(Books(clients=[good]), "client", "list", "--json")
        self.assertEqual(json.loads(text)[0]["signed_since"], "2026-01-31T12:00:00+00:00")
        _, text = self.run_command(Books(clients=[]), "client", "list")
        self.assertTrue(text.startswith("no RADIUS clients"))

    def test_verify(self) -> None:
        """Status 0 and OK, or 1 and every difference that was found."""
        status, text = self.run_command(Books(audit=GOOD), "verify")
        self.assertEqual((status, text.splitlines()[-1]), (0, "OK: the books agree"))
        status, text = self.run_command(Books(audit=BAD), "verify")
        self.assertEqual((status, text.splitlines()[-1]), (1, "DIFFERS: 25 rows are not as they must be"))
        self.assertIn("differs: account 100: expected 10, found 9.5", text)
        self.assertIn("and 24 more", text)
        self.assertIn("2 uses of unknown accounts", text)
        status, text = self.run_command(Books(audit=BAD), "verify", "--json")
        self.assertEqual((status, json.loads(text)["ok"]), (1, False))


class TextTests(SynchronousTestCase):
    """The parts of commands that make text."""

    def test_exchange(self) -> None:
        """An exchange shows both packets, how long it took, and what is odd about the answer."""
        exchange = Exchange(
            "a", "Access-Request", (("User-Name", "x\x1b"),), "Access-Accept", (("A", "1"),), 0.0123, 2, False
        )
        text = "\n".join(calls.lines(exchange, 1))
        self.assertIn("User-Name = x\\x1b", text)
        self.assertIn("<- Access-Accept after 12.3 ms, sent 2 times, NOT signed", text)
        silent = Exchange("a", "Access-Request", (), None, (), None, None, False, "nobody")
        self.assertIn("<- nothing: nobody", "\n".join(calls.lines(silent, 1)))

    def test_samples(self) -> None:
        """Metrics with labels, escapes and large values; comments are left out."""
        page = '# HELP a text\na{b="x\\"y\\n",c="2"} 3\nd 1.5e+09\n'
        self.assertEqual(
            books.samples(page),
            [
                {"name": "a", "labels": {"b": 'x"y\n', "c": "2"}, "value": "3"},
                {"name": "d", "labels": {}, "value": "1.5e+09"},
            ],
        )
