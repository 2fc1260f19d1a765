"""
Huawei::HSS: SIM cards and numbers in a Huawei HLR or HSS, by MML over TCP or by SOAP.

API: HLR9820/HSS9860 provisioning gateway, in sessions that begin with LGI (portaswitch.handler.huawei); one release of SOAP takes name and password in the
header of each request instead. In MML numbers and words stand bare, identities and keys in quotation marks.
"""

from collections.abc import Mapping
from dataclasses import replace

from portaswitch.handler import (
    Dialect,
    Element,
    HttpTarget,
    Line,
    LineTarget,
    Option,
    Reply,
    Request,
    Result,
    Soap,
    State,
    Steps,
    Subscriber,
    Target,
    address,
    fields,
    mapping,
    one_of,
    switch,
    text,
    url,
)
from portaswitch.handler.hss import HssHandler
from portaswitch.handler.huawei import OVER, HuaweiSession

#: The result stands where a line begins, below a banner that may repeat the command.
MML = Dialect(
    "mml", ";\r\n", r"---\s*END\s*", 'LGI:HLRSN={hlrsn},OPNAME="{user}",PWD="{password}"', r"(?m)^[ \t]*(?:SUCCESS\d+|RETCODE\s*=\s*0\b)", "LGO:",
    logged_out=rf"(?m)^[ \t]*(?:ERR{OVER}\b|RETCODE\s*=\s*{OVER}\b)",
)  # fmt: skip
UNNUMBERED = replace(MML, log_in='LGI:OPNAME="{user}",PWD="{password}"')
NAMESPACE = "http://www.huawei.com/HLR9820/"
#: Parameters of MML whose values are texts.
TEXTS = frozenset({"IMSI", "NEWIMSI", "ISDN", "NEWISDN", "KIVALUE", "OPCVALUE"})


class HuaweiHSS(HuaweiSession, HssHandler):
    """Mobile subscribers of a Huawei HLR or HSS."""

    name = "Huawei::HSS"
    description = "Huawei HSS: phone number and SIM card"
    api = "HLR9820/HSS9860 MML and SOAP"
    busy = HssHandler.busy | {OVER}
    events = (
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/SIMCardAssignment",
    )
    extra_events = (
        "AccessPolicy/Changed",
        "Account/AccessPolicy/Changed",
        "Account/Blocked",
        "Account/Status/Closed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Unblocked",
    )
    create = (("ADD TPLSUB", {"IMSI": "{imsi}", "ISDN": "{isdn}", "TPLTYPE": "NORMAL", "TPLID": "{template}"}, ""),)
    options = (
        Option("interface", one_of("mml", "soap", "soap-header"), "how it is spoken to: soap-header has name and password in each request", default="mml"),
        Option("address", address, "HOST:PORT of MML", default="127.0.0.1:7776", example="hss.example.com:7776"),
        Option("url", url, "URL of SOAP", default="http://127.0.0.1:8001", example="http://hss.example.com:8001"),
        Option("user", text, "operator's name", example="espf"),
        Option("password", text, "its password", secret=True),
        Option("quotes", switch, "MML has IMSI, ISDN and keys in quotation marks; some releases take them bare", default=True),
        Option("locks", switch, "lock and unlock subscribers (MOD LCK); subscribe the events of blocks and suspensions with it", default=False),
        Option(
            "data_templates",
            mapping,
            "template ids of packet data by name of the Internet access policy (MOD TPLGPRS); without any, another policy changes nothing at a subscriber "
            "that is there",
            default={},
        ),
        Option("data_command", text, "the command that changes the template of packet data", default="MOD TPLGPRS"),
        *HssHandler.hss_options,
    )
    targets = {"mml": LineTarget(seconds=60, dialect=MML), "soap": HttpTarget(seconds=60, most=1)}

    def reach(self) -> Mapping[str, Target]:
        """MML or SOAP; the number of the HLR is in the log-in where there is one."""
        if self.values["interface"] != "mml":
            return {"soap": self.targets["soap"]}
        return {"mml": self.targets["mml"] if self.values["hlrsn"] else LineTarget(seconds=60, dialect=UNNUMBERED)}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """With the template of packet data."""
        state = super().wanted(subscriber)
        data = self.values["data_templates"].get(subscriber.policy.name if subscriber.policy else "", "")
        return state and State(state.keys, {**state.values, "data": data})

    def details(self, wanted: State) -> Steps:
        """
        The packet data of the policy; locks only where the operator wants them: the shipped list has no event of blocks, and one that hears of none must not
        unlock.
        """
        if wanted.values["data"]:
            yield from self._say(self.values["data_command"], IMSI=wanted.key("imsi"), PROV="TRUE", TPLID=wanted.values["data"])
        if self.values["locks"]:
            yield from super().details(wanted)

    def command(self, name: str, parameters: Mapping[str, str], accepts: frozenset[str]) -> Request:
        """`ADD KI:HLRSN=1,IMSI="..."`, or an element of the command's own namespace."""
        if self.values["interface"] == "mml":
            return Line(f"{name}:{','.join(f'{key}={self._written(key, value)}' for key, value in parameters.items())}", target="mml", accepts=accepts)
        log_in = fields(Username=self.values["user"], Password=self.values["password"])
        return self._soap(name.replace(" ", "_"), parameters, "/", accepts, *log_in)

    def lgi(self) -> Request:
        """The log-in of SOAP."""
        number = {"HLRSN": self.values["hlrsn"]} if self.values["hlrsn"] else {}
        return self._soap("LGI", {**number, "OPNAME": self.values["user"], "PWD": self.values["password"]}, "/")

    def result(self, reply: Reply) -> str:
        """As of every HSS."""
        return HssHandler.result(self, reply)

    def _say(self, name: str, accepts: frozenset[str] = frozenset(), **parameters: str) -> Result:
        """SOAP commands go within a session."""
        if self.values["interface"] != "soap":
            return (yield from super()._say(name, accepts, **parameters))
        numbered = {"HLRSN": self.values["hlrsn"], **parameters} if self.values["hlrsn"] else parameters
        return (yield from self.call(lambda session: self._soap(name.replace(" ", "_"), numbered, session["path"], accepts), "soap"))

    def _written(self, key: str, value: str) -> str:
        return f'"{value}"' if key in TEXTS and self.values["quotes"] else value

    def _soap(self, name: str, parameters: Mapping[str, str], path: str, accepts: frozenset[str] = frozenset(), *header: Element) -> Soap:
        content = Element(name, fields(**parameters), namespace=NAMESPACE + name)
        return Soap(path, content, action="Notification", header=header, target="soap", accepts=accepts)


huawei_hss = HuaweiHSS()
