"""
The contract of event handlers (DESIGN.md 5.10): a file in handlers/ gets these tests by being there (tests/unit/espf/test_all_handlers.py).

Every event that a handler knows is played on every kind of account, by the engine's own driver, with a vendor that answers anything: what comes out is a
verdict, never an error, and twice the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from portaswitch.espf.contract import faults_of
from portaswitch.espf.delivery import Delivery
from portaswitch.espf.loader import handlers_in
from portaswitch.espf.neighbours import Neighbours
from portaswitch.espf.options import Reading
from portaswitch.espf.wires import Wires
from portaswitch.handler import (
    NO_RECORD,
    Condition,
    Device,
    Event,
    EventHandler,
    HttpTarget,
    Option,
    Party,
    Policy,
    Record,
    Reply,
    Sim,
    StateHandler,
    Subscriber,
)
from portaswitch.model.notification import Notification, Settled, Verdict
from tests.contract.vendor_answers import ANSWERS, faults_of_request, never_done

NOW: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
#: Lines of a file: more is a program, not a mapping.
LONGEST: Final = 260
#: What an option may be written as, where it has no example: the first that it takes.
SAMPLES: Final = ("https://vendor.example.com/api", "vendor.example.com:7700", "secret-7f3a", 7, True, {"a": "b"}, "a", "/tmp")

MINIMAL: Final = Subscriber(101, 1, "16045550101", 4, "Retail")
FULL: Final = replace(
    MINIMAL, product="Gold", i_product=7, addons=("Extra",), services=frozenset({"Netaccess", "Voice", "Msg"}),
    features=frozenset({"lte", "iptv", "netaccess_static_ip"}), currency="CAD", time_zone="UTC", language="en", activation_date=date(2026, 1, 1),
    attributes={"netaccess_static_ip": {"address": ("192.0.2.7",)}, "lte": {"context_id": ("3", "4")}, "iptv": {"channel_package": ("HD", "Kids")}},
    policy=Policy(7, "Fast", {"download_rate": "20000", "upload_rate": "5000", "calix.bandwidth_profile_id": "12", "pdn_context_id": "3"}),
    sim=Sim(
        9, "255011234567890", "8938001234567890123", "16045550101", "hss1", "sim", "8000", "0" * 32, "f" * 32, "1234", "12345678", {"imei": "490154203237518"}
    ),
    devices=(Device(3, "ont", 1, "844E-1", "CXNK00123456", "00:11:22:33:44:55", 4, "RG", {"port_type": "RG", "node": "E7-1"}, "1"),),
    aliases=("16045550102",), dids=("16045550103",), follow_me=("16045550104",), password="sesame-open",
    custom_fields={"client_id": "c-7", "imei": "490154203237518"},
    customer_custom_fields={"segment": "A"}, discount_plan="Best",
    person=Party("Acme", "Ann", "Other", ("1 Main St",), "Vancouver", "BC", "V5K", "CA", "16045550101", "ann@example.com"),
)  # fmt: skip
SNAPSHOTS: Final[Mapping[str, Subscriber | None]] = {
    "none": None,
    "minimal": MINIMAL,
    "full": FULL,
    "blocked": replace(FULL, conditions=frozenset({Condition.BLOCKED})),
    "without money": replace(FULL, conditions=frozenset({Condition.NO_FUNDS, Condition.QUOTA_EXCEEDED})),
    "suspended": replace(FULL, conditions=frozenset({Condition.SUSPENDED})),
    "closed": replace(FULL, conditions=frozenset({Condition.CLOSED})),
    "hostile signs": replace(
        FULL, id="a/../b?c=1&d;e\"f", customer="<b>'\"\\]]>&amp;", product="${ki}%(x)s{0}", person=replace(FULL.person, first_name="\x0b\x00", phone="1,2")
    ),
    "an id of the path": replace(FULL, id=".."),
    "foreign letters": replace(FULL, customer="Åsa & Søn <Ltd>", product='"Złoty"; drop', person=replace(FULL.person, last_name="Łukasz\n-Ó'Brien")),
}
RECORDS: Final = (NO_RECORD, Record("r-1", {"imsi": ("255010000000001",), "msisdn": ("16045550199",), "login": ("16045550199",)}, b"old"))

class _Answering:
    """A transport that gives one answer to all."""

    name = "vendor"

    def __init__(self, answer: Reply | Exception) -> None:
        self._answer = answer
        self.sent: list[Any] = []

    def send(self, request: Any) -> Deferred[Any]:
        """See `ITransport`."""
        self.sent.append(request)
        return fail(self._answer) if isinstance(self._answer, Exception) else succeed(self._answer)

    def close(self) -> Deferred[None]:
        """See `ITransport`."""
        return succeed(None)


class _NoStore:
    """The parts of `IEvents` that a delivery asks; nobody else has a key."""

    def holders(self, *values: Any) -> Deferred[Any]:
        """See `IEvents.holders`."""
        return succeed({})

    def keep(self, *values: Any) -> Deferred[None]:
        """See `IEvents.keep`."""
        return succeed(None)


def sample(option: Option) -> Any:
    """A value that an operator might write for an option."""
    given = option.example if option.example is not None else None if option.required else option.default
    for value in (given, *SAMPLES):
        if value is not None:
            try:
                option.read(value)
            except ValueError:
                continue
            return value
    raise AssertionError(f"no sample is a value of the option {option.name}")


def configured(handler: EventHandler) -> EventHandler:
    """The handler with a value for each of its required options."""
    reading = Reading(handler, {option.name: sample(option) for option in handler.options if option.required or option.example is not None})
    assert not reading.faults, reading.faults
    return handler.configured(reading.values)


def play(handler: EventHandler, type: str, snapshot: str, answer: str, record: Record) -> tuple[Any, list[Any]]:
    """One event by the engine: what became of it (None: the handler stopped), and the requests."""
    subscriber = SNAPSHOTS[snapshot] if handler.snapshot else None
    entity = "account:101" if type.startswith(("Account/", "CustomField")) else f"{type.partition('/')[0].lower()}:4"
    told = {"i_env": "1", "i_account": "101", "prev_id": "16045550199", "id": "16045550198", "number": "16045550197", "i_customer": "4", "i_product": "7"}
    happened = Event(5, type, entity, told, NOW, 1)
    transport: Any = _Answering(ANSWERS[answer])
    wires: Any = Wires(handler, dict.fromkeys(handler.reach(), transport), lambda: NOW, Clock().seconds)
    store: Any = _NoStore()
    delivery = Delivery(Notification(5, 1, happened), handler, wires, store, (*handler.events, *handler.extra_events), Neighbours())
    ended: list[Any] = []
    running: Deferred[Any] = Deferred.fromCoroutine(delivery.run(subscriber if entity.startswith("account") else None, record))
    _ = running.addCallbacks(ended.append, lambda failure: ended.append(failure.type.__name__))
    assert ended, "the steps wait for something"
    return ended[0], transport.sent


class HandlerContract:
    """Mixed into a SynchronousTestCase with the `path` of a file."""

    path: Path

    def setUp(self) -> None:
        """The handlers of the file."""
        self.handlers = handlers_in(self.path)

    def test_contract(self: Any) -> None:
        """What the loader asks of it, and a name that its file's name is made from."""
        for handler in self.handlers:
            self.assertEqual(faults_of(handler), [])
        self.assertLessEqual(len(self.path.read_text("utf-8").splitlines()), LONGEST)

    def test_missing_options_are_named_all(self: Any) -> None:
        """A configuration without any gets every missing one told at once, each with its help."""
        for handler in self.handlers:
            faults = Reading(handler, {}).faults
            self.assertEqual([name for name, _ in faults], [option.name for option in handler.options if option.required])
            self.assertTrue(all("is required: " in reason for _, reason in faults))

    def test_every_event_of_every_account_with_every_answer(self: Any) -> None:
        """What comes out is a verdict: no answer of a vendor, and no account, makes it something else; twice the same."""
        for handler in map(configured, self.handlers):
            for type in (*handler.events, *handler.extra_events):
                for snapshot in SNAPSHOTS:
                    for answer in ANSWERS if snapshot == "full" else ("ok",):
                        self._once_and_again(handler, type, snapshot, answer)

    def _once_and_again(self: Any, handler: EventHandler, type: str, snapshot: str, answer: str) -> None:
        for record in RECORDS:
            what = f"{handler.name}: {type}, {snapshot}, {answer}"
            settled, sent = play(handler, type, snapshot, answer, record)
            self.assertTrue(isinstance(settled, Settled) or settled == "HandlerStopped", f"{what}: {settled}")
            again, repeated = play(handler, type, snapshot, answer, record)
            self.assertEqual((settled, sent), (again, repeated), what)
            if isinstance(settled, Settled):
                self._sensible(handler, settled, sent, answer, what)

    def _sensible(self: Any, handler: EventHandler, settled: Settled, sent: list[Any], answer: str, what: str) -> None:
        """A vendor that is busy or silent is asked again later; the note has no secret of the subscriber."""
        web = all(isinstance(target, HttpTarget) for target in handler.reach().values())
        if sent and (answer == "silent" or (answer == "busy" and web)):
            self.assertIn(settled.verdict, (Verdict.RETRY, Verdict.DONE) if sent[-1].accepts else (Verdict.RETRY,), what)
        if sent and never_done(handler, answer, sent[-1]):
            self.assertIsNot(settled.verdict, Verdict.DONE, f"{what}: takes for success what is no answer of its vendor")
        for request in sent:
            self.assertEqual(faults_of_request(request), [], f"{what}: {request}")
        for secret in ("sesame-open", "f" * 32):
            self.assertNotIn(secret, settled.note, what)
            self.assertNotIn(secret, repr(handler), what)

    def test_wanted_states(self: Any) -> None:
        """A state is JSON, the same twice, and names no key of a closed account."""
        for handler in map(configured, self.handlers):
            if isinstance(handler, StateHandler):
                for name, subscriber in SNAPSHOTS.items():
                    if subscriber is not None:
                        self._state(handler, name, subscriber)

    def _state(self: Any, handler: StateHandler, name: str, subscriber: Subscriber) -> None:
        try:
            wanted, again = handler.wanted(subscriber), handler.wanted(subscriber)
        except Exception as error:
            self.assertEqual(type(error).__name__, "NotProvisionable", f"{handler.name}, {name}: {error}")
            return
        self.assertEqual(wanted, again, name)
        if wanted is not None:
            json.dumps({"keys": {key: list(values) for key, values in wanted.keys.items()}, "values": dict(wanted.values)})
            for values in wanted.keys.values():
                self.assertIsInstance(values, tuple, f"{handler.name}, {name}")
            self.assertNotIn("f" * 32, repr(wanted))
