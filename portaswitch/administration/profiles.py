"""Node profiles, the shipped and the operator's own, as an administrator's command checks them."""

from __future__ import annotations

from portaswitch.config.settings import Settings
from portaswitch.endpoints import diameter_profiles
from portaswitch.endpoints.profiles import SHIPPED, load


def check_profiles(settings: Settings) -> None:
    """Read them all as the server does at its start. Raises ConfigError with all faults of all files."""
    load(SHIPPED, *settings.radius.profile_path)
    diameter_profiles.load(*settings.diameter.profile_path)
