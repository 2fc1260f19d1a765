"""
Loading the configuration: one YAML file in, `Settings` out, or every fault it has at once.

    settings = load("config/portaswitch.yaml") settings.radius.auth_port, settings.limits.decision_timeout
    # times are seconds, sizes octets, paths absolute

The sections are in `portaswitch.config.sections`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from portaswitch.config.database import Database
from portaswitch.config.grammar import Section, read
from portaswitch.config.options import Options
from portaswitch.config.sections import (
    ROLES,
    DiameterSettings,
    EspfSettings,
    HandlerSettings,
    HttpSettings,
    LimitsSettings,
    LoggingSettings,
    RadiusSettings,
    Settings,
)
from portaswitch.config.sip_section import SipPeerSettings, SipSettings
from portaswitch.config.tree import read_text, read_tree
from portaswitch.errors import ConfigError

__all__ = [
    "CONFIGURATION",
    "ROLES",
    "Database",
    "DiameterSettings",
    "EspfSettings",
    "HandlerSettings",
    "HttpSettings",
    "LimitsSettings",
    "LoggingSettings",
    "Options",
    "RadiusSettings",
    "Settings",
    "SipPeerSettings",
    "SipSettings",
    "check",
    "load",
    "load_text",
]

CONFIGURATION: Final = Section(Settings)
"""The grammar of the file."""


def load(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Settings:
    """
    The settings of this file; ConfigError, and no other exception, carries all its faults.

    `environ` stands for the process's environment in `{env: NAME}`. Relative paths begin at the working
    directory, those of `{file: PATH}` at the folder of the file.
    """
    return read(read_tree(path), CONFIGURATION, environ=environ)


def load_text(
    text: str, file: str = "config/portaswitch.yaml", environ: Mapping[str, str] | None = None
) -> Settings:
    """
    The settings of this YAML text, as if it stood in `file`: for tests, and for commands that make a
    configuration up.
    """
    return read(read_text(text, file), CONFIGURATION, environ=environ)


def check(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> list[str]:
    """Everything that is wrong with this file, one line each; empty when it can be used."""
    try:
        load(path, environ)
    except ConfigError as error:
        return list(error.faults)
    return []
