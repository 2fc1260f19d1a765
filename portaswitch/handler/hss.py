"""
The family of home subscriber servers that speak commands with parameters (`ADD KI`, `MOD LCK`): Huawei's MML and SOAP, and the CMCC dialect of SOAP that
several makers' servers take. A vendor's file says how a command is written and which template ids there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from portaswitch.errors import NotProvisionable
from portaswitch.handler.base import Result, State, StateHandler, Steps
from portaswitch.handler.mobile import mobile, without
from portaswitch.handler.options import Option, mapping, switch, text
from portaswitch.handler.requests import Reply, Request
from portaswitch.model.subscriber import Record, Subscriber

#: The subscriber is not defined: no fault of a delete, the sign to create at a change.
UNKNOWN = "3001"
_RESULT = re.compile(r"RETCODE\s*=\s*(\d+)|ERR(\d+)|SUCCESS(\d+)")
_UNSAFE = re.compile(r'["=,;:\x00-\x1f]')


class HssHandler(StateHandler):
    """
    Keys, subscriber, lock state and static address of a SIM, converged command by command.

    `create` names the commands that make a subscriber, in order, each with the parameter and the option that give its template.
    """

    needs = frozenset({"ki", "opc"})
    busy = frozenset({"1033"})  # number of operations exceeded
    harmless = frozenset({"3037"})  # the database is updated, the visited network was not told
    create: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    hss_options: ClassVar[tuple[Option, ...]] = (
        Option("hlrsn", text, "number of the HLR among those of the gateway, '' for none", default="1"),
        Option("template", text, "template id of subscribers whose policy is not in `templates`", default="1"),
        Option("templates", mapping, "template ids by name of the Internet access policy", default={}),
        Option("key_options", mapping, "further parameters of ADD KI: K4SNO, ALG, OPSNO, AMFSNO ...", default={}, example={"K4SNO": "1", "ALG": "MILENAGE"}),
        Option("keep_keys", switch, "keys stay in the authentication centre when a subscriber goes", default=False),
    )

    def command(self, name: str, parameters: Mapping[str, str], accepts: frozenset[str]) -> Request:
        """How a command ('ADD KI') with its parameters is written. Values are safe (`safe`)."""
        raise NotImplementedError

    def wanted(self, subscriber: Subscriber) -> State | None:
        """A mobile subscriber, its template chosen by its policy."""
        state = mobile(subscriber)
        if state is None:
            return None
        chosen = self.values["templates"].get(state.values["profile"], self.values["template"])
        rest = without(state, "product", "upload", "download", "profile")
        return State(rest.keys, {**rest.values, "template": chosen})

    def apply(self, wanted: State, record: Record) -> Steps:
        """Another SIM or number is changed in place; who is not there is made; then lock state and address."""
        imsi, old = wanted.key("imsi"), record.key("imsi")
        if old and old != imsi:
            yield from self._key(wanted)
            yield from self._say("MOD IMSI", IMSI=old, NEWIMSI=imsi)
            if not self.values["keep_keys"]:
                yield from self._say("RMV KI", IMSI=old, accepts=frozenset({UNKNOWN}))
        elif not old or (yield from self._unknown(imsi)):
            yield from self._made(wanted)
        if record.key("msisdn") not in ("", wanted.key("msisdn")):
            yield from self._say("MOD ISDN", IMSI=imsi, NEWISDN=wanted.key("msisdn"))
        yield from self.details(wanted)

    def details(self, wanted: State) -> Steps:
        """What is set at every change: the lock state."""
        locked = "TRUE" if wanted.values["barred"] else "FALSE"
        yield from self._say("MOD LCK", IMSI=wanted.key("imsi"), IC=locked, OC=locked, GPRSLOCK=locked, EPSLOCK=locked)

    def remove(self, record: Record) -> Steps:
        """The subscriber goes, and its keys unless they are kept."""
        gone = "FALSE" if self.values["keep_keys"] else "TRUE"
        yield from self._say("RMV SUB", IMSI=record.key("imsi"), RMVKI=gone, accepts=frozenset({UNKNOWN}))

    def result(self, reply: Reply) -> str:
        """The code of an answer, '0' for success: of an XML answer's ResultCode, else of RETCODE, ERR or SUCCESS in the text."""
        if reply.xml is not None:
            return next((found.text for found in reply.xml.all("ResultCode")), "0")
        found = _RESULT.search(reply.body)
        return next((code for code in found.groups()[:2] if code), "0") if found else ""

    def fault(self, reply: Reply) -> str:
        """The code of a failure."""
        code = self.result(reply)
        return super().fault(reply) or ("" if code == "0" else code or "no result")

    def _unknown(self, imsi: str) -> Result:
        """Whether the server lost the subscriber that it confirmed once."""
        reply = yield from self._say("LST SUB", IMSI=imsi, accepts=frozenset({UNKNOWN}))
        return self.result(reply) == UNKNOWN

    def _made(self, wanted: State) -> Steps:
        """Keys and subscriber, unless it is there: a command whose answer was lost has acted."""
        if not (yield from self._unknown(wanted.key("imsi"))):
            return
        yield from self._key(wanted)
        for name, parameter, _ in self.create:
            chosen = {parameter: wanted.values["template"]} if parameter else {}
            yield from self._say(name, IMSI=wanted.key("imsi"), ISDN=wanted.key("msisdn"), **chosen)

    def _key(self, wanted: State) -> Steps:
        """The keys of a SIM, where the inventory has them and the server has not."""
        if not wanted.values["ki"]:
            return
        reply = yield from self._say("LST KI", IMSI=wanted.key("imsi"), accepts=frozenset({UNKNOWN}))
        if self.result(reply) == UNKNOWN:
            opc = {"OPCVALUE": wanted.values["opc"]} if wanted.values["opc"] else {}
            yield from self._say("ADD KI", IMSI=wanted.key("imsi"), OPERTYPE="ADD", KIVALUE=wanted.values["ki"], **opc, **self.values["key_options"])

    def _say(self, name: str, accepts: frozenset[str] = frozenset(), **parameters: str) -> Result:
        numbered = {"HLRSN": self.values["hlrsn"], **parameters} if self.values["hlrsn"] else parameters
        reply: Reply = yield self.command(name, {key: safe(value) for key, value in numbered.items()}, accepts)
        return reply


def safe(value: str) -> str:
    """A value that can't end its command or begin another parameter. Errors: NotProvisionable."""
    if _UNSAFE.search(value):
        raise NotProvisionable("a value with signs that commands are made of: quotes, commas, colons ...")
    return value
