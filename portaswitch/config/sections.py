"""
The sections of the configuration, one frozen dataclass each; the names are fixed (docs/configuration.rst), so
that tools can rely on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from portaswitch.config.database import Database, DatabaseKind
from portaswitch.config.grammar import Conflict, Group, ListOf, MappingOf, OrNone, Section, declare
from portaswitch.config.listen import LOOPBACK, Listen, ListenAddress
from portaswitch.config.node import joined
from portaswitch.config.options import Options, OptionsKind
from portaswitch.config.sip_section import SipSettings
from portaswitch.config.values import (
    Address,
    Amount,
    Boolean,
    Choice,
    Duration,
    FilePath,
    HostName,
    Integer,
    MailAddress,
    Port,
    Size,
    Text,
)

ROLES: Final = ("radius", "diameter", "sip", "http", "espf", "jobs")
"""What a process can do; the service decides which of them this version builds."""

ENVIRONMENT: Final = Integer(1, 2_147_483_647, "(an i_env)")
NAME: Final = Text(
    "a name of small letters, digits, - and _ that begins with a letter", r"[a-z][a-z0-9_-]*", longest=32
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusSettings(Group):
    """RADIUS authentication and accounting (RFC 2865, RFC 2866), and back-pressure for its clients."""

    interface: str = declare(
        Address(), "Address that both ports are bound to; 0.0.0.0 for every IPv4 interface.", default=LOOPBACK
    )
    auth_port: int = declare(Port(), "UDP port of authentication.", default=1812)
    acct_port: int = declare(Port(), "UDP port of accounting.", default=1813)
    coa_default_port: int = declare(
        Integer(1, 65535, "(a UDP port)"),
        "Port that CoA and Disconnect requests (RFC 5176) go to when the client names none; not one of ours.",
        default=3799,
    )
    coa_interface: str = declare(
        Address(),
        "Address that CoA and Disconnect requests leave from, which nodes must know as ours; 0.0.0.0 leaves it to the route.",
        default="0.0.0.0",
    )
    coa_tries: int = declare(
        Integer(1, 10, "sendings"), "How often a CoA or Disconnect request is sent in all before its node counts as silent.", default=5
    )
    coa_first_wait: float = declare(
        Duration(0.1, 8), "Seconds before its first retransmission; each further wait is twice as long, up to 8s.", default="2s"
    )
    coa_attempts: int = declare(
        Integer(1, 100, "attempts"),
        "How often a session's CoA or disconnect is tried in all, 30s to 10m apart, while its node is silent or says that it can't now.",
        default=5,
    )
    coa_node_rate: int = declare(Integer(1, 10_000, "requests"), "CoA and Disconnect requests that one node gets in a second.", default=50)
    profile_path: tuple[Path, ...] = declare(
        ListOf(FilePath()), "Folders with node profiles of your own, NAME.yaml each, beside the shipped ones.", default=[]
    )
    duplicate_window: float = declare(
        Duration(5, 30),
        "Seconds during which a repeated request gets the stored reply (RFC 5080 2.2.2).",
        default="10s",
    )
    reject_delay: float = declare(
        Duration(0, 5),
        "Seconds that an Access-Reject is held back, which slows down guessing; keep it below 3s.",
        default="1s",
    )
    max_waiting: int = declare(
        Integer(1, 1_000_000, "requests"),
        "Requests that may wait in this process; more are dropped and counted.",
        default=4096,
    )
    max_waiting_per_peer: int = declare(
        Integer(1, 1_000_000, "requests"),
        "Requests of one client that may wait; more are dropped and counted.",
        default=512,
    )

    def conflicts(self) -> Iterator[Conflict]:
        if self.auth_port == self.acct_port != 0:
            yield Conflict(
                ("acct_port", "auth_port"),
                f"port {self.acct_port} is that of auth_port too: give each its own",
            )
        if self.max_waiting_per_peer > self.max_waiting:
            yield Conflict(
                ("max_waiting_per_peer", "max_waiting"),
                f"more than max_waiting ({self.max_waiting}): lower this or raise that",
            )

    def listeners(self) -> dict[str, tuple[ListenAddress, ...]]:
        """What is bound, by key."""
        return {
            name: (ListenAddress("udp", port, self.interface),)
            for name, port in (("auth_port", self.auth_port), ("acct_port", self.acct_port))
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DiameterSettings(Group):
    """
    Diameter credit control (RFC 6733, RFC 8506; 3GPP TS 32.299). Peers and their environments are in the
    database.
    """

    listen: tuple[ListenAddress, ...] = declare(
        ListOf(Listen("tcp", "tls")), "Where peers connect to.", default=["tcp:3868:interface=127.0.0.1"]
    )
    origin_host: str = declare(HostName(), "Our Origin-Host; one per process.", default="ocs.example.com")
    origin_realm: str = declare(HostName(), "Our Origin-Realm.", default="example.com")
    realms: tuple[str, ...] = declare(
        ListOf(HostName()), "Further Destination-Realms whose requests are ours; those of others are answered 3003.", default=[]
    )
    host_addresses: tuple[str, ...] = declare(
        ListOf(Address()), "Host-IP-Address in our capabilities (RFC 6733 5.3.5); [] says the addresses of listen.", default=[]
    )
    watchdog: float = declare(
        Duration(6, 300), "Seconds of silence after which a peer is asked whether it lives (RFC 3539 Tw).", default="30s"
    )
    max_waiting: int = declare(
        Integer(1, 1_000_000, "requests"), "Requests that may wait in this process; more are answered 3004, and reading pauses.", default=4096
    )
    max_waiting_per_peer: int = declare(Integer(1, 1_000_000, "requests"), "The same for one peer.", default=512)
    push_node_rate: int = declare(Integer(1, 10_000, "requests"), "Re-Auth and Abort-Session requests that one node gets in a second.", default=50)
    profile_path: tuple[Path, ...] = declare(
        ListOf(FilePath()), "Folders with node profiles of your own, NAME.yaml each, beside the shipped ones and on top of them.", default=[]
    )

    def conflicts(self) -> Iterator[Conflict]:
        if self.max_waiting_per_peer > self.max_waiting:
            yield Conflict(
                ("max_waiting_per_peer", "max_waiting"), f"more than max_waiting ({self.max_waiting}): lower this or raise that"
            )

    def listeners(self) -> dict[str, tuple[ListenAddress, ...]]:
        """What is bound, by key."""
        return {"listen": self.listen}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings(Group):
    """The JSON API, the web console, metrics and health."""

    listen: tuple[ListenAddress, ...] = declare(
        ListOf(Listen("tcp", "tls")),
        "Where browsers and API clients connect to.",
        default=["tcp:8080:interface=127.0.0.1"],
    )

    def listeners(self) -> dict[str, tuple[ListenAddress, ...]]:
        """What is bound, by key."""
        return {"listen": self.listen}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSettings(Group):
    """
    One instance of an event handler; whether it is enabled and which events it gets is in the database
    (`evctl`).
    """

    class_name: str = declare(
        Text("the name of a handler class", r"[A-Za-z][A-Za-z0-9_-]*(::[A-Za-z][A-Za-z0-9_-]*)?"),
        "Class of the handler, as `evctl` lists it.",
        key="class",
    )
    environment: int = declare(ENVIRONMENT, "Environment whose events it gets.")
    options: Options = declare(
        OptionsKind(), "Every other key is an option of the handler; secrets best as {file: PATH}."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EspfSettings(Group):
    """Provisioning of outside systems by event handlers."""

    handler_path: tuple[Path, ...] = declare(
        ListOf(FilePath()), "More folders with handlers, searched after the shipped one.", default=[]
    )
    handlers: Mapping[str, HandlerSettings] = declare(
        MappingOf(NAME, Section(HandlerSettings)), "The handlers that exist, by name.", default={}
    )
    alert_recipient: str | None = declare(
        OrNone(MailAddress()), "Who gets the digest of events that could not be delivered.", default=None
    )
    alert_sender: str = declare(MailAddress(), "Whom that mail is from.", default="portaswitch@localhost")
    mail_server: str = declare(HostName(), "Mail server that takes it, without a log-in.", default="127.0.0.1")
    mail_port: int = declare(Port(), "TCP port of the mail server.", default=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSettings(Group):
    """Logs: JSON lines in files that rotate, text on a terminal."""

    level: str = declare(
        Choice("debug", "info", "warn", "error", "critical"),
        "Least important level that is logged.",
        default="info",
    )
    directory: Path = declare(FilePath(), "Folder of the log files.", default="var/log")
    rotate_size: int = declare(
        Size(64 * 1024, 1 << 40), "A log file turns when it is larger, and with the first line of another day (UTC).", default="100MiB"
    )
    keep: int = declare(Integer(1, 1000, "files"), "Old files that are kept of each log; NAME.1 is the youngest.", default=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSettings(Group):
    """Sizes and times of the billing core; the defaults suit two cores and one database."""

    hot_connections: int = declare(
        Integer(1, 64, "connections"), "Database connections that only charges use.", default=2
    )
    work_connections: int = declare(
        Integer(1, 256, "connections"), "Database connections of everything else.", default=4
    )
    batch: int = declare(
        Integer(1, 1024, "requests"),
        "Most requests decided and applied in one transaction; more than 32 makes half of the clients wait for the other half.",
        default=32,
    )
    flights: int = declare(
        Integer(1, 64, "batches"),
        "Batches at the database at once; one connection each. Another one leaves beside them when eight accounts wait, or after 20 ms.",
        default=2,
    )
    cache_accounts: int = declare(
        Integer(0, 100_000_000, "accounts"), "Accounts kept in memory.", default=200_000
    )
    cache_sessions: int = declare(
        Integer(0, 100_000_000, "sessions"), "Sessions kept in memory.", default=200_000
    )
    statement_timeout: float = declare(
        Duration(0.01, 60),
        "Seconds after which the database gives up a statement of a charge.",
        default="1500ms",
    )
    decision_timeout: float = declare(
        Duration(0.02, 120),
        "Seconds after which a request is given up; keep it below the retransmission time of the clients.",
        default="2s",
    )
    reseller_slack: Decimal = declare(
        Amount(),
        "Amount, in a reseller's currency, that its balance may be behind: charges reach it once a second, so its customers are refused as soon as it is so "
        "near to its credit limit.",
        default="0",
    )
    password_tries: int = declare(
        Integer(0, 1_000_000, "wrong passwords"),
        "Wrong passwords for one account from one source (node, and calling number or address) before it is refused for password_window; 0: any number.",
        default=10,
    )
    password_window: float = declare(
        Duration(1, 3600), "Seconds from the first wrong password on for which they are counted and refused.", default="60s"
    )

    def conflicts(self) -> Iterator[Conflict]:
        if self.statement_timeout >= self.decision_timeout:
            yield Conflict(
                ("statement_timeout", "decision_timeout"),
                "not below decision_timeout: the database must give up first, or the effect is unknown",
            )
        if self.flights > self.hot_connections:
            yield Conflict(
                ("flights", "hot_connections"),
                f"more than hot_connections ({self.hot_connections}): each batch needs one of its own",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Group):
    """The whole configuration of one process."""

    state_dir: Path = declare(
        FilePath(),
        "Folder of what the server keeps beside the database; the embedded PostgreSQL is in it.",
        default="var",
    )
    database: Database = declare(
        DatabaseKind(),
        "embedded runs a private PostgreSQL under state_dir (extra portaswitch[embedded]). A string with a "
        "password is best written as {file: PATH}.",
        default="embedded",
    )
    environment: int = declare(
        ENVIRONMENT,
        "i_env of the demo and of commands that name none; nodes, domains and API users carry their own.",
        default=1,
    )
    roles: tuple[str, ...] = declare(
        ListOf(Choice(*ROLES), least=1), "What this process does.", default=["radius", "sip", "http", "espf", "jobs"]
    )
    instance: str = declare(NAME, "Name of this process among those that share the database.", default="main")
    reuse_port: bool = declare(
        Boolean(), "Several processes on this machine share the ports (SO_REUSEPORT), but those of SIP over UDP: each has its own.", default=False
    )
    radius: RadiusSettings = declare(Section(RadiusSettings), "", default={})
    diameter: DiameterSettings = declare(Section(DiameterSettings), "", default={})
    sip: SipSettings = declare(Section(SipSettings), "", default={})
    http: HttpSettings = declare(Section(HttpSettings), "", default={})
    espf: EspfSettings = declare(Section(EspfSettings), "", default={})
    logging: LoggingSettings = declare(Section(LoggingSettings), "", default={})
    limits: LimitsSettings = declare(Section(LimitsSettings), "", default={})

    def conflicts(self) -> Iterator[Conflict]:
        """Two listeners of roles of this process at one port."""
        bound = [
            (joined(role, key), address) for role, key, address in self._listeners() if role in self.roles
        ]
        for at, (key, address) in enumerate(bound):
            for other, taken in bound[:at]:
                if address.clashes(taken) and {key, other} != {"radius.auth_port", "radius.acct_port"}:
                    yield Conflict(
                        (key, other),
                        f"{address} is taken by {other} ({taken}): give one of them another port",
                    )

    def _listeners(self) -> Iterator[tuple[str, str, ListenAddress]]:
        for role, group in (
            ("radius", self.radius),
            ("diameter", self.diameter),
            ("sip", self.sip),
            ("http", self.http),
        ):
            for key, addresses in group.listeners().items():
                for address in addresses:
                    yield role, key, address
