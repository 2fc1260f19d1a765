"""
A Huawei HLR or HSS by MML over TCP (ports 7776 and 7777): commands that end with `;`, answers that end with a line `---    END`.

    -> LGI:HLRSN=1,OPNAME="provision",PWD="made-up";
    -> ADD KI:HLRSN=1,IMSI="001010000000001",OPERTYPE=ADD,KIVALUE="...",ALG=MILENAGE;        <- ... ---    END
    -> LGO:;

The two layouts of answers are BANNER (HLR9820) and RETCODE (PGW). The code for a command without a log-in is not documented; ours is 5004, as in SOAP.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.internet.protocol import Factory, Protocol

from tests.simulators.core import Fault, Refused, Simulator
from tests.simulators.huawei_hlr import BAD_PARAMETER, NATIVE, THRESHOLD, Group, Hlr, execute
from tests.simulators.huawei_operators import MISSING, NO_SESSION, Operators
from tests.simulators.run import run

_HEAD = re.compile(r"\s*([A-Z][A-Z0-9]*(?: [A-Z][A-Z0-9]*)?)\s*:(.*)", re.DOTALL)
#: Parameters whose values are texts; numbers and words stand bare.
TEXTS = frozenset({"IMSI", "NEWIMSI", "ISDN", "NEWISDN", "KIVALUE", "OPCVALUE", "OPNAME", "PWD"})
_PARAMETER = re.compile(r'\s*([A-Z][A-Z0-9_]*)\s*=\s*(?:"([^"]*)"|([^",;\s]*))\s*(,|$)')
#: Octets of a command without an end.
LONGEST = 8192


class Layout(Enum):
    """How answers look."""

    BANNER = "banner"
    RETCODE = "retcode"


class Texts(Enum):
    """How a release takes texts: OPNAME and PWD are quoted in all."""

    QUOTED = "quoted"
    BARE = "bare"
    EITHER = "either"


def command_of(text: str, texts: Texts = Texts.EITHER) -> tuple[str, dict[str, str]]:
    """Name (ADD_KI) and parameters of a command without its `;`, or Refused."""
    found = _HEAD.fullmatch(text)
    if found is None or not text.isascii():
        raise Refused(BAD_PARAMETER, "Syntax error")
    rest, parameters = found.group(2).strip(), dict[str, str]()
    while rest:
        part = _PARAMETER.match(rest)
        if part is None or part.group(1) in parameters or (part.group(4) and part.end() == len(rest)):
            raise Refused(BAD_PARAMETER, "Syntax error")
        if not _quoting(part.group(1), part.group(2) is not None, texts):
            raise Refused(BAD_PARAMETER, f"Quotation marks of {part.group(1)}")
        parameters[part.group(1)] = part.group(2) if part.group(2) is not None else part.group(3)
        rest = rest[part.end() :]
    return found.group(1).replace(" ", "_"), parameters


def _quoting(name: str, quoted: bool, texts: Texts) -> bool:
    """Whether a value stands as it has to."""
    if name not in TEXTS:
        return not quoted
    if name in ("OPNAME", "PWD"):
        return quoted
    return texts is Texts.EITHER or quoted is (texts is Texts.QUOTED)


class HuaweiMml(Simulator):
    """
    `hlr` is what it keeps; `operators` its one account; `layout` and `texts` may be changed between commands; `log_in` is what LGI has to have: in some
    releases HLRSN too.
    """

    def __init__(self, clock: IReactorTime, user: str = "provision", password: str = "made-up", layout: Layout = Layout.BANNER) -> None:
        super().__init__(clock)
        self.hlr, self.operators, self.layout = Hlr(), Operators(user, password, self.faults), layout
        self.texts, self.log_in = Texts.EITHER, frozenset({"OPNAME", "PWD"})
        self.connections: list[Mml] = []
        self._serial = 0

    def factory(self) -> IProtocolFactory:
        """See `Simulator.factory`."""
        return Factory.forProtocol(lambda: Mml(self))

    def forget_sessions(self) -> None:
        """The connections stay, nobody is logged in."""
        for connection in self.connections:
            connection.user = ""

    def command(self, connection: Mml, text: str) -> str:
        """The answer to one command."""
        try:
            name, parameters = command_of(text, self.texts)
            self.note(name, parameters)
            return self.answer(text, "0", "", self._do(connection, name, parameters))
        except Refused as error:
            return self.answer(text, error.code, error.text, [])

    def _do(self, connection: Mml, name: str, parameters: dict[str, str]) -> list[Group]:
        if name == "LGI":
            if self.log_in - set(parameters) or set(parameters) - self.log_in - {"HLRSN"}:
                raise Refused(MISSING, "Parameter is missing or unknown")
            self.operators.log_in(parameters.get("OPNAME"), parameters.get("PWD"))
            connection.user = self.operators.user
            return []
        if self.faults.strikes(Fault.SESSION_LOST):
            self.forget_sessions()
        if not connection.user:
            raise Refused(NO_SESSION, "Not logged in")
        if self.faults.strikes(Fault.BUSY):
            raise Refused(THRESHOLD, "The number exceeds the threshold")
        if name == "LGO":
            connection.user = ""
            return []
        return execute(NATIVE, self.hlr, name, parameters)

    def answer(self, text: str, code: str, why: str, groups: list[Group]) -> str:
        """An answer in the layout."""
        self._serial += 1
        now = datetime.fromtimestamp(self.clock.seconds(), UTC)
        told = "SUCCESS0001:Operation is successful" if code == "0" else f"ERR{code}:{why}"
        if self.layout is Layout.BANNER:
            echo = re.sub(r'((?:PWD|KIVALUE|OPCVALUE)=)("[^"]*"|[^,]*)', r"\1*****", " ".join(text.split()))
            lines = [f"+++    HLR9820   {now:%Y-%m-%d %H:%M:%S}", f"SMU    #{self._serial:06}", f"%%{echo};%%", told]
        else:
            lines = [f"RETCODE = {code} {told}"]
        for title, values in groups:
            lines += ["", title, "-" * len(title), *(f"{name:>16}  =  {value}" for name, value in values.items())]
        return "\r\n".join([*lines, "", "---    END", ""])


class Mml(Protocol):
    """One connection; `user` is who is logged in, '' for nobody."""

    def __init__(self, simulator: HuaweiMml) -> None:
        self._simulator = simulator
        self._waiting = b""
        self.user = ""

    def connectionMade(self) -> None:
        """A client."""
        self._simulator.connections.append(self)

    def connectionLost(self, reason: Any = None) -> None:
        """A client went."""
        self._simulator.connections.remove(self)

    def dataReceived(self, data: bytes) -> None:
        """Octets; a `;` in quotes ends no command."""
        self._waiting += data
        while (end := _end(self._waiting)) is not None:
            text, self._waiting = self._waiting[:end], self._waiting[end + 1 :]
            self._command(text.decode("latin-1"))
        if len(self._waiting) > LONGEST:
            self._hang_up()

    def _command(self, text: str) -> None:
        transport: Any = self.transport
        faults = self._simulator.faults
        if faults.strikes(Fault.SILENT):
            return
        half = faults.strikes(Fault.HALF)
        answer = self._simulator.command(self, text)
        if half:
            transport.write(answer.encode("latin-1")[: len(answer) // 2])
        if half or faults.loses():
            self._hang_up()
        else:
            transport.write(answer.encode("latin-1"))

    def _hang_up(self) -> None:
        transport: Any = self.transport
        self._waiting = b""
        transport.loseConnection()


def _end(octets: bytes) -> int | None:
    """Where the first `;` outside quotes is."""
    found = re.match(rb'(?:[^";]|"[^"]*")*;', octets)
    return found.end() - 1 if found else None


if __name__ == "__main__":
    run(HuaweiMml, "A Huawei HLR by MML (operator provision, password made-up).")
