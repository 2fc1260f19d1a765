"""
ZXUN::HSS: SIM cards, numbers and states in a ZTE HSS.

API: the CMCC unified HSS dialect (SOAP), which several makers' servers take; ZTE's own XML interface is not public. Log-in names go with every request.
"""

from collections.abc import Mapping

from portaswitch.handler import Element, HttpTarget, Option, Reply, Request, Soap, State, Steps, fields, text, url, xml
from portaswitch.handler.hss import HssHandler

NAMESPACE = "http://www.chinamobile.com/HSS/"


class ZxunHSS(HssHandler):
    """Mobile subscribers of a ZTE HSS."""

    name = "ZXUN::HSS"
    description = "ZTE HSS: phone number, SIM card, account status"
    api = "CMCC unified HSS dialect"
    tier = "template"
    events = (
        "Account/Blocked",
        "Account/ID/Changed",
        "Account/Product/Changed",
        "Account/SIMCardAssignment",
        "Account/Status/Closed",
        "Account/Unblocked",
    )
    extra_events = (
        "AccessPolicy/Changed",
        "Account/AccessPolicy/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
    )
    create = (
        ("ADD TPLCSPSSUB", {"IMSI": "{imsi}", "ISDN": "{isdn}", "CSPSTPLID": "{template}"}, ""),
        ("ADD EPSSUB", {"IMSI": "{imsi}", "EPSUSERTPLID": "{template}"}, "EPS Data"),
    )
    renumber = ""
    untold = ("product", "profile")
    options = (
        Option("url", url, "where it listens", example="http://hss.example.com:8080"),
        Option("path", text, "path of its interface", default="/spg"),
        Option("user", text, "name in the header of requests", example="espf"),
        Option("password", text, "its password", secret=True),
        *HssHandler.hss_options,
    )
    targets = {"": HttpTarget(seconds=60)}

    def details(self, wanted: State) -> Steps:
        """
        The lock state, the limits of the policy (bit/s) where it has both, and a static address in each data context of the subscriber, which is made from the
        template of its number where it is not there.
        """
        yield from super().details(wanted)
        limits = {"AMBRMAXREQBWUL_GLOBAL": wanted.values["upload"], "AMBRMAXREQBWDL_GLOBAL": wanted.values["download"]}
        if all(limits.values()):
            yield from self._say("MOD EPSDATA", IMSI=wanted.key("imsi"), **limits)
        contexts = wanted.values["contexts"].split()
        known = set()
        if contexts:
            reply: Reply = yield from self._say("LST EPS", IMSI=wanted.key("imsi"))
            known = {found.text for found in reply.xml.all("CNTXID")} if reply.xml else set()
        for context in contexts:
            address = wanted.values["static_ip"]
            fixed = {"IPV4ADDIND": "STATIC", "IPV4ADD": address} if address else {"IPV4ADDIND": "DYNAMIC"}
            made = {"PROV": "MODPDNCNTX"} if context in known else {"PROV": "ADDPDNCNTX", "EPSAPNQOSTPLID": context}
            yield from self._say("MOD EPS_CONTEXT", IMSI=wanted.key("imsi"), CNTXID=context, **made, **fixed)

    def command(self, name: str, parameters: Mapping[str, str], accepts: frozenset[str]) -> Request:
        """An element of the dialect's namespace, the log-in in the header."""
        content = Element(name.replace(" ", "_"), fields(**parameters), namespace=NAMESPACE)
        user = xml("UserName", self.values["user"], namespace=NAMESPACE)
        password = xml("PassWord", self.values["password"], namespace=NAMESPACE)
        return Soap(self.values["path"], content, header=(user, password), accepts=accepts)


zxun_hss = ZxunHSS()
