"""`verify` and `metrics`: whether the books agree, and what the running server counts."""

from __future__ import annotations

import re
from dataclasses import asdict

from portaswitch.administration import Audit, read_metrics
from portaswitch.cli.command import FAILED, OK, Commands, Context
from portaswitch.cli.output import Bar, Column
from portaswitch.cli.text import printable

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def add(commands: Commands) -> None:
    """Add the commands."""
    commands.command(
        "verify",
        "ask the whole database whether balances and holds are what payments, xDRs and sessions make them, and rows don't overlap",
        "portaswitch verify\nportaswitch verify --json",
        verify,
    )
    commands.command(
        "metrics",
        "print the metrics of the running server, in the Prometheus text format or as JSON",
        "portaswitch metrics\nportaswitch metrics | grep portaswitch_radius\nportaswitch metrics --json",
        metrics,
    )


async def verify(context: Context) -> int:
    """Each law with how many rows it was asked of and how many differ; some of those; OK or what differs."""
    out, bar = context.out, Bar(context.err)
    async with context.administration() as admin:
        try:
            audit = await admin.audit(bar)
        finally:
            bar.clear()
    out.document({"ok": not audit.differ, **asdict(audit)})
    columns = (Column("law", "law"), Column("rows", "rows"), Column("differ", "differ"))
    out.table(columns, [asdict(finding) for finding in audit.findings])
    for line in notes(audit):
        out.line(line)
    return FAILED if audit.differ else OK


def notes(audit: Audit) -> list[str]:
    """What stands below the table."""
    lines = []
    for finding in audit.findings:
        lines += [
            f"differs: {printable(row.what)}: expected {row.expected}, found {row.found}"
            for row in finding.examples
        ]
        if finding.differ > len(finding.examples):
            lines.append(f"         and {finding.differ - len(finding.examples)} more: {finding.law}")
    if audit.orphans:
        lines.append(
            f"note: {audit.orphans} uses of unknown accounts wait in the table orphans for a decision"
        )
    if audit.suspects:
        lines.append(
            f"note: {audit.suspects} uses that can't be true wait in the table orphans (reason impossible)"
            " for a decision"
        )
    if audit.unfolded:
        lines.append(
            f"note: {audit.unfolded} charges of resellers and vendors are not folded into their balances yet"
        )
    lines.append(
        "OK: the books agree" if not audit.differ else f"DIFFERS: {audit.differ} rows are not as they must be"
    )
    return lines


async def metrics(context: Context) -> int:
    """The page as it is, or its samples as JSON."""
    text = await read_metrics(context.reactor, context.settings)
    context.out.document(samples(text))
    context.out.line(text.rstrip("\n"))
    return OK


def samples(text: str) -> list[dict[str, object]]:
    """The samples of a page in the Prometheus text format: name, labels, and the value as it is written."""
    found: list[dict[str, object]] = []
    for line in text.splitlines():
        sample = None if line.startswith("#") else _SAMPLE.fullmatch(line)
        if sample is not None:
            labels = {name: _unescaped(value) for name, value in _LABEL.findall(sample[2] or "")}
            found.append({"name": sample[1], "labels": labels, "value": sample[3]})
    return found


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)
