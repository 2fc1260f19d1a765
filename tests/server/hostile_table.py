"""Pages of docs with the kinds of hostile packets and what becomes of them, written and read by the tests that send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: The groups in the order of the page, each with what it is about.
GROUPS = {
    "Framing": "Datagrams and the Length field (RFC 2865 3).",
    "Attributes": "Lengths, numbers and texts of attributes (RFC 2865 5).",
    "Vendor-Specific": "What makes no sense inside is passed over (RFC 2865 5.26).",
    "Authenticators": "Request Authenticator and Message-Authenticator (RFC 2866 3, 3579 3.2).",
    "Proxy-State": "CVE-2024-3596. The two words are the client's ``require_message_authenticator`` and ``limit_proxy_state``, asked in this order.",
    "Proofs": "User-Password, CHAP and others (RFC 2865 5.2, 5.3, 5.44); none of these packets is signed.",
    "Codes": "Codes on both ports, Status-Server (RFC 5997).",
    "Clients": "Senders that are no client, or one of another environment.",
    "Texts": "In each attribute 26 texts one after the other: templates, formats, SQL, JSON, line ends, numbers and dates that are none.",
    "Sizes": "Each standard type with values of 0, 1, 3, 4, 5 and 253 octets; what can't be of its type is ignored (RFC 5080 2.5).",
    "Numbers": "Accounting with numbers at the ends of their range, or without what it needs.",
    "Floods": "Many packets at once.",
    "Duplicates": "RFC 5080 2.2.2.",
}
HEAD = """\
Hostile RADIUS packets
======================

What becomes of packets that are malformed, forged or sent to do harm: measured by ``tests/server/test_hostile.py`` on the whole server, which fails when this
page differs. After each of them the next good request was served, no failure was logged, and the laws of ``portaswitch verify`` held. A packet that is dropped
is counted by this reason in ``portaswitch_radius_dropped_total`` (:doc:`metrics`). The page is written by
``PORTASWITCH_HOSTILE=write .venv/bin/python -m twisted.trial tests.server.test_hostile``.
"""
COLUMNS = "   * - "
SECOND = "     - "


@dataclass(frozen=True)
class HostilePage:
    """A page of docs: its groups in their order, each with what it is about, and what stands above them; `what` is the word for one of the kinds."""

    path: Path
    groups: Mapping[str, str]
    head: str
    what: str

    def read(self) -> dict[str, dict[str, str]]:
        """The outcomes of the page: by group, then by kind."""
        found: dict[str, dict[str, str]] = {}
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        group, name = "", ""
        for line, after in zip(lines, [*lines[1:], ""], strict=False):
            if line in self.groups and after == "-" * len(line):
                group = line
                found[group] = {}
            elif line.startswith(COLUMNS):
                name = line.removeprefix(COLUMNS)
            elif line.startswith(SECOND) and name != self.what:
                found[group][name] = line.removeprefix(SECOND)
        return found

    def write(self, group: str, told: Mapping[str, str]) -> None:
        """Put the outcomes of one group into the page."""
        self.path.write_text(self.text({**self.read(), group: told}), encoding="utf-8")

    def text(self, table: Mapping[str, Mapping[str, str]]) -> str:
        """The page of these outcomes."""
        parts = [self.head]
        for group, text in self.groups.items():
            if group not in table:
                continue
            rows = [(self.what, "Outcome"), *table[group].items()]
            parts.append(f"\n{group}\n{'-' * len(group)}\n\n{text}\n\n.. list-table::\n   :header-rows: 1\n\n")
            parts += [f"{COLUMNS}{name}\n{SECOND}{told}\n" for name, told in rows]
        return "".join(parts)


RADIUS = HostilePage(Path(__file__).parents[2] / "docs" / "radius-hostile.rst", GROUPS, HEAD, "Packet")
