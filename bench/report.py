"""
The table of results, and its record in RESULTS.md.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.cluster import Cluster
from bench.measure import BESIDE, Results, Row, Sample, Size
from bench.process import BenchError, run, virtual_environment
from bench.server import ROOT

RECORD = Path(__file__).parent / "RESULTS.md"


def table(results: Results, server: str, peers: Sequence[str]) -> list[str]:
    """Markdown: rates with ratios, then latencies at half of them; nothing when no rate was measured."""
    if not results.rows:
        return []
    lines = [
        f"| scenario | {server} /s | "
        + " | ".join(f"{name} /s | ratio" for name in peers)
        + f" | p50 / p99 ms | CPU {server} + database |",
        "|---" * (4 + 2 * len(peers)) + "|",
    ]
    if not peers:
        lines[0] = lines[0].replace(" |  | p50", " | p50")
    for row in results.rows:
        others = [
            cell for name in peers for cell in (_number(row.rate(name)), _ratio(row.ratio(server, name)))
        ]
        ours = row.samples.get(server, [])
        cells = [row.scenario.title, _number(row.rate(server)), *others, _latency(ours), _cpu(ours)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + _half(results, (server, *peers))


def _half(results: Results, systems: Sequence[str]) -> list[str]:
    rows = [row for row in results.rows if row.half]
    if not rows:
        return []
    lines = [
        "",
        "| at half of the rate above, each its own | "
        + " | ".join(f"{name}: p50 / p99 ms" for name in systems)
        + " |",
        "|---" * (1 + len(systems)) + "|",
    ]
    for row in rows:
        lines.append(
            "| " + " | ".join([row.scenario.title, *(_half_cell(row, name) for name in systems)]) + " |"
        )
    return lines


def _half_cell(row: Row, system: str) -> str:
    samples = row.half.get(system, [])
    rate = row.rate(system)
    return f"{_latency(samples)} at {rate / 2:,.0f}/s" if samples and rate else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _latency(samples: Sequence[Sample]) -> str:
    if not samples:
        return "-"
    p50 = statistics.median(sample.measured.p50 for sample in samples)
    return f"{p50:.1f} / {statistics.median(sample.measured.p99 for sample in samples):.1f}"


def _cpu(samples: Sequence[Sample]) -> str:
    if not samples:
        return "-"
    server = statistics.median(sample.server_cpu for sample in samples)
    return f"{server:.0%} + {statistics.median(sample.database_cpu for sample in samples):.0%}"


def commit() -> str:
    """The checkout's commit, marked when files differ from it."""
    try:
        name = run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT).strip()
        changed = run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT).strip()
    except (BenchError, OSError):
        return "no commit"
    return f"{name}, with changes" if changed else name


def machine() -> str:
    """Processor, cores, memory and kernel in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = run([virtual_environment(ROOT) / "python", "-c", "import platform; print(platform.python_version())"]).strip()
    system = f"Linux {platform.release()}, Python {python}"
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def build(tree: Path) -> str:
    """How the server's code runs: compiled (`python -m compiled`) or interpreted."""
    return "compiled" if any((tree / "portaswitch").rglob("*.so")) else "interpreted"


def document(results: Results, server: str, peers: Sequence[str], cluster: Cluster, size: Size) -> str:
    """One section of RESULTS.md."""
    today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    head = [
        f"## {today}, commit {commit()}",
        "",
        f"{machine()}, PostgreSQL {cluster.version}.",
        f"{size.repeats} runs of {size.seconds:g} s each, systems in turn, medians; {size.window} calls at",
        f"once, {size.accounts:,} accounts; load, servers and database share the cores. Processes of ours: {size.processes}, {build(size.tree)}.",
        "",
    ]
    tail = ["", results.memory] if results.memory else []
    for name, figures in results.figures.items():
        beside = BESIDE[name]
        tail += ["", f"| {beside.title} | measured | wanted | CPU s of the {beside.cpu} |", "|---" * 4 + "|"]
        tail += [f"| {one.title} | {one.measured} | {one.wanted} | {one.cpu:.1f} |" for one in figures]
    verdict = results.wrong or ["Answers, balances, holds and xDRs agreed after every run of ours."]
    if not results.memory and not results.figures and not any(server in row.samples for row in results.rows):
        verdict = ["Our server did not run."]
    return "\n".join([*head, *table(results, server, peers), *tail, "", *verdict, ""])


def record(text: str) -> None:
    """Append a section to RESULTS.md."""
    with RECORD.open("a") as file:
        file.write("\n" + text)
