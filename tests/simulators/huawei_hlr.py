"""
What a Huawei HLR or HSS keeps, and its commands, whichever wire they come by: MML (`ADD KI:...;`) or SOAP (`<ADD_KI>`).

A command's parameters are checked, then it acts. Of the error numbers only 1033, 3001 and 3037 are documented; those from 3900 on are ours: a
handler has to have an error map for its site.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.simulators.core import Refused

NOT_DEFINED, THRESHOLD, NOT_IN_NETWORK = "3001", "1033", "3037"
EXISTS, KEY_MISSING, KEY_IN_USE, BAD_PARAMETER, UNKNOWN_COMMAND, NO_KEY = "3901", "3902", "3903", "3904", "3905", "3906"

Parameters = Mapping[str, str]
#: An answer's data: groups with their names and values.
Group = tuple[str, dict[str, str]]

_BOOLEAN = ("TRUE", "FALSE")
#: Parameters whose values are words of a list.
WORDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("IC", "OC", "GPRSLOCK", "EPSLOCK", "CSUPLLCK", "PSUPLLCK", "NON3GPPLOCK", "NGSLOCK", "RMVKI", "DETAIL"), _BOOLEAN),
    **dict.fromkeys(("UTRANNOTALLOWED", "GERANNOTALLOWED", "EUTRANNOTALLOWED"), _BOOLEAN),
    "OPERTYPE": ("ADD",),
    "CARDTYPE": ("SIM", "USIM"),
    "ALG": ("COMP128_1", "COMP128_2", "COMP128_3", "MILENAGE"),
    "TPLTYPE": ("NORMAL",),
    "NAM": ("BOTH", "MSC"),
    "DEST": ("VLR",),
    "CHARGE_GLOBAL": ("NORMAL", "PREPAID"),
    "IPV4ADDIND": ("DYNAMIC", "STATIC"),
}
#: Parameters whose values have a form.
FORMS: Mapping[str, str] = {
    **dict.fromkeys(("IMSI", "NEWIMSI"), r"\d{6,15}"),
    **dict.fromkeys(("ISDN", "NEWISDN"), r"\d{3,15}"),
    **dict.fromkeys(("KIVALUE", "OPCVALUE"), "[0-9A-Fa-f]{32}"),
    **dict.fromkeys(("HLRSN", "TPLID", "K4SNO", "K2SNO", "OPSNO", "AMFSNO", "CNTXID", "CSPSTPLID", "EPSUSERTPLID", "PSUSERTPLID"), r"\d{1,9}"),
    **dict.fromkeys(("AMBRMAXREQBWUL_GLOBAL", "AMBRMAXREQBWDL_GLOBAL"), r"\d{1,10}"),
    "IPV4ADD": r"\d{1,3}(\.\d{1,3}){3}",
}


@dataclass
class Record:
    """A subscriber. `services` are values by command or context: ("LCK", "IC") -> TRUE, ("EPS 3", "IPV4ADD") -> 192.0.2.1."""

    imsi: str
    isdn: str
    services: dict[tuple[str, str], str] = field(default_factory=dict)

    def put(self, group: str, values: Parameters) -> None:
        """Set the values of a group."""
        self.services.update({(group, name): value for name, value in values.items()})

    def drop(self, group: str) -> bool:
        """Remove a group; False when there was none."""
        held = [key for key in self.services if key[0] == group]
        for key in held:
            del self.services[key]
        return bool(held)

    def groups(self) -> list[str]:
        """The groups that it has, in the order of their first setting."""
        return list(dict.fromkeys(group for group, _ in self.services))

    def group(self, name: str) -> dict[str, str]:
        """The values of a group."""
        return {key: value for (group, key), value in self.services.items() if group == name}


@dataclass
class Hlr:
    """
    `keys` are the parameters of ADD KI by IMSI; `records` the subscribers by IMSI; `most` how many there may be.

    `unreachable` are IMSIs whose visited network doesn't answer: a change is made and answered with 3037.
    """

    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    most: int = 1_000_000
    unreachable: set[str] = field(default_factory=set)

    def find(self, parameters: Parameters) -> Record:
        """The subscriber named by IMSI or ISDN; both have to agree when both are given."""
        for record in self.records.values():
            if parameters.get("IMSI", record.imsi) == record.imsi and parameters.get("ISDN", record.isdn) == record.isdn:
                return record
        raise Refused(NOT_DEFINED, "Subscriber not defined")

    def free_number(self, isdn: str) -> None:
        """Refuse a number that is some subscriber's."""
        if any(record.isdn == isdn for record in self.records.values()):
            raise Refused(EXISTS, "ISDN is used by another subscriber")

    def add(self, record: Record) -> None:
        """A new subscriber, whose key is there."""
        if record.imsi not in self.keys:
            raise Refused(KEY_MISSING, "KI of the IMSI is not defined")
        if record.imsi in self.records:
            raise Refused(EXISTS, "IMSI already exists")
        self.free_number(record.isdn)
        if len(self.records) >= self.most:
            raise Refused(THRESHOLD, "The number of subscribers exceeds the threshold")
        self.records[record.imsi] = record


Act = Callable[[Hlr, Parameters], list[Group]]


@dataclass(frozen=True)
class Command:
    """What a command must and may have beside HLRSN. `subscriber`: it names one by IMSI or ISDN."""

    act: Act
    needed: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    subscriber: bool = False


def execute(commands: Mapping[str, Command], hlr: Hlr, name: str, parameters: Parameters) -> list[Group]:
    """Check a command (`ADD_KI`) and do it; Refused with the number and text of the error."""
    command = commands.get(name)
    if command is None:
        raise Refused(UNKNOWN_COMMAND, f"Command {name} is not defined")
    who = {"IMSI", "ISDN"} if command.subscriber else set()
    if command.subscriber and not who & set(parameters):
        raise Refused(BAD_PARAMETER, "IMSI or ISDN is needed")
    if missing := command.needed - set(parameters):
        raise Refused(BAD_PARAMETER, f"Parameter {min(missing)} is missing")
    for parameter, value in parameters.items():
        if parameter not in {"HLRSN", *who, *command.needed, *command.optional}:
            raise Refused(BAD_PARAMETER, f"Parameter {parameter} is not defined")
        right = value in WORDS[parameter] if parameter in WORDS else re.fullmatch(FORMS.get(parameter, r"[^\r\n]{1,64}"), value)
        if not right:
            raise Refused(BAD_PARAMETER, f"Value of {parameter} is wrong")
    visited = command.subscriber and not name.startswith("LST_") and hlr.find(parameters).imsi in hlr.unreachable
    told = command.act(hlr, parameters)
    if visited:
        raise Refused(NOT_IN_NETWORK, "The database is updated, but updating the network failed")
    return told


def names(text: str) -> frozenset[str]:
    """A set of names from a line."""
    return frozenset(text.split())


def without(parameters: Parameters, left_out: Iterable[str] = ("HLRSN", "IMSI", "ISDN")) -> dict[str, str]:
    """The parameters that are no keys."""
    return {name: value for name, value in parameters.items() if name not in left_out}


def setting(group: str) -> Act:
    """A command that sets values of a group, at least one."""

    def act(hlr: Hlr, parameters: Parameters) -> list[Group]:
        record, values = hlr.find(parameters), without(parameters)
        if not values:
            raise Refused(BAD_PARAMETER, "Nothing to modify")
        record.put(group, values)
        return []

    return act


def _add_ki(hlr: Hlr, parameters: Parameters) -> list[Group]:
    if parameters["IMSI"] in hlr.keys:
        raise Refused(EXISTS, "KI already exists")
    if "OPCVALUE" in parameters and "OPSNO" in parameters:
        raise Refused(BAD_PARAMETER, "OPCVALUE or OPSNO, not both")
    hlr.keys[parameters["IMSI"]] = without(parameters, ("HLRSN",))
    return []


def _rmv_ki(hlr: Hlr, parameters: Parameters) -> list[Group]:
    if parameters["IMSI"] in hlr.records:
        raise Refused(KEY_IN_USE, "KI is used by a subscriber")
    if hlr.keys.pop(parameters["IMSI"], None) is None:
        raise Refused(NO_KEY, "KI is not defined")
    return []


def _lst_ki(hlr: Hlr, parameters: Parameters) -> list[Group]:
    if parameters["IMSI"] not in hlr.keys:
        raise Refused(NO_KEY, "KI is not defined")
    key = hlr.keys[parameters["IMSI"]]
    return [("KI", {name: value for name, value in key.items() if name in ("IMSI", "CARDTYPE", "ALG", "K4SNO")})]


def _add_tplsub(hlr: Hlr, parameters: Parameters) -> list[Group]:
    record = Record(parameters["IMSI"], parameters["ISDN"])
    record.put("TPL", without(parameters))
    hlr.add(record)
    return []


def _rmv_sub(hlr: Hlr, parameters: Parameters) -> list[Group]:
    record = hlr.find(parameters)
    del hlr.records[record.imsi]
    if parameters.get("RMVKI") == "TRUE":
        hlr.keys.pop(record.imsi, None)
    return []


def _mod_imsi(hlr: Hlr, parameters: Parameters) -> list[Group]:
    record, imsi = hlr.find(parameters), parameters["NEWIMSI"]
    if imsi not in hlr.keys:
        raise Refused(KEY_MISSING, "KI of the new IMSI is not defined")
    if imsi in hlr.records:
        raise Refused(EXISTS, "IMSI already exists")
    del hlr.records[record.imsi]
    record.imsi = imsi
    hlr.records[imsi] = record
    return []


def _mod_isdn(hlr: Hlr, parameters: Parameters) -> list[Group]:
    record = hlr.find(parameters)
    hlr.free_number(parameters["NEWISDN"])
    record.isdn = parameters["NEWISDN"]
    return []


def _provided(group: str) -> Act:
    """Of commands whose PROV is TRUE or FALSE."""
    act = setting(group)

    def checked(hlr: Hlr, parameters: Parameters) -> list[Group]:
        if parameters["PROV"] not in _BOOLEAN:
            raise Refused(BAD_PARAMETER, "Value of PROV is wrong")
        return act(hlr, parameters)

    return checked


def _mod_optgprs(hlr: Hlr, parameters: Parameters) -> list[Group]:
    record = hlr.find(parameters)
    if parameters["PROV"] != "ADDPDPCNTX":
        raise Refused(BAD_PARAMETER, "Value of PROV is wrong")
    record.put(f"APN {parameters['APNTPLID']}", without(parameters))
    return []


def _snd_cancelc(hlr: Hlr, parameters: Parameters) -> list[Group]:
    hlr.find(parameters)
    return []


#: The titles that an answer has for groups whose commands are called otherwise.
TITLES = {"LCK": "LOCK", "TPL": "Template"}


def lst_sub(hlr: Hlr, parameters: Parameters) -> list[Group]:
    """Basic data, then a group for all that was set."""
    record = hlr.find(parameters)
    basic: Group = ("Basic Data", {"HLRSN": "1", "IMSI": record.imsi, "ISDN": record.isdn})
    if parameters.get("DETAIL") != "TRUE":
        return [basic]
    return [basic, *((TITLES.get(group, group), record.group(group)) for group in record.groups())]


_LOCKS = "IC OC GPRSLOCK EPSLOCK CSUPLLCK PSUPLLCK NON3GPPLOCK NGSLOCK"
#: SOAP's ADD_KI: the operator's key by its number only.
SOAP_ADD_KI = Command(_add_ki, names("HLRSN IMSI OPERTYPE KIVALUE CARDTYPE ALG OPSNO KEYTYPE"), names("K4SNO K2SNO AMFSNO"))
_KEY = "KIVALUE K4SNO K2SNO CARDTYPE ALG OPCVALUE OPSNO AMFSNO KEYTYPE"
#: The native commands.
NATIVE: Mapping[str, Command] = {
    "ADD_KI": Command(_add_ki, names("IMSI OPERTYPE KIVALUE ALG"), names(_KEY)),
    "RMV_KI": Command(_rmv_ki, names("IMSI")),
    "LST_KI": Command(_lst_ki, names("IMSI")),
    "ADD_TPLSUB": Command(_add_tplsub, names("IMSI ISDN TPLTYPE TPLID"), names("CSPSTPLID EPSUSERTPLID PSUSERTPLID NGSUSERTPLID")),
    "RMV_SUB": Command(_rmv_sub, optional=names("RMVKI"), subscriber=True),
    "LST_SUB": Command(lst_sub, optional=names("DETAIL"), subscriber=True),
    "MOD_IMSI": Command(_mod_imsi, names("NEWIMSI"), subscriber=True),
    "MOD_ISDN": Command(_mod_isdn, names("ISDN NEWISDN")),
    "MOD_LCK": Command(setting("LCK"), optional=names(_LOCKS), subscriber=True),
    "MOD_ODBIC": Command(setting("ODB Data"), names("ODBIC"), subscriber=True),
    "MOD_ODBOC": Command(setting("ODB Data"), names("ODBOC"), subscriber=True),
    "MOD_ODBROAM": Command(setting("ODB Data"), names("ODBROAM"), subscriber=True),
    "MOD_NAM": Command(setting("NAM"), names("NAM"), subscriber=True),
    "MOD_TPLGPRS": Command(_provided("PS Data"), names("PROV TPLID"), subscriber=True),
    "MOD_ARD": Command(_provided("ARD"), names("PROV"), names("UTRANNOTALLOWED GERANNOTALLOWED EUTRANNOTALLOWED"), subscriber=True),
    "MOD_OPTGPRS": Command(
        _mod_optgprs, names("PROV APNTPLID"), names("APN_TYPE PDPTYPE ADDIND VPLMN CHARGE EPS_QOSTPLID"), subscriber=True
    ),
    "SND_CANCELC": Command(_snd_cancelc, names("DEST"), subscriber=True),
}  # fmt: skip
