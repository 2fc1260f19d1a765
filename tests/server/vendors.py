"""A handler on a real connection to a simulator that somebody else wrote, and an account's life in snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from twisted.internet import reactor as installed
from twisted.trial.unittest import TestCase

from portaswitch.espf.driver import Drive
from portaswitch.espf.loader import Loader
from portaswitch.espf.options import Reading
from portaswitch.espf.state import confirmed, underway
from portaswitch.espf.wires import Wires
from portaswitch.handler import AssignRemoteId, Condition, Event, EventHandler, Party, Policy, Record, Sim, StateHandler, Subscriber
from portaswitch.model.subscriber import NO_RECORD
from portaswitch.transports import transport
from tests.rules.source import ROOT
from tests.simulators.core import Simulator

reactor: Any = installed
NOW = datetime(2026, 11, 29, tzinfo=UTC)
EVENT = Event(1, "Account/SIMCardAssignment", "account:7", {}, NOW, 1)
OLD, NEW = "447700900121", "447700900122"
KI, OPC = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
FIRST = Sim(1, "001010000000001", "8900100000000000001", ki=KI, opc=OPC, amf="8000")
SECOND = Sim(2, "001010000000002", "8900100000000000002", ki=OPC, opc=KI, amf="8000")
LINE = Subscriber(
    7, 1, OLD, 3, "Ann", product="gold", services=frozenset({"Voice", "Netaccess"}), features=frozenset({"lte", "iptv"}),
    attributes={"netaccess_static_ip": {"address": ("192.0.2.7",)}, "iptv": {"channel_package": ("sports",)}},
    policy=Policy(5, "GOLD", {"upload_rate": "1000000", "download_rate": "20000000", "pdn_context_id": "1", "calix.bandwidth_profile_id": "12"}),
    sim=FIRST, person=Party(first_name="Ann", last_name="O'Neil & Söhne", phone="447700900199"), password="made up word",
)  # fmt: skip
BARRED, CLOSED = frozenset({Condition.BLOCKED}), frozenset({Condition.CLOSED})
#: The codes of the simulated site, which a real one has its own of.
CODES = {"unknown": "3001", "no_key": "3906", "exists": "3901"}
#: What Huawei's ADD_KI by SOAP has to have beside the card's key.
SOAP_KEY = {"ALG": "MILENAGE", "CARDTYPE": "USIM", "OPSNO": "1", "KEYTYPE": "CLEAR"}
#: Snapshots of an account one after the other, and what the vendor shows after each.
Course = Sequence[tuple[Subscriber, Any]]


class VendorCase(TestCase):
    """A simulator on a port, and the handler that speaks to it."""

    timeout = 180

    async def start(self, name: str, simulator: Simulator, **options: Any) -> None:
        """Serve the simulator and configure the handler; `{port}` in options is the simulator's."""
        port = reactor.listenTCP(0, simulator.factory(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number = str(port.getHost().port)
        await self.begin(name, **{key: value.replace("{port}", number) if isinstance(value, str) else value for key, value in options.items()})

    async def begin(self, name: str, **options: Any) -> None:
        """Configure the handler for a vendor that is there."""
        loader = Loader([ROOT / "handlers"])
        loader.scan()
        reading = Reading(loader.handlers()[name], {"seconds": 30, **options})
        self.assertEqual(reading.faults, [])
        self.handler: EventHandler = loader.handlers()[name].configured(reading.values)
        wires = {target: transport(reactor, target or name, one, reading.values) for target, one in self.handler.reach().items()}
        for wire in wires.values():
            self.addCleanup(wire.close)
        self.wires = Wires(self.handler, wires, lambda: NOW, reactor.seconds)
        self.record = NO_RECORD

    async def bring(self, subscriber: Subscriber) -> None:
        """Bring the vendor to the state of a snapshot, and once more as if nobody had heard its answers."""
        handler, remote_id = self.handler, self.record.remote_id
        assert isinstance(handler, StateHandler)
        wanted, before = handler.wanted(subscriber), self.record
        self.effects: list[Any] = []
        for known in (before, underway(before, wanted)):
            drive = Drive(self.wires)
            await drive.run(partial(handler.steps, EVENT, subscriber, Record(remote_id, known.keys, known.state)))
            self.effects += drive.effects
            remote_id = ([effect.remote_id for effect in drive.effects if isinstance(effect, AssignRemoteId)] or [remote_id])[-1]
        self.record = confirmed(wanted, remote_id)

    async def assert_there_and_back(self, seen: Callable[[], Any], steps: Course) -> None:
        """Snapshots with what `seen` gives after each, in their order and then backwards: what the vendor holds does not depend on the way."""
        for way in ("there", "back"):
            for place, (snapshot, state) in enumerate(steps if way == "there" else reversed(steps)):
                await self.bring(snapshot)
                self.assertEqual(seen(), state, f"{way}, step {place}")

    async def assert_life(self, seen: Callable[[], Any], states: Sequence[Any], line: Subscriber = LINE) -> None:
        """A SIM is assigned, barred, freed, swapped, renumbered, taken away, and all of it backwards: `states` are what `seen` gives after each."""
        await self.assert_there_and_back(seen, tuple(zip(snapshots(line), states, strict=True)))


def snapshots(line: Subscriber) -> tuple[Subscriber, ...]:
    """The steps of an account's life."""
    swapped = replace(line, sim=SECOND)
    renumbered = replace(swapped, id=NEW)
    return line, replace(line, conditions=BARRED), line, swapped, renumbered, replace(renumbered, sim=None, conditions=CLOSED)
