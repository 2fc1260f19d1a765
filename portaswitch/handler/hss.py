"""
The family of home subscriber servers that speak commands with parameters (`ADD KI`, `MOD LCK`): Huawei's MML and SOAP, and the CMCC dialect of SOAP that
several makers' servers take. A vendor's file says how a command is written and which template ids there are.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from portaswitch.errors import NotProvisionable
from portaswitch.handler.base import Result, State, StateHandler, Steps
from portaswitch.handler.mobile import mobile, without
from portaswitch.handler.options import Option, mapping, mapping_of, switch, text
from portaswitch.handler.requests import Reply, Request
from portaswitch.model.subscriber import Record, Subscriber

#: At the beginning of a line: a banner's echo of the command may hold anything.
_RESULT = re.compile(r"^[ \t]*(?:RETCODE\s*=\s*(\d+)|ERR(\d+)|SUCCESS(\d+))", re.MULTILINE)
_UNSAFE = re.compile(r'["=,;:]|[^\x20-\x7e]')


class HssHandler(StateHandler):
    """
    Keys, subscriber, lock state and static address of a SIM, converged command by command.

    `create` are the commands that make a subscriber, in order, each with its parameters, in which {imsi}, {isdn} and {template} stand for the subscriber's, and
    the group of LST SUB's details that says that this part is there ('' for the subscriber itself).
    `renumber` is the command that changes a number, '' where there is none: then the subscriber is made anew. `untold` are values of a mobile subscriber that
    the server is never told.
    """

    needs = frozenset({"ki", "opc"})
    busy = frozenset({"1033"})  # number of operations exceeded
    harmless = frozenset({"3037"})  # the database is updated, the visited network was not told
    create: ClassVar[tuple[tuple[str, Mapping[str, str], str], ...]] = ()
    renumber: ClassVar[str] = "MOD ISDN"
    untold: ClassVar[tuple[str, ...]] = ("product", "upload", "download", "profile")
    hss_options: ClassVar[tuple[Option, ...]] = (
        Option("hlrsn", text, "number of the HLR among those of the gateway, '' for none", default="1"),
        Option("template", text, "template id of subscribers whose policy is not in `templates`", default="1"),
        Option("templates", mapping, "template ids by name of the Internet access policy", default={}),
        Option(
            "key_options",
            mapping,
            "further parameters of ADD KI: ALG, K4SNO, AMFSNO, KEYTYPE ...; with OPSNO (the operator's key by its number) the card's OPC is not sent",
            default={"ALG": "MILENAGE"},
        ),
        Option(
            "codes",
            mapping_of("unknown", "no_key", "exists"),
            "the site's codes for: unknown (no such subscriber), no_key (no such key), exists (a subscriber's part is there already)",
            default={"unknown": "3001", "no_key": "3001", "exists": ""},
        ),
        Option("keep_keys", switch, "keys stay in the authentication centre when a subscriber goes", default=False),
    )

    @abstractmethod
    def command(self, name: str, parameters: Mapping[str, str], accepts: frozenset[str]) -> Request:
        """How a command ('ADD KI') with its parameters is written. Values are safe (`safe`)."""

    def wanted(self, subscriber: Subscriber) -> State | None:
        """A mobile subscriber, its template chosen by its policy."""
        state = mobile(subscriber)
        if state is None:
            return None
        chosen = self.values["templates"].get(state.values["profile"], self.values["template"])
        rest = without(state, *self.untold)
        return State(rest.keys, {**rest.values, "template": chosen})

    def apply(self, wanted: State, record: Record) -> Steps:
        """Another SIM or number is changed in place; who is not there is made; then lock state and address. A step whose answer was lost is not done twice."""
        imsi = wanted.key("imsi")
        for old in record.keys.get("imsi", ()):
            if old != imsi:
                yield from self._swapped(old, wanted)
        numbers = [number for number in record.keys.get("msisdn", ()) if number != wanted.key("msisdn")]
        if numbers and not self.renumber:
            yield from self._say("RMV SUB", IMSI=imsi, RMVKI="FALSE", accepts=self._coded("unknown"))
        yield from self._made(wanted)
        for number in numbers if self.renumber else ():
            yield from self._say(self.renumber, ISDN=number, NEWISDN=wanted.key("msisdn"), accepts=self._coded("unknown"))
        yield from self.details(wanted)

    def details(self, wanted: State) -> Steps:
        """What is set at every change: the lock state."""
        locked = "TRUE" if wanted.values["barred"] else "FALSE"
        yield from self._say("MOD LCK", IMSI=wanted.key("imsi"), IC=locked, OC=locked, GPRSLOCK=locked, EPSLOCK=locked)

    def remove(self, record: Record) -> Steps:
        """The subscriber goes, and its keys unless they are kept: those too of one that was never made, since an attempt ended before."""
        kept = self.values["keep_keys"]
        for imsi in record.keys.get("imsi", ()):
            reply = yield from self._say("RMV SUB", IMSI=imsi, RMVKI="FALSE" if kept else "TRUE", accepts=self._coded("unknown"))
            if not kept and self.result(reply) in self._coded("unknown"):
                yield from self._say("RMV KI", IMSI=imsi, accepts=self._coded("no_key"))

    def result(self, reply: Reply) -> str:
        """The code of an answer, '0' for success, '' for none: of an XML answer's ResultCode, else of RETCODE, ERR or SUCCESS where a line begins."""
        if reply.xml is not None:
            return next((found.text for found in reply.xml.all("ResultCode")), "")
        found = _RESULT.search(reply.body)
        return next((code for code in found.groups()[:2] if code), "0") if found else ""

    def fault(self, reply: Reply) -> str:
        """The code of a failure."""
        code = self.result(reply)
        return super().fault(reply) or ("" if code == "0" else code or "no result")

    def _coded(self, *words: str) -> frozenset[str]:
        """The site's codes for these words."""
        return frozenset(filter(None, (self.values["codes"].get(word, "") for word in words)))

    def _unknown(self, imsi: str) -> Result:
        """Whether the server has no such subscriber."""
        reply = yield from self._say("LST SUB", IMSI=imsi, accepts=self._coded("unknown"))
        return self.result(reply) in self._coded("unknown")

    def _parts(self, imsi: str) -> Result:
        """Which parts of a subscriber are there: '' the subscriber itself, others by the groups of its details."""
        detail = {"DETAIL": "TRUE"} if len(self.create) > 1 else {}
        reply: Reply = yield from self._say("LST SUB", IMSI=imsi, **detail, accepts=self._coded("unknown"))
        if self.result(reply) in self._coded("unknown"):
            return frozenset()
        groups = reply.xml.all("Group") if reply.xml is not None else ()
        return frozenset({"", *(group.attributes.get("Name", "").strip('"') for group in groups)})

    def _swapped(self, old: str, wanted: State) -> Steps:
        """The subscriber gets the new SIM, if it has not got it already; the old one's keys go unless they are kept."""
        if not (yield from self._unknown(old)):
            yield from self._key(wanted)
            yield from self._say("MOD IMSI", IMSI=old, NEWIMSI=wanted.key("imsi"))
        if not self.values["keep_keys"]:
            yield from self._say("RMV KI", IMSI=old, accepts=self._coded("no_key"))

    def _made(self, wanted: State) -> Steps:
        """Keys and subscriber, as far as they are not there."""
        parts = yield from self._parts(wanted.key("imsi"))
        yield from self._key(wanted)
        for name, parameters, group in self.create:
            if group in parts:
                continue
            own = {"imsi": wanted.key("imsi"), "isdn": wanted.key("msisdn"), "template": wanted.values["template"]}
            yield from self._say(name, accepts=self._coded("exists"), **{key: value.format_map(own) for key, value in parameters.items()})

    def _key(self, wanted: State) -> Steps:
        """The keys of a SIM, where the inventory has them and the server has not."""
        if not wanted.values["ki"]:
            return
        reply = yield from self._say("LST KI", IMSI=wanted.key("imsi"), accepts=self._coded("no_key"))
        if self.result(reply) in self._coded("no_key"):
            chosen = self.values["key_options"]
            opc = {"OPCVALUE": wanted.values["opc"]} if wanted.values["opc"] and "OPSNO" not in chosen else {}
            yield from self._say("ADD KI", IMSI=wanted.key("imsi"), OPERTYPE="ADD", KIVALUE=wanted.values["ki"], **opc, **chosen)

    def _say(self, name: str, accepts: frozenset[str] = frozenset(), **parameters: str) -> Result:
        numbered = {"HLRSN": self.values["hlrsn"], **parameters} if self.values["hlrsn"] else parameters
        reply: Reply = yield self.command(name, {key: safe(value) for key, value in numbered.items()}, accepts)
        return reply


def safe(value: str) -> str:
    """A value that can't end its command or begin another parameter. Errors: NotProvisionable."""
    if _UNSAFE.search(value):
        raise NotProvisionable("a value with signs that commands are made of: quotes, commas, colons ...")
    return value
