"""
AAA, online charging and provisioning for telecom networks: RADIUS, Diameter (Gy, Ro) and SIP MESSAGE in
front of one billing core.

The packages below are layers; tests/rules/layers.yaml says what each may import, and a test keeps it true.
"""

from __future__ import annotations

from pathlib import Path

#: The version of the server, the wheel and what the wires say of us: this is the only place it is written.
__version__ = "0.1.0"

#: How the hot path of this installation runs: `compiled` (docs/deployment.rst, the compiled wheel) or `interpreted`.
__build__ = "compiled" if any(Path(__file__).with_name("billing").glob("rating.*.so")) else "interpreted"
