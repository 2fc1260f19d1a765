"""
Huawei::HSS: SIM cards and numbers in a Huawei HLR or HSS, by MML over TCP or by SOAP.

API: HLR9820/HSS9860 provisioning gateway. SOAP log-in answers 307 with the session's URL in Location, which is data and no redirect; 5004 says that the
session is over. A refused log-in is never repeated: it locks the operator's account.
"""

from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

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
    Steps,
    Target,
    fields,
    one_of,
    switch,
    text,
)
from portaswitch.handler.hss import HssHandler

MML = Dialect("mml", ";\r\n", r"---\s*END\s*", 'LGI:OPNAME="{user}",PWD="{password}"', r"SUCCESS\d+|RETCODE\s*=\s*0", "LGO:")
NAMESPACE = "http://www.huawei.com/HLR9820/"


class HuaweiHSS(HssHandler):
    """Mobile subscribers of a Huawei HLR or HSS."""

    name = "Huawei::HSS"
    description = "Huawei HSS: phone number and SIM card"
    api = "HLR9820/HSS9860 MML and SOAP"
    events = (
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/SIMCardAssignment",
    )
    extra_events = ("Account/Blocked", "Account/Unblocked", "Account/Status/Suspend", "Account/Status/Unsuspend", "Account/Status/Closed")
    create = (("ADD TPLSUB", {"TPLTYPE": "NORMAL", "TPLID": "{template}"}),)
    options = (
        Option("interface", one_of("mml", "soap"), "how it is spoken to", default="mml"),
        Option("address", text, "HOST:PORT of MML", default="127.0.0.1:7776", example="hss.example.com:7776"),
        Option("url", text, "URL of SOAP", default="http://127.0.0.1:8001", example="http://hss.example.com:8001"),
        Option("user", text, "operator's name", example="espf"),
        Option("password", text, "its password", secret=True),
        Option("locks", switch, "lock and unlock subscribers (MOD LCK); subscribe the events of blocks and suspensions with it", default=False),
        *HssHandler.hss_options,
    )
    targets = {"mml": LineTarget(seconds=60, dialect=MML), "soap": HttpTarget(seconds=60)}
    log_in_refused = frozenset({"1004", "1009", "1012", "1013", "1018", "1078", "1118", "1155", "no session"})

    def reach(self) -> Mapping[str, Target]:
        """MML or SOAP."""
        return {self.values["interface"]: self.targets[self.values["interface"]]}

    def details(self, wanted: Any) -> Steps:
        """Locks only where the operator wants them: the shipped list has no event of blocks, and one that hears of none must not unlock."""
        if self.values["locks"]:
            yield from super().details(wanted)

    def command(self, name: str, parameters: Mapping[str, str], accepts: frozenset[str]) -> Request:
        """`ADD KI:HLRSN=1,IMSI="..."`, or an element of the command's own namespace."""
        if self.values["interface"] == "mml":
            written = ",".join(f"{key}={value}" if value in ("TRUE", "FALSE", "ADD") else f'{key}="{value}"' for key, value in parameters.items())
            return Line(f"{name}:{written}", target="mml", accepts=accepts)
        return self._soap(name.replace(" ", "_"), parameters, "/", accepts)

    def log_in(self, target: str) -> Generator[Request, Any, Mapping[str, str]]:
        """The path of the session."""
        reply: Reply = yield self._soap("LGI", {"OPNAME": self.values["user"], "PWD": self.values["password"]}, "/", frozenset({"http 307"}))
        return {"path": urlsplit(reply.headers.get("location", "")).path}

    def logged_out(self, reply: Reply) -> bool:
        """307 with code 5004."""
        return self.result(reply) == "5004"

    def fault(self, reply: Reply) -> str:
        """A 307 is a log-in that went well, or a session that is over; anything but 307 to a log-in refuses it."""
        if reply.status == 307:
            return "" if self.result(reply) in ("0", "5004") else self.result(reply)
        return super().fault(reply)

    def _say(self, name: str, accepts: frozenset[str] = frozenset(), **parameters: str) -> Result:
        """SOAP commands go within a session."""
        if self.values["interface"] == "mml":
            return (yield from super()._say(name, accepts, **parameters))
        numbered = {"HLRSN": self.values["hlrsn"], **parameters}
        return (yield from self.call(lambda session: self._soap(name.replace(" ", "_"), numbered, session["path"], accepts), "soap"))

    def _soap(self, name: str, parameters: Mapping[str, str], path: str, accepts: frozenset[str]) -> Soap:
        content = Element(name, fields(**parameters), namespace=NAMESPACE + name)
        return Soap(path, content, action="Notification", target="soap", accepts=accepts)


huawei_hss = HuaweiHSS()
