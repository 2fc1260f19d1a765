"""
An HSS in the dialect that one operator's network asks of all makers (Huawei, ZTE, Ericsson, Nokia): no sessions, user and password in each
request's SOAP header, one namespace, profiles and contexts as commands of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Refused
from tests.simulators.huawei_hlr import BAD_PARAMETER, NATIVE, NOT_DEFINED, Act, Command, Group, Hlr, Parameters, Record, names, setting, without
from tests.simulators.huawei_hss_soap import HuaweiHssSoap
from tests.simulators.run import run
from tests.simulators.soap import Element

NAMESPACE = "http://www.chinamobile.com/HSS/"
#: What PROV does to a context: whether it must be there before, and whether it is there afterwards.
PROVISION: Mapping[str, tuple[bool, bool]] = {
    "ADDPDNCNTX": (False, True), "MODPDNCNTX": (True, True),
    "ADDPDPCNTX": (False, True), "MODPDPCNTX": (True, True), "RMVPDPCNTX": (True, False),
}  # fmt: skip
#: What a new context is made from, by domain; answers call it QOSTPLID.
TEMPLATES = {"EPS": "EPSAPNQOSTPLID", "PS": "PSAPNQOSTPLID"}


def _add_csps(hlr: Hlr, parameters: Parameters) -> list[Group]:
    record = Record(parameters["IMSI"], parameters["ISDN"])
    record.put("CSPS", without(parameters))
    hlr.add(record)
    return []


def _adding(group: str) -> Act:
    """A domain that a subscriber gets once."""

    def act(hlr: Hlr, parameters: Parameters) -> list[Group]:
        record = hlr.find(parameters)
        if record.group(group):
            raise Refused("3901", f"{group} already exists")
        record.put(group, {"SUBSCRIBED": "TRUE", **without(parameters)})
        return []

    return act


def _removing(group: str) -> Act:
    """A domain that a subscriber loses."""

    def act(hlr: Hlr, parameters: Parameters) -> list[Group]:
        if not hlr.find(parameters).drop(group):
            raise Refused(NOT_DEFINED, "Subscriber not defined in this domain")
        return []

    return act


def _within(group: str) -> Act:
    """Values of a domain that is there."""
    act = setting(group)

    def checked(hlr: Hlr, parameters: Parameters) -> list[Group]:
        if not hlr.find(parameters).group(group):
            raise Refused(NOT_DEFINED, "Subscriber not defined in this domain")
        return act(hlr, parameters)

    return checked


def _context(kind: str) -> Act:
    """Contexts by number, which PROV adds, changes and removes; MODDEFPDN names the default one, RMVALLPDPCNTX removes all."""

    def act(hlr: Hlr, parameters: Parameters) -> list[Group]:
        record, prov, number = hlr.find(parameters), parameters["PROV"], parameters.get("CNTXID", "")
        held = [group for group in record.groups() if group.startswith(f"{kind} CNTX ")]
        if prov == "RMVALLPDPCNTX":
            for group in held:
                record.drop(group)
            return []
        if prov == "MODDEFPDN":
            if f"{kind} CNTX {parameters.get('DEFAULTCNTXID')}" not in held:
                raise Refused(BAD_PARAMETER, "The default context is not defined")
            record.put(f"{kind} Data", {"DEFAULTCNTXID": parameters["DEFAULTCNTXID"]})
            return []
        if prov not in PROVISION or not number:
            raise Refused(BAD_PARAMETER, "PROV or CNTXID is wrong")
        before, after = PROVISION[prov]
        group = f"{kind} CNTX {number}"
        if (group in held) is not before:
            raise Refused("3907", "Context is not defined" if before else "Context already exists")
        if not before and TEMPLATES[kind] not in parameters:
            raise Refused(BAD_PARAMETER, f"{TEMPLATES[kind]} of a new context is missing")
        if (parameters.get("IPV4ADDIND") == "STATIC") is not ("IPV4ADD" in parameters):
            raise Refused(BAD_PARAMETER, "IPV4ADD goes with STATIC")
        if after:
            record.put(group, without(parameters, ("HLRSN", "IMSI", "ISDN", "PROV")))
        else:
            record.drop(group)
        return []

    return act


def _lst(kind: str) -> Act:
    """The data and contexts of a domain."""

    def act(hlr: Hlr, parameters: Parameters) -> list[Group]:
        record = hlr.find(parameters)
        mine = [
            (group, {"QOSTPLID" if name == TEMPLATES[kind] else name: value for name, value in record.group(group).items()})
            for group in record.groups()
            if group.startswith(kind)
        ]
        return [("Basic Data", {"IMSI": record.imsi, "ISDN": record.isdn}), *mine]

    return act


_CONTEXT = names("CNTXID EPSAPNQOSTPLID PSAPNQOSTPLID IPV4ADDIND IPV4ADD DEFAULTCNTXID")
#: The dialect: the native commands that it shares, and its own.
DIALECT: Mapping[str, Command] = {
    **{name: NATIVE[name] for name in ("RMV_KI", "LST_KI", "RMV_SUB", "LST_SUB", "MOD_LCK", "MOD_IMSI", "MOD_NAM", "SND_CANCELC")},
    "MOD_ARD": Command(setting("ARD"), optional=names("UTRANNOTALLOWED GERANNOTALLOWED EUTRANNOTALLOWED"), subscriber=True),
    "ADD_KI": Command(NATIVE["ADD_KI"].act, NATIVE["ADD_KI"].needed, NATIVE["ADD_KI"].optional | names("OPCKEYID")),
    "ADD_TPLCSPSSUB": Command(_add_csps, names("IMSI ISDN CSPSTPLID")),
    "ADD_EPSSUB": Command(_adding("EPS Data"), names("EPSUSERTPLID"), names("DIAMNODETPL_ID"), subscriber=True),
    "RMV_EPSSUB": Command(_removing("EPS Data"), subscriber=True),
    "ADD_TPLIMSSUB": Command(_adding("IMS"), optional=names("IMSTPLID"), subscriber=True),
    "RMV_IMSSUB": Command(_removing("IMS"), subscriber=True),
    "MOD_ODB": Command(setting("ODB Data"), optional=names("ODBIC ODBOC ODBROAM"), subscriber=True),
    "MOD_EPSDATA": Command(_within("EPS Data"), optional=names("AMBRMAXREQBWUL_GLOBAL AMBRMAXREQBWDL_GLOBAL"), subscriber=True),
    "MOD_CCGLOBAL": Command(_within("EPS Data"), names("CHARGE_GLOBAL"), subscriber=True),
    "MOD_EPS_CONTEXT": Command(_context("EPS"), names("PROV"), _CONTEXT, subscriber=True),
    "MOD_GPRS_CONTEXT": Command(_context("PS"), names("PROV"), _CONTEXT, subscriber=True),
    "LST_EPS": Command(_lst("EPS"), subscriber=True),
    "LST_GPRS": Command(_lst("PS"), subscriber=True),
}


class CmccHss(HuaweiHssSoap):
    """The same HLR behind the dialect. The path is the maker's choice; all are taken."""

    commands = DIALECT

    def __init__(self, clock: IReactorTime, user: str = "provision", password: str = "made-up") -> None:
        super().__init__(clock, user, password, header=True)

    def header_credentials(self, document: Element) -> tuple[str | None, str | None]:
        """See `HuaweiSoap.header_credentials`: UserName and PassWord (spelled so) of the dialect's namespace."""
        header = document.child("Header")
        own = {one.name: one.text for one in (header.children if header is not None else ()) if one.namespace == NAMESPACE}
        return own.get("UserName"), own.get("PassWord")

    def namespace(self, command: str) -> str:
        """See `HuaweiHssSoap.namespace`."""
        return NAMESPACE


if __name__ == "__main__":
    run(CmccHss, "An HSS in the CMCC dialect (user provision, password made-up).")
