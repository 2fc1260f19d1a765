"""Event handlers as the configuration has them, for the server and for an administrator's command; and what operators do with them (`evctl`)."""

from __future__ import annotations

from pathlib import Path

from portaswitch import plugins
from portaswitch.config.settings import Settings
from portaswitch.errors import ConfigError
from portaswitch.espf.registry import Configured, Registry


def registry(settings: Settings) -> Registry:
    """The registry of a configuration: the shipped handlers, the operator's folders, and the configured instances. Nothing is loaded yet."""
    folders = [*(Path(path) for path in plugins.shipped_handlers()), *settings.espf.handler_path]
    configured = []
    for name, one in settings.espf.handlers.items():
        places = {option: place for option in one.options if (place := one.options.place(option))}
        configured.append(Configured(name, one.class_name, one.environment, one.options, places, one.options.public))
    return Registry(folders, configured)


def loaded(settings: Settings) -> Registry:
    """The registry with what the folders hold now."""
    found = registry(settings)
    found.loader.scan()
    return found


def check_handlers(settings: Settings) -> None:
    """Look for the classes of the configured instances and read their options. Raises ConfigError with all faults."""
    faults = loaded(settings).faults()
    if faults:
        raise ConfigError(faults)
