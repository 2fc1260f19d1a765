"""
What is measured: one entry a scenario, run against our server and, where FreeRADIUS does the like, against
it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bench.load import Work
from bench.subscribers import CALL_PRICE, PASSWORD, PLANNED_PRICE

QUOTA = ("--quota", "300:30")
"""
Authorizations ask for 300 s as a client that can re-authorize, so that only a slice of the funds is held.
"""

VENDOR_ADDRESS = "192.0.2.88"
"""h323-remote-address of the vendor in catalogue.sql; radgen's own default belongs to none."""

BIG_CUSTOMER = 10_000


@dataclass(frozen=True)
class Scenario:
    """
    One measurement.

    `mode` is radgen's; `options` are added for our server only (it has more accounts than FreeRADIUS);
    `peer`: FreeRADIUS runs the same mode; `half`: latency at half of the rate that was found is measured
    too.
    """

    name: str
    title: str
    mode: str
    options: tuple[str, ...] = ()
    peer: bool = False
    half: bool = False
    vendor: bool = False  # every charge must have a vendor's xDR beside it
    price: Decimal = CALL_PRICE  # of one call


SCENARIOS = (
    Scenario("auth", "authentication (PAP)", "auth", peer=True, half=True),
    Scenario("authz", "authorization with a committed hold", "authz", peer=True, half=True),
    Scenario("acct", "accounting, charged (Start, Interim, Stop)", "acct", peer=True, half=True),
    Scenario("mix", "authorization : Interim : Stop = 1 : 3 : 1", "mix", peer=True, half=True),
    Scenario("account", "all charges on one account", "acct", ("--account", "user1")),
    Scenario(
        "customer",
        "all charges on one customer, 10,000 accounts",
        "acct",
        ("--user-prefix", "corp", "--users", str(BIG_CUSTOMER)),
    ),
    Scenario("vendor", "all charges under one vendor", "acct", ("--remote", VENDOR_ADDRESS), vendor=True),
    Scenario("plans", "accounting with three plans and a wallet", "acct", ("--user-prefix", "plan"), price=PLANNED_PRICE),
)

MEMORY = Scenario("memory", "authentication of 1,000,000 accounts at random", "auth", ("--random",))


def work_of(
    scenario: Scenario, seconds: float, window: int, accounts: int, *, ours: bool, rate: float = 0
) -> Work:
    """The generator's work for a scenario. Every call is led to its end, so that books can be compared."""
    users = ("--users", str(accounts), "--finish")
    if not ours:
        return Work(scenario.mode, seconds, window, rate, (*users, *QUOTA))
    options = (*users, *QUOTA, "--password", PASSWORD, "--message-authenticator", *scenario.options)
    return Work(scenario.mode, seconds, window, rate, options)
