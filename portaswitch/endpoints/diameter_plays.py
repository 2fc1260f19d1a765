"""
What `diameter-test` plays: the requests of a client for data, a call, a message or a USSD session, and its answers in words.

Pure: a play is a list of steps, each the AVPs of one CCR; `understood` says what a client would do with a CCA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.message import Group, Message, Pair

INITIAL, UPDATE, TERMINATION, EVENT = "INITIAL_REQUEST", "UPDATE_REQUEST", "TERMINATION_REQUEST", "EVENT_REQUEST"
SUCCESS: Final = 2001
MEBIBYTE: Final = 1 << 20
#: What units are called.
UNITS: Final[Mapping[str, str]] = MappingProxyType({"CC-Time": "s", "CC-Total-Octets": "octets", "CC-Service-Specific-Units": "units"})


class Play(StrEnum):
    """What is played."""

    DATA = "data"
    VOICE = "voice"
    SMS = "sms"
    USSD = "ussd"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who pays, whom they call or write to, and the rating group of data."""

    account: str
    called: str
    rating_group: int = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One request: its title, CC-Request-Type, Service-Context-Id and the AVPs that are its own."""

    title: str
    kind: str
    context: str
    pairs: tuple[Pair, ...]


def steps(play: Play, who: Subscriber) -> list[Step]:
    """The requests of a play, in their order."""
    return _PLAYS[play](who)


def _units(name: str, requested: int | None, used: int | None, *more: Pair) -> Pair:
    """One MSCC: `requested` 0 leaves it to the server, None asks for nothing."""
    pairs: list[Pair] = []
    if requested is not None:
        pairs.append(("Requested-Service-Unit", Group([(name, requested)] if requested else [])))
    if used is not None:
        pairs.append(("Used-Service-Unit", Group([(name, used)])))
    return "Multiple-Services-Credit-Control", Group([*pairs, *more])


def _data(who: Subscriber) -> list[Step]:
    group: Pair = ("Rating-Group", who.rating_group)

    def step(title: str, kind: str, requested: int | None, used: int | None) -> Step:
        return Step(title, kind, "32251@3gpp.org", (("Multiple-Services-Indicator", 1), _units("CC-Total-Octets", requested, used, group)))

    return [
        step("a data session begins", INITIAL, 0, None), step("1 MiB is used", UPDATE, 0, MEBIBYTE),
        step("the session ends, 1 MiB more", TERMINATION, None, MEBIBYTE),
    ]  # fmt: skip


def _voice(who: Subscriber) -> list[Step]:
    parties: list[Pair] = [("Event-Type", Group([("Event", "MO")])), ("Calling-Party-Address", who.account), ("Called-Party-Address", who.called)]
    about: Pair = ("Service-Information", Group([("IMS-Information", Group(parties))]))

    def step(title: str, kind: str, requested: int | None, used: int | None) -> Step:
        return Step(title, kind, "32260@3gpp.org", (_units("CC-Time", requested, used), about))

    return [step("a call begins", INITIAL, 30, None), step("30 s are used", UPDATE, 30, 30), step("the call ends after 45 s", TERMINATION, None, 15)]


def _sms(who: Subscriber) -> list[Step]:
    address: list[Pair] = [("Address-Type", "MSISDN"), ("Address-Data", who.called)]
    sender: list[Pair] = [("Address-Type", "MSISDN"), ("Address-Data", who.account)]
    message: list[Pair] = [("Originator-Received-Address", Group(sender)), ("Recipient-Info", Group([("Recipient-Address", Group(address))]))]
    about: Pair = ("Service-Information", Group([("SMS-Information", Group(message))]))
    return [Step("one message is debited", EVENT, "32274@3gpp.org", (("Requested-Action", "DIRECT_DEBITING"), about))]


def _ussd(who: Subscriber) -> list[Step]:
    parties: list[Pair] = [("Calling-Party-Address", who.account), ("Called-Party-Address", who.called)]
    about: Pair = ("Service-Information", Group([("IMS-Information", Group(parties))]))
    service: Pair = ("Service-Identifier", 120)

    def step(title: str, kind: str, requested: int | None, used: int | None) -> Step:
        return Step(title, kind, "32260@3gpp.org", (_units("CC-Time", requested, used, service), about))

    return [step("a USSD session begins", INITIAL, 20, None), step("20 s are used", UPDATE, 20, 20), step("the session ends after 25 s", TERMINATION, None, 5)]


_PLAYS: Final[Mapping[Play, Callable[[Subscriber], list[Step]]]] = MappingProxyType({Play.DATA: _data, Play.VOICE: _voice, Play.SMS: _sms, Play.USSD: _ussd})


def understood(answer: Message, dictionary: Dictionary) -> list[str]:
    """What a client would do with an answer, a line for each thing."""
    return list(_told(answer, dictionary))


def successful(answer: Message) -> bool:
    """2001 at the top and in every group."""
    groups = answer.groups("Multiple-Services-Credit-Control")
    return answer.get("Result-Code") == SUCCESS and all(group.get("Result-Code") in (None, SUCCESS) for group in groups)


def _told(answer: Message, dictionary: Dictionary) -> Iterator[str]:
    yield f"the answer is {_result(answer.integer('Result-Code'), dictionary)}"
    error = answer.text("Error-Message")
    if error:
        yield f"because: {error}"
    yield from _grants(answer.body, "", dictionary)
    for group in answer.groups("Multiple-Services-Credit-Control"):
        names = [f"{name} {group.integer(name)}" for name in ("Rating-Group", "Service-Identifier") if group.get(name) is not None]
        yield from _grants(group, f"{', '.join(names)}: " if names else "", dictionary)


def _grants(group: Group, place: str, dictionary: Dictionary) -> Iterator[str]:
    if place or group.get("Granted-Service-Unit") is not None:
        result = group.integer("Result-Code")
        if place and result is not None and result != SUCCESS:
            yield f"{place}{_result(result, dictionary)}"
    granted = group.group("Granted-Service-Unit")
    if granted is not None:
        amounts = [f"{granted.integer(name)} {unit}" for name, unit in UNITS.items() if granted.get(name) is not None]
        validity = group.integer("Validity-Time")
        yield f"{place}{', '.join(amounts) or 'nothing'} granted{f' for {validity} s' if validity is not None else ''}"
    final = group.group("Final-Unit-Indication")
    if final is not None:
        action = final.integer("Final-Unit-Action")
        yield f"{place}these are the last units, then {dictionary.word('Final-Unit-Action', action or 0) or action}"


def _result(number: int | None, dictionary: Dictionary) -> str:
    if number is None:
        return "without a Result-Code"
    word = dictionary.word("Result-Code", number)
    return f"{number} ({word})" if word else str(number)
