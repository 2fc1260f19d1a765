"""Whose xDRs a command is about."""

from __future__ import annotations

OWNERS = {"account": "a", "reseller": "c", "vendor": "v", "all": "acv"}
"""By the word of the command line: letters of the column `storage`."""
