"""
All vendors at once: for each its simulator, how its handler is configured to it, what the simulator holds, and what the vendor's behaviours say that it holds.

`knows` reads the simulator, `wants` is of the account as it is now, with those conditions that the handler hears of (tests/spec/handlers.yaml). Both give facts
by the vendor's key, so that they can be compared whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portaswitch.handler import Condition, Subscriber
from tests.simulators.calix_cms import CalixCms
from tests.simulators.calix_objects import number_of, serial
from tests.simulators.cmcc_hss import CmccHss
from tests.simulators.ecconnect import ECConnect
from tests.simulators.huawei_mml import HuaweiMml
from tests.simulators.huawei_upcc import HuaweiUpcc
from tests.simulators.jasper import Jasper
from tests.simulators.osmo_hlr import OsmoHlr
from tests.simulators.private import PASSWORD, USER, vendor
from tests.simulators.private_access import AUDIOCODES, BRIDGEWATER, LIMA, NBBS, NETNUMBER, READYWIRELESS
from tests.simulators.private_mobile import ARICENT, KLEOS_HSS, KLEOS_PCRF, PROTEI_HLR, PROTEI_PCRF, SPR, TITAN
from tests.simulators.sandvine_spb import SandvineSpb
from tests.simulators.stalker import Stalker
from tests.simulators.template import TemplateSimulator
from tests.simulators.yate_hss import YateHss

Facts = dict[str, Any]
PRODUCTS, POLICY, ADDON = ("Office", "PrepaidCard", "Quota used up"), "Home Internet", "More destinations"
PACKAGE = "sports"
#: Names of services of a UPCC have no blanks.
SERVICES = {POLICY: "HOME", ADDON: "MORE"}
#: SIM cards of the accounts, by account; the last ones are on the shelf.
CARDS = {"16045550101": "999700000000011", "10086610975": "999700000000012", "16045550103": "999700000000013", "16045550105": "999700000000015"}
SPARE = ("999700000000002", "999700000000021")
ICCID = {imsi: f"8999970000000000{imsi[-3:]}" for imsi in (*CARDS.values(), *SPARE, "999700000000001")}


@dataclass(frozen=True)
class Vendor:
    """One of the fleet; `{port}` in its options is the simulator's. Without `wants` nothing is compared: the handler holds no state there."""

    make: Callable[[Any], Any]
    options: Mapping[str, Any]
    knows: Callable[[Any], Facts] = field(default=lambda simulator: {})
    wants: Callable[[Subscriber], Facts] | None = None


def mobile(facts: Callable[[Subscriber], Facts]) -> Callable[[Subscriber], Facts]:
    """Facts of accounts with a SIM card and the mobile network provisioning service only."""
    return lambda line: facts(line) if line.sim and not line.closed and "lte" in line.features else {}


def opened(facts: Callable[[Subscriber], Facts]) -> Callable[[Subscriber], Facts]:
    """Facts of accounts that are not closed."""
    return lambda line: {} if line.closed else facts(line)


def flag(line: Subscriber) -> str:
    """'1' for who is barred."""
    return "1" if line.barred else ""


def policy(line: Subscriber) -> str:
    """The name of the policy, '' for none."""
    return line.policy.name if line.policy else ""


def described(description: Mapping[str, Any], **known: tuple[str, ...]) -> Callable[[Any], TemplateSimulator]:
    """A simulator of a description that knows these values of fields too."""

    def make(reactor: Any) -> TemplateSimulator:
        simulator = vendor(reactor, description)
        for name, values in known.items():
            simulator.known[name] |= set(values)
        return simulator

    return make


def records(*names: str) -> Callable[[TemplateSimulator], Facts]:
    """These fields of each record."""
    return lambda simulator: {key: tuple(one.get(name, "") for name in names) for key, one in simulator.records.items()}


def with_members(*names: str) -> Callable[[TemplateSimulator], Facts]:
    """The same, with the members by precedence."""

    def knows(simulator: TemplateSimulator) -> Facts:
        ordered = {key: sorted(items, key=lambda item: int(items[item]["position"])) for key, items in simulator.members.items()}
        return {key: (*(one.get(name, "") for name in names), *ordered[key]) for key, one in simulator.records.items()}

    return knows


HTTP = {"url": "http://127.0.0.1:{port}"}
LOGIN = {**HTTP, "user": USER, "password": PASSWORD}
HUAWEI = {"user": "provision", "password": "made-up", "codes": {"unknown": "3001", "no_key": "3906", "exists": "3901"}}


def of_hlr(simulator: Any) -> Facts:
    """IMSI, number and lock of an HLR of commands; keys of others are told too."""
    left = {imsi: "keys of nobody" for imsi in simulator.hlr.keys if imsi not in simulator.hlr.records}
    return {imsi: (one.isdn, one.group("LCK").get("IC") == "TRUE") for imsi, one in simulator.hlr.records.items()} | left


def of_yate(hss: YateHss) -> Facts:
    """Number and state by card; cards of nobody are told too."""
    held = {one["imsi"]: (one["msisdn"], one["active"]) for one in hss.subscribers.values()}
    return dict.fromkeys(hss.sims, "a card of nobody") | held


def jasper(reactor: Any) -> Jasper:
    """With all cards from the factory; a call takes long enough to be met by another one."""
    made = Jasper(reactor, plans=PRODUCTS)
    made.takes = 0.05
    for imsi, iccid in ICCID.items():
        made.add(iccid, imsi, "")
    return made


def stalker(reactor: Any) -> Stalker:
    """With our products as tariffs."""
    made = Stalker(reactor)
    made.tariffs |= set(PRODUCTS)
    return made


def upcc(reactor: Any) -> HuaweiUpcc:
    """With the services of our policy and add-on."""
    made = HuaweiUpcc(reactor, header=True)
    made.services |= set(SERVICES.values())
    return made


def sandvine(reactor: Any) -> SandvineSpb:
    """With a policy as an attribute."""
    return SandvineSpb(reactor)


def of_calix(simulator: CalixCms) -> Facts:
    """Serial number and port of each service: state and profile."""
    objects = simulator.networks["NTWK-E7-1"].objects
    serials = {key[1][0]: serial(one) for key, one in objects.items() if key[0] == "Ont"}
    services = ((key[1], one) for key, one in objects.items() if key[0] == "EthSvc")
    return {f"{serials[where[0]]}/{where[2]}": (one["admin"].text, number_of(one["bw-prof"])) for where, one in services}


def to_calix(line: Subscriber) -> Facts:
    """A service on the port of a terminal."""
    admin = "disabled" if line.barred else "enabled"
    ports = [device for device in line.devices[:1] if device.inventory_id and policy(line)]
    return {f"{device.inventory_id.removeprefix('CXNK')}/{device.port}": (admin, 12) for device in ports}


def to_iptv(line: Subscriber) -> Facts:
    """On, with the package of the product."""
    return {line.id: ("0" if line.barred else "1", {PACKAGE})} if "iptv" in line.features else {}


def quota_left(line: Subscriber) -> bool:
    """False when a quota is used up."""
    return Condition.QUOTA_EXCEEDED not in line.conditions


def to_audiocodes(line: Subscriber) -> Facts:
    """Blocked or not, and messaging apart from it."""
    return {line.id: ("true" if line.conditions - {Condition.QUOTA_EXCEEDED} else "false", "on" if quota_left(line) else "off")}


def to_spr(line: Subscriber) -> Facts:
    """State, and the packages of add-on and policy."""
    packages = [*("1001" for _ in line.addons), *("1002" for _ in filter(None, (policy(line),)))]
    return {line.id: (line.sim.imsi, "suspended" if line.barred else "active", *packages)} if line.sim else {}


FLEET: Mapping[str, Vendor] = {
    "AricentHSS": Vendor(
        described(ARICENT, profile=(POLICY,)), LOGIN, records("msisdn", "profile", "barred"),
        mobile(lambda line: {line.sim.imsi: (line.id, policy(line), flag(line))} if line.sim else {})),
    "AudioCodes": Vendor(described(AUDIOCODES), LOGIN, records("blocked", "messaging"), opened(to_audiocodes)),
    "Bridgewater": Vendor(
        described(BRIDGEWATER, profile=PRODUCTS), LOGIN, records("profile", "status"),
        opened(lambda line: {line.id: (line.product, "blocked" if line.barred else "active")})),
    "Calix": Vendor(
        CalixCms, {**HTTP, "user": "operator", "password": "made-up", "node": "E7-1", "ont_profiles": {"844E": "2"}}, of_calix, opened(to_calix)),
    "ECConnect": Vendor(
        lambda reactor: ECConnect(reactor, PRODUCTS), HTTP,
        lambda portal: {one["msisdn"]: (one["iccid"], one["ratePlan"], one["status"]) for one in portal.phones.values()},
        opened(lambda line: {line.id: (line.sim.iccid, line.product, "suspended" if line.barred else "active")} if line.sim else {})),
    "Huawei::HSS": Vendor(
        HuaweiMml, {**HUAWEI, "address": "127.0.0.1:{port}", "locks": True}, of_hlr,
        mobile(lambda line: {line.sim.imsi: (line.id, line.barred)} if line.sim else {})),
    "Huawei::PCRF": Vendor(
        upcc, {**HTTP, "user": "provision", "password": "made-up", "services": SERVICES},
        lambda upcc: {number: (one.values["usrState"], set(one.services)) for number, one in upcc.profiles.items()},
        mobile(lambda line: {line.id: ("2" if line.barred else "1", {SERVICES[name] for name in (policy(line), *line.addons) if name})})),
    "IPTV": Vendor(
        stalker, {**HTTP, "user": "api", "password": "made-up"},
        lambda portal: {login: (one["status"], portal.subscribed[login]) for login, one in portal.accounts.items()}, opened(to_iptv)),
    "Jasper": Vendor(
        jasper, {"url": "http://127.0.0.1:{port}/rws/api/v1", "user": "api-user", "password": "made-up-key", "blocking_product": "Quota used up"},
        lambda jasper: {iccid: one.data["ratePlan"] for iccid, one in jasper.devices.items() if one.data["status"] == "ACTIVATED"},
        opened(lambda line: {line.sim.iccid: line.product} if line.sim and not line.barred and line.product != "Quota used up" else {})),
    "Kleos::HSS": Vendor(
        described(KLEOS_HSS), LOGIN, records("msisdn", "status"),
        mobile(lambda line: {line.sim.imsi: (line.id, "barred" if line.barred else "active")} if line.sim else {})),
    "Kleos::PCRF": Vendor(
        described(KLEOS_PCRF, service=PRODUCTS, profile=(POLICY,)), LOGIN, records("imsi", "service", "profile"),
        mobile(lambda line: {line.id: (line.sim.imsi, line.product, policy(line))} if line.sim else {})),
    "LIMADispatcher": Vendor(described(LIMA), LOGIN, records("follow"), opened(lambda line: {line.id: (" ".join(line.follow_me),)})),
    "NBBS": Vendor(
        described(NBBS), LOGIN,
        lambda nbbs: {mac: (one["subscriber"], one["enabled"]) for mac, one in nbbs.records.items() if one.get("subscriber")},
        opened(lambda line: {device.mac: (line.id, "false" if line.barred else "true") for device in line.devices[:1]})),
    "NetNumber": Vendor(
        described(NETNUMBER), HTTP, lambda numbers: dict.fromkeys(numbers.records), opened(lambda line: {line.id: None} if line.id.isdecimal() else {})),
    "OsmoHLR": Vendor(
        OsmoHlr, {"address": "127.0.0.1:{port}"},
        lambda hlr: {imsi: (one.msisdn, one.cs) for imsi, one in hlr.subscribers.items()},
        opened(lambda line: {line.sim.imsi: (line.id, not line.barred and "Voice" in line.services)} if line.sim else {})),
    "Protei::HLR": Vendor(
        described(PROTEI_HLR, profile=(POLICY,)), {**HTTP, "faults": {"missing": '"MISSING"', "exists": '"EXISTS"'}}, records("msisdn", "status"),
        mobile(lambda line: {line.sim.imsi: (line.id, "1" if line.barred else "0")} if line.sim else {})),
    "Protei::PCRF": Vendor(
        described(PROTEI_PCRF, item=(POLICY, ADDON)), LOGIN, with_members("imsi", "barred"),
        mobile(lambda line: {line.id: (line.sim.imsi, flag(line), *line.addons, *filter(None, (policy(line),)))} if line.sim else {})),
    "ReadyWireless": Vendor(described(READYWIRELESS), HTTP),
    "Sandvine": Vendor(
        sandvine, {**HTTP, "attributes": {"policy": "Policy"}}, lambda spb: {name: one.attributes["Policy"] for name, one in spb.subscribers.items()},
        opened(lambda line: {line.id: "blocked" if line.barred else policy(line)} if policy(line) else {})),
    "Titan::HSS": Vendor(
        described(TITAN), LOGIN, records("msisdn", "apn", "barred"),
        mobile(lambda line: {line.sim.imsi: (line.id, "1" if policy(line) else "", flag(line))} if line.sim else {})),
    "YateHSS": Vendor(
        YateHss, HTTP, of_yate,
        mobile(lambda line: {line.sim.imsi: (line.id, int(not line.barred))} if line.sim else {})),
    "ZXUN::HSS": Vendor(
        CmccHss, {**HUAWEI, **HTTP}, of_hlr, mobile(lambda line: {line.sim.imsi: (line.id, line.barred)} if line.sim else {})),
    "ZXUN::SPR": Vendor(
        described(SPR), {**HTTP, "faults": {"missing": "<resultCode>3001<", "exists": "<resultCode>3002<"}, "packages": {ADDON: "1001"}},
        with_members("imsi", "state"),
        mobile(to_spr)),
}  # fmt: skip
