"""
Profiles of Diameter nodes, as data: the folder `diameter_profiles`, one file a kind of client (docs/credit-control.rst).

A file says what is different from `generic`, whose file has every key with its meaning. A node whose profile is none of them is served as generic. Folders of
an operator's own (diameter.profile_path) add to them, and change them: the home networks, above all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from portaswitch.endpoints.diameter_network import READERS
from portaswitch.errors import ConfigError
from portaswitch.model.value import dataclass

SHIPPED: Final = Path(__file__).with_name("diameter_profiles")
GENERIC: Final = "generic"


class Use(StrEnum):
    """What is charged."""

    DATA = "data"
    VOICE = "voice"
    SMS = "sms"
    USSD = "ussd"


class FinalUnit(StrEnum):
    """What a client is told to do with the last units (Final-Unit-Action)."""

    TERMINATE = "terminate"  # end the service
    REDIRECT = "redirect"  # to the portal of the access policy; without one as terminate
    RESTRICT = "restrict"  # let through what a filter permits


@dataclass(frozen=True, slots=True)
class DiameterProfile:
    """
    One profile. `services`: service type of each use; `validity`: seconds that what is set aside stays so. `contexts` tells a use by a whole
    Service-Context-Id, whatever else is in the request; `documents` by the number of the 3GPP document in it, where nothing else tells. `subscriber`: names of
    Subscription-Id-Type in the order in which accounts are looked for. `access_code` of rating entries, with {direction} and {service_identifier}. `home`:
    MCC and MNC of networks in which nobody roams; empty: nobody roams. `serving`: AVPs that tell the serving network, in the order in which they are
    believed (`diameter_network`). Thresholds in percent of a grant, 0: none.
    """

    name: str
    services: Mapping[Use, str]
    validity: Mapping[Use, int]
    contexts: Mapping[str, Use]
    documents: Mapping[str, Use]
    subscriber: tuple[str, ...]
    access_code: str
    home: frozenset[str]
    serving: tuple[str, ...]
    final_unit: FinalUnit
    filter_id: str
    volume_threshold: int
    time_threshold: int
    rise_result_code: bool
    keeps_refused: bool
    provision_cld: bool
    cost_information: bool


def profile(name: str, known: Mapping[str, DiameterProfile] | None = None) -> DiameterProfile:
    """The profile of this name among those that are known (the shipped ones, where nothing is said), else the generic one."""
    known = shipped() if known is None else known
    return known.get(name) or known[GENERIC]


@cache
def shipped() -> Mapping[str, DiameterProfile]:
    """The profiles that come with the server. Raises ConfigError with all faults of all files."""
    return load()


def load(*folders: Path) -> dict[str, DiameterProfile]:
    """
    The shipped profiles and those of an operator's folders, by the names of their files. A file of a name that there is already says what is different from
    that, one called generic what is different for all. Raises ConfigError with all faults of all files.
    """
    base = yaml.safe_load(SHIPPED.joinpath(f"{GENERIC}.yaml").read_text("utf-8"))
    told: dict[str, dict[str, Any]] = {}
    faults = [f"{folder}: no such folder of node profiles (diameter.profile_path)" for folder in folders if not folder.is_dir()]
    for path in (path for folder in (SHIPPED, *folders) for path in sorted(folder.glob("*.yaml"))):
        said, wrong = _read(path, base)
        faults += wrong
        told[path.stem] = {**told.get(path.stem, {}), **said}
    if faults:
        raise ConfigError(faults)
    return {name: _profile(name, {**base, **told[GENERIC], **said}) for name, said in told.items()}


def _read(path: Path, base: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a file says, and what is wrong with it."""
    try:
        said = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        return {}, [f"{path}: can't be read: {' '.join(str(error).split())}"]
    faults = [f"{path}: {fault}" for fault in _check(said, base)]
    return ({}, faults) if faults else (said, [])


def _check(said: Any, base: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a file: keys that generic has not, values of another type than there, uses and actions that there are not."""
    if not isinstance(said, dict):
        yield "is no mapping"
        return
    for key, value in said.items():
        if key not in base:
            yield f"{key}: unknown; the keys are {', '.join(base)}"
        elif type(value) is not type(base[key]):
            yield f"{key}: has to be a {type(base[key]).__name__}"
        elif key in ("contexts", "documents") and not set(value.values()) <= {use.value for use in Use}:
            yield f"{key}: a use is one of {', '.join(Use)}"
        elif key in ("services", "validity") and set(value) != {use.value for use in Use}:
            yield f"{key}: has to name each of {', '.join(Use)}"
        elif key == "serving" and not set(map(str, value)) <= set(READERS):
            yield f"{key}: of {', '.join(READERS)}"
    if said.get("final_unit", FinalUnit.TERMINATE.value) not in {action.value for action in FinalUnit}:
        yield f"final_unit: one of {', '.join(FinalUnit)}"


def _profile(name: str, said: Mapping[str, Any]) -> DiameterProfile:
    by_use = {key: {Use(use): value for use, value in said[key].items()} for key in ("services", "validity")}
    to_use = {key: {str(text): Use(use) for text, use in said[key].items()} for key in ("contexts", "documents")}
    return DiameterProfile(
        name, by_use["services"], by_use["validity"], to_use["contexts"], to_use["documents"], tuple(said["subscriber"]), said["access_code"],
        frozenset(map(str, said["home"])), tuple(said["serving"]), FinalUnit(said["final_unit"]), said["filter_id"], said["volume_threshold"],
        said["time_threshold"], said["rise_result_code"], said["keeps_refused"], said["provision_cld"], said["cost_information"],
    )  # fmt: skip
