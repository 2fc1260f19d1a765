"""What may stand in a file of node profiles; every fault with its key and what is right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from portaswitch.wire.radius.dictionary import Dictionary

#: An attribute's name, and text with facts in braces.
Template = tuple[str, str]
FACT: Final = re.compile(r"\{([a-z0-9_]+)\}")
#: Attributes that the client makes itself.
OWN: Final = frozenset(("Message-Authenticator", "Event-Timestamp", "Proxy-State", "Error-Cause"))
OWN_ACCOUNTING: Final = OWN | {"Acct-Status-Type", "Acct-Delay-Time"}
#: What is known of a session when a copy of its accounting is made, beside the facts.
COPIED: Final = frozenset(("session_time",))
KEYS: Final = ("description", "port", "disconnect_port", "node", "session", "names_session", "change", "success", "accounting", "accounting_port")
SUCCESS: Final = ("disconnect", "coa")


def check(document: Any, facts: frozenset[str]) -> list[str]:
    """Everything that is wrong with a profile; `facts` are the names that templates may use."""
    if not isinstance(document, dict):
        return ["is no mapping: write the keys " + ", ".join(KEYS)]
    faults = [f"{key}: unknown; the keys are {', '.join(KEYS)}" for key in document if key not in KEYS]
    for key in ("port", "disconnect_port", "accounting_port"):
        if not _is_number(document.get(key, 1), 1, 65535):
            faults.append(f"{key}: {document[key]!r} is no UDP port (1 to 65535)")
    if not isinstance(document.get("description", ""), str):
        faults.append("description: has to be text")
    faults += _templates("node", document.get("node", {}), facts)
    if "accounting" in document:
        faults += _templates("accounting", document["accounting"], facts | COPIED, OWN_ACCOUNTING)
    if "accounting" not in document or "session" in document:  # a collector need not know how to be told to end a session
        faults += _templates("session", document.get("session"), facts)
        faults += _names(document)
    faults += _change(document.get("change", {}), facts)
    return faults + list(_success(document.get("success", {})))


def _templates(key: str, said: Any, facts: frozenset[str], own: frozenset[str] = OWN) -> Iterator[str]:
    """Faults of a mapping of attributes to templates."""
    if not isinstance(said, dict) or (not said and key in ("session", "accounting")):
        yield f"{key}: has to be a mapping of attributes to templates"
        return
    for attribute, texts in said.items():
        place = f"{key}.{attribute}"
        if attribute in own:
            yield f"{place}: the server makes this attribute itself: remove it"
        elif attribute not in Dictionary.standard().attributes:
            yield f"{place}: the dictionaries know no such attribute"
        for text in texts if isinstance(texts, list) else [texts]:
            yield from _template(place, text, facts)


def _template(place: str, text: Any, facts: frozenset[str]) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"{place}: {text!r} is no text: put it into quotes"
        return
    unknown = sorted(set(FACT.findall(text)) - facts)
    if unknown:
        yield f"{place}: unknown fact {', '.join(unknown)}; there are {', '.join(sorted(facts))}"
    if re.search("[{}]", FACT.sub("", text)):
        yield f"{place}: a brace that encloses no fact"


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    """`names_session` lists attributes that identify."""
    names, said = document.get("names_session"), document.get("session")
    if not isinstance(names, list) or not names:
        yield "names_session: has to list the attributes of `session` of which one must be known"
        return
    for name in names:
        if not isinstance(said, dict) or not isinstance(name, str) or name not in said:
            yield f"names_session: {name} is not in `session`"


def _change(change: Any, facts: frozenset[str]) -> Iterator[str]:
    if not isinstance(change, dict):
        yield "change: has to be a mapping of arguments to attributes"
        return
    for word, said in change.items():
        if not isinstance(word, str) or not re.fullmatch("[a-z][a-z0-9_]*", word):
            yield f"change.{word}: an argument is named by small letters, digits and _"
        yield from _templates(f"change.{word}", said, facts | {"value"})


def _success(success: Any) -> Iterator[str]:
    if not isinstance(success, dict):
        yield "success: has to be a mapping of disconnect and coa to lists of Error-Causes"
        return
    for kind, causes in success.items():
        if kind not in SUCCESS:
            yield f"success.{kind}: unknown; the keys are {', '.join(SUCCESS)}"
        elif not isinstance(causes, list) or not all(_is_number(cause, 200, 999) for cause in causes):
            yield f"success.{kind}: has to be a list of Error-Causes (200 to 999)"


def _is_number(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
