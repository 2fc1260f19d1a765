"""The first version of an event handler, for `portaswitch handler new`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from portaswitch.errors import StartError

HANDLER: Final = '''"""
@NAME@: a home per account follows its life.

API: write here which version of the vendor's documents this is made from.
"""

from portaswitch.handler import Bearer, Http, HttpTarget, Option, Record, State, StateHandler, Steps, Subscriber, text, url


class @CLASS@(StateHandler):
    """Keeps one home per account: who it is for, in which state."""

    name = "@NAME@"
    description = "@NAME@ provisioning"
    tier = "template"
    events = (
        "Account/New", "Account/ID/Changed", "Account/Blocked", "Account/Unblocked", "Account/Status/Suspend", "Account/Status/Unsuspend",
        "Account/Status/Closed",
    )
    options = (
        Option("url", url, "where the vendor's API listens", example="https://acme.example.com/api"),
        Option("token", text, "its API token", secret=True),
    )
    targets = {"": HttpTarget(auth=Bearer())}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """What the vendor shall know of the account; None: nothing."""
        if subscriber.closed:
            return None
        return State({"login": (subscriber.id,)}, {"state": "BARRED" if subscriber.barred else "ENABLED", "package": subscriber.product})

    def apply(self, wanted: State, record: Record) -> Steps:
        """PUT may be repeated; a login that is no longer the account's is removed."""
        yield from self.forget(login for login in record.keys.get("login", ()) if login != wanted.key("login"))
        yield Http("PUT", f"/homes/{wanted.key('login')}", json=dict(wanted.values))

    def remove(self, record: Record) -> Steps:
        """Nothing is left there."""
        yield from self.forget(record.keys.get("login", ()))

    def forget(self, logins) -> Steps:
        """One that is gone already is no fault."""
        for login in logins:
            yield Http("DELETE", f"/homes/{login}", accepts=frozenset({"http 404"}))


@MODULE@ = @CLASS@()
'''

TEST: Final = '''"""Tests of @NAME@: python -m twisted.trial @TEST@.py"""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.handler import Condition, Http, Record, Subscriber
from portaswitch.handler.testing import event, handler_of, play

FILE = Path(__file__).with_name("@MODULE@.py")
ACCOUNT = {"i_account": 17, "i_env": 1, "id": "16045550101", "i_customer": 4, "customer": "Retail", "product": "Gold"}


class @CLASS@Tests(SynchronousTestCase):
    """What the vendor is asked."""

    def setUp(self):
        """The handler with its options."""
        self.handler = handler_of(FILE).configured({"url": "https://acme.example.com/api", "token": "t"})

    def test_new(self):
        """A new account gets a home."""
        asked = play(self.handler, event("Account/New"), Subscriber(**ACCOUNT))
        self.assertEqual(asked, [Http("PUT", "/homes/16045550101", json={"state": "ENABLED", "package": "Gold"})])

    def test_blocked(self):
        """A blocked one is barred."""
        asked = play(self.handler, event("Account/Blocked"), Subscriber(**ACCOUNT, conditions=frozenset({Condition.BLOCKED})))
        self.assertEqual(asked[0].json["state"], "BARRED")

    def test_another_id(self):
        """The old login is removed first."""
        asked = play(self.handler, event("Account/ID/Changed"), Subscriber(**ACCOUNT), Record(keys={"login": ("16045550199",)}))
        self.assertEqual([(one.method, one.path) for one in asked], [("DELETE", "/homes/16045550199"), ("PUT", "/homes/16045550101")])

    def test_closed(self):
        """Nothing is left of a closed account."""
        closed = Subscriber(**ACCOUNT, conditions=frozenset({Condition.CLOSED}))
        asked = play(self.handler, event("Account/Status/Closed"), closed, Record(keys={"login": ("16045550101",)}))
        self.assertEqual([(one.method, one.path) for one in asked], [("DELETE", "/homes/16045550101")])
'''


def write_handler(folder: Path, name: str) -> tuple[Path, Path]:
    """
    Write NAME's file and its test; gives both paths.

    Errors: StartError where a file is there already or the folder can't be written.
    """
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.replace("::", "_")).lower()
    texts = {"@NAME@": name, "@CLASS@": name.replace("::", ""), "@MODULE@": module, "@TEST@": f"test_{module}"}
    paths = folder / f"{module}.py", folder / f"test_{module}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, (HANDLER, TEST), strict=True):
            for word, meant in texts.items():
                text = text.replace(word, meant)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except FileExistsError as error:
        raise StartError(f"{error.filename} is there already: take another name, or remove it") from error
    except OSError as error:
        raise StartError(f"{error.filename} can't be written: {error.strerror}") from error
    return paths
