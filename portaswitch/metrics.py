"""
Counters and gauges of every layer, rendered in the Prometheus text format.

Names are fixed (docs/metrics.rst); a metric is made once, at import, by the module that counts. Counting is a dictionary addition, fit for the hot path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock

_REGISTRY: dict[str, Counter | Gauge | Info | Histogram] = {}
_LOCK = Lock()


class Counter:
    """Only rises. `labels` are the names; `inc` takes their values in that order."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: tuple[str, ...] = ()) -> None:
        self.name, self.text, self.labels = name, text, labels
        self.values: dict[tuple[str, ...], int] = {} if labels else {(): 0}
        _register(self)

    def inc(self, *values: str, by: int = 1) -> None:
        """Count `by` more for these label values."""
        self.values[values] = self.values.get(values, 0) + by

    def get(self, *values: str) -> int:
        """The count so far for these label values."""
        return self.values.get(values, 0)

    def samples(self) -> Iterator[str]:
        """The lines of the text format."""
        for values, count in sorted(self.values.items()):
            yield f"{self.name}{_labels(self.labels, values)} {count}"


class Gauge:
    """A value at the moment: `read` is asked when the metrics are."""

    kind = "gauge"

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.read: Callable[[], int | float] = lambda: 0
        _register(self)

    def samples(self) -> Iterator[str]:
        """The line of the text format."""
        yield f"{self.name} {self.read()}"


class Total(Gauge):
    """A counter that somebody else keeps (the system, a library): `read` is asked when the metrics are."""

    kind = "counter"


class Info:
    """Facts that stay as they are while the process lives: always 1, the facts are its labels."""

    kind = "gauge"

    def __init__(self, name: str, text: str, facts: Mapping[str, str]) -> None:
        self.name, self.text, self.labels, self._values = name, text, tuple(facts), tuple(facts.values())
        _register(self)

    def samples(self) -> Iterator[str]:
        """The line of the text format."""
        yield f"{self.name}{_labels(self.labels, self._values)} 1"


class Histogram:
    """Durations in seconds, in fixed buckets."""

    kind = "histogram"
    BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.total = 0.0
        _register(self)

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        place = 0
        for bound in self.BOUNDS:
            if seconds <= bound:
                break
            place += 1
        self.counts[place] += 1
        self.total += seconds

    def samples(self) -> Iterator[str]:
        """The lines of the text format: cumulative buckets, sum and count."""
        sofar = 0
        for bound, count in zip((*self.BOUNDS, "+Inf"), self.counts, strict=True):
            sofar += count
            yield f'{self.name}_bucket{{le="{bound}"}} {sofar}'
        yield f"{self.name}_sum {self.total:.6f}"
        yield f"{self.name}_count {sofar}"


def _register(metric: Counter | Gauge | Info | Histogram) -> None:
    with _LOCK:
        if metric.name in _REGISTRY:
            raise ValueError(f"two metrics are named {metric.name}")
        _REGISTRY[metric.name] = metric


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def render() -> str:
    """All metrics in the Prometheus text format, version 0.0.4."""
    lines: list[str] = []
    for name in sorted(_REGISTRY):
        metric = _REGISTRY[name]
        lines += [f"# HELP {name} {metric.text}", f"# TYPE {name} {metric.kind}", *metric.samples()]
    return "\n".join(lines) + "\n"


def names() -> list[str]:
    """The names of all metrics that the imported modules made."""
    return sorted(_REGISTRY)


def labels(name: str) -> tuple[str, ...]:
    """The names of a metric's labels; none of a metric that there is not."""
    metric = _REGISTRY.get(name)
    return metric.labels if isinstance(metric, Counter | Info) else ()
