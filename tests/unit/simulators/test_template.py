"""The simulator that is made from a description, against requests that fit it and others, by octets."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.description import described
from tests.simulators.matching import Mismatch, fill, read
from tests.simulators.template import EXAMPLE, IDLE, TemplateSimulator
from tests.unit.simulators.octets import Answer, ask

#: A vendor with a log-in, XML bodies, and orders that are done later.
ORDERS: dict[str, Any] = {
    "key": "msisdn",
    "user": "operator",
    "password": "made-up",
    "token": "X-Session",
    "replies": {"denied": {"kind": "xml", "body": "<error>{error}</error>"}},
    "operations": {
        "login": {
            "effect": "login", "method": "POST", "path": "/login", "kind": "form", "body": "user={user}&password={password}",
            "replies": {"done": {"kind": "text", "body": "{token}"}},
        },
        "add": {
            "effect": "upsert", "method": "POST", "path": "/api", "kind": "xml", "later": 5,
            "body": '<order type="add"><msisdn>{msisdn}</msisdn><name>{name?}</name></order>',
            "replies": {"accepted": {"kind": "xml", "body": "<id>{order}</id>"}},
        },
        "remove": {
            "effect": "delete", "method": "POST", "path": "/api", "kind": "xml", "later": 5, "body": '<order type="remove"><msisdn>{msisdn}</msisdn></order>',
            "replies": {"accepted": {"kind": "xml", "body": "<id>{order}</id>"}},
        },
        "rename": {"effect": "rename", "method": "POST", "path": "/rename", "kind": "form", "body": "old={msisdn}&new={new}"},
        "poll": {"effect": "poll", "method": "GET", "path": "/orders/{order}", "replies": {"done": {"kind": "xml", "body": "<state>{state}</state>"}}},
    },
}  # fmt: skip
FORM = "Content-Type: application/x-www-form-urlencoded"


class ExampleTests(SynchronousTestCase):
    """Records with JSON and HTTP Basic."""

    def setUp(self) -> None:
        self.vendor = TemplateSimulator(Clock(), described(EXAMPLE))

    def send(self, method: str, path: str, body: object = None, password: str = "made-up", kind: str = "application/json") -> Answer:
        """A request."""
        basic = "Authorization: Basic " + base64.b64encode(f"operator:{password}".encode()).decode()
        return ask(self.vendor, method, path, b"" if body is None else json.dumps(body).encode(), basic, f"Content-Type: {kind}")

    def test_life(self) -> None:
        """In once, changed, out once."""
        self.assertEqual(self.send("PUT", "/subscribers/7", {"name": "x"}).status, 404)
        added = self.send("POST", "/subscribers", {"packages": "sports", "id": 7})
        self.assertEqual((added.status, json.loads(added.body)), (201, {"number": "1"}))
        again = self.send("POST", "/subscribers", {"id": "7"})
        self.assertEqual((again.status, again.body), (409, '{"error": "7 exists"}'))
        self.assertEqual(self.send("PUT", "/subscribers/7", {"name": 'O"Hara'}).status, 200)
        self.assertEqual(self.send("POST", "/subscribers/7/disable").status, 200)
        shown = json.loads(self.send("GET", "/subscribers/7").body)
        self.assertEqual(shown, {"id": "7", "name": 'O"Hara', "packages": "sports", "state": "disabled"})
        self.assertEqual(self.send("POST", "/subscribers/7/enable").status, 200)
        self.assertEqual([self.send("DELETE", "/subscribers/7").status for _ in range(2)], [200, 404])
        self.assertEqual(self.vendor.operations[:2], ["update", "create"])

    def test_wrong(self) -> None:
        """What doesn't fit the description."""
        for method, path, body, status in (
            ("POST", "/subscribers", {"name": "x"}, 400),
            ("POST", "/subscribers", {"id": "7", "elephant": 1}, 400),
            ("POST", "/subscribers", None, 400),
            ("POST", "/subscribers/7/8/disable", None, 404),
            ("PATCH", "/subscribers/7", {}, 404),
            ("GET", "/", None, 404),
        ):
            self.assertEqual(self.send(method, path, body).status, status, (method, path, body))
        self.assertEqual(self.send("POST", "/subscribers", {"id": "7"}, kind="text/xml").status, 400)
        self.assertEqual(self.vendor.records, {})

    def test_faults(self) -> None:
        """The switches."""
        self.assertEqual(self.send("DELETE", "/subscribers/7", password="wrong").status, 401)
        self.vendor.faults.on(Fault.WRONG_PASSWORD, 1)
        self.assertEqual(self.send("DELETE", "/subscribers/7").status, 401)
        self.vendor.faults.on(Fault.BUSY, 1)
        self.assertEqual(self.send("POST", "/subscribers", {"id": "7"}).body, '{"error": "busy"}')
        self.vendor.faults.on(Fault.SILENT, 1)
        self.assertEqual(self.send("POST", "/subscribers", {"id": "7"}).status, 0)
        self.assertEqual(self.vendor.records, {})
        self.vendor.faults.lose_every = 1
        self.assertEqual(self.send("POST", "/subscribers", {"id": "7"}).status, 0)
        self.assertIn("7", self.vendor.records)


class OrdersTests(SynchronousTestCase):
    """A log-in, XML, and orders that are done later."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.vendor = TemplateSimulator(self.clock, described(ORDERS))
        self.token = ask(self.vendor, "POST", "/login", b"password=made-up&user=operator", FORM).body

    def order(self, kind: str, token: str | None = None) -> Answer:
        """An order."""
        body = f'<o:order xmlns:o="urn:o" type="{kind}">\n <msisdn>447700900123</msisdn>\n</o:order>'
        return ask(self.vendor, "POST", "/api", body.encode(), f"X-Session: {self.token if token is None else token}", "Content-Type: text/xml")

    def state(self, order: str) -> str:
        """What became of it."""
        return ask(self.vendor, "GET", f"/orders/{order}", b"", f"X-Session: {self.token}").body

    def test_orders(self) -> None:
        """Accepted at once, done later; what is impossible then fails."""
        answers = [self.order(kind) for kind in ("add", "remove", "remove")]
        self.assertEqual([(one.status, one.body) for one in answers], [(202, f"<id>order-{number}</id>") for number in (1, 2, 3)])
        self.assertEqual((self.state("order-1"), self.vendor.records), ("<state>PENDING</state>", {}))
        self.clock.advance(5)
        self.assertEqual([self.state(f"order-{number}") for number in (1, 2, 3)], [f"<state>{word}</state>" for word in ("DONE", "DONE", "FAILED")])
        self.assertEqual(ask(self.vendor, "GET", "/orders/order-9", b"", f"X-Session: {self.token}").status, 404)
        self.assertEqual(self.order("elephant").status, 400)

    def test_session(self) -> None:
        """A token is needed; it grows old and may be lost."""
        self.assertEqual(self.order("add", "other").status, 401)
        self.assertEqual(ask(self.vendor, "POST", "/login", b"user=operator&password=wrong", FORM).body, "<error>wrong user or password</error>")
        self.clock.advance(IDLE + 1)
        self.assertEqual(self.order("add").status, 401)
        self.token = ask(self.vendor, "POST", "/login", b"user=operator&password=made-up", FORM).body
        self.assertEqual(self.order("add").status, 202)
        self.vendor.faults.on(Fault.SESSION_LOST, 1)
        self.assertEqual(self.order("add").status, 401)

    def test_rename(self) -> None:
        """Another key, which must be free."""
        self.order("add")
        self.clock.advance(5)
        head = f"X-Session: {self.token}"
        self.vendor.records["2"] = {"msisdn": "2"}
        self.assertEqual(ask(self.vendor, "POST", "/rename", b"old=447700900123&new=2", head, FORM).status, 409)
        self.assertEqual(ask(self.vendor, "POST", "/rename", b"old=447700900123&new=1", head, FORM).status, 200)
        self.assertEqual(ask(self.vendor, "POST", "/rename", b"old=447700900123&new=3", head, FORM).status, 404)
        self.assertEqual(self.vendor.records["1"]["msisdn"], "1")


class MatchingTests(SynchronousTestCase):
    """Templates."""

    def test_read(self) -> None:
        """Values by structure."""
        template = '{"a": {"b": ["{x}", "n-{y}"]}, "c": true, "d": "{z?}"}'
        self.assertEqual(read(template, "json", b'{"c": true, "a": {"b": [5, "n-6"]}}'), {"x": "5", "y": "6"})
        for body in (b'{"c": false, "a": {"b": [5, "n-6"]}}', b'{"c": true, "a": {"b": [5, "6"]}}', b'{"c": true}', b"{", b"\xff", b"[" * 100000):
            with self.assertRaises(Mismatch):
                read(template, "json", body)
        self.assertEqual(read("ADD {x};", "text", b"ADD 1;"), {"x": "1"})
        with self.assertRaises(Mismatch):
            read('<a><b>{x}</b><c>{x}</c></a>', "xml", b"<a><b>1</b><c>2</c></a>")

    def test_fill(self) -> None:
        """No value breaks a document."""
        value = {"x": '"<&> \n'}
        self.assertEqual(json.loads(fill('{"a": "{x}"}', value, "json")), {"a": value["x"]})
        self.assertEqual(read('<a b="{x}"/>', "xml", fill('<a b="{x}"/>', {"x": '"<&>'}, "xml").encode()), {"x": '"<&>'})
        self.assertEqual(read("a={x}", "form", fill("a={x}", value, "form").encode()), value)

    def test_described(self) -> None:
        """Words that are not known."""
        wrongs: tuple[dict[str, Any], ...] = ({"effect": "elephant"}, {"kind": "elephant"}, {"elephant": 1}, {"replies": {"elephant": {}}})
        for wrong in wrongs:
            operation = {"effect": "query", "method": "GET", "path": "/", **wrong}
            with self.assertRaises((ValueError, TypeError)):
                described({"key": "id", "operations": {"x": operation}})
