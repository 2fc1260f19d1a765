"""
Grants as AVPs: Granted-Service-Unit, Validity-Time, Final-Unit-Indication, thresholds (RFC 8506 8, TS 32.299 7.2), for a group or the level of the message.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from portaswitch.endpoints.diameter_profiles import DiameterProfile, FinalUnit
from portaswitch.endpoints.diameter_results import CREDIT_CONTROL_NOT_APPLICABLE, CREDIT_LIMIT_REACHED, SUCCESS, of_group
from portaswitch.endpoints.diameter_units import UNITS
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Grant
from portaswitch.model.value import dataclass
from portaswitch.wire.diameter.message import Group, Pair

TERMINATE, REDIRECT, RESTRICT_ACCESS = 0, 1, 2
URL: Final = 2
LEAST_VALIDITY: Final = 60
MOST_SECONDS: Final = 2**32 - 1
#: By base: the AVP that tells how much of a grant is left when the client shall ask again, and the most that it can say.
THRESHOLDS: Final = {Base.OCTETS: "Volume-Quota-Threshold", Base.TIME: "Time-Quota-Threshold"}


@dataclass(frozen=True, slots=True)
class Telling:
    """What answers are made with: `at` is the server's time at the answer."""

    request: AAARequest
    decision: Decision
    profile: DiameterProfile
    at: datetime

    @property
    def portal(self) -> str:
        """Where users without funds are sent; '' nowhere."""
        return self.decision.facts.more.get("portal", "") if self.profile.final_unit is FinalUnit.REDIRECT else ""


def validity(telling: Telling) -> Pair:
    """Validity-Time: the seconds from now until what was set aside is free again, never too few to ask in."""
    seconds = telling.request.lock_seconds or 0
    left = int((telling.request.at + timedelta(seconds=seconds) - telling.at).total_seconds())
    return "Validity-Time", max(LEAST_VALIDITY, min(left, seconds))


def final_unit(telling: Telling) -> Pair:
    """Final-Unit-Indication, as the profile has it."""
    if telling.portal:
        server = Group([("Redirect-Address-Type", URL), ("Redirect-Server-Address", telling.portal)])
        return "Final-Unit-Indication", Group([("Final-Unit-Action", REDIRECT), ("Redirect-Server", server)])
    if telling.profile.final_unit is FinalUnit.RESTRICT:
        filter_id = telling.decision.facts.more.get("filter", "") or telling.profile.filter_id
        named = [("Filter-Id", filter_id)] if filter_id else []
        return "Final-Unit-Indication", Group([("Final-Unit-Action", RESTRICT_ACCESS), *named])
    return "Final-Unit-Indication", Group([("Final-Unit-Action", TERMINATE)])


def result_of(telling: Telling, grant: Grant | None) -> int:
    """The Result-Code of a group; one without funds whose user is sent to a portal is a success without units (RFC 8506 5.6.2)."""
    if grant is None:
        return SUCCESS
    if grant.refusal is None:
        return SUCCESS if grant.units is not None else CREDIT_CONTROL_NOT_APPLICABLE
    return SUCCESS if _redirected(telling, grant) else of_group(grant.refusal)


def _redirected(telling: Telling, grant: Grant) -> bool:
    """Whether who is refused for funds, or by the timetable of the policy, is sent to its portal."""
    return bool(telling.portal) and grant.refusal is not None and (grant.refusal is Refusal.USER_DENIED or of_group(grant.refusal) == CREDIT_LIMIT_REACHED)


def granted(telling: Telling, grant: Grant) -> list[Pair]:
    """The AVPs of one grant, or of its refusal, but for the Result-Code."""
    if grant.refusal is not None:
        told_end = of_group(grant.refusal) == CREDIT_LIMIT_REACHED or _redirected(telling, grant)
        return [final_unit(telling), validity(telling)] if told_end else []
    if grant.units is None:
        return []
    told: list[Pair] = [("Granted-Service-Unit", Group([*_change(telling, grant), (UNITS[grant.base], _fitting(grant))])), validity(telling)]
    if grant.last:
        told.append(final_unit(telling))
    percent = {Base.OCTETS: telling.profile.volume_threshold, Base.TIME: telling.profile.time_threshold}.get(grant.base, 0)
    left = min(grant.units * percent // 100, MOST_SECONDS)
    if left and not grant.last:
        told.append((THRESHOLDS[grant.base], left))
    return told


def _change(telling: Telling, grant: Grant) -> list[Pair]:
    """Tariff-Time-Change, where a price of data changes while the grant may be used."""
    at = telling.decision.facts.more.get("tariff_change", "")
    return [("Tariff-Time-Change", int(datetime.fromisoformat(at).timestamp()))] if at and grant.base is Base.OCTETS else []


def _fitting(grant: Grant) -> int:
    units = grant.units or 0
    return min(units, MOST_SECONDS) if grant.base is Base.TIME else units
