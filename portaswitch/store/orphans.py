"""Usage that waits for an operator: of accounts that nobody knows, and such as can't be true (DESIGN.md 3.3, 3.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portaswitch.store.pool import Pool

LIST = "select i_orphan, received, reason, request from orphans where i_env = %s order by i_orphan desc"
ONE = "select i_orphan, received, reason, request from orphans where i_env = %s and i_orphan = %s"


@dataclass(frozen=True, slots=True)
class OrphanLine:
    """
    One report as a list shows it. `reason`: 'no account', or why it can't be true; `used`: what was reported, each figure with its base; `kind`: start, update
    or stop.
    """

    i_orphan: int
    received: datetime
    reason: str
    kind: str
    user: str
    session: str
    called: str
    used: str


async def orphans(pool: Pool, i_env: int, limit: int) -> list[OrphanLine]:
    """Those of an environment, the newest first; `limit` 0: all."""
    sql, values = (f"{LIST} limit %s", (i_env, limit)) if limit else (LIST, (i_env,))
    return [_line(row) for row in await pool.query(sql, values)]


async def orphan(pool: Pool, i_env: int, number: int) -> dict[str, Any] | None:
    """One report whole, as `store.documents.request_text` wrote it; None where there is none of that number."""
    rows = await pool.query(ONE, (i_env, number))
    return {"id": rows[0][0], "kept": rows[0][1], "reason": rows[0][2], **json.loads(rows[0][3])} if rows else None


def _line(row: tuple[Any, ...]) -> OrphanLine:
    i_orphan, received, reason, text = row
    request = json.loads(text)
    return OrphanLine(i_orphan, received, request.get("why") or reason, request["kind"], request["user"], request["session"], request["called"], _used(request))


def _used(request: dict[str, Any]) -> str:
    told = [unit.get("counters") or {unit["base"]: unit["used"]} for unit in request["units"]]
    return ", ".join(f"{figure} {base}" for figures in told for base, figure in figures.items() if figure is not None)
