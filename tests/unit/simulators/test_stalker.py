"""The simulated Stalker portal against documented requests, good and bad, by octets."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.stalker import Stalker
from tests.unit.simulators.octets import Answer, ask

MAC = "00:1A:79:00:00:01"


class StalkerTests(SynchronousTestCase):
    """REST v1."""

    def setUp(self) -> None:
        self.portal = Stalker(Clock())

    def send(self, method: str, path: str, password: str = "made-up", **form: Any) -> Answer:
        """A request."""
        basic = base64.b64encode(f"api:{password}".encode()).decode()
        body = urlencode(form, doseq=True).encode()
        headers = f"Authorization: Basic {basic}", "Content-Type: application/x-www-form-urlencoded"
        return ask(self.portal, method, f"/stalker_portal/api/{path}", body, *headers)

    def call(self, method: str, path: str, **form: Any) -> dict[str, Any]:
        """A request that gets JSON with status 200."""
        answer = self.send(method, path, **form)
        self.assertEqual(answer.status, 200)
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def done(self, method: str, path: str, **form: Any) -> Any:
        """A request that is done; its results."""
        told = self.call(method, path, **form)
        self.assertEqual((told["status"], told["error"]), ("OK", ""))
        return told["results"]

    def refused(self, why: str, method: str, path: str, **form: Any) -> None:
        """A request that is refused in these words."""
        self.assertEqual(self.call(method, path, **form), {"status": "ERROR", "results": False, "error": why})

    def test_account(self) -> None:
        """Created once, changed, deleted once."""
        self.refused("Login required", "POST", "accounts", full_name="Alice")
        self.refused("HTTP POST data is empty", "POST", "accounts")
        self.assertIs(self.done("POST", "accounts", login="alice", full_name="Ålice & Co", tariff_plan="basic", stb_mac=MAC), True)
        self.refused("Login already in use", "POST", "accounts", login="alice")
        self.refused("MAC address already in use", "POST", "accounts", login="bob", stb_mac=MAC)
        self.done("PUT", "accounts/alice", status="0", tariff_plan="full")
        (shown,) = self.done("GET", "accounts/alice")
        self.assertEqual((shown["full_name"], shown["status"], shown["tariff_plan"]), ("Ålice & Co", "0", "full"))
        self.refused("Identifier required", "PUT", "accounts", status="1")
        self.refused("Account not found", "PUT", "accounts/bob", status="1")
        self.refused("Unknown field login", "PUT", "accounts/alice", login="bob")
        self.done("DELETE", "accounts/alice")
        self.refused("Account not found", "DELETE", "accounts/alice")

    def test_values(self) -> None:
        """Values that are not right."""
        for form in ({"tariff_plan": "elephant"}, {"status": "2"}, {"stb_mac": "1"}, {"elephant": "1"}):
            self.assertEqual(self.call("POST", "accounts", login="alice", **form)["status"], "ERROR")
        self.assertEqual(self.portal.accounts, {})

    def test_several(self) -> None:
        """Several at once, all of them or none."""
        for login in ("alice", "bob"):
            self.done("POST", "accounts", login=login)
        self.assertEqual(len(self.done("GET", "accounts/alice,bob")), 2)
        self.assertEqual(len(self.done("GET", "accounts")), 2)
        self.refused("One or more identifiers are incorrect", "DELETE", "accounts/alice,carol")
        self.done("DELETE", "accounts/alice,bob")
        self.assertEqual(self.portal.accounts, {})

    def test_packages(self) -> None:
        """POST sets all, PUT changes some."""
        self.done("POST", "accounts", login="alice")
        self.done("POST", "account_subscription/alice", **{"subscribed[]": ["sports", "kids"]})
        self.done("PUT", "account_subscription/alice", **{"subscribed[]": "cinema", "unsubscribed[]": "kids"})
        self.assertEqual(self.done("GET", "account_subscription/alice"), [{"login": "alice", "subscribed": ["cinema", "sports"]}])
        self.done("POST", "account_subscription/alice", **{"subscribed[]": "kids"})
        self.assertEqual(self.portal.subscribed["alice"], {"kids"})
        self.refused("Package not found", "POST", "account_subscription/alice", **{"subscribed[]": "elephant"})
        self.refused("Account not found", "POST", "account_subscription/bob", **{"subscribed[]": "kids"})
        self.done("DELETE", "account_subscription/alice")
        self.assertEqual(self.done("GET", "services_package"), ["cinema", "kids", "sports"])

    def test_box(self) -> None:
        """By MAC."""
        self.done("POST", "accounts", login="alice", stb_mac=MAC)
        self.assertEqual(self.done("GET", f"stb/{MAC}"), [{"mac": MAC, "login": "alice", "status": "1"}])
        self.done("PUT", f"stb/{MAC}", status="0")
        self.assertEqual(self.portal.accounts["alice"]["status"], "0")
        self.done("DELETE", f"stb/{MAC}")
        self.refused("Account not found", "GET", f"stb/{MAC}")
        self.refused("One or more identifiers are incorrect", "GET", "stb/alice")

    def test_login(self) -> None:
        """A wrong log-in is no JSON."""
        answer = self.send("GET", "accounts", "wrong")
        self.assertEqual((answer.status, answer.body), (401, "401 Unauthorized request"))
        self.assertEqual(self.send("GET", "elephants").status, 404)

    def test_faults(self) -> None:
        """The switches."""
        self.portal.faults.on(Fault.BUSY, 1)
        self.assertEqual(self.send("POST", "accounts", login="alice").status, 503)
        self.portal.faults.on(Fault.WRONG_PASSWORD, 1)
        self.assertEqual(self.send("POST", "accounts", login="alice").status, 401)
        self.portal.faults.lose_every = 1
        self.assertEqual(self.send("POST", "accounts", login="alice").status, 0)
        self.assertIn("alice", self.portal.accounts)
        self.assertEqual(self.portal.asked[0].fields, {"id": "", "login": "alice"})
