"""
Node profiles: how a kind of node is told about its sessions, as data (the folder `profiles`, docs/dynamic-authorization.rst).

    profiles = shipped()                                        # ConfigError with all faults of all files at once
    profiles["generic"].identify(Target.POD, facts)             # [("NAS-Identifier", "bras-1"), ("Acct-Session-Id", "0001"), ...]

A template is text with `{fact}` in it. An attribute of whose template a fact is missing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from portaswitch.endpoints.profile_grammar import FACT, Template, check
from portaswitch.endpoints.radius_kept import INTERNET, PAIRS
from portaswitch.errors import ConfigError, PortaSwitchError
from portaswitch.model.session_task import TaskKind
from portaswitch.model.value import dataclass
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary

SHIPPED: Final = Path(__file__).with_name("profiles")
#: What templates may use: facts of the node, of the session, and what sessions keep of their requests.
FACTS: Final = frozenset(
    ("nas_identifier", "nas_ip", "node", "session", "h323_conf_id", "account", "user", "calling", "called", "service")
) | {name for name in (*INTERNET.values(), *PAIRS.values()) if name}
#: What a node's `profile` may be.
NAME: Final = re.compile("[a-z][a-z0-9_-]{0,31}")
#: Types whose values are numbers on the wire.
NUMBERS: Final = frozenset(("integer", "date", "byte", "short", "signed", "integer64"))

#: What names a node by its address, which is of the one or of the other family (RFC 3162 2.1).
NAS_ADDRESS, NAS_ADDRESS_V6 = "NAS-IP-Address", "NAS-IPv6-Address"

Attributes = list[tuple[str, Value]]


class Unsayable(PortaSwitchError):
    """The profile has no words for this task; the text says which are missing and where to add them."""


@dataclass(frozen=True, slots=True)
class Profile:
    """
    One profile. `node` and `session` identify (attribute > template); one of `names` must be among what identifies; `change` are the words of
    a CoA by argument. Ports: None where the profile names none. `accounting` are the words of a copy of accounting.
    """

    name: str
    port: int | None
    disconnect_port: int | None
    node: tuple[Template, ...]
    session: tuple[Template, ...]
    names: frozenset[str]
    change: Mapping[str, tuple[Template, ...]]
    success: Mapping[TaskKind, frozenset[int]]
    accounting: tuple[Template, ...] = ()
    accounting_port: int | None = None

    def port_for(self, kind: TaskKind) -> int | None:
        """The port that requests of this kind go to (old equipment has another one for Disconnect), or None."""
        return self.disconnect_port or self.port if kind is TaskKind.POD else self.port

    def identify(self, facts: Mapping[str, str]) -> Attributes:
        """The attributes that name node and session. Raises Unsayable when nothing that names the session is known."""
        found = list(_filled((*self.node, *self.session), facts))
        if not any(name in self.names for name, _ in found):
            wanted = ", ".join(sorted(self.names))
            raise Unsayable(f"nothing is known that names the session to the node (profile {self.name} wants one of {wanted})")
        return found

    def copy(self, facts: Mapping[str, str]) -> Attributes:
        """The attributes of a copy of accounting, beside those of its status and time. Raises Unsayable where the profile has none."""
        if not self.accounting:
            raise Unsayable(f"profile {self.name} has no words for copies of accounting: give it a section accounting")
        return list(_filled(self.accounting, facts))

    def words(self, arguments: Mapping[str, Any], facts: Mapping[str, str]) -> Attributes:
        """The attributes that say what shall change. Raises Unsayable for arguments that the profile does not know, and when there are none."""
        unknown = sorted(set(arguments) - set(self.change))
        if unknown or not arguments:
            known = ", ".join(sorted(self.change)) or "nothing"
            what = f"{', '.join(unknown)} to a node" if unknown else "what shall change: the task has no arguments"
            raise Unsayable(f"profile {self.name} has no words for {what}; it knows {known}")
        found: Attributes = []
        for name, value in arguments.items():
            found += _filled(self.change[name], {**facts, "value": str(value)})
        return found


def _filled(templates: Iterable[Template], facts: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    """The attributes whose facts are all there. Raises Unsayable for a number that is none."""
    for attribute, text in templates:
        if all(facts.get(fact) for fact in FACT.findall(text)):
            value = _value(attribute, FACT.sub(lambda found: facts[found[1]], text))
            is_v6 = attribute == NAS_ADDRESS and isinstance(value, str) and ":" in value
            yield (NAS_ADDRESS_V6 if is_v6 else attribute), value


def _value(attribute: str, text: str) -> Value:
    known = Dictionary.standard().attributes[attribute]
    if known.type not in NUMBERS or text in known.words:
        return text
    if not re.fullmatch("-?[0-9]{1,19}", text):
        raise Unsayable(f"{attribute} is a number, and {text!r} is none")
    return int(text)


def load(*folders: Path) -> dict[str, Profile]:
    """The profiles of these folders, by name (that of the file; one name is one file's). Raises ConfigError with all faults of all files."""
    found: dict[str, Profile] = {}
    places: dict[str, Path] = {}
    faults = [f"{folder}: no such folder of node profiles (radius.profile_path)" for folder in folders if not folder.is_dir()]
    for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
        if path.stem in places:
            faults.append(f"{path}: {places[path.stem]} is profile {path.stem} too: rename one of them")
            continue
        places[path.stem] = path
        read, wrong = _read_file(path)
        faults += wrong
        if read is not None:
            found[path.stem] = read
    if faults:
        raise ConfigError(faults)
    return found


def _read_file(path: Path) -> tuple[Profile | None, list[str]]:
    if not NAME.fullmatch(path.stem):
        return None, [f"{path}: a profile is named by small letters, digits, - and _, 32 at most"]
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        return None, [f"{path}: can't be read: {error}"]
    return read_profile(path.stem, text, str(path))


@cache
def shipped() -> Mapping[str, Profile]:
    """The profiles that come with the server."""
    return load(SHIPPED)


def read_profile(name: str, text: str, file: str) -> tuple[Profile | None, list[str]]:
    """The profile in this YAML text, or None and everything that is wrong with it, a line each."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return None, [f"{file}: is not YAML: {' '.join(str(error).split())}"]
    faults = [f"{file}: {fault}" for fault in check(document, FACTS)]
    if faults:
        return None, faults
    success = document.get("success", {})
    profile = Profile(
        name, document.get("port"), document.get("disconnect_port"), _templates(document.get("node", {})), _templates(document.get("session", {})),
        frozenset(document.get("names_session", ())), {word: _templates(said) for word, said in document.get("change", {}).items()},
        {TaskKind.POD: frozenset(success.get("disconnect", (503,))), TaskKind.COA: frozenset(success.get("coa", ()))},
        _templates(document.get("accounting", {})), document.get("accounting_port"),
    )  # fmt: skip
    return profile, []


def _templates(said: Mapping[str, Any]) -> tuple[Template, ...]:
    return tuple((attribute, text) for attribute, texts in said.items() for text in (texts if isinstance(texts, list) else [texts]))
