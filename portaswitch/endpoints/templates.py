"""
Response templates: lines of an operator that are applied to an Access-Accept before it is sent (spec/radius.yaml, response_templates; docs/templates.rst).

    template = compile_template(node.response_template, dictionary)      # once, when the catalogue is loaded; TemplateError has all faults
    attributes = template.apply(attributes, Variables(packet, request, decision))

What a variable holds is only ever text of one value: the names of an answer are those of the template and of the default answer, whatever a user sends.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from portaswitch.endpoints.radius_reply import Attributes
from portaswitch.endpoints.template_text import Line, Placeholder, TemplateFault, read_lines, read_row
from portaswitch.errors import PortaSwitchError
from portaswitch.model.money import five
from portaswitch.model.request import AAARequest, Decision
from portaswitch.model.value import dataclass
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Packet

#: Attributes that no template may write: the server computes them, or they only belong into requests.
RESERVED: Final = frozenset({"CHAP-Password", "EAP-Message", "Message-Authenticator", "Proxy-State", "User-Password", "Vendor-Specific"})
#: Attributes of requests that are proofs: no variable shows them.
PROOFS: Final = RESERVED | {"CHAP-Challenge", "Digest-Response", "Sterman-Digest-Response"}
#: Attributes whose value is a pair, and the signs behind the pair's name: which pair it is must be fixed, or a variable could make another attribute.
PAIRS: Final = {"Cisco-AVPair": "=*", "h323-ivr-in": ":=", "h323-ivr-out": ":="}
#: Control characters of both tables (Unicode's category Cc) are taken out of values.
CONTROLS: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
_REQUEST: Final = "request."

Variable = Callable[[AAARequest, Decision], str]


def _granted(_: AAARequest, decision: Decision) -> str:
    units = decision.grants[0].units if decision.grants else None
    return "" if units is None else str(units)


FIXED: Final[Mapping[str, Variable]] = {
    "account_id": lambda _, decision: decision.facts.account_id,
    "available": lambda _, decision: "" if decision.facts.available is None else five(decision.facts.available),
    "balance": lambda _, decision: "" if decision.facts.balance is None else five(decision.facts.balance),
    "called": lambda request, _: request.parties.called,
    "calling": lambda request, _: request.parties.calling,
    "complete_number": lambda _, decision: decision.facts.complete_number,
    "currency": lambda _, decision: decision.facts.currency,
    "granted": _granted,
    "i_account": lambda _, decision: str(decision.facts.i_account or ""),
    "language": lambda _, decision: decision.facts.language,
    "node": lambda request, _: request.origin.name,
    "product": lambda _, decision: decision.facts.product,
    "rated_number": lambda _, decision: decision.facts.rated_number,
    "session": lambda request, _: request.session,
    "tariff": lambda _, decision: decision.facts.tariff,
    "user": lambda request, _: request.parties.user,
}
"""Variables that every answer has, though perhaps empty."""

MORE: Final = (
    "access_code", "class", "customer_balance", "customer_credit_limit", "customer_threshold", "download_rate", "framed_ip", "idle_timeout", "interim",
    "no_warning", "policy", "policy_level", "policy_phase", "rate_pattern", "redirect_number", "service", "session_timeout", "threshold_reached", "upload_rate",
)  # fmt: skip
"""Names of `Facts.more`, each a variable too; what they hold and when they are known: docs/templates.rst."""

ALIASES: Final[Mapping[str, str]] = {"netaccess.speed_limit.name": "policy", "netaccess.speed_limit.type": "policy_phase"}
"""Names of the guide, and the fact that each is."""

KNOWN: Final = frozenset((*FIXED, *MORE, *ALIASES))


class TemplateError(PortaSwitchError):
    """A template's text is wrong: all faults, each with line, column and what to do."""

    def __init__(self, faults: list[TemplateFault]) -> None:
        super().__init__("\n".join(map(str, sorted(faults))))
        self.faults = tuple(sorted(faults))


class Variables:
    """What placeholders of one answer may name: '' where nothing is known. `request.NAME` is an attribute, or an h323-ivr-out pair, of the request."""

    __slots__ = ("_decision", "_packet", "_request")

    def __init__(self, packet: Packet, request: AAARequest, decision: Decision) -> None:
        self._packet, self._request, self._decision = packet, request, decision

    def __call__(self, name: str) -> str:
        """The value, or '' for a variable that is not defined."""
        fixed = FIXED.get(name)
        if fixed is not None:
            return fixed(self._request, self._decision)
        if name.startswith(_REQUEST):
            return self._attribute(name.removeprefix(_REQUEST))
        return self._decision.facts.more.get(ALIASES.get(name, name), "")

    def _attribute(self, name: str) -> str:
        value = None if name in PROOFS else self._packet.get(name)
        if value is None:
            pairs = self._packet.ivr_out().get(name)
            return pairs[-1] if pairs else ""
        if isinstance(value, int):
            return self._packet.named(name) or ""
        return value if isinstance(value, str) else ""  # octets are no text (RFC 8044 3.5)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; `then` puts another one behind it."""

    lines: tuple[Line, ...]

    def apply(self, attributes: Attributes, variables: Callable[[str], str]) -> Attributes:
        """
        The answer with every line carried out in order; `attributes` stays as it is. An empty value adds nothing, and with := takes the attribute away.

        Values are not checked against their types here: encoding the answer does, with a ValueError.
        """
        answer, scope = list(attributes), _Scope(variables)
        for line in self.lines:
            value = "".join([part if isinstance(part, str) else scope.expand(part) for part in line.parts]).translate(CONTROLS)
            if line.operation == ":=":
                answer = _instead(answer, line.name, value)
            elif value and (line.operation == "+=" or all(name != line.name for name, _ in answer)):
                answer.append((line.name, value))
        return answer

    def then(self, other: Template) -> Template:
        """One template of both, `other` last."""
        return Template(self.lines + other.lines)


class _Scope:
    """Variables of one answer, with those that its lines assigned."""

    def __init__(self, variables: Callable[[str], str]) -> None:
        self._variables = variables
        self._assigned: dict[str, str] = {}

    def value(self, name: str) -> str:
        """An assigned value, else that of the request and the decision; '' where it is not defined."""
        return self._assigned.get(name) or self._variables(name)

    def expand(self, placeholder: Placeholder) -> str:
        """The text that stands for a placeholder; a variable is defined when its value is not empty."""
        value, modifier = self.value(placeholder.name), placeholder.modifier
        if placeholder.bare:
            return value
        default = self.value(placeholder.default) if placeholder.refers else placeholder.default
        if modifier == "":
            return value or default
        if modifier == "=":
            if not value:
                self._assigned[placeholder.name] = default
            return ""
        return default if (modifier == "+") == bool(value) else ""


def _instead(answer: Attributes, name: str, value: str) -> Attributes:
    """The answer with one value of that name, where its first one was; with none where the value is empty."""
    place = next((at for at, pair in enumerate(answer) if pair[0] == name), len(answer))
    rest = [pair for pair in answer[place:] if pair[0] != name]
    return [*answer[:place], *([(name, value)] if value else []), *rest]


# -- compiling ------------------------------------------------------------------------------------------------------------------------------------


def compile_template(text: str, dictionary: Dictionary) -> Template:
    """A node's template from its text. Errors: `TemplateError`."""
    faults: list[TemplateFault] = []
    return _checked(read_lines(text, faults), faults, dictionary)


def compile_rows(rows: Iterable[tuple[str, str, str]], dictionary: Dictionary) -> Template:
    """
    A template from rows (attribute name, operation, value template) in their order, as access_policy_attributes of the group radius_response have them.

    Lines of the faults count the rows, columns the characters of the value. Errors: `TemplateError`.
    """
    faults: list[TemplateFault] = []
    lines = []
    for number, (name, operation, value) in enumerate(rows, 1):
        line = read_row(number, name, operation, value, faults)
        if line is not None:
            lines.append(line)
    return _checked(lines, faults, dictionary)


def faults_of(text: str, dictionary: Dictionary) -> tuple[TemplateFault, ...]:
    """What `compile_template` would find wrong."""
    try:
        compile_template(text, dictionary)
    except TemplateError as error:
        return error.faults
    return ()


def _checked(lines: list[Line], faults: list[TemplateFault], dictionary: Dictionary) -> Template:
    assigned = {part.name for line in lines for part in line.placeholders() if part.modifier == "="}
    for line in lines:
        reason = _misfit(line, dictionary)
        if reason is not None:
            faults.append(TemplateFault(line.number, line.column, reason))
        for part in line.placeholders():
            reason = _unknown(part, assigned, dictionary)
            if reason is not None:
                faults.append(TemplateFault(line.number, part.column, reason))
    if faults:
        raise TemplateError(faults)
    return Template(tuple(lines))


def _misfit(line: Line, dictionary: Dictionary) -> str | None:
    """Why an answer can't have such an attribute, or None; a value without placeholders is tried too."""
    name = line.name.partition(":")[0]
    attribute = dictionary.attributes.get(name)
    if attribute is None:
        near = difflib.get_close_matches(name[:64], dictionary.attributes, 1)
        return f"no attribute {name} in the dictionary" + (f": did you mean {near[0]}?" if near else ": see portaswitch/wire/data/radius")
    if name in RESERVED or attribute.type in ("tlv", "vsa") or attribute.encrypt == 3:
        return f"{name} is not for a template to write: the server does, or it is no attribute of an answer"
    if line.operation not in ("=", ":=", "+="):
        return f"{line.operation} is no operation: write =, := or +="
    if name in PAIRS and any(line.placeholders()) and not _names_a_pair(line.parts[0], PAIRS[name]):
        return f"the value of {name} is a pair: write its name and {PAIRS[name][0]} before the first placeholder"
    fixed = "".join(part for part in line.parts if isinstance(part, str)).translate(CONTROLS)
    if any(line.placeholders()) or not fixed:
        return None
    try:
        dictionary.pack((line.name, fixed), b"", bytes(16))
    except ValueError as error:
        return str(error)
    return None


def _names_a_pair(first: str | Placeholder, signs: str) -> bool:
    """Whether a value begins with a name and a sign behind it, as plain text."""
    return isinstance(first, str) and any(first.find(sign) > 0 for sign in signs)


def _unknown(part: Placeholder, assigned: set[str], dictionary: Dictionary) -> str | None:
    """Why a placeholder could only ever be empty, or must not be shown, or None. A variable nobody knows is right where a default stands beside it."""
    for name, needed in ((part.name, part.bare), (part.default if part.refers else "", True)):
        if name.startswith(_REQUEST):
            attribute = name.removeprefix(_REQUEST)
            known = dictionary.attributes.get(attribute)
            if attribute in PROOFS or (known is not None and known.encrypt):
                return f"{attribute} is a proof and is not shown"
        elif name and needed and name not in KNOWN and name not in assigned:
            near = difflib.get_close_matches(name[:64], KNOWN, 1)
            return f"no variable {name}" + (f": did you mean {near[0]}?" if near else ": the variables are listed in docs/templates.rst")
    return None
