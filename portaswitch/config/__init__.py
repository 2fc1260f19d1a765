"""
The configuration: one YAML file, read with all its faults at once into frozen values.

`load` and `check` are for whoever starts the server; `grammar` has the parts for other files that operators
write (a catalogue, accounts).
"""

from __future__ import annotations

from portaswitch.config.grammar import Secret
from portaswitch.config.settings import Settings, check, load

__all__ = ["Secret", "Settings", "check", "load"]
