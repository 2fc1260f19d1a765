"""EventSender: from the event queue to receivers over HTTP, which are Twisted's own servers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from portaswitch.espf.internal.event_sender import SENDER
from portaswitch.espf.options import Reading
from portaswitch.espf.reports import AttemptLog, Digest, Redaction
from portaswitch.espf.runner import Runner, Work
from portaswitch.espf.wires import Wires
from portaswitch.logs import LineFile
from portaswitch.transports import transport
from tests.claims import claims
from tests.server.pools import pause, until
from tests.server.provisioning import event, handler, statuses
from tests.server.test_event_queue import QueueCase
from tests.server.test_event_runner import now

_reactor: Any = reactor
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OTHER = "whsec_" + base64.b64encode(b"fedcba98765432100123456789").decode()


class Receiver(Resource):
    """An application: it remembers what comes, and answers with the next of `codes` (200 when there are no more, 0: never)."""

    isLeaf = True

    def __init__(self, codes: Iterable[int] = (), hold: bool = False) -> None:
        Resource.__init__(self)
        self.codes, self.hold = list(codes), hold
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.open: list[Request] = []
        self.pause = ""

    def render_POST(self, request: Request) -> Any:
        """Remember and answer."""
        headers = {name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()}
        self.came.append((headers, request.content.read() if request.content else b""))
        code = self.codes.pop(0) if self.codes else 200
        if self.hold or not code:
            self.open.append(request)
            return NOT_DONE_YET
        request.setResponseCode(code)
        if code == 429 and self.pause:
            request.setHeader(b"retry-after", self.pause.encode())
        if code in (301, 307):
            request.setHeader(b"location", b"/elsewhere")
        return b"OK"

    @property
    def bodies(self) -> list[Any]:
        """What came."""
        return [json.loads(body) for _, body in self.came]

    @property
    def events(self) -> list[int]:
        """The i_event of each."""
        return [int(body["variables"]["i_event"]) for body in self.bodies]


class WebhookCase(QueueCase):
    """Runs instances of EventSender."""

    timeout = 180

    async def make(self) -> None:
        """The queue, and where attempts are logged."""
        await super().make()
        self.path = Path(mkdtemp()) / "provisioning.log"
        self.log = AttemptLog(LineFile(self.path, 1_000_000, 2, 10_000), now)
        self.digest = Digest("a@example.com", "ops@example.com", lambda message: Deferred(), now)

    async def receiver(
        self, number: int, subscribed: tuple[str, ...], codes: Iterable[int] = (), hold: bool = False, **options: Any
    ) -> tuple[Receiver, Runner]:
        """A receiver, and the runner of the instance that sends to it."""
        resource = Receiver(codes, hold)
        port = _reactor.listenTCP(0, Site(resource), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        await handler(self.db, number, f"receiver{number}", "EventSender")
        await self.events.hold(number, 30)
        await self.db.execute("insert into event_subscriptions (i_handler, event_type) select %s, unnest(%s)", (number, list(subscribed)))
        url = f"http://127.0.0.1:{port.getHost().port}/hook"
        reading = Reading(SENDER, {"url": url, "allow_private": True, "retry_first": 60, "seconds": 10, **options})
        self.assertEqual(reading.faults, [])
        sender = SENDER.configured(reading.values)
        wire = transport(_reactor, f"receiver{number}", sender.reach()[""], reading.values)
        self.addCleanup(wire.close)
        (row,) = [row for row in await self.events.handlers() if row.i_handler == number]
        parallel = reading.values["parallel"] or sender.reach()[""].parallel
        runner = Runner(
            row, Work(sender, Wires(sender, {"": wire}, now, _reactor.seconds), parallel, reading.retries, Redaction(reading.secrets)), self.events,
            _reactor, self.log, self.digest, now,
        )  # fmt: skip
        self.addCleanup(lambda: Deferred.fromCoroutine(runner.stop()))
        return resource, runner

    async def passed(self, runner: Runner) -> None:
        """A pass of the runner, until nothing is under way and what ended is written."""
        await runner.run()
        await until(lambda: not runner.under_way and runner._kicked is None and runner._passing is None, "the runner's rest")

    async def due(self) -> None:
        """Let time pass for what waits for its next attempt."""
        await self.db.execute("update event_notifications set next_try = now()")

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that comes soon."""
        await until(holds)


class BodyTests(WebhookCase):
    """What is sent."""

    @claims("webhooks.1", "webhooks.6")
    async def test_standard(self) -> None:
        """A POST with JSON: type, i_event and the event's variables in the guide's order, all as text; 200 ends it."""
        told = {"curr_id": "2", "prev_id": "1", "i_account": 101, "i_env": 1}
        receiver, runner = await self.receiver(11, ("Account/ID/Changed",))
        number = await event(self.db, "Account/ID/Changed", "account:101", 11, variables=told)
        await self.passed(runner)
        headers, body = receiver.came[0]
        expected = f'{{"event_type":"Account/ID/Changed","variables":{{"i_event":"{number}","i_env":"1","i_account":"101","prev_id":"1","curr_id":"2"}}}}'
        self.assertEqual(body.decode(), expected)
        self.assertEqual(headers["content-type"], "application/json")
        await self.passed(runner)
        self.assertEqual((await statuses(self.db))[number, 11], "done")
        self.assertEqual(len(receiver.came), 1)

    @claims("webhooks.2", "webhooks.3", "webhooks.4")
    async def test_versions(self) -> None:
        """Each receiver has its version: the same events standard for one, simplified for another, which hears nothing of those that have no simple form."""
        types = ("Account/New", "Account/ID/Changed", "Customer/Status/Closed", "DID/New", "Invoice/New", "AccessPolicy/Changed")
        variables: list[tuple[str, str, dict[str, Any]]] = [
            ("Account/New", "account:101", {"i_env": 1, "i_account": 101}),
            ("Account/ID/Changed", "account:102", {"i_env": 1, "i_account": 102, "prev_id": "a", "curr_id": "b"}),
            ("Customer/Status/Closed", "customer:4", {"i_env": 1, "i_customer": 4}), ("DID/New", "did:442012345678", {"i_env": 1, "number": "442012345678"}),
            ("Invoice/New", "customer:5", {"i_env": 1, "i_customer": 5, "invoice_number": 7, "amount_net": "1.00"}),
            ("AccessPolicy/Changed", "access_policy:7", {"i_env": 1, "i_access_policy": 7}),
        ]  # fmt: skip
        standard, first = await self.receiver(11, types)
        simple, second = await self.receiver(12, types, api_version=2)
        numbers = [await event(self.db, kind, entity, 11, 12, variables=told) for kind, entity, told in variables]
        await first.run()
        await second.run()
        await self.until(lambda: len(standard.came) == 6 and len(simple.came) == 5)
        self.assertEqual({body["event_type"] for body in standard.bodies}, set(types))
        told_simply = {int(body["variables"].pop("i_event")): (body["event_type"], body["variables"]) for body in simple.bodies}
        self.assertEqual(
            [told_simply.get(number) for number in numbers],
            [("Subscriber/Created", {"i_account": "101"}), ("Subscriber/Updated", {"i_account": "102"}), ("Customer/Deleted", {"i_customer": "4"}),
             ("DID/Created", {"number": "442012345678"}), ("Invoice/Created", {"i_customer": "5"}), None],
        )  # fmt: skip

    @claims("webhooks.10")
    async def test_signed(self) -> None:
        """Every attempt is signed by each secret over id, time and body; the id stays the same; Basic and the receiver's own header are there too."""
        receiver, runner = await self.receiver(
            11, ("Account/New",), [500], secrets=[SECRET, OTHER], user="app", password="pass word", header="X-Key: 42"
        )
        number = await event(self.db, "Account/New", "account:101", 11, variables={"i_account": 101})
        await self.passed(runner)
        await self.due()
        await self.passed(runner)
        self.assertEqual(len(receiver.came), 2)
        for headers, body in receiver.came:
            self.assertEqual(headers["webhook-id"], f"evt_{number}")
            self.assertLess(abs(int(headers["webhook-timestamp"]) - time.time()), 60)
            content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in (SECRET, OTHER)]
            signed = [base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys]
            self.assertEqual(headers["webhook-signature"], " ".join(f"v1,{one}" for one in signed))
            self.assertEqual(base64.b64decode(headers["authorization"].removeprefix("Basic ")), b"app:pass word")
            self.assertEqual(headers["x-key"], "42")
        self.assertEqual(receiver.came[0][1], receiver.came[1][1])


class DeliveryTests(WebhookCase):
    """When, how often, in which order."""

    @claims("webhooks.5")
    async def test_again(self) -> None:
        """No answer in time, 5xx, 429 and a redirect's target that nobody asks: the same event comes again; 4xx end it for good."""
        receiver, runner = await self.receiver(11, ("Account/New",), [0, 503, 429, 200, 410], seconds=3)
        number = await event(self.db, "Account/New", "account:101", 11, variables={"i_account": 101})
        for attempt in range(1, 5):
            await self.due()
            await self.passed(runner)
            self.assertEqual(len(receiver.came), attempt)
        self.assertEqual(receiver.events, [number] * 4)
        self.assertEqual((await statuses(self.db))[number, 11], "done")
        refused = await event(self.db, "Account/New", "account:102", 11, variables={"i_account": 102})
        await self.passed(runner)
        self.assertEqual(len(receiver.came), 5)
        self.assertEqual((await statuses(self.db))[refused, 11], "dropped")

    async def test_redirect(self) -> None:
        """A redirect is followed by nobody: the event comes again to the same place."""
        receiver, runner = await self.receiver(11, ("Account/New",), [307])
        number = await event(self.db, "Account/New", "account:101", 11)
        await self.passed(runner)
        self.assertEqual((len(receiver.came), (await statuses(self.db))[number, 11]), (1, "pending"))
        await self.due()
        await self.passed(runner)
        self.assertEqual((receiver.events, (await statuses(self.db))[number, 11]), ([number, number], "done"))

    async def test_retry_after(self) -> None:
        """A receiver that asks for a pause gets it, from all events and not only from the one that it answered."""
        receiver, runner = await self.receiver(11, ("Account/New",), [429], synchronous=True)
        receiver.pause = "60"
        numbers = [await event(self.db, "Account/New", f"account:{account}", 11) for account in (101, 102)]
        await self.passed(runner)
        await self.passed(runner)
        self.assertEqual(receiver.events, numbers[:1])
        rows = await self.db.query("select i_event, attempts, next_try > now() + interval '50 seconds' from event_notifications order by i_event")
        self.assertEqual(rows[0], (numbers[0], 1, True))
        self.assertEqual(rows[1][:2], (numbers[1], 0))

    @claims("webhooks.7", "webhooks.8")
    async def test_order(self) -> None:
        """Events of one entity come in order, one after the other; entities go side by side up to a limit; a synchronous receiver gets one at a time."""
        several, runner = await self.receiver(11, ("Account/New", "Account/Blocked"), hold=True, parallel=3)
        kinds = ("Account/New", "Account/Blocked")
        numbers = {account: [await event(self.db, kind, f"account:{account}", 11) for kind in kinds] for account in range(201, 206)}
        one, synchronous = await self.receiver(12, ("Account/New",), hold=True, synchronous=True)
        for account in (301, 302):
            await event(self.db, "Account/New", f"account:{account}", 12)
        await runner.run()
        await synchronous.run()
        await self.until(lambda: len(several.came) == 3 and len(one.came) == 1)
        await pause(0.2)
        self.assertEqual((len(several.came), len(one.came)), (3, 1))
        while len(several.came) < 10 or several.open:
            for request in several.open:
                request.finish()
            several.open = []
            await pause(0.05)
            await runner.run()
        for firsts in numbers.values():
            self.assertEqual([number for number in several.events if number in firsts], firsts)
        one.open.pop().finish()
        await self.until(lambda: synchronous.under_way == 0 or len(one.came) == 2)
        await synchronous.run()
        await self.until(lambda: len(one.came) == 2)
        one.open.pop().finish()

    @claims("webhooks.9", "webhooks.11")
    async def test_receivers(self) -> None:
        """Several receivers get the same event, each the types that it is subscribed to; one that is down holds up no other."""
        down, first = await self.receiver(11, ("Account/New",), [500, 500, 500])
        up, second = await self.receiver(12, ("Account/New", "Account/Blocked"))
        new = await event(self.db, "Account/New", "account:101", 11, 12)
        blocked = await event(self.db, "Account/Blocked", "account:101", 12)
        await self.passed(first)
        await self.passed(second)
        self.assertEqual((up.events, down.events), ([new, blocked], [new]))
        told = await statuses(self.db)
        self.assertEqual((told[new, 12], told[blocked, 12], told[new, 11]), ("done", "done", "pending"))

    async def test_guard(self) -> None:
        """A receiver in a private network is not asked unless the configuration allows it."""
        receiver, runner = await self.receiver(11, ("Account/New",), allow_private=False)
        await event(self.db, "Account/New", "account:101", 11)
        await self.passed(runner)
        self.assertEqual(receiver.came, [])
