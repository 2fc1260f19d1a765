"""Counters, gauges and histograms, and their text format."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch import metrics
from portaswitch.metrics import Counter, Gauge, Histogram, Info, Total, labels, names, render


class MetricTests(SynchronousTestCase):
    """With a registry of their own, since a metric lives as long as its process."""

    def setUp(self) -> None:
        """An empty registry."""
        self.patch(metrics, "_REGISTRY", {})

    def test_counter(self) -> None:
        """By label values; without labels it begins at 0."""
        plain, by = Counter("b_total", "Plain"), Counter("a_total", "By port", ("port", "reason"))
        plain.inc()
        plain.inc(by=4)
        by.inc("auth", "short")
        by.inc("auth", "short")
        by.inc("acct", "long", by=3)
        self.assertEqual((plain.get(), by.get("auth", "short"), by.get("x", "y")), (5, 2, 0))
        self.assertEqual(
            render(),
            "# HELP a_total By port\n# TYPE a_total counter\n"
            'a_total{port="acct",reason="long"} 3\na_total{port="auth",reason="short"} 2\n'
            "# HELP b_total Plain\n# TYPE b_total counter\nb_total 5\n",
        )

    def test_escaping(self) -> None:
        """Label values from the network can't break out of their line."""
        by = Counter("c_total", "By name", ("name",))
        by.inc('a"b\\c\nd 1')
        self.assertEqual(list(by.samples()), ['c_total{name="a\\"b\\\\c\\nd 1"} 1'])

    def test_wrong_labels(self) -> None:
        """Too few values are a defect that the text would hide."""
        by = Counter("d_total", "By two", ("one", "two"))
        by.inc("x")
        self.assertRaises(ValueError, render)

    def test_gauge(self) -> None:
        """Read when asked."""
        gauge = Gauge("e", "Now")
        self.assertIn("e 0\n", render())
        values = iter((3, 4.5))
        gauge.read = lambda: next(values)
        self.assertEqual([list(gauge.samples()), list(gauge.samples())], [["e 3"], ["e 4.5"]])

    def test_total_and_info(self) -> None:
        """A counter that is read, and facts as labels."""
        Total("g_total", "Elsewhere").read = lambda: 7
        Info("h_info", "What", {"version": "1", "python": 'x"'})
        self.assertEqual(
            render(),
            "# HELP g_total Elsewhere\n# TYPE g_total counter\ng_total 7\n"
            '# HELP h_info What\n# TYPE h_info gauge\nh_info{version="1",python="x\\""} 1\n',
        )
        self.assertEqual((labels("h_info"), labels("g_total"), labels("none")), (("version", "python"), (), ()))

    def test_histogram(self) -> None:
        """Cumulative buckets, the bound belonging to its bucket."""
        seconds = Histogram("f_seconds", "Durations")
        for value in (0.0, 0.001, 0.0011, 2.0, 2.1):
            seconds.observe(value)
        lines = list(seconds.samples())
        self.assertEqual(lines[:2] + lines[10:], [
            'f_seconds_bucket{le="0.001"} 2', 'f_seconds_bucket{le="0.002"} 3', 'f_seconds_bucket{le="2.0"} 4', 'f_seconds_bucket{le="+Inf"} 5',
            "f_seconds_sum 4.102100", "f_seconds_count 5",
        ])  # fmt: skip

    def test_names(self) -> None:
        """Sorted; two of one name are a defect."""
        Counter("z", "Z")
        Gauge("y", "Y")
        self.assertEqual(names(), ["y", "z"])
        self.assertRaises(ValueError, Histogram, "z", "Z")
