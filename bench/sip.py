"""
SIP: registrations, and messages of sipgen's accounts to each other, each authenticated, authorized, charged, kept and delivered; and whether balances, xDRs and
messages agree with what the senders were told and the phones have got.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from bench import load
from bench.cluster import Cluster
from bench.operators import Figure
from bench.process import cpu_seconds, free_port, resident_megabytes, run
from bench.server import DATABASE, SIP_DOMAIN, Server

SIP = "sip"
"""The name of all this among the scenarios."""

HERE = Path(__file__).parent
SOURCE, SQL, BOOKED = HERE / "sipgen.c", HERE / "sip.sql", HERE / "sip_booked.sql"
PRICE = Decimal("0.02")
"""Of a message (sip.sql)."""


class Size(load.Size, Protocol):
    """How much of it (`measure.Size`)."""

    @property
    def contacts(self) -> int:
        """Accounts that register, and messages that wait for them; 0: not measured."""

    @property
    def half(self) -> bool:
        """Also at half of the rate."""


@dataclass(frozen=True)
class Told:
    """What a run said: its number, final answers a second, latencies in milliseconds, counts."""

    run: int
    per_second: float
    p50: float
    p99: float
    delivery_p99: float
    answered: int
    accepted: int
    timed_out: int
    delivered: int
    repeated: int


def build(work: Path) -> Path:
    """Compile the generator; BenchError when there is no C compiler or no libssl-dev."""
    program = work / "sipgen"
    run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-o", program, SOURCE, "-lcrypto"])
    return program


def read(text: str) -> Told:
    """The generator's JSON as values."""
    said = load.values(text)
    return Told(
        said["run"], said["per_second"], said["p50_us"] / 1000, said["p99_us"] / 1000, said["delivery_p99_us"] / 1000,
        said["answered"], said["accepted"], said["timed_out"], said["delivered"], said["repeated"],
    )  # fmt: skip


class Switch(Protocol):
    """A server that phones register with: ours, or the peer."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def sip_port(self) -> int:
        """Where it listens, by UDP."""

    @property
    def pid(self) -> int:
        """Its process id."""


class Phones:
    """The generator towards one server: accounts of sip.sql, whose phones are at one port."""

    def __init__(self, program: Path, cluster: Cluster, server: Switch) -> None:
        self._program, self._cluster, self._server = program, cluster, server
        self._contact, self._runs = free_port(), 0

    def go(self, mode: str, *words: str | int | float) -> tuple[Told, float]:
        """One run, and the CPU seconds of the server."""
        self._runs += 1
        before = cpu_seconds(self._server.pid)
        known: list[str | Path] = [
            self._program, mode, "--port", str(self._server.sip_port), "--domain", SIP_DOMAIN, "--contact", str(self._contact), "--run", str(self._runs),
        ]  # fmt: skip
        told = read(run([*known, *map(str, words)]))
        return told, cpu_seconds(self._server.pid) - before

    def wrong(self, told: Told) -> list[str]:
        """Where the database disagrees with what a run of messages was told; a message without an answer may have been taken or not."""
        row = self._cluster.query(DATABASE, BOOKED.read_text(), run=f"{told.run:08X}").split("|")
        charged, amount, kept, delivered, unsettled = int(row[0]), Decimal(row[1]), int(row[2]), int(row[3]), int(row[4])
        most = told.accepted + told.timed_out
        wrong = [
            f"{told.accepted} messages were accepted ({told.timed_out} unanswered), but {count} are {what}"
            for count, what in ((charged, "charged"), (kept, "kept"))
            if not told.accepted <= count <= most
        ]
        if amount != PRICE * charged:
            wrong.append(f"{charged} messages were charged {amount} in all")
        if told.delivered > delivered:
            wrong.append(f"phones have got {told.delivered} messages, the table says {delivered}")
        if unsettled:
            wrong.append(f"{unsettled} messages are neither charged nor given back")
        return wrong + undelivered(told)


def undelivered(told: Told) -> list[str]:
    """Where the phones disagree with what the senders were told."""
    wrong = [f"phones have got {told.repeated} messages twice"] if told.repeated else []
    if told.delivered < told.accepted:
        wrong.append(f"{told.accepted} messages were accepted, and {told.delivered} have arrived")
    return wrong + ([f"{told.answered - told.accepted} messages were refused"] if told.answered != told.accepted else [])


def measure(work: Path, cluster: Cluster, server: Server, size: Size, peer: Switch | None = None) -> list[Figure]:
    """
    Registrations, then messages at full speed, the peer's in turn with ours, and, for the latency, at half of it; then many contacts and messages that wait for
    them.
    """
    cluster.query(DATABASE, SQL.read_text(), accounts=str(size.accounts + size.contacts))
    program = build(work)
    phones, others = Phones(program, cluster, server), None if peer is None else Phones(program, cluster, peer)
    users = ("--users", size.accounts, "--window", size.window)
    registered, cpu = phones.go("register", *users, "--seconds", 0)
    found = [Figure("sip-register", "registrations", _figure(registered), "", cpu, _unregistered(registered, size.accounts))]
    if peer is not None and others is not None:
        registered, cpu = others.go("register", *users, "--seconds", 0)
        found.append(Figure("sip-register", f"registrations, {peer.name}", _figure(registered), "", cpu, _unregistered(registered, size.accounts)))
        others.go("message", *users, "--seconds", min(1.0, size.seconds))
    phones.go("message", *users, "--seconds", min(1.0, size.seconds))
    cluster.settle()
    full, cpu = phones.go("message", *users, "--seconds", size.seconds)
    found.append(Figure("sip", "messages, charged and delivered", _figure(full), "2,000/s", cpu, phones.wrong(full)))
    if peer is not None and others is not None:
        told, cpu = others.go("message", *users, "--seconds", size.seconds)
        found.append(Figure("sip", f"messages, {peer.name} (no money)", _of_peer(told), "", cpu, []))
    if size.half:
        half, cpu = phones.go("message", *users, "--seconds", size.seconds, "--rate", full.per_second / 2)
        found.append(Figure("sip-half", "messages at half of that", _figure(half), "p99 under 30 ms", cpu, phones.wrong(half)))
    return found + (_contacts(phones, server, size) if size.contacts else [])


def _contacts(phones: Phones, server: Server, size: Size) -> list[Figure]:
    """A message for each of many accounts that are not there; then these register, which brings it to them."""
    users = ("--users", size.accounts, "--window", size.window)
    waiting, cpu = phones.go("message", *users, "--offline", size.contacts, "--seconds", 3600, "--messages", size.contacts)
    wrong = [] if waiting.accepted == size.contacts else [f"{waiting.accepted} of {size.contacts} messages were accepted"]
    found = [Figure("sip-waiting", f"{size.contacts:,} messages to who is not there", _figure(waiting), "", cpu, wrong)]
    who = ("--users", size.contacts, "--first", size.accounts, "--window", size.window)
    drained, cpu = phones.go("register", *who, "--deliveries", size.contacts, "--seconds", 60)
    wrong = _unregistered(drained, size.contacts)
    if drained.delivered != size.contacts:
        wrong.append(f"{drained.delivered} of {size.contacts} waiting messages have arrived")
    figure = f"{_figure(drained)}, {resident_megabytes(server.pid):.0f} MiB"
    return [*found, Figure("sip-drain", f"{size.contacts:,} contacts, each gets what waited", figure, "under 300 MB", cpu, wrong)]


def _figure(told: Told) -> str:
    return f"{told.per_second:,.0f}/s, p50 {told.p50:.1f} ms, p99 {told.p99:.1f} ms"


def _of_peer(told: Told) -> str:
    """What a peer took: its refusals and repetitions are its own, and no fault of a run."""
    taken = told.per_second * told.accepted / max(told.answered, 1)
    return f"{taken:,.0f}/s taken, p50 {told.p50:.1f} ms, p99 {told.p99:.1f} ms; {told.answered - told.accepted:,} refused, {told.repeated:,} delivered twice"


def _unregistered(told: Told, accounts: int) -> list[str]:
    return [] if told.accepted == accounts else [f"{told.accepted} of {accounts} accounts could register"]
