"""Makes `twistd portaswitch` work. Twisted finds it by its folder, which has no `__init__.py` on purpose."""

from __future__ import annotations

from twisted.application.service import ServiceMaker

portaswitch = ServiceMaker(
    "portaswitch",
    "portaswitch.tap",
    "AAA, online charging and provisioning server (RADIUS, Diameter, SIP).",
    "portaswitch",
)
