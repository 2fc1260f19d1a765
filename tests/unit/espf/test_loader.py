"""Files of handlers: found, checked, replaced, and shown when they are broken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf import loader as loading
from portaswitch.espf.contract import faults_of
from portaswitch.espf.loader import Loader
from portaswitch.espf.options import COMMON, Reading
from portaswitch.espf.registry import Configured, Registry
from portaswitch.handler import Bearer, EventHandler, HttpTarget, Option, on, text, whole
from tests.unit.espf.fakes import Acme, Homes

GOOD = """
from portaswitch.handler import EventHandler, on
class Acme(EventHandler):
    name = "{name}"
    description = "version {version}"
    events = ("Account/New",)
    @on("Account/New")
    def new(self, event, subscriber):
        yield from ()
acme = Acme()
"""


class LoaderTests(SynchronousTestCase):
    """Over one folder."""

    def setUp(self) -> None:
        """An empty folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.loader = Loader([self.folder])
        self.writes = 0

    def write(self, name: str, text: str) -> Path:
        """A file, later than any before it."""
        path = self.folder / name
        path.write_text(text)
        self.writes += 1
        os.utime(path, ns=(self.writes, self.writes))
        return path

    def test_found_changed_and_gone(self) -> None:
        """A scan tells whether anything is otherwise; a version that is loaded is not loaded again."""
        self.assertFalse(self.loader.scan())
        path = self.write("acme.py", GOOD.format(name="Acme", version=1))
        self.assertEqual([self.loader.scan(), self.loader.scan()], [True, False])
        first = self.loader.handlers()["Acme"]
        self.write("acme.py", GOOD.format(name="Acme", version=2))
        self.assertTrue(self.loader.scan())
        second = self.loader.handlers()["Acme"]
        self.assertEqual((first.description, second.description), ("version 1", "version 2"))
        self.assertIsNot(type(first), type(second))
        path.unlink()
        self.assertTrue(self.loader.scan())
        self.assertEqual(self.loader.handlers(), {})

    def test_broken_files_are_shown_and_the_old_version_stays(self) -> None:
        """Whatever is wrong with a file, the others are found."""
        self.patch(loading, "IMPORT", 0.05)
        self.write("other.py", GOOD.format(name="Other", version=1))
        cases = {
            "x = ": "line 1: invalid syntax", "import nothing_of_that_name": "No module named 'nothing_of_that_name'", "x = 1": "it holds no handler",
            "raise SystemExit(3)": "SystemExit: 3", "while True: pass": "its import takes longer than", "1 / 0": "ZeroDivisionError",
            GOOD.format(name="Acme", version=1).replace('("Account/New",)', '("Account/Old",)'): "'Account/Old', which is none of the catalogue",
            GOOD.format(name="Acme", version=1).replace('name = "Acme"', "pass"): "Acme",
        }  # fmt: skip
        self.write("acme.py", GOOD.format(name="Acme", version=1))
        self.loader.scan()
        for source, said in cases.items():
            path = self.write("acme.py", source)
            self.assertTrue(self.loader.scan())
            self.assertEqual(sorted(self.loader.handlers()), ["Acme", "Other"], said)
            ((where, error),) = self.loader.problems()
            self.assertEqual(where, str(path))
            if "Acme" != said:
                self.assertIn(said, error)
        self.flushLoggedErrors()

    def test_two_of_one_name(self) -> None:
        """The first file counts, and both are shown."""
        first = self.write("a.py", GOOD.format(name="Acme", version=1))
        second = self.write("b.py", GOOD.format(name="Acme", version=2))
        self.loader.scan()
        self.assertEqual(self.loader.handlers()["Acme"].description, "version 1")
        self.assertEqual(self.loader.problems(), [(str(second), f"Acme is in {first} too, which counts: give one of them another name")])
        self.assertEqual(self.loader.place("Acme"), str(first))

    def test_what_is_no_handler_file(self) -> None:
        """Tests, hidden files and such with an underscore are passed over; a folder that is not there holds nothing."""
        for name in ("test_acme.py", "_common.py", ".acme.py", "acme.txt"):
            self.write(name, "1 / 0")
        self.assertFalse(self.loader.scan())
        self.assertFalse(Loader([self.folder / "none"]).scan())


class ContractTests(SynchronousTestCase):
    """What a handler has to be."""

    def faults(self, **changed: Any) -> list[str]:
        """The faults of a handler that is right but for these."""
        return faults_of(type("Changed", (Acme,), changed)())

    def test_faults(self) -> None:
        """Each with what to do."""
        self.assertEqual(self.faults(), [])
        cases: list[tuple[dict[str, Any], str]] = [
            ({"name": "a b"}, "name"), ({"description": ""}, "description"), ({"tier": "sketch"}, "tier"), ({"needs": frozenset({"kii"})}, "kii"),
            ({"busy": ("x",)}, "busy"), ({"events": ()}, "never be told"), ({"events": ("Account/New", "Account/New")}, "twice"),
            ({"events": ("Account/Knew",)}, "catalogue"), ({"options": (Option("Url", text, "x"),)}, "small letters"),
            ({"options": (*Acme.options, Option("class", text, "x"))}, "taken"), ({"options": (*Acme.options, *Acme.options)}, "an option twice"),
            ({"options": (*Acme.options, Option("x", text, ""))}, "says nothing"), ({"options": (*Acme.options, Option("x", text, "x", "s3", True))}, "secret"),
            ({"targets": {"": HttpTarget(auth=Bearer("key"))}}, "takes its option key"), ({"targets": {"": "http"}}, "no Target"),
            ({"options": ("url",)}, "no Option"), ({"steps": EventHandler.steps}, "no method for its event Account/Blocked"),
            ({"new": on("Account/Status/Closed")(lambda *_: (yield))}, "not in its events"),
        ]  # fmt: skip
        for changed, said in cases:
            found = self.faults(**changed)
            self.assertTrue(any(said in fault for fault in found), f"{changed}: {found}")
        self.assertEqual(faults_of(object()), ["is no EventHandler: derive its class from portaswitch.handler.EventHandler or StateHandler"])
        self.assertIn("needs the snapshot", faults_of(type("Blind", (Homes,), {"snapshot": False})())[0])


class OptionTests(SynchronousTestCase):
    """Options of instances."""

    def test_faults_come_together(self) -> None:
        """Missing, unknown and wrong ones; a secret that everybody can read; none quotes a secret."""
        handler = type("Changed", (Acme,), {"options": (*Acme.options, Option("count", whole, "how many", default=3))})()
        reading = Reading(handler, {"url": "ftp://x", "token": "sesame", "cuont": 5, "attempts": -1}, public={"token"})
        self.assertEqual(dict(reading.faults), {
            "cuont": "is no option of this handler: did you mean count?", "url": "is a URL: http://host:port/path or https://...",
            "token": "is a secret in a file that every user can read: chmod 600 that file", "attempts": "is a whole number, 0 or more",
        })  # fmt: skip
        self.assertEqual(dict(Reading(handler, {}).faults), {"url": "is required: where it is", "token": "is required: its token"})
        right = Reading(handler, {"url": "http://x/", "token": "sesame", "retry_first": 2})
        self.assertEqual((right.faults, right.values["url"], right.values["count"], right.secrets), ([], "http://x", 3, ("sesame",)))
        self.assertEqual((right.retries.attempts, right.retries.first), (20, 2.0))

    def test_common_options_explain_themselves(self) -> None:
        """Each has a help."""
        self.assertTrue(all(option.help and not option.required for option in COMMON))


class RegistryTests(SynchronousTestCase):
    """Instances of the configuration."""

    def test_faults_name_their_place(self) -> None:
        """Those of classes and options; ready are those that are right, and ours."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "acme.py").write_text(GOOD.format(name="Acme", version=1))
        (folder / "bad.py").write_text("1 / 0")
        registry = Registry([folder], [
            Configured("good", "Acme", 1, {}, {}), Configured("wrong", "Acme", 1, {"x": 1}, {"x": "f.yaml:7:5: espf.handlers.wrong.x"}),
            Configured("gone", "Gone", 1, {}, {}), Configured("SessionDisconnector", "Acme", 1, {}, {}),
        ])  # fmt: skip
        registry.loader.scan()
        faults = registry.faults()
        self.assertEqual(len(faults), 3)
        self.assertTrue(faults[0].startswith("f.yaml:7:5: espf.handlers.wrong.x: x: is no option of this handler"), faults[0])
        self.assertIn("espf.handlers.gone: there is no handler class Gone: there are Acme, EventSender, SIPForwarder (", faults[1])
        self.assertIn("bad.py is broken: ZeroDivisionError", faults[1])
        self.assertIn("is the name of an internal handler", faults[2])
        ready = registry.ready()
        self.assertEqual(sorted(ready), sorted([
            "CustomerToAccountsDispatcher", "ProductToAccountsDispatcher", "ServiceAttributeDispatcher", "SessionDisconnector", "good",
        ]))  # fmt: skip
        self.assertEqual(ready["good"].instance.subscribed, ("Account/New",))
        self.flushLoggedErrors()
