"""The CMMS: applications get the credentials of the user that has their IMEI, and statistics are by domain."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.audiocodes_cmms import Cmms
from tests.simulators.private import PASSWORD, USER
from tests.simulators.web import Ask

LOGIN = {"authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), "content-type": "application/json"}


def user(name: str, imei: str, domain: str, password: str = "made up") -> bytes:
    """The body of a user."""
    told = {"user": name, "password": password, "imei": imei, "language": "en", "imsi": "", "profileName": "", "domain": domain}
    return json.dumps({**told, "blocked": "false", "messaging": "on"}).encode()


class CmmsTests(SynchronousTestCase):
    """Over plain requests."""

    def setUp(self) -> None:
        """Two users of one domain, one of another."""
        self.cmms = Cmms(Clock())
        for name, imei, domain in (("u1", "490154203237518", "a.example.com"), ("u2", "490154203237526", "a.example.com"), ("u3", "", "b.example.com")):
            self.assertEqual(self.cmms.answer(Ask("POST", "/users", headers=LOGIN, body=user(name, imei, domain))).status, 201)

    def told(self, path: str, **headers: str) -> tuple[int, Any]:
        """What somebody hears who asks."""
        reply = self.cmms.answer(Ask("GET", path, headers=headers))
        return reply.status, json.loads(reply.body)

    def test_application(self) -> None:
        """By IMEI, the newest password; no IMEI is nobody's, and one that no user has neither."""
        self.assertEqual(self.told("/application/490154203237518"), (200, {"user": "u1", "password": "made up"}))
        changed = Ask("PUT", "/users/u1", headers=LOGIN, body=user("u1", "490154203237518", "a.example.com", "new"))
        self.assertEqual(self.cmms.answer(changed).status, 200)
        self.assertEqual(self.told("/application/490154203237518")[1]["password"], "new")
        self.assertEqual((self.told("/application/")[0], self.told("/application/1")[0]), (404, 404))

    def test_statistics(self) -> None:
        """Users by domain, for who has the log-in."""
        self.assertEqual(self.told("/statistics", **LOGIN), (200, {"a.example.com": 2, "b.example.com": 1}))
        self.assertEqual(self.cmms.answer(Ask("GET", "/statistics")).status, 404)
