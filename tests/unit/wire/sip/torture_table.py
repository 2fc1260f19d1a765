"""docs/sip-torture.rst: the kinds of RFC 4475 and what becomes of them, written and read by tests/unit/wire/sip/test_torture.py."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs" / "sip-torture.rst"
#: A row: kind, section, what is peculiar, and the three outcomes.
Row = tuple[str, str, str, str, str, str]
TITLES: Row = ("Kind", "RFC 4475", "What is peculiar", "A server that takes INVITE", "This server", "Forwarded")
HEAD = """\
SIP torture messages
====================

What becomes of messages of the 49 kinds of RFC 4475: measured by ``tests/unit/wire/sip/test_torture.py``, which fails when this page differs. The messages are
made by the test; with ``PORTASWITCH_RFC4475`` naming a folder of the RFC's own messages (``wsinv.dat`` and so on) these are read as well, and must fare
the same.

The columns are the outcomes at a server that takes every method of RFC 3261 and ``application/sdp``, at this server (MESSAGE, REGISTER and OPTIONS, with
``text/plain`` and ``message/cpim``), and of forwarding. A message that is dropped is counted by this reason. The page is written by
``PORTASWITCH_TORTURE=write .venv/bin/python -m twisted.trial tests.unit.wire.sip.test_torture``.

.. list-table::
   :header-rows: 1

"""


def page(rows: list[Row]) -> str:
    """The page of these rows."""
    lines = [f"   {'*' if place == 0 else ' '} - {cell}\n" for row in (TITLES, *rows) for place, cell in enumerate(row)]
    return HEAD + "".join(lines)
