"""What operators write wrong is told when the configuration is read, not by the first event."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.options import Reading
from portaswitch.handler.testing import handler_of
from tests.rules.source import ROOT


class ReadingTests(SynchronousTestCase):
    """Options of shipped handlers."""

    def fault(self, file: str, option: str, value: Any) -> str:
        """What is told of a value, '' where it is right."""
        faults = dict(Reading(handler_of(ROOT / "handlers" / f"{file}.py"), {option: value}).faults)
        return faults.get(option, "")

    def test_patterns(self) -> None:
        """Of answers and faults."""
        for file, option, value in (("titan_hss", "success", "(OK"), ("titan_hss", "faults", {"missing": "[404"}), ("sandvine", "missing", "*")):
            self.assertIn("is no regular expression", self.fault(file, option, value))
        self.assertEqual(self.fault("titan_hss", "faults", {"missing": "not (found|there)", "exists": "http 422"}), "")

    def test_words(self) -> None:
        """One that a mapping does not know would be nothing to the handler."""
        for file, option, words in (
            ("titan_hss", "faults", "exists, missing, busy"), ("zxun_hss", "codes", "unknown, no_key, exists"),
            ("sandvine", "attributes", "policy, upload, download, portal, provider, netmask"),
            ("huawei_pcrf", "attributes", "product, policy, upload, download"),
        ):  # fmt: skip
            self.assertEqual(self.fault(file, option, {"mising": "1"}), f"has mising: its words are {words}")
        self.assertEqual(self.fault("zxun_hss", "codes", {"unknown": 3001}), "")

    def test_operations(self) -> None:
        """A capture captures something; a body is text."""
        right = {"method": "POST", "path": "/subs", "body": '{"imsi": "${imsi}"}', "capture": r'"id": *"(\w+)"'}
        self.assertEqual(self.fault("titan_hss", "operations", {"create": right}), "")
        for name, value, told in (
            ("capture", r'"id": *"\w+"', "capture has no group"), ("capture", "(", "capture is no regular expression"), ("kind", "yaml", "kind is one of"),
            ("body", {"imsi": "${imsi}"}, "all of it is text"), ("path", 5, "all of it is text"),
        ):  # fmt: skip
            self.assertIn(f"operation create: {told}", self.fault("titan_hss", "operations", {"create": {**right, name: value}}))

    def test_url(self) -> None:
        """Of SOAP too."""
        self.assertIn("is a URL", self.fault("huawei_hss", "url", "hss.example.com:8001"))
        self.assertEqual(self.fault("huawei_hss", "url", "http://hss.example.com:8001"), "")
