"""Access policies from their rows, compiled with their periods: a part of the catalogue (`store.catalogue`)."""

from __future__ import annotations

from twisted.logger import Logger

from portaswitch.model.access_policy import AccessPolicy, LevelName, Phase, PolicyAttribute, Speed
from portaswitch.model.period import PeriodError, parse
from portaswitch.store.pool import Pool

POLICIES = (
    "select i_access_policy, i_env, name, default_level, exceeded_level, coalesce(captive_portal, ''), interim_interval, idle_timeout, pdn_context_id "
    "from access_policies"
)
LEVELS = "select i_access_policy, level, upload_rate, download_rate from access_policy_levels"
PHASES = "select i_access_policy, name, period, level, sort_order from access_policy_phases order by sort_order, i_access_policy_phase"
ATTRIBUTES = (
    "select i_access_policy, level, group_name, name, operator, value from access_policy_attributes order by sort_order, i_access_policy_attribute"
)

_log = Logger()


async def access_policies(pool: Pool) -> dict[int, AccessPolicy]:
    """All policies by id. A phase whose period can't be read is left out and logged: one wrong row must not keep the catalogue from being loaded."""
    speeds: dict[int, dict[LevelName, Speed]] = {}
    for i_policy, level, upload, download in await pool.query(LEVELS):
        speeds.setdefault(i_policy, {})[LevelName(level)] = Speed(upload, download)
    phases: dict[int, list[Phase]] = {}
    for i_policy, name, period, level, order in await pool.query(PHASES):
        try:
            phases.setdefault(i_policy, []).append(Phase(name, parse(period), LevelName(level), order))
        except PeriodError as error:
            _log.error("phase {phase} of access policy {policy} is left out, its period is wrong: {error}", phase=name, policy=i_policy, error=str(error))
    attributes: dict[int, list[PolicyAttribute]] = {}
    for i_policy, level, *rest in await pool.query(ATTRIBUTES):
        attributes.setdefault(i_policy, []).append(PolicyAttribute(None if level is None else LevelName(level), *rest))
    return {
        row[0]: AccessPolicy(
            row[0], row[1], row[2], LevelName(row[3]), LevelName(row[4]), row[5], row[6], row[7], row[8], tuple(phases.get(row[0], ())),
            speeds.get(row[0], {}), tuple(attributes.get(row[0], ())),
        )
        for row in await pool.query(POLICIES)
    }  # fmt: skip
