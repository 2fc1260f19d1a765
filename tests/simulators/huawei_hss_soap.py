"""
A Huawei HLR or HSS by SOAP 1.1 over HTTP (ports 8001 and 8002): commands as elements of their own namespaces, sessions as in `huawei_session`.

Answers nest their data in groups; the names of groups hold their quotation marks, as the real ones do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import quoteattr

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Refused
from tests.simulators.huawei_hlr import NATIVE, SOAP_ADD_KI, THRESHOLD, TITLES, Command, Group, Hlr, execute
from tests.simulators.huawei_session import HuaweiSoap
from tests.simulators.run import run
from tests.simulators.soap import Element, Malformed, body_of, envelope, leaf, tag
from tests.simulators.web import Ask, Reply

NAMESPACE = "http://www.huawei.com/HLR9820/"
#: In SOAP's answers the locks of circuit-switched calls are called otherwise than in the command.
SHOWN = {"IC": "GSM_IC", "OC": "GSM_OC"}


class HuaweiHssSoap(HuaweiSoap):
    """`hlr` is what it keeps."""

    commands: Mapping[str, Command] = {**NATIVE, "ADD_KI": SOAP_ADD_KI}

    def __init__(self, clock: IReactorTime, user: str = "provision", password: str = "made-up", header: bool = False) -> None:
        super().__init__(clock, user, password, header)
        self.hlr = Hlr()

    def namespace(self, command: str) -> str:
        """The namespace that a command has to have."""
        return NAMESPACE + command

    def busy(self, ask: Ask) -> Reply:
        """Being busy is an error of commands (1033), not of HTTP."""
        try:
            return envelope(self.result(body_of(ask.body).name, THRESHOLD, "The number exceeds the threshold"))
        except Malformed:
            return super().busy(ask)

    def header_credentials(self, document: Element) -> tuple[str | None, str | None]:
        """See `HuaweiSoap.header_credentials`: Username and Password in the header itself."""
        return document.value("Header", "Username"), document.value("Header", "Password")

    def credentials(self, call: Element) -> tuple[str | None, str | None]:
        """See `HuaweiSoap.credentials`."""
        return call.value("OPNAME"), call.value("PWD")

    def result(self, operation: str, code: str, text: str, data: str = "") -> str:
        """See `HuaweiSoap.result`."""
        told = f"SUCCESS0001:{text}" if code == "0" else f"ERR{code}:{text}"
        inner = leaf("ResultCode", code) + leaf("ResultDesc", told) + (tag("ResultData", data) if data else "")
        return tag(f'{operation}Response xmlns="{self.namespace(operation)}"', tag("Result", inner))

    def execute(self, call: Element) -> str:
        """See `HuaweiSoap.execute`."""
        parameters = call.values()
        self.note(call.name, parameters)
        if call.namespace != self.namespace(call.name):
            raise Refused("1004", f"Namespace of {call.name} is wrong")
        if len(parameters) != len(call.children):
            raise Refused("1118", "A parameter is repeated or has parts")
        return groups_of(execute(self.commands, self.hlr, call.name, parameters))


def groups_of(groups: Iterable[Group]) -> str:
    """Groups as elements; the first one's values stand alone, as basic data do."""
    told = ""
    for place, (title, values) in enumerate(groups):
        renamed = SHOWN if title == TITLES["LCK"] else {}
        inner = "".join(leaf(renamed.get(name, name), value) for name, value in values.items())
        label = quoteattr(f'"{title}"', {'"': "&quot;"})
        told += inner if place == 0 else f"<Group Name={label}>{inner}</Group>"
    return told


if __name__ == "__main__":
    run(HuaweiHssSoap, "A Huawei HSS by SOAP (operator provision, password made-up).")
